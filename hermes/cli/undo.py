"""`hermes undo EVENT`: an operator's act taken back (ADM-13)."""

from typing import Annotated

import typer

from hermes.cli.acting import ByText
from hermes.cli.output import JsonFlag, print_json, say
from hermes.domain.errors import Refused


def undo(
    event_id: Annotated[int, typer.Argument(metavar='EVENT', help="The event's number; any listing names it.")],
    look: Annotated[bool, typer.Option('--look', help='Only say whether it can be undone, and what stands on it.')] = (
        False
    ),
    by: ByText = '',
    as_json: JsonFlag = False,
) -> None:
    """Take back what an operator did: values, a record, a setting, an admin."""
    from hermes.cli.acting import act
    from hermes.cli.database import reading, writing
    from hermes.db.reads.undo import read_undo
    from hermes.domain.acts import Undo

    with reading() as connection:
        told = read_undo(connection, event_id)
        if not (told.can or look):
            raise Refused(told.reason)
    if look:
        return print_json(told) if as_json else say(told.reason or f'event {event_id} can be undone')
    with writing() as connection:
        act(connection, [(f'undo event {event_id}', Undo(event_id))], as_json, by=by)
