"""When somebody can be booked (CB-5, CB-8, CB-9, CB-20, I21): hours, calendar, meetings and holds under one predicate.

Browsing and booking ask the same predicate; they differ only in how fresh the calendar is. No connection is held while
the calendar is asked.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, NoReturn

from hermes.booking.busy import BusyTimes, Permit, Seen
from hermes.booking.terms import Terms
from hermes.db import meetings
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection
from hermes.domain.errors import NotFound, Refused, SlotTaken, Unreadable
from hermes.domain.model import Record
from hermes.domain.slots import Diary, Hours, Interval, Reason, Rules, hours_of, offer, reasons
from hermes.domain.staff import full_name
from hermes.sync.engine import Engine

Kind = Literal['sales', 'support']
ROLES: Final = {'sales': 'is_sales_person', 'support': 'is_support_person'}
AROUND: Final = timedelta(days=2)
"""The daily cap counts whole local days: more than a window's own meetings are needed."""
REFUSALS: Final = {
    'past': 'This time lies in the past. Please choose another one.',
    'notice': 'This time is too soon. Please choose a later one.',
    'horizon': 'This time is too far ahead. Please choose an earlier one.',
    'day_off': 'There are no calls on this day. Please choose another one.',
    'weekend': 'There are no calls on this day. Please choose another one.',
    'outside_hours': 'This time is outside working hours. Please choose another one.',
}
"""What a visitor is told; what else speaks against a time is that somebody else has it."""
UNREADABLE: Final = 'The calendar cannot be read at the moment. Please try again in a few minutes.'


@dataclass(frozen=True, slots=True)
class Person:
    """Somebody who can be booked, with their hours."""

    id: int
    name: str
    email: str
    hours: Hours


@dataclass(frozen=True, slots=True)
class Moved:
    """A meeting that is moved: where the calendar shows it, as it was written `since` (aware UTC)."""

    id: int = 0
    shown: tuple[Interval, ...] = ()
    since: datetime | None = None


NOTHING: Final = Moved()


@dataclass(frozen=True, slots=True)
class Asked:
    """A start that somebody wants. `own_hold`: the hashed token of their hold; `moved`: the meeting that is moved."""

    start: datetime
    rules: Rules
    own_hold: bytes = b''
    moved: Moved = NOTHING


class Availability:
    """Who can be booked when."""

    def __init__(self, engine: Engine, busy: BusyTimes, terms: Terms) -> None:
        self._engine = engine
        self._busy = busy
        self._terms = terms

    async def slots(
        self,
        admin_id: int,
        window: Interval,
        *,
        express: bool = False,
        moved: Moved = NOTHING,
        own_hold: bytes = b'',
        permit: Permit | None = None,
    ) -> list[Interval]:
        """The slots on offer that start in `window` (aware UTC), for a meeting that is `moved`, and for whoever has a
        hold, as if it were not there. Raises NotFound, Unreadable (CB-8), what `permit` raises, and Refused for a
        window that is longer than 62 days or ends before it begins.
        """
        if window.end <= window.start:
            raise Refused('end_dt must be after start_dt.', 'invalid')
        if window.end - window.start > self._terms.span:
            raise Refused(f'At most {self._terms.span.days} days can be asked for at once.', 'invalid')
        rules, now = self._terms.rules(express=express), self._engine.clock.now()
        person = await self.find(admin_id)
        within = Interval(max(window.start, now), min(window.end, now + timedelta(days=rules.horizon_days)))
        if within.end <= within.start:
            return []
        wide = _stretched(within, person.hours)
        seen = await self._busy.read(person.email, wide, admin_id=person.id, since=moved.since, permit=permit)
        diary = await self._diary(person, within, seen, moved, own_hold)
        return offer(person.hours, diary, within, now, rules, ignore=moved.id)

    async def explain(self, admin_id: int, start: datetime, *, express: bool = False) -> list[Reason]:
        """Everything that speaks against a start, the calendar read now; [] where it can be booked (CB-19). Raises
        NotFound.
        """
        person, asked = await self.find(admin_id), Asked(start, self._terms.rules(express=express))
        window = _stretched(Interval(start, start), person.hours)
        try:
            seen = await self._busy.read(person.email, window, admin_id=person.id, after=self._busy.now())
            diary = await self._diary(person, window, seen)
        except Unreadable:
            diary = Diary((), (), None)
        return reasons(person.hours, diary, start, self._engine.clock.now(), asked.rules)

    async def find(self, admin_id: int, kind: Kind | None = None) -> Person:
        """Somebody who can be booked. Raises NotFound, the same for nobody, for somebody who has left, who takes no
        calls, and who takes no calls of this kind (S3).
        """
        async with self._engine.database.transaction() as connection:
            return self.person(await self._engine.known(connection), admin_id, kind)

    def person(self, known: Knowledge, admin_id: int, kind: Kind | None = None) -> Person:
        """As `find`, from what is known."""
        admin = known.directory.admins.get(admin_id)
        if admin is None or not is_bookable(admin, kind):
            raise NotFound('There is nobody to book here.')
        try:
            hours = hours_of(admin.fields, self._engine.meeting_defaults(known))
        except Refused as error:
            raise Unreadable(f'The hours of admin {admin_id} cannot be read: {error}') from None
        return Person(admin_id, full_name(admin.fields), str(admin.fields['email']), hours)

    def now(self) -> int:
        """What `read` takes for a calendar that is read from now on."""
        return self._busy.now()

    async def read(self, person: Person, start: datetime, *, after: int = 0, permit: Permit | None = None) -> Seen:
        """The calendar around a start, as it was browsed; or read `after` what `now` said. Raises Unreadable, and what
        `permit` raises.
        """
        window = _stretched(Interval(start, start), person.hours)
        return await self._busy.read(person.email, window, admin_id=person.id, after=after, permit=permit)

    async def rule_out(self, connection: Connection, person: Person, asked: Asked) -> None:
        """What speaks against a start whatever the calendar says: costs no look at it. Raises SlotTaken, Refused."""
        now = self._engine.clock.now()
        against = reasons(person.hours, Diary((), (), now), asked.start, now, asked.rules)
        if against:
            refuse(against)
        await self.check(connection, person, Seen([], now, Interval(asked.start, asked.start)), asked)

    async def check(self, connection: Connection, person: Person, seen: Seen, asked: Asked) -> None:
        """The predicate, within the transaction that takes the time. Raises SlotTaken, Unreadable, Refused."""
        window = _stretched(Interval(asked.start, asked.start), person.hours)
        diary = await self._diary_in(connection, person, window, seen, asked.own_hold, asked.moved)
        now = self._engine.clock.now()
        against = reasons(person.hours, diary, asked.start, now, asked.rules, ignore=asked.moved.id)
        if against:
            refuse(against)

    async def _diary(
        self, person: Person, window: Interval, seen: Seen, moved: Moved = NOTHING, own_hold: bytes = b''
    ) -> Diary:
        async with self._engine.database.transaction() as connection:
            return await self._diary_in(connection, person, window, seen, own_hold, moved)

    async def _diary_in(
        self,
        connection: Connection,
        person: Person,
        window: Interval,
        seen: Seen,
        own_hold: bytes = b'',
        moved: Moved = NOTHING,
    ) -> Diary:
        taken = await meetings.find_taken(connection, person.id, window.start - AROUND, window.end + AROUND, own_hold)
        return Diary(seen.busy, taken, seen.as_of, seen.window, moved.shown)


def is_bookable(admin: Record, kind: Kind | None) -> bool:
    """Whether somebody takes calls (of a kind): active, bookable, with a calendar, and in that role."""
    fields = admin.fields
    here = not admin.gone and fields.get('active') is not False and fields.get('bookable') is not False
    roles = ROLES.values() if kind is None else (ROLES[kind],)
    return bool(here and fields.get('email') and any(fields.get(role) for role in roles))


def refuse(against: Sequence[Reason]) -> NoReturn:
    """Tell a visitor that a time cannot be booked, without telling what others do."""
    codes = [each.code for each in against]
    if 'calendar' in codes:
        raise Unreadable(UNREADABLE)
    for code in codes:
        if code in REFUSALS:
            raise Refused(REFUSALS[code], code)
    raise SlotTaken


def _stretched(window: Interval, hours: Hours) -> Interval:
    """The window with the length of what starts at its end."""
    return Interval(window.start, window.end + timedelta(seconds=hours.duration_s))
