"""`hermes pids`: the processes of this installation's `hermes run`, and of no other's, for whoever has to end one."""

from typing import Annotated

import typer

from hermes.cli.output import Column, JsonFlag, print_json, print_rows, say
from hermes.domain.errors import Refused


def pids(
    part: Annotated[str, typer.Argument(help='One of run, web, worker, sandbox: its process id alone.')] = '',
    as_json: JsonFlag = False,
) -> None:
    """The processes of the `hermes run` of this installation."""
    from hermes.cli.instance import processes
    from hermes.settings import load

    folder = load().data_dir.resolve()
    found = processes(folder)
    if not found:
        raise Refused(f'"hermes run" does not run in {folder}.')
    if part and part not in found:
        raise Refused(f'"hermes run" has no {part} at this moment, but {", ".join(found)}.')
    if as_json:
        print_json({part: found[part]} if part else found)
    elif part:
        say(str(found[part]))
    else:
        rows = [{'part': name, 'pid': pid} for name, pid in found.items()]
        print_rows([Column('part', 'PART'), Column('pid', 'PROCESS', True)], rows)
