"""One booking (ADM-8): where it stands, its letters and its history, why this person got it; and cancelling, moving and
reassigning it on behalf of somebody. Each says first what goes out.
"""

from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from hermes.booking.explained import explain
from hermes.booking.manage import Appointment
from hermes.db.reads import admins, lookup, meetings, rota, staff
from hermes.db.reads.lookup import Row
from hermes.domain.acts import CancelMeeting, ReassignMeeting
from hermes.domain.errors import HermesError, NotFound, Refused
from hermes.domain.model import RecordRef
from hermes.domain.slot_reasons import clock, day
from hermes.domain.slots import Interval
from hermes.domain.staff import show_name
from hermes.domain.timetable import find_zone
from hermes.kit.clock import read_moment
from hermes.kit.texts import read_number
from hermes.web.desk.bookings import takes_calls
from hermes.web.desk.pages import lead, show
from hermes.web.desk.records import path_of, read_lines, shared
from hermes.web.desk.visit import Visit

PAGE: Final = '/desk/bookings/'
AHEAD: Final = timedelta(days=7)
"""So much is offered on one page."""


async def show_booking(visit: Visit) -> Response:
    """State in calendar and CRM, letters, history, and how the person was found."""
    found, ask = await _found(visit), visit.parts.reading.ask
    ref = RecordRef('meeting', found['id'])
    links, journal = await ask(lookup.find_links, ref), await ask(read_lines, ref, '', '')
    turns = await ask(rota.list_turns, company=found['company_id'], limit=10) if found['company_id'] else []
    turn = next((each for each in turns if each['admin_id'] == found['admin_id'] and not each['returned_at']), None)
    return show(
        visit, 'booking.html', booking=found, links=links, told=journal, names=journal.names, ref=ref,
        why=await ask(rota.read_why, turn['id']) if turn else None, may=visit.may('operator'), path=path_of(ref),
        over=_is_over(visit, found), **_times(found), **shared(visit),
    )  # fmt: skip


async def _found(visit: Visit) -> Row:
    try:
        return await visit.parts.reading.ask(meetings.read_meeting, visit.number('booking'))
    except Refused:
        raise NotFound('There is no such booking.') from None


def _times(found: Row) -> dict[str, Any]:
    """Its start on the clocks of both."""
    return {
        'for_admin': local(found['start_at'], found['admin_zone']),
        'for_visitor': local(found['start_at'], found['zone']),
    }


def local(at: datetime, zone: str | None) -> str:
    """A time on somebody's wall clock, '' where nobody knows it."""
    known = find_zone(zone)
    return f'{day(at.astimezone(known).date())} {clock(at.astimezone(known))} ({known.key})' if known else ''


def _is_over(visit: Visit, found: Row) -> bool:
    return bool(found['end_at'] <= visit.parts.engine.clock.now())


async def _planned(visit: Visit) -> Row:
    """The booking, which can still be changed. Raises Refused, NotFound."""
    found = await _found(visit)
    if found['status'] != 'planned':
        raise Refused('This call is cancelled already.')
    if _is_over(visit, found):
        raise Refused('This call is over.')
    return found


async def show_cancel(visit: Visit) -> Response:
    return _show_cancel(visit, await _planned(visit))


def _show_cancel(visit: Visit, found: Row, status: int = 200, **wrong: str) -> Response:
    return show(
        visit, 'booking_cancel.html', status, booking=found, wrong=wrong, name=name_of(found), **_times(found),
        mails=visit.parts.service.terms.reminders,
    )  # fmt: skip


def name_of(found: Row) -> str:
    """What is typed before a call is cancelled: whose it is."""
    return found['company'] or found['contact'] or f'booking {found["id"]}'


async def cancel(visit: Visit) -> Response:
    """Off, for good; sent twice it is one act."""
    found = await _found(visit)
    if visit.field('name').strip().casefold() != name_of(found).strip().casefold():
        return _show_cancel(visit, found, 422, name=f'Type the name as it stands here: {name_of(found)}')
    if found['status'] == 'planned' and _is_over(visit, found):
        raise Refused('This call is over.')
    act = CancelMeeting(found['id'], 'admin', visit.field('reason').strip())
    return lead(visit.link(f'{PAGE}{found["id"]}/', done=(await visit.act(act)).event_id))


async def show_move(visit: Visit) -> Response:
    return await _show_move(visit, await _planned(visit))


async def _show_move(visit: Visit, found: Row, status: int = 200, wrong: str = '') -> Response:
    """The times on offer from a day on, on the admin's clock."""
    at, now = await _appointment(visit, found), visit.parts.engine.clock.now()
    zone = find_zone(found['admin_zone']) or ZoneInfo(visit.parts.engine.defaults.zone)
    try:
        first = date.fromisoformat(visit.query.get('from', ''))
    except ValueError:
        first = now.astimezone(zone).date()
    begin = datetime.combine(min(max(first, now.astimezone(zone).date()), date(2200, 1, 1)), time(), zone)
    days: dict[date, list[tuple[str, str]]] = {}
    try:
        for slot in await visit.parts.service.appointments.times(
            at, Interval(begin.astimezone(UTC), (begin + AHEAD).astimezone(UTC)), limited=False
        ):
            start = slot.start.astimezone(zone)
            if slot.start != at.start:
                days.setdefault(start.date(), []).append((slot.start.isoformat(), clock(start)))
    except HermesError as error:
        wrong = wrong or str(error)
    return show(
        visit, 'booking_move.html', status, booking=found, days=days, wrong={'start': wrong} if wrong else {},
        zone=zone.key, first=begin.date(), later=begin.date() + AHEAD, earlier=begin.date() - AHEAD,
        is_first=begin.date() <= now.astimezone(zone).date(), mails=visit.parts.service.terms.reminders, day=day,
        **_times(found),
    )  # fmt: skip


async def _appointment(visit: Visit, found: Row) -> Appointment:
    return await visit.parts.service.appointments.find_by_uid(found['uid'])


async def move(visit: Visit) -> Response:
    """Another time: one that is on offer when the form comes."""
    found = await _found(visit)
    start = read_moment(visit.field('start'))
    if start is None:
        return await _show_move(visit, await _planned(visit), 422, 'Choose one of the times.')
    at = await _appointment(visit, found)
    if start == at.start and at.planned:
        return lead(f'{PAGE}{found["id"]}/')
    try:
        act, check = await visit.parts.service.appointments.prepare_move(at, start)
        done = await visit.act(act, check=check)
    except HermesError as error:
        return await _show_move(visit, await _planned(visit), 422, str(error))
    return lead(visit.link(f'{PAGE}{found["id"]}/', done=done.event_id))


async def show_reassign(visit: Visit) -> Response:
    return await _show_reassign(visit, await _planned(visit))


async def _show_reassign(visit: Visit, found: Row, status: int = 200, wrong: str = '') -> Response:
    """Who takes calls of the kind; of the one who was chosen, what speaks against the time."""
    ask, chosen, answer = visit.parts.reading.ask, visit.query.get('admin', '') or visit.field('admin'), None
    people = [
        each for each in await ask(staff.list_staff, list(visit.parts.engine.systems))
        if takes_calls(each) and each[f'is_{found["kind"]}_person'] and each['id'] != found['admin_id']
    ]  # fmt: skip
    other: dict[str, Any] | None = next((each for each in people if str(each['id']) == chosen), None)
    if other is not None:
        row = await ask(admins.find_admin, str(other['id']))
        answer = await explain(visit.parts.service, row, found['start_at'], express=True)
    return show(
        visit, 'booking_reassign.html', status, booking=found, people=people, other=other, answer=answer,
        wrong={'admin': wrong} if wrong else {}, names=show_name, mails=visit.parts.service.terms.reminders,
        **_times(found),
    )  # fmt: skip


async def reassign(visit: Visit) -> Response:
    """Another person at the same time (CB-22); that they have no other call then, the database sees to."""
    found, told = await _found(visit), visit.field('admin')
    if read_number(told) is None:
        return await _show_reassign(visit, await _planned(visit), 422, 'Choose somebody.')
    row = await visit.parts.reading.ask(admins.find_admin, told)
    if not takes_calls(row) or not row[f'is_{found["kind"]}_person']:
        return await _show_reassign(visit, await _planned(visit), 422, f'{row["name"]} takes no {found["kind"]} calls.')
    try:
        done = await visit.act(ReassignMeeting(found['id'], row['id']))
    except Refused as error:
        return await _show_reassign(visit, await _planned(visit), 422, str(error))
    return lead(visit.link(f'{PAGE}{found["id"]}/', done=done.event_id))
