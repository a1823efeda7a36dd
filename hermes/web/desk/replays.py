"""Events applied again from the desk (ADM-5): one, a selection, or all that fit a filter; first what that would change,
then a job with its progress, which can be cancelled.
"""

from typing import Any, Final

from starlette.responses import Response

from hermes.db.connections import Connection
from hermes.db.reads.matters import name_records
from hermes.db.reads.record import name_changes
from hermes.db.reads.replays import list_replays, read_replay, say_filter
from hermes.domain.acts import CancelReplay, ReplayEvent, ReplayEvents
from hermes.domain.errors import Refused
from hermes.domain.model import RecordRef
from hermes.domain.record_types import NAMES
from hermes.kit.texts import read_number
from hermes.sync import replay
from hermes.web.desk.events import FILTERED, read_filter
from hermes.web.desk.pages import lead, show
from hermes.web.desk.visit import Visit

PAGE: Final = '/desk/replays/'
MOST: Final = 60
"""So many events are chosen one by one."""


async def preview(visit: Visit) -> Response:
    """What applying these again would change: the chosen ones, or all that fit the filter. Nothing is kept."""
    chosen = _chosen(visit)
    if visit.field('all') or not chosen:
        told = {name: visit.field(name) for name in FILTERED if visit.field(name)}
        wanted = await read_filter(visit, told)
        if wanted.is_empty:
            raise Refused(
                'Choose events, or narrow the list down first: all events of all times are not applied again.'
            )
        found = await replay.preview_filter(visit.parts.engine, wanted)
        return await _show(visit, found, list(told.items()), say_filter(wanted.told().items()))
    events = await replay.preview_events(visit.parts.engine, chosen)
    found = replay.Preview(len(events), True, events)
    said = 'the chosen ones' if len(chosen) > 1 else f'event {chosen[0]}'
    return await _show(visit, found, [('event', str(number)) for number in chosen], said)


async def _show(visit: Visit, found: replay.Preview, carried: list[tuple[str, str]], said: str) -> Response:
    names, kinds = await visit.parts.reading.ask(_name, found)
    return show(visit, 'replay_preview.html', found=found, carried=carried, said=said, names=names, kinds=kinds,
                types=NAMES)  # fmt: skip


def _name(connection: Connection, found: replay.Preview) -> tuple[dict[RecordRef, str], dict[tuple[str, str], str]]:
    """What the records are called that would change, and those that their values lead to."""
    changes = [change for each in found.events for change in each.changes]
    names, kinds = name_changes(connection, [(it.record.type, it.field, it.old, it.new) for it in changes])
    return {**names, **name_records(connection, dict.fromkeys(it.record for it in changes))}, kinds


async def start(visit: Visit) -> Response:
    """Apply them again: each by its number, or all that fit, in the background."""
    if chosen := _chosen(visit):
        acts = [(await visit.act(ReplayEvent(number), str(number))).event_id for number in chosen]
        if len(chosen) == 1:
            return lead(visit.link(f'/desk/events/{chosen[0]}/', done=acts[-1]))
        return lead(visit.link('/desk/events/', done=acts[-1], replayed=str(len(chosen))))
    told = {name: visit.field(name) for name in FILTERED if visit.field(name)}
    wanted = await read_filter(visit, told)
    if wanted.is_empty:
        raise Refused('Narrow the events down first.')
    done = await visit.act(ReplayEvents(wanted))
    return lead(visit.link(PAGE, done=done.event_id))


async def show_replays(visit: Visit) -> Response:
    rows = await visit.parts.reading.ask(list_replays, limit=50)
    return show(visit, 'replays.html', rows=rows, live=any(row['state'] == 'running' for row in rows))


async def show_replay(visit: Visit) -> Response:
    job: dict[str, Any] = await visit.parts.reading.ask(read_replay, visit.number('replay'))
    return show(visit, 'replay.html', job=job, may_act=visit.may('operator'))


async def cancel(visit: Visit) -> Response:
    """Stop it; what is done stays."""
    done = await visit.act(CancelReplay(visit.number('replay')))
    return lead(visit.link(f'{PAGE}{visit.number("replay")}/', done=done.event_id))


def _chosen(visit: Visit) -> list[int]:
    """The events that were ticked. Raises Refused for too many."""
    numbers = [number for text in visit.fields('event') if (number := read_number(text)) is not None]
    if len(numbers) > MOST:
        raise Refused(f'At most {MOST} events are chosen one by one; narrow the list down and replay all that fit.')
    return list(dict.fromkeys(numbers))
