"""A visitor books a call (CB-1..CB-7, I17): what needs no calendar is looked at first, then the calendar is read, then
everything is decided and stored in one transaction, then the invitation is waited for a moment.

Nothing is made outside before the meeting is safe here (A-8), and what is refused leaves nothing behind (CB-6). The
same request again, under the same key of the same client, is the same booking (S20).
"""

import hashlib
import json
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from functools import partial
from typing import Final, Literal

from hermes.booking.availability import Asked, Availability, Kind, Person
from hermes.booking.busy import Seen
from hermes.booking.forms import SalesForm, SupportForm
from hermes.booking.hold import hash_of
from hermes.booking.limits import Limits, as_taken
from hermes.booking.links import LinkRefused, SupportLink, check_support_link, is_of_a_letter, read_manage_token
from hermes.booking.news import CalendarNews
from hermes.booking.terms import Terms
from hermes.db import acts, bookings, graphs, holds, meetings, rota
from hermes.db.catalogue import Knowledge
from hermes.db.pool import Connection
from hermes.domain.acts import BookMeeting
from hermes.domain.errors import Refused, SlotTaken
from hermes.domain.meeting import text_of
from hermes.domain.staff import full_name
from hermes.kit.ids import new_token
from hermes.kit.spelling import fold_email
from hermes.parts.roles import CALENDAR
from hermes.sync.acts.commands import Done, carry_out
from hermes.sync.engine import Engine

Invitation = Literal['sent', 'follows', 'refused']
SOURCE: Final = 'website'
TOO_CLOSE: Final = 'There is a call with this e-mail address within two hours of this time already.'


@dataclass(frozen=True, slots=True)
class Booked:
    """What a visitor is told: [start, end) aware UTC."""

    meeting: int
    uid: str
    person: str
    start: datetime
    end: datetime
    invitation: Invitation = 'follows'


@dataclass(frozen=True, slots=True)
class Visit:
    """Who asks: the client (a keyed hash), the key under which a repeated request is the same one, and a proof of work
    for who is over a limit.
    """

    client: bytes
    key: str = ''
    proof: str = ''


class Bookings:
    """Books calls. `news` says when to look at the calendar's push again."""

    def __init__(
        self, engine: Engine, availability: Availability, terms: Terms, limits: Limits | None, news: CalendarNews
    ) -> None:
        self._engine = engine
        self._availability = availability
        self._terms = terms
        self._limits = limits
        self._news = news

    async def book(self, kind: Kind, form: SalesForm | SupportForm, visit: Visit) -> Booked:
        """Book a call. Raises NotFound, SlotTaken, LinkRefused, OverLimit, Unreadable, Refused; nothing is left of
        what is refused.
        """
        until = self._until()
        # The same call in another language is the same request.
        said = {**form.model_dump(mode='json', exclude={'lang'}), **({'unread': form.unread} if form.unread else {})}
        request = hashlib.sha256(json.dumps([kind, said], sort_keys=True).encode()).hexdigest()
        key = hashlib.sha256(b'idempotency:' + visit.client + visit.key.encode()).digest() if visit.key else None
        told = await self._recall(key, request)
        if told is None:
            told = await self._carry_out(kind, form, visit, key, request)
        return await self.await_invitation(told, until)

    async def _recall(self, key: bytes | None, request: str) -> Booked | None:
        """What the first request of this key did. Raises its refusal again, and Refused where it asked for something
        else (S20).
        """
        if key is None:
            return None
        async with self._engine.database.transaction() as connection:
            body = await meetings.find_body(connection, SOURCE, key)
        if body is None:
            return None
        act = acts.decode(body)
        if not isinstance(act, BookMeeting) or act.request != request:
            raise Refused('This Idempotency-Key was used for another request.', 'idempotency')
        done = await carry_out(self._engine, act, source=SOURCE, dedupe_key=key)
        return await self._told(done, act)

    async def _carry_out(
        self, kind: Kind, form: SalesForm | SupportForm, visit: Visit, key: bytes | None, request: str
    ) -> Booked:
        now = self._availability.now()
        person = await self._availability.find(form.admin_id, kind)
        signed, express = self._check_link(form) if isinstance(form, SupportForm) else (False, False)
        if form.meeting_dt <= self._engine.clock.now():
            raise Refused('meeting_dt: must be in the future.', 'invalid')
        own_hold = hash_of(form.hold) if form.hold else b''
        asked = Asked(form.meeting_dt, self._terms.rules(express=express), own_hold)
        own = await self._is_own(form)
        proven = await self._rule_out(form, visit, person, asked, own)
        limits = self._limits
        permit = partial(limits.looking, visit.client, books=True, proven=proven) if limits else None
        seen = await self._availability.read(person, form.meeting_dt, after=now, permit=permit)

        async def check(connection: Connection, known: Knowledge) -> None:
            await self._check(connection, known, kind, form, person, seen, asked)
            await self._refuse_near(connection, form, own)
            if limits is not None:
                with as_taken():
                    await limits.booking(connection, visit.client, form.email, visit.proof, proven=proven, own=own)
            if form.hold:
                await holds.drop(connection, own_hold)

        async def keep(connection: Connection) -> bool:
            return self._limits is None or await self._limits.keeps_refusal(connection, visit.client)

        act = self._act(kind, form, person, signed, request)
        done = await carry_out(self._engine, act, source=SOURCE, dedupe_key=key, check=check, keep=keep)
        await self._confirm_turn(kind, done, act, visit)
        if done.repeated and key is not None:
            again = await self._recall(key, request)
            assert again is not None
            return again
        return await self._told(done, act)

    async def _rule_out(
        self, form: SalesForm | SupportForm, visit: Visit, person: Person, asked: Asked, own: bool
    ) -> bool:
        """Whoever can be refused without a look at a calendar costs none and leaves no row. Whether a proof of work was
        spent. Raises OverLimit, SlotTaken, Refused.
        """
        limits = self._limits
        async with self._engine.database.transaction() as connection:
            await self._availability.rule_out(connection, person, asked)
            await self._refuse_near(connection, form, own)
            if limits is None:
                return False
            with as_taken():
                proven = await limits.check_booking(connection, visit.client, form.email, visit.proof, own=own)
            if not proven and limits.is_crowded(person.email):
                proven = await limits.redeem(connection, visit.client, visit.proof)
            return proven

    async def _is_own(self, form: SalesForm | SupportForm) -> bool:
        """Whether the visitor has shown to read the mails of the address that they gave: by the link of a letter about
        a booking of that address.
        """
        if not form.letter or not is_of_a_letter(form.letter):
            return False
        try:
            uid = read_manage_token(form.letter, self._terms.signing_keys)
        except LinkRefused:
            return False
        async with self._engine.database.transaction() as connection:
            row = await meetings.find_meeting(connection, uid)
        return row is not None and fold_email(row['email']) == fold_email(form.email)

    async def _refuse_near(self, connection: Connection, form: SalesForm | SupportForm, own: bool) -> None:
        """CB-3. Whose address it is learns why; to others it is a time like any that is taken."""
        if await meetings.has_meeting_near(connection, form.email, form.meeting_dt, self._terms.apart_s):
            raise Refused(TOO_CLOSE, 'too_close') if own else SlotTaken

    async def _confirm_turn(self, kind: Kind, done: Done, act: BookMeeting, visit: Visit) -> None:
        """API-3: the draw that led here is no longer given back. Were this lost, the draw would be, and the booking
        would count by itself.
        """
        async with self._engine.database.transaction() as connection:
            await rota.confirm(connection, visit.client, int(done.outcome['company']), act.admin, kind)

    def _check_link(self, form: SupportForm) -> tuple[bool, bool]:
        """(signed, express) of a support form. Raises LinkRefused."""
        if not self._terms.needs_link and form.s is None:
            return False, False
        expires_at = datetime.fromtimestamp(0, UTC) + timedelta(seconds=min(form.e or 0, 10**11))
        link = SupportLink(form.admin_id, form.company_id, expires_at, bool(form.x))
        check_support_link(link, form.s or '', self._engine.clock.now(), self._terms.signing_keys)
        return True, link.express

    def _act(
        self, kind: Kind, form: SalesForm | SupportForm, person: Person, signed: bool, request: str
    ) -> BookMeeting:
        return BookMeeting(
            kind=kind,
            admin=person.id,
            start_at=text_of(form.meeting_dt),
            end_at=text_of(form.meeting_dt + timedelta(seconds=person.hours.duration_s)),
            buffer_s=person.hours.buffer_s,
            uid=new_token(18),
            zone=form.zone,
            form=form.told(),
            typed=form.typed(),
            flags=form.flags,
            company=form.company_id,
            signed=signed,
            bdr=form.bdr_person_id if isinstance(form, SalesForm) else None,
            request=request,
            lang=form.lang,
        )

    async def _check(
        self,
        connection: Connection,
        known: Knowledge,
        kind: Kind,
        form: SalesForm | SupportForm,
        person: Person,
        seen: Seen,
        asked: Asked,
    ) -> None:
        """What a booking depends on and a replay does not ask again; under the lock of births, so that nothing of it
        changes before the booking is stored.
        """
        if not form.hold:
            end = text_of(form.meeting_dt + timedelta(seconds=person.hours.duration_s))
            at = text_of(form.meeting_dt)
            if await bookings.is_taken(connection, person.id, at, end, person.hours.buffer_s):
                raise SlotTaken
        await graphs.lock_births(connection)
        self._availability.person(known, person.id, kind)
        await self._availability.check(connection, person, seen, asked)

    async def _told(self, done: Done, act: BookMeeting) -> Booked:
        """What was booked, as the act says it."""
        async with self._engine.database.transaction() as connection:
            known = await self._engine.known(connection)
        admin = known.directory.admins.get(act.admin)
        name = full_name(admin.fields) if admin else ''
        start, end = (datetime.fromisoformat(text) for text in (act.start_at, act.end_at))
        return Booked(int(done.outcome['meeting']), act.uid, name, start, end)

    def _until(self) -> float:
        return self._engine.clock.monotonic() + self._terms.patience_s

    async def await_invitation(self, told: Booked, until: float) -> Booked:
        """Wait, until a moment of the monotonic clock, for the worker to carry a meeting into the calendar (CB-7)."""
        return replace(told, invitation=await self.carried(told.meeting, until))

    async def carried(self, meeting: int, until: float) -> Invitation:
        """'sent': the calendar holds a meeting as it is now; 'follows': it will; 'refused': never."""
        with self._news.of(meeting) as wait:
            while True:
                async with self._engine.database.transaction() as connection:
                    row = await meetings.find_push(connection, meeting, CALENDAR)
                if row is None or row['canceled_by'] == 'refused':
                    return 'refused'
                if row['shown']:
                    return 'sent'
                left_s = until - self._engine.clock.monotonic()
                if row['state'] != 'ready' or left_s <= 0:
                    return 'follows'
                await wait(left_s)
