"""Trials in the connected accounts: the round trip (SETUP-11), and a test booking, which is made as a visitor makes
one, looked for in calendar and CRM, and cancelled by its link. How each ended is kept, so that it is known afterwards.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, Final, cast

from hermes.booking.availability import is_bookable
from hermes.booking.book import Booked, Visit
from hermes.booking.forms import SalesForm
from hermes.booking.links import make_manage_token
from hermes.booking.service import BookingService
from hermes.db import heartbeats, meetings
from hermes.db.connections import opened
from hermes.db.reads.lookup import find_links
from hermes.db.reads.meetings import read_meeting
from hermes.domain.errors import HermesError, Refused
from hermes.domain.model import RecordRef
from hermes.domain.slots import Interval
from hermes.domain.staff import full_name
from hermes.kit.emails import check_email
from hermes.parts.roles import CALENDAR, CRM, CRM_TITLE
from hermes.ports import Calendar
from hermes.setup.findings import Finding
from hermes.setup.site import crm_of
from hermes.sync.engine import Engine
from hermes.sync.round_trip import Trip, read_object, round_trip

ROUND_TRIP: Final = 'round trip'
BOOKING: Final = 'test booking'
VISITOR: Final = 'Hermes Test Booking'
COMPANY: Final = 'Hermes test booking (may be deleted)'
MEND: Final = {
    ROUND_TRIP: 'compare the type of the field, and tell who looks after Hermes',
    BOOKING: 'mend it, then say "hermes setup booking" again',
}
PATIENCE_S: Final = 60.0
"""How long a step of the test booking is waited for."""
LOOK_S: Final = 0.5
AHEAD: Final = timedelta(days=14)


async def travel(engine: Engine) -> list[Finding]:
    """The round trip, one line a step. Raises Refused when the CRM is off, or one is under way."""
    crm = crm_of(engine)
    async with _trying(engine, ROUND_TRIP):
        return await _keep(engine, ROUND_TRIP, await round_trip(engine, crm))


@dataclass(frozen=True, slots=True)
class Host:
    """Somebody with whom a sales call can be booked."""

    id: int
    name: str


async def offer_booking(engine: Engine) -> list[Host]:
    """With whom the test booking can be made."""
    async with engine.database.transaction() as connection:
        admins = (await engine.known(connection)).directory.admins
    return [
        Host(number, full_name(admin.fields)) for number, admin in sorted(admins.items()) if is_bookable(admin, 'sales')
    ]


async def book_trial(service: BookingService, host: int, email: str) -> list[Finding]:
    """Book the next free time of an admin for a visitor who is plainly none, look for it, and cancel it again; one line
    a step. `email`: yours; the invitation and the letters go there. What was made of the visitor stays: a company, its
    contact and its deal, under a name that says so. Raises Refused for an address that is none, and while one is under
    way.
    """
    trip, address = Trip(), read_address(email)
    async with _trying(service.engine, BOOKING):
        try:
            form = await _fill_in(service, host, address)
            booked = await service.bookings.book('sales', form, Visit(service.terms.hash_of('client', BOOKING)))
            trip.note('booked')
            try:
                await _look(service, booked, trip)
            finally:
                await _cancel(service, booked, trip)
        except HermesError as error:
            trip.note('ended early', str(error))
        return await _keep(service.engine, BOOKING, trip)


def read_address(text: str) -> str:
    """The address that somebody wrote. Raises Refused."""
    try:
        return check_email(text.strip())
    except ValueError as error:
        raise Refused(f'email: {error}.') from None


async def _fill_in(service: BookingService, host: int, email: str) -> SalesForm:
    now = service.engine.clock.now()
    slots = await service.availability.slots(host, Interval(now, now + AHEAD))
    if not slots:
        raise Refused(f'No time of the next {AHEAD.days} days is free: "hermes slots explain" says why.')
    told = {
        'admin_id': host, 'name': VISITOR, 'email': email, 'company_name': COMPANY, 'country': 'GB', 'currency': 'GBP',
        'price_plan': 'payg', 'meeting_dt': slots[0].start.isoformat(),
    }  # fmt: skip
    return SalesForm.model_validate(told)


async def _look(service: BookingService, booked: Booked, trip: Trip) -> None:
    """Whether calendar and CRM have it."""
    engine = service.engine
    stands = await _await(service, booked.meeting, 'calendar', 'there')
    trip.note('in the calendar', stands or ('' if await _is_taken(engine, booked) else 'the calendar does not show it'))
    if CRM not in engine.systems:
        return
    stands = await _await(service, booked.meeting, 'activity', 'there')
    trip.note(f'in {CRM_TITLE}', stands or await _miss_activity(engine, booked.meeting))


async def _cancel(service: BookingService, booked: Booked, trip: Trip) -> None:
    """By the link that the visitor would use; afterwards it is nowhere."""
    engine = service.engine
    await service.appointments.cancel(make_manage_token(booked.uid, service.terms.signing_keys))
    trip.note('cancelled')
    stands = await _await(service, booked.meeting, 'calendar', 'deleted')
    trip.note(
        'out of the calendar', stands or ('the calendar still shows it' if await _is_taken(engine, booked) else '')
    )
    if CRM in engine.systems:
        trip.note(f'out of {CRM_TITLE}', await _await(service, booked.meeting, 'activity', 'deleted', 'none'))


async def _await(service: BookingService, meeting: int, where: str, *wanted: str) -> str:
    """Wait for a worker to have carried a meeting there; '' when it has, else how it stands."""
    clock = service.engine.clock
    until = clock.monotonic() + PATIENCE_S
    while True:
        found = await asyncio.to_thread(_read, service.engine.database.url, meeting)
        stands = str(found[where])
        if stands in wanted:
            return ''
        if stands in ('parked', 'held'):
            return f'{stands}: {found[f"{where}_reason"] or "no reason is known"}'
        if clock.monotonic() >= until:
            return f'after {PATIENCE_S:.0f} s it is {stands}: see whether a worker runs, with "hermes status"'
        await service.pause(LOOK_S)


def _read(url: str, meeting: int) -> dict[str, Any]:
    with opened(url) as connection:
        return {**read_meeting(connection, meeting), 'links': find_links(connection, RecordRef('meeting', meeting))}


async def _is_taken(engine: Engine, booked: Booked) -> bool:
    """Whether the calendar itself says that the time is taken. Raises HermesError."""
    async with engine.database.transaction() as connection:
        directory = (await engine.known(connection)).directory
        row = await meetings.find_meeting(connection, booked.uid)
    home = directory.admins[row['admin_id']].fields.get('email') if row else ''
    calendar = cast(Calendar, engine.systems[CALENDAR])
    taken = await calendar.busy(str(home).lower(), booked.start, booked.end)
    return any(start < booked.end and booked.start < end for start, end in taken)


async def _miss_activity(engine: Engine, meeting: int) -> str:
    """'' when the CRM itself shows the activity. Raises HermesError."""
    told = await asyncio.to_thread(_read, engine.database.url, meeting)
    async with engine.database.transaction() as connection:
        catalogue = (await engine.known(connection)).catalogue
    for link in told['links']:
        if link['system'] == CRM and link['state'] == 'live':
            seen = await read_object(engine, crm_of(engine), catalogue, link['type'], link['remote_id'])
            return '' if seen else f'{CRM_TITLE} does not show it'
    return f'{CRM_TITLE} does not show it'


@asynccontextmanager
async def _trying(engine: Engine, name: str) -> AsyncIterator[None]:
    """One at a time. Raises Refused while another is under way."""
    pulse = heartbeats.trial(name)
    async with engine.database.transaction() as connection:
        begun = await heartbeats.begin(connection, pulse, heartbeats.UNDER_WAY, heartbeats.LONGEST_TRIAL)
    if not begun:
        raise Refused(f'A {name} is under way already: wait until it has ended.')
    try:
        yield
    except BaseException:
        async with engine.database.transaction() as connection:
            await heartbeats.say(connection, pulse, 'it was broken off')
        raise


async def _keep(engine: Engine, name: str, trip: Trip) -> list[Finding]:
    """Keep how a trial ended, and tell it."""
    problem = next((f'{step}: {problem}' for step, problem in trip.steps if problem), '')
    async with engine.database.transaction() as connection:
        await heartbeats.say(connection, heartbeats.trial(name), problem)
    todo = MEND[name]
    return [
        Finding(f'{name} {step}', 'todo' if problem else 'ok', problem or 'as expected', todo if problem else '')
        for step, problem in trip.steps
    ]
