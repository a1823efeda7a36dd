"""`hermes events list`: what arrived, the newest first, with what it speaks of and whose that is."""

from typing import Annotated, Any

import typer

from hermes.cli.output import Column, JsonFlag, print_json, print_rows
from hermes.parts.roles import CRM

COLUMNS = [
    Column('id', 'EVENT', True), Column('received_at', 'RECEIVED'), Column('source', 'SOURCE'), Column('kind', 'KIND'),
    Column('subject', 'SUBJECT'), Column('record', 'RECORD'), Column('state', 'STATE'), Column('reason', 'REASON'),
]  # fmt: skip


def list_events(
    state: Annotated[str | None, typer.Option(help='new, waiting, done, parked, refused or dismissed.')] = None,
    source: Annotated[str | None, typer.Option(help=f'Only from this source, for example {CRM}.')] = None,
    record: Annotated[
        str | None, typer.Option(metavar='RECORD', help=f'Only about this record: company:12, {CRM}:organization:5.')
    ] = None,
    subject: Annotated[
        str | None, typer.Option(help=f'Only about this object ({CRM}:deal:5, deal:5, 5), or acts of this name.')
    ] = None,
    since: Annotated[str | None, typer.Option(help='Only since a time, or so long ago: 2h, 1d.')] = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help='At most so many.')] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List events, the newest first."""
    from hermes.cli.database import reading
    from hermes.cli.moments import parse_duration, parse_moment
    from hermes.cli.naming import canonical, remote
    from hermes.db.reads import events
    from hermes.db.reads.lookup import find_record
    from hermes.kit.clock import SystemClock

    with reading() as connection:
        since_s = parse_duration(since) if since else None
        after = parse_moment(since, SystemClock().now()) if since and since_s is None else None
        of = find_record(connection, remote(record)).record if record else None
        found = events.list_events(
            connection, state=state, source=source, since_s=since_s, after=after, record=of,
            subject=canonical(subject) if subject else None, limit=limit,
        )  # fmt: skip
    if as_json:
        return print_json(found)
    lines = [item | {'subject': _some(item['subjects']), 'record': _some(item['records'])} for item in found]
    print_rows(COLUMNS, lines, empty='no events')


def _some(names: list[str]) -> Any:
    """The first of several names, and how many more there are; nothing of none."""
    return f'{names[0]} + {len(names) - 1}' if len(names) > 1 else names[0] if names else ''
