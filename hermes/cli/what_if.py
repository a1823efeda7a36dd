"""`hermes what-if`: any act as the log tells it, carried out, looked at and taken back (ADM-14)."""

from typing import Annotated

import typer

from hermes.cli import acting
from hermes.cli.output import JsonFlag, plain_errors
from hermes.domain.errors import Refused


def what_if(
    act: Annotated[str, typer.Argument(metavar='ACT', help='Its name in the log, for example pipeline.entry.')],
    told: Annotated[str, typer.Argument(metavar='JSON', help='What it says, for example {"pipeline": 3, "stage": 7}.')],
    as_json: JsonFlag = False,
) -> None:
    """What an act would change in Hermes, what would be sent to whom, and what that costs; nothing is kept."""
    import json

    from hermes.db import acts

    with plain_errors():
        try:
            said = json.loads(told)
        except ValueError:
            said = None
        if not isinstance(said, dict):
            raise Refused(f'What an act says is a JSON object, not "{told}".')
        wanted = acts.read(act, said)
    acting.preview(wanted, as_json)
