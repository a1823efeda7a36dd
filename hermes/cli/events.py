"""`hermes events`: what arrived, and what became of it. Replaying and parking are acts of their
own.
"""

import sys
from typing import Annotated, Any

import typer

from hermes.cli import arrivals, replaying
from hermes.cli.output import JsonFlag, print_json, print_pairs, say, show
from hermes.domain.errors import Refused

EventId = Annotated[int, typer.Argument(metavar='EVENT', help="The event's number.")]


def show_event(
    event_id: EventId,
    raw: Annotated[
        bool, typer.Option('--raw', help='Write the bytes as they arrived (journalled); on a terminal, escaped.')
    ] = False,
    as_json: JsonFlag = False,
) -> None:
    """Show one event: its headers, its outcome and its body, without secrets."""
    from hermes.cli.database import reading, writing
    from hermes.db.audit import note_at_once
    from hermes.db.reads.events import read_event
    from hermes.kit.bodies import read_body, redact

    with reading() as connection:
        event = read_event(connection, event_id)
        if raw and event['body'] is None:
            raise Refused(f'The body of event {event_id} was dropped when its retention time was over.')
    if raw:
        with writing() as connection:
            note_at_once(connection, 'event.viewed', event=event_id)
        return _write_raw(bytes(event['body']))
    body, headers = read_body(event.pop('body')), redact(event.pop('headers'))
    if as_json:
        return print_json(event | {'headers': headers, 'body': body})
    print_pairs([(name, value) for name, value in event.items() if value not in (None, '')])
    for name, value in headers.items():
        say(f'  {show(name)}: {show(value)}')
    _print_body(body)


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
        for number in replaying.chosen(connection, event_ids or [], state):
            event = read_event(connection, number)
            if event['state'] != 'parked':
                raise Refused(f'Event {number} is {event["state"]}: only one that is parked can be dismissed.')
            said = f'dismiss event {number} ({event["kind"]} of {event["source"]})'
            wanted.append((said, DismissEvent(number, reason.strip())))
        if not wanted:
            return replaying.print_nothing(as_json)
        act(connection, wanted, as_json)


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


COMMANDS = {
    'list': arrivals.list_events,
    'show': show_event,
    'replay': replaying.replay,
    'park': park,
    'dismiss': dismiss,
}
