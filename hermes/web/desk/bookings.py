"""Bookings (ADM-8): the week of everybody who takes calls, on their own clock; why a time is not offered; and links to
support calls.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from starlette.responses import Response

from hermes.booking.explained import explain
from hermes.db.audit import note
from hermes.db.reads import admins, companies, meetings, staff
from hermes.db.reads.lookup import Row
from hermes.domain.errors import HermesError, Refused
from hermes.domain.slot_reasons import clock, windows
from hermes.domain.staff import show_name
from hermes.domain.timetable import Defaults, find_zone, hours_of
from hermes.kit.texts import read_number
from hermes.web.desk.pages import show
from hermes.web.desk.visit import Visit

WEEK: Final = timedelta(days=7)
ASTRAY: Final = timedelta(hours=15)
"""No local day begins further from that of UTC."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of somebody: when they work, '' for not at all, `off` on a day off; and their calls, on their clock."""

    day: date
    hours: str
    off: bool
    calls: tuple[tuple[str, Row], ...]
    today: bool


@dataclass(frozen=True, slots=True)
class Week:
    """A week of somebody."""

    admin: Row
    name: str
    zone: str
    days: tuple[Day, ...]
    problem: str = ''


async def show_week(visit: Visit) -> Response:
    """The week that the address names (any day of it), of everybody or of one; of those who left, too, while calls are
    planned with them.
    """
    ask, now = visit.parts.reading.ask, visit.parts.engine.clock.now()
    monday = _monday(visit.query.get('week', ''), now)
    only, begin = visit.query.get('admin', ''), datetime.combine(monday, time(), UTC)
    found = await ask(meetings.list_week, begin - ASTRAY, begin + WEEK + ASTRAY)
    busy = {row['admin_id'] for row in found}
    everybody = await ask(staff.list_staff, list(visit.parts.engine.systems), removed=True)
    people = [each for each in everybody if each['id'] in busy or (takes_calls(each) and not each['removed'])]
    chosen = [each for each in people if not only or str(each['id']) == only]
    defaults = await defaults_of(visit)
    weeks = [_week_of(each, monday, found, defaults, now) for each in chosen]
    return show(
        visit, 'bookings.html', weeks=weeks, people=people, monday=monday, last=monday - WEEK, next=monday + WEEK,
        sunday=monday + timedelta(days=6), names=show_name, may=visit.may('operator'),
        several=sum(len(day.calls) for week in weeks for day in week.days),
    )  # fmt: skip


def takes_calls(admin: Mapping[str, Any]) -> bool:
    """Whether somebody is shown among those who take calls."""
    return bool(admin['active'] and admin['bookable'] and (admin['is_sales_person'] or admin['is_support_person']))


async def defaults_of(visit: Visit) -> Defaults:
    engine = visit.parts.engine
    async with visit.parts.database.transaction() as connection:
        return engine.meeting_defaults(await engine.known(connection))


def _monday(told: str, now: datetime) -> date:
    try:
        day = date.fromisoformat(told)
    except ValueError:
        day = now.date()
    day = min(max(day, date(2000, 1, 10)), date(2200, 1, 1))
    return day - timedelta(days=day.weekday())


def _week_of(admin: Row, monday: date, found: list[Row], defaults: Defaults, now: datetime) -> Week:
    zone, problem, hours = find_zone(admin['timezone']) or ZoneInfo(defaults.zone), admin['unreachable'] or '', None
    try:
        hours = hours_of(admin, defaults)
    except Refused as error:
        problem = str(error)
    own = [(row['start_at'].astimezone(zone), row) for row in found if row['admin_id'] == admin['id']]
    days = []
    for each in (monday + timedelta(days=number) for number in range(7)):
        calls = tuple((clock(at), row) for at, row in own if at.date() == each)
        off = hours is not None and any(first <= each <= last for first, last in hours.days_off)
        told = windows(hours.weekly.get(each.weekday(), ())) if hours is not None else ''
        days.append(Day(each, told, off, calls, each == now.astimezone(zone).date()))
    return Week(admin, show_name(admin), zone.key, tuple(days), problem)


async def show_why(visit: Visit) -> Response:
    """Everything that speaks against a call at a time (CB-19); the calendar is read now."""
    told = {name: visit.query.get(name, '').strip() for name in ('admin', 'when')}
    people = [each for each in await visit.parts.reading.ask(staff.list_staff, list(visit.parts.engine.systems))]
    answer, wrong = None, {}
    if told['admin'] and told['when']:
        try:
            found = await visit.parts.reading.ask(admins.find_admin, told['admin'])
            answer = await explain(visit.parts.service, found, told['when'], express=bool(visit.query.get('express')))
        except HermesError as error:
            wrong = {'when': str(error)}
    return show(
        visit, 'bookings_why.html', 422 if wrong else 200, people=people, names=show_name, answer=answer, wrong=wrong,
        told=told,
    )  # fmt: skip


async def show_link(visit: Visit) -> Response:
    return await _show_link(visit)


async def _show_link(visit: Visit, status: int = 200, **told: Any) -> Response:
    people = [
        each
        for each in await visit.parts.reading.ask(staff.list_staff, list(visit.parts.engine.systems))
        if takes_calls(each) and each['is_support_person']
    ]
    days = visit.parts.service.terms.support_ttl_days
    given = {'wrong': {}, 'link': '', 'company': '', 'until': None} | told
    return show(visit, 'bookings_link.html', status, people=people, names=show_name, days=days, **given)


async def make_link(visit: Visit) -> Response:
    """A signed link by which a company books a support call (CB-16); that it was made is journalled, without it."""
    express, days = bool(visit.field('express')), visit.field('days').strip()
    now = visit.parts.engine.clock.now()
    try:
        found = await visit.parts.reading.ask(companies.find_company, visit.field('company'))
    except Refused as error:
        return await _show_link(visit, 422, wrong={'company': str(error)})
    lasting = read_number(days or str(visit.parts.service.terms.support_ttl_days)) or 0
    if days and not 1 <= lasting <= 90:
        return await _show_link(visit, 422, wrong={'days': 'Say from 1 to 90 days.'})
    until = now.replace(microsecond=0) + timedelta(days=lasting)
    admin = read_number(visit.field('admin')) or 0
    try:
        link = await visit.parts.service.support.make_for(admin, found['id'], express=express, expires_at=until)
    except Refused as error:
        return await _show_link(visit, 422, wrong={'admin': str(error)})
    async with visit.parts.database.transaction() as connection:
        await note(connection, 'support.link', visit.user.email, company=found['id'], admin=admin)
    return await _show_link(visit, link=link, company=found['name'], until=until)
