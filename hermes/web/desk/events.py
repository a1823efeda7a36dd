"""Events at the desk (ADM-5): what arrived, filtered by the address; one event's whole story; its raw body, each view
journalled; and what can be done about it: apply it again, put it aside, undo it, take it along as a capsule.
"""

import json
from collections.abc import Sequence
from datetime import datetime
from itertools import groupby
from typing import Any, Final

from starlette.responses import Response

from hermes.db.audit import note
from hermes.db.connections import Connection
from hermes.db.events import REPLAYED
from hermes.db.reads.events import OUTCOMES, list_kinds, page_events, read_event
from hermes.db.reads.listing import Page
from hermes.db.reads.lookup import Row, find_record
from hermes.db.reads.matters import name_records, name_shown
from hermes.db.reads.record import name_changes
from hermes.db.reads.trace import Step, read_trace
from hermes.db.reads.undo import read_undo
from hermes.domain.acts import DismissEvent, ParkEvent
from hermes.domain.errors import NotFound, Refused
from hermes.domain.event_filter import APPLIED_AGAIN, STATES, EventFilter, check
from hermes.domain.model import RecordRef
from hermes.domain.record_types import NAMES
from hermes.kit.bodies import read_body
from hermes.kit.clock import read_moment
from hermes.sync import capsule
from hermes.web.desk.pages import HEADERS, lead, show
from hermes.web.desk.visit import Visit

ROWS: Final = 50
MEANINGS: Final = {
    'webhook': 'it told us of a change',
    'page': 'a page of a list that we read there',
    'read': 'one object that we read there',
    'answer': 'the answer to what we sent',
    'intent': 'noted before we send, so that nothing is made twice',
    'absence': 'it is not listed there any more',
    'metadata': 'its fields, users, pipelines and stages',
    'look': 'what stands there, listed to be compared',
    'act': 'what somebody did',
    'view': 'somebody looked at, or exported, what is of a person',
    'security': 'a login, a password, a refusal',
}
"""What a kind of events is, in words."""
FILTERED: Final = ('state', 'source', 'kind', 'record', 'subject', 'after', 'before')


async def show_events(visit: Visit) -> Response:
    """The list, the newest first. What is wrong with a filter is said above it."""
    wrong, page, names = '', Page([], '', '', 0, False), dict[str, str]()
    views = bool(visit.query.get('views') or visit.query.get('kind') or visit.query.get('source'))
    try:
        wanted = await read_filter(visit, visit.query)
        outcome = visit.query.get('outcome') or None
        page, names = await visit.parts.reading.ask(
            _read_page, wanted, outcome=outcome, cursor=visit.query.get('at', ''), limit=ROWS, views=views
        )
    except Refused as error:
        wrong = str(error)
    kinds = await visit.parts.reading.ask(list_kinds)
    return show(
        visit, 'events.html', 422 if wrong else 200, page=page, wrong=wrong, states=STATES, outcomes=list(OUTCOMES),
        sources=sorted({source for source, _ in kinds}), kinds=sorted({kind for _, kind in kinds}),
        chosen=any(visit.query.get(name) for name in (*FILTERED, 'outcome')), may_act=visit.may('operator'),
        replayable=APPLIED_AGAIN, applicable=REPLAYED, names=names, views=views, meanings=MEANINGS,
    )  # fmt: skip


def _read_page(connection: Connection, /, wanted: EventFilter, **asked: Any) -> tuple[Page, dict[str, str]]:
    page = page_events(connection, wanted, **asked)
    return page, name_shown(connection, page.rows)


async def read_filter(visit: Visit, told: dict[str, str]) -> EventFilter:
    """The filter that an address or a form says. Raises Refused."""
    record = told.get('record', '').strip()
    ref = (await visit.parts.reading.ask(find_record, record)).record if record else None
    return check(
        EventFilter(
            state=told.get('state') or None,
            source=told.get('source') or None,
            kind=told.get('kind') or None,
            record=ref,
            subject=told.get('subject', '').strip() or None,
            after=_moment(told.get('after', '')),
            before=_moment(told.get('before', '')),
        )
    )


def _moment(text: str) -> datetime | None:
    """A moment in UTC, as a browser writes it. Raises Refused."""
    if not text.strip():
        return None
    moment = read_moment(text)
    if moment is None:
        raise Refused(f'"{text}" is no moment: write 2026-03-02T09:00, in UTC.')
    return moment


async def show_event(visit: Visit) -> Response:
    """One event's story: why, what became of it, what it changed, what was sent, until it was quiet."""
    trace, undo, act, names, kinds = await visit.parts.reading.ask(_read_story, _number(visit))
    return show(
        visit, 'event.html', trace=trace, event=trace.event, story=_story(trace.steps), act=act, undo=undo, names=names,
        kinds=kinds, types=NAMES, meanings=MEANINGS, may_act=visit.may('operator'),
        replayable=trace.event['state'] in APPLIED_AGAIN and trace.event['kind'] in REPLAYED, wrong='',
    )  # fmt: skip


def _read_story(connection: Connection, number: int) -> tuple[Any, ...]:
    trace = read_trace(connection, number)
    act = read_body(read_event(connection, number)['body']) if trace.event['source'] == 'operator' else None
    changes = [step.detail for step in trace.steps if step.kind == 'change']
    return trace, read_undo(connection, number), act if isinstance(act, dict) else None, *_name(connection, changes)


def _story(steps: Sequence[Step]) -> list[list[Step]]:
    """What happened, in its order; what was changed of one record at once stands together."""

    def together(place: tuple[int, Step]) -> tuple[Any, ...]:
        step = place[1]
        return (step.at, step.detail['record_type'], step.detail['record_id']) if step.kind == 'change' else place[:1]

    told = groupby(enumerate(steps), together)
    return [[step for _, step in found] for _, found in told]


def _name(connection: Connection, changes: Sequence[Row]) -> tuple[dict[RecordRef, str], dict[tuple[str, str], str]]:
    """What the records are called that changes are of or lead to, and of which type a field's value is."""
    names, kinds = name_changes(connection, [(it['record_type'], it['field'], it['old'], it['new']) for it in changes])
    own = dict.fromkeys(RecordRef(each['record_type'], each['record_id']) for each in changes)
    return {**names, **name_records(connection, own)}, kinds


async def show_body(visit: Visit) -> Response:
    """The raw body and headers, secrets masked; who looked is journalled (S15)."""
    event = await visit.parts.reading.ask(read_event, _number(visit))
    async with visit.parts.database.transaction() as connection:
        await note(connection, 'event.viewed', visit.user.email, event=event['id'])
    body = read_body(event['body'])
    written = body if isinstance(body, str) else json.dumps(body, ensure_ascii=False, indent=2)
    return show(
        visit, 'body.html', event=event, body=None if event['body'] is None else written,
        size=len(event['body'] or b''), headers=json.dumps(event['headers'], ensure_ascii=False, indent=2),
    )  # fmt: skip


async def make_capsule(visit: Visit) -> Response:
    """Everything that explains an event, as a file (ADM-15); that it was taken along is journalled."""
    about = capsule.About('event', _number(visit))
    told = await capsule.make(
        visit.parts.engine, about, anonymous=visit.field('anonymous') == 'yes', hidden=visit.parts.hidden
    )
    async with visit.parts.database.transaction() as connection:
        for number in told['focus']:
            await note(connection, 'event.viewed', visit.user.email, event=number)
    headers = {**HEADERS, 'content-disposition': f'attachment; filename="event-{about.number}.capsule.json"'}
    return Response(json.dumps(told, ensure_ascii=False, indent=1), media_type='application/json', headers=headers)


async def park(visit: Visit) -> Response:
    """Put an event aside before it is applied."""
    done = await visit.act(ParkEvent(_number(visit), visit.field('reason')))
    return lead(visit.link(f'/desk/events/{_number(visit)}/', done=done.event_id))


async def dismiss(visit: Visit) -> Response:
    """What is parked is not wanted any more, for a reason."""
    done = await visit.act(DismissEvent(_number(visit), visit.field('reason')))
    return lead(visit.link(f'/desk/events/{_number(visit)}/', done=done.event_id))


def _number(visit: Visit) -> int:
    """The event of the address. Raises NotFound."""
    number = visit.number('event')
    if not number:
        raise NotFound('There is no such event.')
    return number
