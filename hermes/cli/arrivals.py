"""`hermes events list`: what arrived, the newest first, with what it speaks of and whose that is. Which events are
meant is said here in the same words as wherever else several are meant.
"""

from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.output import Column, JsonFlag, print_json, print_rows
from hermes.parts.roles import CRM

if TYPE_CHECKING:
    from hermes.db.connections import Connection
    from hermes.domain.event_filter import EventFilter

COLUMNS = [
    Column('id', 'EVENT', True), Column('received_at', 'RECEIVED'), Column('source', 'SOURCE'), Column('kind', 'KIND'),
    Column('subject', 'SUBJECT'), Column('record', 'RECORD'), Column('state', 'STATE'), Column('reason', 'REASON'),
]  # fmt: skip
State = Annotated[str | None, typer.Option(help='new, waiting, done, parked, refused or dismissed.')]
Source = Annotated[str | None, typer.Option(help=f'Only from this source, for example {CRM}.')]
Kind = Annotated[str | None, typer.Option(help='Only of this kind: webhook, page, read, answer, act, ...')]
OfRecord = Annotated[
    str | None, typer.Option(metavar='RECORD', help=f'Only about this record: company:12, {CRM}:organization:5.')
]
Subject = Annotated[
    str | None, typer.Option(help=f'Only about this object ({CRM}:deal:5, deal:5, 5), or acts of this name.')
]
Since = Annotated[str | None, typer.Option(help='Only since a time, or so long ago: 2h, 1d.')]
Until = Annotated[str | None, typer.Option(help='Only before a time, or so long ago: 2h, 1d.')]


def list_events(
    state: State = None,
    source: Source = None,
    kind: Kind = None,
    record: OfRecord = None,
    subject: Subject = None,
    since: Since = None,
    until: Until = None,
    limit: Annotated[int, typer.Option(min=1, max=100_000, help='At most so many.')] = 50,
    as_json: JsonFlag = False,
) -> None:
    """List events, the newest first."""
    from hermes.cli.database import reading
    from hermes.db.reads import events

    with reading() as connection:
        wanted = filter_of(
            connection, state=state, source=source, kind=kind, record=record, subject=subject, since=since, until=until
        )
        found = events.list_events(connection, wanted, limit)
    if as_json:
        return print_json(found)
    lines = [item | {'subject': _some(item['subjects']), 'record': _some(item['records'])} for item in found]
    print_rows(COLUMNS, lines, empty='no events')


def filter_of(
    connection: 'Connection',
    *,
    state: str | None,
    source: str | None,
    kind: str | None,
    record: str | None,
    subject: str | None,
    since: str | None,
    until: str | None,
) -> 'EventFilter':
    """What the flags mean. Raises Refused."""
    from hermes.cli.moments import parse_moment
    from hermes.cli.naming import canonical, remote
    from hermes.db.reads.lookup import find_record
    from hermes.domain.event_filter import EventFilter, check
    from hermes.kit.clock import SystemClock

    now = SystemClock().now()
    return check(
        EventFilter(
            state=state,
            source=source,
            kind=kind,
            record=find_record(connection, remote(record)).record if record else None,
            subject=canonical(subject) if subject else None,
            after=parse_moment(since, now) if since else None,
            before=parse_moment(until, now) if until else None,
        )
    )


def _some(names: list[str]) -> Any:
    """The first of several names, and how many more there are; nothing of none."""
    return f'{names[0]} + {len(names) - 1}' if len(names) > 1 else names[0] if names else ''
