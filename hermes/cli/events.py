"""`hermes events`: what arrived, and what became of it. Replaying and parking are acts of their
own.
"""

import sys
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from hermes.cli import arrivals
from hermes.cli.output import JsonFlag, print_json, print_pairs, progress, say, show, warn
from hermes.domain.errors import Refused

if TYPE_CHECKING:
    from hermes.db.connections import Connection
    from hermes.sync.engine import Engine

EventId = Annotated[int, typer.Argument(metavar='EVENT', help="The event's number.")]


def show_event(
    event_id: EventId,
    raw: Annotated[
        bool, typer.Option('--raw', help='Write the bytes as they arrived (journalled); on a terminal, escaped.')
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show one event: its headers, its outcome and its body, without secrets."""
    from hermes.cli.bodies import read_body, redact
    from hermes.cli.database import reading, writing
    from hermes.db.acts import note_view
    from hermes.db.reads.events import read_event

    with reading() as connection:
        event = read_event(connection, event_id)
        if raw and event['body'] is None:
            raise Refused(f'The body of event {event_id} was dropped when its retention time was over.')
    if raw:
        with writing() as connection:
            note_view(connection, event_id)
        return _write_raw(bytes(event['body']))
    body, headers = read_body(event.pop('body')), redact(event.pop('headers'))
    if as_json:
        return print_json(event | {'headers': headers, 'body': body})
    print_pairs([(name, value) for name, value in event.items() if value not in (None, '')])
    for name, value in headers.items():
        say(f'  {show(name)}: {show(value)}')
    _print_body(body)


def replay(
    event_ids: Annotated[
        list[int] | None, typer.Argument(metavar='[EVENT]...', help='The numbers of the events.')
    ] = None,
    state: Annotated[str | None, typer.Option(help='Instead of numbers: all that are parked ("parked").')] = None,
    preview: Annotated[bool, typer.Option('--preview', help='Only say what would change; nothing is written.')] = False,
    as_json: JsonFlag = False,
) -> None:
    """Apply events again, each by its number, or all that are parked."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.domain.acts import ReplayEvent

    with writing() as connection:
        ids = _replayable(connection, _chosen(connection, event_ids or [], state), named=not state)
        if not preview:
            if not ids:
                return _print_nothing(as_json)
            return act(connection, [(f'replay of event {number}', ReplayEvent(number)) for number in ids], as_json)
    _preview(ids, as_json)


def park(
    event_id: EventId,
    reason: Annotated[str, typer.Option(help='Why, for those who look at it later.')],
    as_json: JsonFlag = False,
) -> None:
    """Take an event that waits out of the way, until somebody replays it."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.db.reads.events import read_event
    from hermes.domain.acts import ParkEvent

    with writing() as connection:
        event = read_event(connection, event_id)
        if event['state'] not in ('new', 'waiting'):
            raise Refused(f'Event {event_id} is {event["state"]}: only one that is new or waiting can be parked.')
        if not reason.strip():
            raise Refused('Say why the event is parked: --reason "...".')
        act(connection, [(f'park event {event_id}', ParkEvent(event_id, reason.strip()))], as_json)


def dismiss(
    reason: Annotated[str, typer.Option(help='Why, for those who look at it later.')],
    event_ids: Annotated[
        list[int] | None, typer.Argument(metavar='[EVENT]...', help='The numbers of the events.')
    ] = None,
    state: Annotated[str | None, typer.Option(help='Instead of numbers: all that are parked ("parked").')] = None,
    as_json: JsonFlag = False,
) -> None:
    """Put events away that are parked and not wanted any more; "replay" takes one back."""
    from hermes.cli.acting import act
    from hermes.cli.database import writing
    from hermes.db.reads.events import read_event
    from hermes.domain.acts import DismissEvent

    if not reason.strip():
        raise Refused('Say why: --reason "...".')
    with writing() as connection:
        wanted = []
        for number in _chosen(connection, event_ids or [], state):
            event = read_event(connection, number)
            if event['state'] != 'parked':
                raise Refused(f'Event {number} is {event["state"]}: only one that is parked can be dismissed.')
            said = f'dismiss event {number} ({event["kind"]} of {event["source"]})'
            wanted.append((said, DismissEvent(number, reason.strip())))
        if not wanted:
            return _print_nothing(as_json)
        act(connection, wanted, as_json)


def _print_nothing(as_json: bool) -> None:
    if as_json:
        return print_json({'worker_alive': None, 'acts': []})
    say('nothing is parked')


def _chosen(connection: 'Connection', event_ids: list[int], state: str | None) -> list[int]:
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
    from hermes.db.reads.trace import say_change
    from hermes.sync.replay import preview

    async def look(engine: 'Engine') -> list[dict[str, Any]]:
        told = []
        with progress('previewing', len(ids)) as bar:
            for number in ids:
                changes = [asdict(change) for change in await preview(engine, number)]
                told.append({'event': number, 'changes': changes})
                bar.advance()
        return told

    told = with_engine(look, greeted=False)
    if as_json:
        return print_json(told)
    for item in told:
        say(f'event {item["event"]} would change {len(item["changes"]) or "nothing"}')
        for change in item['changes']:
            record = ':'.join(str(part) for part in change['record'])
            moved = say_change(change['field'], show(change['old']), show(change['new']))
            say(f'  {show(record)} {moved}  [{show(change["system"])}, {show(change["rule"])}]')
    say('nothing was written')


def _write_raw(body: bytes) -> None:
    """The bytes; on a terminal, which they could steer, what they are."""
    if sys.stdout.isatty():
        return say(body.decode('utf-8', 'backslashreplace'))
    sys.stdout.buffer.write(body)
    sys.stdout.flush()


def _print_body(body: Any) -> None:
    import json

    from hermes.cli.output import clean

    if body is None:
        return say('the body was dropped when its retention time was over')
    text = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=2)
    for line in text.splitlines():
        say(clean(line))


COMMANDS = {'list': arrivals.list_events, 'show': show_event, 'replay': replay, 'park': park, 'dismiss': dismiss}
