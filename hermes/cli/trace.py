"""`hermes trace EVENT`: what became of an event, as a line of time (I25)."""

from typing import Annotated

import typer

from hermes.cli.output import JsonFlag, print_json, say, show


def trace(
    event_id: Annotated[int, typer.Argument(metavar='EVENT', help="The event's number.")], as_json: JsonFlag = False
) -> None:
    """One event and everything that it caused, until it was quiet."""
    from hermes.cli.database import reading
    from hermes.db.reads.trace import read_trace

    with reading() as connection:
        told = read_trace(connection, event_id)
    if as_json:
        return print_json(told)
    event = told.event
    say(
        f'event {event["id"]}: {show(event["kind"])} from {show(event["source"])}, {show(event["received_at"])}, '
        f'{event["size_bytes"]} bytes'
    )
    for cause in told.causes:
        say(
            f'  because of event {cause["id"]} ({show(cause["source"])} {show(cause["kind"])}, '
            f'{show(cause["received_at"])})'
        )
    say(f'  trace {event["trace_id"]}, where traces are collected')
    if event['source'] != 'operator':
        say('  the same delivery again is refused by its key and leaves no row')
    for step in told.steps:
        say(f'{show_offset(step.offset_s)}  {step.kind:<9}  {show(step.text)}')
        parts = _parts(step.detail.get('outcome'))
        for number, part in enumerate(parts, 1):
            head = f'part {number} of {len(parts)}: ' if len(parts) > 1 else ''
            say(f'{"":>11}  {"":<9}  {head}{part}')
    for push in told.pushes:
        state = push['state'] if push['state'] != 'ready' else 'still to do' if push['dirty'] else 'done'
        reason = f' ({show(push["reason"])})' if push['reason'] else ''
        say(f'{"now":>11}  {"push":<9}  {push["record_type"]}:{push["record_id"]} to {push["system"]}: {state}{reason}')
    say('quiet: nothing of it is left to do' if told.quiet else f'not quiet: {show("; ".join(told.pending))}')


def show_offset(offset_s: float) -> str:
    """`+0.012 s`, right-aligned; minutes and hours from two of them on."""
    if offset_s >= 7_200:
        return f'{f"+{offset_s / 3_600:.1f} h":>11}'
    if offset_s >= 120:
        return f'{f"+{offset_s / 60:.1f} min":>11}'
    return f'{f"+{offset_s:.3f} s":>11}'


def _parts(outcome: object) -> list[str]:
    """One line for each part of the delivery, in whatever shape the outcome is."""
    if outcome is None:
        return []
    return [_describe_part(part) for part in (outcome if isinstance(outcome, list) else [outcome])]


def _describe_part(part: object) -> str:
    if not isinstance(part, dict):
        return show(part)
    told = {key: value for key, value in part.items() if key != 'undo' and value not in (None, '', [], {})}
    return ', '.join(f'{show(key)}: {_value(value)}' for key, value in told.items())


def _value(value: object) -> str:
    """Texts and records (`["company", 5]`) as people write them."""
    if not isinstance(value, list):
        return show(value)
    refs = [':'.join(map(str, each)) if isinstance(each, list) else each for each in value]
    return '; '.join(show(each) for each in refs)
