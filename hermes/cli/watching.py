"""Looking again and again (`--watch`): the screen is written anew each time, a pipe gets one answer after the other."""

import contextlib
import sys
import time
from collections.abc import Callable

import typer

from hermes.cli.output import say
from hermes.kit.clock import SystemClock

CLEAR = '\x1b[H\x1b[2J\x1b[3J'


def look_again(look: Callable[[], None], every_s: float) -> None:
    """Show what `look` shows every `every_s` seconds until Ctrl-C. What cannot be seen now may be seen next time."""
    clock = SystemClock()
    try:
        while True:
            if sys.stdout.isatty():
                typer.echo(CLEAR, nl=False)  # noqa: TID251 - it is meant to steer
            say(f'{clock.now():%Y-%m-%d %H:%M:%SZ}, every {every_s:g} s; Ctrl-C ends it')
            with contextlib.suppress(typer.Exit):
                look()
            sys.stdout.flush()
            time.sleep(every_s)
    except KeyboardInterrupt:
        raise typer.Exit from None
