"""Acts about meetings: booked, moved, canceled, given to another admin, renamed. Each follows from its body alone.

Locks are taken in everybody's order: births (a booking may make somebody new), companies, admins, then the time itself.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any, Final

from hermes.db import bookings, graphs, meetings
from hermes.db.pool import Connection, DatabaseError
from hermes.domain import booking
from hermes.domain.acts import BookMeeting, By, CancelMeeting, MoveMeeting, ReassignMeeting, RenameMeeting
from hermes.domain.applied import Applied
from hermes.domain.enquiry import Booking, keys, moment, read
from hermes.domain.errors import NotFound, Refused, SlotTaken, Withheld
from hermes.domain.graph import Graph
from hermes.domain.model import Record, RecordRef, Value
from hermes.kit import phones
from hermes.parts.roles import CALENDAR
from hermes.sync import dirty
from hermes.sync.acts.scope import Outcome, Scope

BIRTHS: Final = 4
"""A booking makes a company, a contact, a deal and a meeting at most."""
SAYS: Final[Mapping[By, str]] = {'visitor': 'website', 'admin': 'operator', 'calendar': CALENDAR, 'refused': 'hermes'}
"""Who changed a meeting -> the system that the journal names."""
RULES: Final[Mapping[By, str]] = {'visitor': 'CB-13', 'admin': 'CB-13', 'calendar': 'CB-15', 'refused': 'CB-7'}


async def book(scope: Scope, act: BookMeeting) -> Outcome:
    """A visitor's booking. Raises SlotTaken, Refused."""
    connection, context, asked = scope.connection, scope.context, read(act)
    _refuse_erased(scope, asked)
    await _refuse_taken(connection, asked)
    await graphs.lock_births(connection)
    _refuse_erased(replace(scope, known=await scope.engine.known(connection)), asked)
    await _refuse_taken(connection, asked)
    companies = await bookings.find_companies(connection, keys(asked, phones))
    companies |= {asked.company_id} if asked.company_id is not None else set()
    graph = await graphs.load(connection, graphs.Wanted(companies=companies))
    numbers = iter([*scope.births, *await graphs.allocate_ids(connection, BIRTHS)])
    graph.set_allocator(lambda: next(numbers))
    before = dict(graph.mirrors), dict(graph.records)
    booked = booking.book(graph, asked, context)
    outcome = await _store(scope, graph, before, booked.meeting, booked.done)
    return {
        **outcome,
        'company': booked.company.id,
        'contact': booked.contact.id,
        'deal': booked.deal.id if booked.deal else None,
        'rule': booked.rule,
        'flags': list(booked.flags),
    }


def _refuse_erased(scope: Scope, asked: Booking) -> None:
    """Nothing is made of somebody who was erased (S10), until a person takes them off that list."""
    if scope.folding or not scope.known.erased:
        return
    veil = scope.engine.veil(scope.known.erased)
    company = RecordRef('company', asked.company_id) if asked.company_id is not None else None
    if veil.email(asked.email) or veil.of_record(company):
        raise Withheld('A call cannot be booked in this way. Please write to us.')


async def _refuse_taken(connection: Connection, asked: Booking) -> None:
    if await bookings.is_taken(connection, asked.admin_id, asked.start_at, asked.end_at, asked.buffer_s):
        raise SlotTaken


async def move(scope: Scope, act: MoveMeeting) -> Outcome:
    """CB-13: another time, with the same admin and the buffer that is kept free after it now."""
    graph, meeting = await _load(scope, act.meeting)
    _refuse_canceled(meeting)
    start_at, end_at = moment(act.start_at), moment(act.end_at)
    if end_at <= start_at:
        raise Refused('A meeting ends after it has begun.')
    values: dict[str, Value] = {'start_at': start_at, 'end_at': end_at}
    if act.buffer_s is not None:
        values['buffer_s'] = act.buffer_s
    return await _amend(scope, graph, meeting, values, act.by)


async def cancel(scope: Scope, act: CancelMeeting) -> Outcome:
    """CB-7, CB-13, CB-15: off, for good. A second cancellation changes nothing."""
    graph, meeting = await _load(scope, act.meeting)
    planned = meeting.fields.get('status') != 'canceled'
    values = {'status': 'canceled', 'canceled_by': act.by} if planned else {}
    if act.by == 'refused':
        await meetings.tell(scope.connection, act.meeting)
    return await _amend(scope, graph, meeting, values, act.by)


async def reassign(scope: Scope, act: ReassignMeeting) -> Outcome:
    """CB-22: another admin at the same time; the event is made anew in that one's calendar."""
    graph, meeting = await _load(scope, act.meeting)
    _refuse_canceled(meeting)
    if act.admin not in scope.context.directory.admins:
        raise NotFound(f'There is no admin {act.admin}.')
    other = act.admin != meeting.fields.get('admin_id')
    values = {'admin_id': act.admin, 'round': (meeting.fields.get('round') or 0) + 1} if other else {}
    return await _amend(scope, graph, meeting, values, act.by, 'CB-22')


async def rename(scope: Scope, act: RenameMeeting) -> Outcome:
    """The event's id is somebody else's: the next one."""
    graph, meeting = await _load(scope, act.meeting)
    values = {'round': (meeting.fields.get('round') or 0) + 1}
    return await _amend(scope, graph, meeting, values, act.by)


async def _load(scope: Scope, number: int) -> tuple[Graph, Record]:
    """A meeting with its company. Raises NotFound."""
    ref = RecordRef('meeting', number)
    graph = await graphs.load(scope.connection, graphs.Wanted(records={ref}))
    meeting = graph.records.get(ref)
    if meeting is None or meeting.gone:
        raise NotFound('There is no such meeting.')
    return graph, meeting


def _refuse_canceled(meeting: Record) -> None:
    if meeting.fields.get('status') != 'planned':
        raise Refused('This meeting was cancelled.', 'canceled')


async def _amend(
    scope: Scope, graph: Graph, meeting: Record, values: Mapping[str, Value], by: By, rule: str = ''
) -> Outcome:
    before = dict(graph.mirrors), dict(graph.records)
    done = booking.amend(graph, meeting.ref, values, (SAYS[by], rule or RULES[by]), scope.context)
    return await _store(scope, graph, before, meeting.ref, done)


async def _store(scope: Scope, graph: Graph, before: tuple[Any, Any], meeting: RecordRef, done: Applied) -> Outcome:
    """Write what was done. Raises SlotTaken when the time is not free."""
    touched = dirty.touched_by(graph, *before) | {meeting}
    old = before[1].get(meeting)
    admins = {record.fields.get('admin_id') for record in (old, graph.records[meeting]) if record is not None}
    await bookings.lock_admins(scope.connection, admins)
    effects = graphs.Effects()
    effects.add(done, scope.event.id)
    try:
        async with scope.connection.transaction():
            await graphs.commit(scope.connection, graph, effects, scope.event)
    except DatabaseError as error:
        if bookings.overlaps(error):
            raise SlotTaken from None
        raise
    return {'meeting': meeting.id, 'dirty': [list(ref) for ref in sorted(touched)], 'notes': done.notes}
