"""Acts about meetings: booked, moved, canceled, given to another admin, renamed. Each follows from its body alone.

Locks are taken in everybody's order: births (a booking may make somebody new), companies, admins, then the time itself.
"""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any, Final

from hermes.db import bookings, graphs
from hermes.db.pool import Connection, DatabaseError
from hermes.domain import booking
from hermes.domain.applied import Applied
from hermes.domain.enquiry import Booking, keys, moment, read
from hermes.domain.errors import NotFound, Refused, SlotTaken
from hermes.domain.graph import Context, Graph
from hermes.domain.model import Record, RecordRef, Value
from hermes.kit import phones
from hermes.sync import dirty

Outcome = dict[str, Any]
Told = Mapping[str, Any]
BIRTHS: Final = 4
"""A booking makes a company, a contact, a deal and a meeting at most."""
SAYS: Final = {'visitor': 'website', 'admin': 'operator', 'calendar': 'google', 'refused': 'hermes'}
"""Who changed a meeting -> the system that the journal names."""
RULES: Final = {'visitor': 'CB-13', 'admin': 'CB-13', 'calendar': 'CB-15', 'refused': 'CB-7'}


async def apply_act(connection: Connection, told: Told, context: Context, births: Sequence[int] = ()) -> Outcome:
    """Apply one act. `births`: the ids of the records that it made in life (I14). Raises Refused."""
    if told['act'] == 'meeting.book':
        return await _book(connection, read(told), context, births)
    graph = await graphs.load(connection, graphs.Wanted(records={RecordRef('meeting', int(told['meeting']))}))
    meeting = graph.records.get(RecordRef('meeting', int(told['meeting'])))
    if meeting is None or meeting.gone:
        raise NotFound('There is no such meeting.')
    return await CHANGES[told['act']](connection, graph, meeting, told, context)


async def _book(connection: Connection, asked: Booking, context: Context, births: Sequence[int]) -> Outcome:
    await _refuse_taken(connection, asked)
    await graphs.lock_births(connection)
    await _refuse_taken(connection, asked)
    companies = await bookings.find_companies(connection, keys(asked, phones))
    companies |= {asked.company_id} if asked.company_id is not None else set()
    graph = await graphs.load(connection, graphs.Wanted(companies=companies))
    numbers = iter([*births, *await graphs.allocate_ids(connection, BIRTHS)])
    graph.set_allocator(lambda: next(numbers))
    before = dict(graph.mirrors), dict(graph.records)
    booked = booking.book(graph, asked, context)
    outcome = await _store(connection, graph, before, booked.meeting, booked.done, context)
    return {
        **outcome,
        'company': booked.company.id,
        'contact': booked.contact.id,
        'deal': booked.deal.id if booked.deal else None,
        'rule': booked.rule,
        'flags': list(booked.flags),
    }


async def _refuse_taken(connection: Connection, asked: Booking) -> None:
    if await bookings.is_taken(connection, asked.admin_id, asked.start_at, asked.end_at, asked.buffer_s):
        raise SlotTaken


async def _move(connection: Connection, graph: Graph, meeting: Record, told: Told, context: Context) -> Outcome:
    """CB-13: another time, with the same admin and the buffer that is kept free after it now."""
    _refuse_canceled(meeting)
    start_at, end_at = moment(told['start_at']), moment(told['end_at'])
    if end_at <= start_at:
        raise Refused('A meeting ends after it has begun.')
    values = {'start_at': start_at, 'end_at': end_at, **({'buffer_s': told['buffer_s']} if 'buffer_s' in told else {})}
    return await _amend(connection, graph, meeting, values, told, context)


async def _cancel(connection: Connection, graph: Graph, meeting: Record, told: Told, context: Context) -> Outcome:
    """CB-7, CB-13, CB-15: off, for good. A second cancellation changes nothing."""
    planned = meeting.fields.get('status') != 'canceled'
    values = {'status': 'canceled', 'canceled_by': _by(told)} if planned else {}
    return await _amend(connection, graph, meeting, values, told, context)


async def _reassign(connection: Connection, graph: Graph, meeting: Record, told: Told, context: Context) -> Outcome:
    """CB-22: another admin at the same time; the event is made anew in that one's calendar."""
    _refuse_canceled(meeting)
    admin = int(told['admin'])
    if admin not in context.directory.admins:
        raise NotFound(f'There is no admin {admin}.')
    other = admin != meeting.fields.get('admin_id')
    values = {'admin_id': admin, 'round': (meeting.fields.get('round') or 0) + 1} if other else {}
    return await _amend(connection, graph, meeting, values, {'by': 'admin', **told}, context, 'CB-22')


async def _rename(connection: Connection, graph: Graph, meeting: Record, told: Told, context: Context) -> Outcome:
    """The event's id is somebody else's: the next one."""
    values = {'round': (meeting.fields.get('round') or 0) + 1}
    return await _amend(connection, graph, meeting, values, {'by': 'refused'}, context)


def _refuse_canceled(meeting: Record) -> None:
    if meeting.fields.get('status') != 'planned':
        raise Refused('This meeting was cancelled.', 'canceled')


def _by(told: Told) -> str:
    by = str(told['by'])
    if by not in SAYS:
        raise Refused(f'Who changes a meeting is one of {", ".join(SAYS)}, not "{by}".')
    return by


async def _amend(
    connection: Connection,
    graph: Graph,
    meeting: Record,
    values: Mapping[str, Value],
    told: Told,
    context: Context,
    rule: str = '',
) -> Outcome:
    by = _by(told)
    before = dict(graph.mirrors), dict(graph.records)
    done = booking.amend(graph, meeting.ref, values, (SAYS[by], rule or RULES[by]), context)
    return await _store(connection, graph, before, meeting.ref, done, context)


async def _store(
    connection: Connection, graph: Graph, before: tuple[Any, Any], meeting: RecordRef, done: Applied, context: Context
) -> Outcome:
    """Write what was done. Raises SlotTaken when the time is not free."""
    touched = dirty.touched_by(graph, *before) | {meeting}
    old = before[1].get(meeting)
    admins = {record.fields.get('admin_id') for record in (old, graph.records[meeting]) if record is not None}
    await bookings.lock_admins(connection, admins)
    try:
        async with connection.transaction():
            await graphs.store(connection, graph, {}, context.event_id)
    except DatabaseError as error:
        if bookings.overlaps(error):
            raise SlotTaken from None
        raise
    await graphs.journal(connection, [(change, context.event_id) for change in done.changes], context.now)
    await graphs.decide(connection, [(decision, context.event_id) for decision in done.decisions], context.now)
    await graphs.close(connection, done.closed)
    await connection.execute('notify hermes_push')
    return {'meeting': meeting.id, 'dirty': [list(ref) for ref in sorted(touched)], 'notes': done.notes}


Change = Callable[[Connection, Graph, Record, Told, Context], Awaitable[Outcome]]
CHANGES: Final[Mapping[str, Change]] = {
    'meeting.move': _move,
    'meeting.cancel': _cancel,
    'meeting.reassign': _reassign,
    'meeting.rename': _rename,
}
BOOKING_ACTS: Final = frozenset({'meeting.book', *CHANGES})
