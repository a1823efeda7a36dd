"""`hermes events replay`: events applied again, each by its number, or all that fit a filter: first what that would
change, then a replay of its own that any worker works off, with its progress and its end.
"""

from collections.abc import Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli.arrivals import Kind, OfRecord, Since, Source, State, Subject, Until, filter_of
from hermes.cli.output import Column, JsonFlag, print_json, print_pairs, print_rows, say, show, warn
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from hermes.db.connections import Connection
    from hermes.domain.event_filter import EventFilter
    from hermes.sync.engine import Engine
    from hermes.sync.replay import Preview, Previewed

COLUMNS = [
    Column('id', 'REPLAY', True), Column('state', 'STATE'), Column('wanted', 'OF'), Column('total', 'EVENTS', True),
    Column('looked', 'APPLIED', True), Column('changed', 'CHANGED', True), Column('refused', 'REFUSED', True),
    Column('started_at', 'SINCE'), Column('ended_at', 'UNTIL'), Column('by', 'BY'),
]  # fmt: skip
REASONS = [
    Column('events', 'EVENTS', True), Column('state', 'STATE'), Column('reason', 'REASON'),
    Column('first', 'THE FIRST', True),
]  # fmt: skip


def replay(
    event_ids: Annotated[
        list[int] | None, typer.Argument(metavar='[EVENT]...', help='The numbers of the events.')
    ] = None,
    state: State = None,
    source: Source = None,
    kind: Kind = None,
    record: OfRecord = None,
    subject: Subject = None,
    since: Since = None,
    until: Until = None,
    preview: Annotated[bool, typer.Option('--preview', help='Only say what would change; nothing is written.')] = False,
    limit: Annotated[int, typer.Option(min=1, max=1_000, help='A preview looks at so many events.')] = 200,
    job: Annotated[int | None, typer.Option(metavar='REPLAY', help='How far this replay is.')] = None,
    cancel: Annotated[bool, typer.Option('--cancel', help='With --job: stop it; what is done stays.')] = False,
    jobs: Annotated[bool, typer.Option('--jobs', help='List the replays of filters.')] = False,
    as_json: JsonFlag = False,
) -> None:
    """Apply events again: each by its number, all that are parked (--state parked), or all that fit a filter, in the
    background.
    """
    told = {'source': source, 'kind': kind, 'record': record, 'subject': subject, 'since': since, 'until': until}
    filtered = any(told.values()) or state not in (None, 'parked')
    if jobs or job is not None or cancel:
        if filtered or state or event_ids or preview:
            raise Refused('Say --job or --jobs alone: they are about replays that have begun.')
        return _list(as_json) if jobs else _one(job, cancel, as_json)
    if not filtered:
        return _named(event_ids or [], state, preview, as_json)
    if event_ids:
        raise Refused('Name the events by number, or by a filter, not by both.')
    _filtered({**told, 'state': state}, preview, limit, as_json)


def _named(event_ids: list[int], state: str | None, preview: bool, as_json: bool) -> None:
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.domain.acts import ReplayEvent

    with writing() as connection:
        ids = _replayable(connection, chosen(connection, event_ids, state), named=not state)
        if not preview:
            if not ids:
                return print_nothing(as_json)
            return act(connection, [(f'replay of event {number}', ReplayEvent(number)) for number in ids], as_json)
    _preview(ids, as_json)


def _filtered(told: dict[str, Any], preview: bool, limit: int, as_json: bool) -> None:
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.cli.engine import with_engine
    from hermes.domain.acts import ReplayEvents
    from hermes.sync.replay import preview_filter

    with writing() as connection:
        wanted = filter_of(connection, **told)
        if not preview:
            said = f'replay of all events with {_say(wanted)}'
            act(connection, [(said, ReplayEvents(wanted))], as_json)
            if not as_json:
                say('"hermes events replay --jobs" says how far it is')
            return
    found = with_engine(lambda engine: preview_filter(engine, wanted, limit), greeted=False)
    if as_json:
        events = [asdict(item) for item in found.events]
        return print_json({'count': found.count, 'counted': found.counted, 'capped': found.capped, 'events': events})
    _print_preview(found)


def _told(item: 'Previewed') -> dict[str, Any]:
    """What one event would do; what does not speak against it is left out."""
    against = {name: told for name, told in (('refused', item.refused), ('waits', item.waits)) if told}
    return {'event': item.event, 'changes': [asdict(each) for each in item.changes], **against}


def _print_preview(found: 'Preview') -> None:
    _print_events([item for item in found.events if item.changes or item.refused or item.waits])
    moved = sum(bool(item.changes) for item in found.events)
    refused = sum(bool(item.refused) for item in found.events)
    say(f'{found.count}{"" if found.counted else "+"} events would be applied again')
    if found.capped:
        say(f'looked at: the first {len(found.events)} of them')
    say(f'{moved} would change something ({found.changes} changes), {refused} would be put aside; nothing was written')


def _say(wanted: 'EventFilter') -> str:
    from hermes.db.reads.replays import say_filter

    return show(say_filter(wanted.told().items()))


def _list(as_json: bool) -> None:
    from hermes.cli.database import reading
    from hermes.db.reads.replays import list_replays

    with reading() as connection:
        found = list_replays(connection)
    if as_json:
        return print_json(found)
    print_rows(COLUMNS, found, empty='no replay of a filter has begun')


def _one(job: int | None, cancel: bool, as_json: bool) -> None:
    from hermes.cli.acting import act
    from hermes.cli.database import reading, writing
    from hermes.db.reads.replays import read_replay
    from hermes.domain.acts import CancelReplay

    if job is None:
        raise Refused('Which replay? Say --job N; "hermes events replay --jobs" lists them.')
    if cancel:
        with writing() as connection:
            read_replay(connection, job)
            return act(connection, [(f'cancel replay {job}', CancelReplay(job))], as_json)
    with reading() as connection:
        found = read_replay(connection, job)
    if as_json:
        return print_json(found)
    total = 'not counted yet' if found['total'] is None else found['total']
    print_pairs([
        ('replay', found['id']), ('of', found['wanted']), ('state', found['state']), ('begun by', found['by']),
        ('begun at', found['started_at']), ('ended at', found['ended_at'] or ''), ('events', total),
        ('applied', found['looked']), ('changed something', found['changed']), ('changes', found['changes']),
        ('refused', found['refused']),
    ])  # fmt: skip
    print_rows(REASONS, found['reasons'], empty='')


def print_nothing(as_json: bool) -> None:
    """Nothing is parked."""
    if as_json:
        return print_json({'worker_alive': None, 'acts': []})
    say('nothing is parked')


def chosen(connection: 'Connection', event_ids: list[int], state: str | None) -> list[int]:
    """The events that are named, or all that are parked. Raises Refused."""
    from hermes.db.reads.events import list_parked

    if state is not None and (event_ids or state != 'parked'):
        raise Refused('Name the events by number, or all that are parked with --state parked.')
    if not state and not event_ids:
        raise Refused('Which events? Name them by number, or all that are parked with --state parked.')
    return list_parked(connection) if state else list(dict.fromkeys(event_ids))


def _replayable(connection: 'Connection', ids: list[int], *, named: bool) -> list[int]:
    """Those that can be applied again. Of `named` ones each must be (Refused); of all that are parked the others are
    left out, and said so.
    """
    from hermes.db.events import REPLAYED
    from hermes.db.reads.events import read_event

    left = {}
    for number in ids:
        event = read_event(connection, number)
        if event['kind'] not in REPLAYED:
            left[number] = f"it is one of Hermes's own ({event['kind']}); what it asked for is asked for anew"
        elif event['body'] is None:
            left[number] = 'its body was dropped when its retention time was over'
    for number, why in left.items():
        sentence = f'Event {number} cannot be replayed: {why}.'
        if named:
            raise Refused(sentence)
        warn(f'{sentence} "hermes events dismiss {number} --reason ..." puts it away.')
    return [number for number in ids if number not in left]


def _preview(ids: list[int], as_json: bool) -> None:
    from hermes.cli.engine import with_engine
    from hermes.sync.replay import preview_events

    async def look(engine: 'Engine') -> 'Sequence[Previewed]':
        return await preview_events(engine, ids)

    found = with_engine(look, greeted=False)
    if as_json:
        return print_json([_told(item) for item in found])
    _print_events(found)
    say('nothing was written')


def _print_events(found: 'Sequence[Previewed]') -> None:
    from hermes.db.reads.trace import say_change

    for item in found:
        why = f': {show(item.refused or item.waits)}' if item.refused or item.waits else ''
        say(f'event {item.event} would change {len(item.changes) or "nothing"}{why}')
        for change in item.changes:
            moved = say_change(change.field, show(change.old), show(change.new))
            say(f'  {change.record.type}:{change.record.id} {moved}  [{show(change.system)}, {show(change.rule)}]')
