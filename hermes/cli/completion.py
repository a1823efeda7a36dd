"""`hermes completion`: what a shell has to know to complete commands, options and their values."""

import re
import sys
from enum import StrEnum
from pathlib import Path
from shlex import quote
from typing import Annotated

import typer

NAME = 'hermes'


class Shell(StrEnum):
    """The shells that can be taught."""

    BASH = 'bash'
    ZSH = 'zsh'
    FISH = 'fish'


def completion(shell: Annotated[Shell, typer.Argument(metavar='SHELL', help='bash, zsh or fish.')]) -> None:
    """Print what makes a shell complete commands. bash, zsh: eval "$(hermes completion bash)"; fish: hermes completion
    fish | source.
    """
    from typer.completion import get_completion_script  # type: ignore[attr-defined]

    script = get_completion_script(prog_name=NAME, complete_var=f'_{NAME.upper()}_COMPLETE', shell=shell.value)
    # zsh and fish would ask by the bare name, which is found only where it lies on the PATH.
    told = re.sub(rf' {NAME}(?=[")])', lambda _: f' {_here()}', script)
    typer.echo(told)  # noqa: TID251 - nothing foreign is in it


def _here() -> str:
    """The command line that calls this very installation."""
    called = Path(sys.argv[0]).absolute()
    words = [sys.executable, '-m', NAME] if called.suffix == '.py' else [str(called)]
    return ' '.join(quote(word) for word in words)
