"""What a visitor can do with a booking (CB-13): see it, move it, cancel it, by its signed link alone.

The link names the meeting, not its time: an old one leads to the booking as it is now, until the meeting is over.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import partial

from hermes.booking.availability import Asked, Availability, Moved, Person
from hermes.booking.book import TOO_CLOSE, Bookings, Invitation
from hermes.booking.busy import Permit
from hermes.booking.limits import Limits, as_taken
from hermes.booking.links import OVER, LinkRefused, is_of_a_letter, read_manage_token
from hermes.booking.terms import Terms
from hermes.db import graphs, letters, meetings
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection
from hermes.domain.acts import By, CancelMeeting, MoveMeeting
from hermes.domain.errors import NotFound, Refused, SlotTaken
from hermes.domain.meeting import text_of
from hermes.domain.notice import Notice
from hermes.domain.slots import Interval
from hermes.domain.staff import full_name
from hermes.parts.roles import CALENDAR
from hermes.sync.acts.commands import Check, carry_out
from hermes.sync.engine import Engine


@dataclass(frozen=True, slots=True)
class Appointment:
    """A booking as its visitor sees it: [start, end) aware UTC. `notice`: what letters say about it."""

    meeting: int
    uid: str
    kind: str
    status: str
    start: datetime
    end: datetime
    admin_id: int
    person: str
    sequence: int
    canceled_by: str
    notice: Notice
    contact_id: int = 0
    email: str = ''

    @property
    def planned(self) -> bool:
        return self.status == 'planned'


class Appointments:
    """Finds, moves and cancels bookings."""

    def __init__(
        self, engine: Engine, availability: Availability, bookings: Bookings, terms: Terms, limits: Limits | None
    ) -> None:
        self._engine = engine
        self._availability = availability
        self._bookings = bookings
        self._terms = terms
        self._limits = limits

    async def find(self, token: str) -> Appointment:
        """The booking that a link leads to. Raises LinkRefused ('link_invalid', 'link_expired'), NotFound."""
        at = await self.find_by_uid(read_manage_token(token, self._terms.signing_keys))
        if at.end <= self._engine.clock.now():
            raise LinkRefused(OVER, 'link_expired')
        return at

    async def find_by_uid(self, uid: str) -> Appointment:
        """A booking, for whoever looks after bookings; one that is over, too. Raises NotFound."""
        async with self._engine.database.transaction() as connection:
            known = await self._engine.known(connection)
            row = await meetings.find_meeting(connection, uid)
            notice = await letters.find_notice(connection, uid)
        if row is None or notice is None:
            raise NotFound('There is no such booking any more.')
        admin = known.directory.admins.get(row['admin_id'])
        name = full_name(admin.fields) if admin else ''
        return Appointment(
            row['id'], row['uid'], row['kind'], 'planned' if notice.planned else 'canceled', notice.start_at,
            notice.end_at, row['admin_id'] or 0, name, notice.sequence, notice.canceled_by, notice,
            row['contact_id'] or 0, row['email'],
        )  # fmt: skip

    async def look(self, at: Appointment) -> Invitation:
        """How far the calendar has been told of a booking as it is now; nobody waits for it (CB-7)."""
        return await self._bookings.carried(at.meeting, self._engine.clock.monotonic())

    async def times(self, at: Appointment, window: Interval, *, limited: bool = True) -> list[Interval]:
        """The times to which a booking can be moved, its own among them: what `move` would accept. `limited`: as its
        visitor, who may not ask for ever. Raises NotFound, Unreadable.
        """
        person = await self._availability.find(at.admin_id)
        moved = await self._moved(at, person)
        permit = self._permit(at) if limited else None
        slots = await self._availability.slots(person.id, window, moved=moved, permit=permit)
        async with self._engine.database.transaction() as connection:
            near = await self._near(connection, at, (window.start, window.end))
        return [slot for slot in slots if not self._is_near(slot.start, near)]

    async def move(self, token: str, start: datetime) -> tuple[Appointment, Invitation]:
        """Another time with the same person. Raises as `find`, and SlotTaken, OverLimit, Unreadable, Refused."""
        now, until = self._availability.now(), self._engine.clock.monotonic() + self._terms.patience_s
        at = await self.find(token)
        if not at.planned:
            raise Refused('This call was cancelled. Please book a new one.', 'canceled')
        if start == at.start:
            return at, await self._bookings.carried(at.meeting, until)
        own = is_of_a_letter(token)
        limits = self._limits
        person = await self._availability.find(at.admin_id)
        asked = Asked(start, self._terms.rules(), moved=await self._moved(at, person))
        async with self._engine.database.transaction() as connection:
            await self._availability.rule_out(connection, person, asked)
            await self._refuse_near(connection, at, start, own)
            if limits is not None:
                with as_taken():
                    await limits.check_move(connection, self._client(at), at.email, own=own)
        seen = await self._availability.read(person, start, after=now, permit=self._permit(at, books=True))

        async def check(connection: Connection, known: Knowledge) -> None:
            await graphs.lock_births(connection)
            await self._availability.check(connection, person, seen, asked)
            await self._refuse_near(connection, at, start, own)
            if limits is not None:
                with as_taken():
                    await limits.move(connection, self._client(at), at.email, own=own)

        await self._act(_moving(at, person, start, 'visitor'), at, check)
        return await self._told(token, at, until)

    async def prepare_move(self, at: Appointment, start: datetime) -> tuple[MoveMeeting, Check]:
        """The act by which somebody of ours moves a booking, and what may speak against it in its transaction: the
        rules are those of its visitor, the limits are not. Raises SlotTaken, Unreadable, Refused.
        """
        if not at.planned:
            raise Refused('This call was cancelled.', 'canceled')
        if start == at.start:
            raise Refused('The call is at this time already.')
        now, person = self._availability.now(), await self._availability.find(at.admin_id)
        asked = Asked(start, self._terms.rules(), moved=await self._moved(at, person))
        seen = await self._availability.read(person, start, after=now)

        async def check(connection: Connection, known: Knowledge) -> None:
            await graphs.lock_births(connection)
            await self._availability.check(connection, person, seen, asked)
            await self._refuse_near(connection, at, start, own=True)

        return _moving(at, person, start, 'admin'), check

    async def cancel(self, token: str) -> tuple[Appointment, Invitation]:
        """Off, for good; once more changes nothing. Raises as `find`."""
        at, until = await self.find(token), self._engine.clock.monotonic() + self._terms.patience_s
        if at.planned:
            await self._act(CancelMeeting(at.meeting, 'visitor'), at)
        return await self._told(token, at, until)

    async def _told(self, token: str, at: Appointment, until: float) -> tuple[Appointment, Invitation]:
        """The booking after the calendar was waited for: what that refused is canceled by then."""
        invitation = await self._bookings.carried(at.meeting, until)
        return await self.find(token), invitation

    async def _act(self, act: MoveMeeting | CancelMeeting, at: Appointment, check: Check | None = None) -> None:
        async def keep(connection: Connection) -> bool:
            return self._limits is None or await self._limits.keeps_refusal(connection, self._client(at))

        await carry_out(self._engine, act, check=check, keep=keep)

    def _permit(self, at: Appointment, *, books: bool = False) -> Permit | None:
        return partial(self._limits.looking, self._client(at), books=books) if self._limits else None

    def _client(self, at: Appointment) -> bytes:
        """Whoever has a booking's link is known by the booking."""
        return self._terms.hash_of('booking', at.uid)

    async def _moved(self, at: Appointment, person: Person) -> Moved:
        async with self._engine.database.transaction() as connection:
            shown, since = await meetings.find_shown(connection, at.meeting, CALENDAR, person.email)
        return Moved(at.meeting, tuple(shown), since)

    async def _refuse_near(self, connection: Connection, at: Appointment, start: datetime, own: bool) -> None:
        """CB-3. Whose address it is learns why; to others it is a time like any that is taken."""
        if self._is_near(start, await self._near(connection, at, (start, start))):
            raise Refused(TOO_CLOSE, 'too_close') if own else SlotTaken

    async def _near(self, connection: Connection, at: Appointment, window: tuple[datetime, datetime]) -> list[datetime]:
        """CB-3: the starts of the visitor's other meetings around a window."""
        return await meetings.find_near(
            connection, at.email, window, self._terms.apart_s, contact_id=at.contact_id, but=at.meeting
        )

    def _is_near(self, start: datetime, others: Sequence[datetime]) -> bool:
        return any(abs(start - other) < timedelta(seconds=self._terms.apart_s) for other in others)


def _moving(at: Appointment, person: Person, start: datetime, by: By) -> MoveMeeting:
    end = start + timedelta(seconds=person.hours.duration_s)
    return MoveMeeting(at.meeting, text_of(start), text_of(end), by, person.hours.buffer_s)
