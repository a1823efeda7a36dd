"""A Hermes that can be killed at any commit and at any call, and somebody who books a call and does not give up.

The points are found by wrapping the commit and the transport, never listed by hand. Whoever dies leaves what is
committed and what has left; a new engine under another name goes on after the leases.
"""

import random
import re
import sys
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import FrameType
from typing import Any, TypeVar

import httpx2

from hermes.booking.book import Booked, Visit
from hermes.booking.forms import SalesForm
from hermes.booking.hold import Held
from hermes.booking.letters import LetterWriter
from hermes.booking.links import make_manage_token
from hermes.booking.service import BookingService
from hermes.booking.terms import Terms
from hermes.domain.slots import Interval
from hermes.parts import assembly as parts
from hermes.ports import Letter
from hermes.sync.calendars import follow_step
from hermes.sync.letters import letter_step
from tests.flows.house import HERMES, PRIYA, House

KEYS = ('a-signing-key-of-the-tests-only',)
TERMS = Terms('Hermes', HERMES, f'{HERMES}/support-call', KEYS, 'a-hash-key', patience_s=0.0)
KINDS = re.compile(r'organizations|persons|deals|activities|events|freeBusy|token')
REFUSAL = {'error': {'code': 400, 'message': 'Invalid', 'errors': [{'domain': 'global', 'reason': 'invalid'}]}}
Outcome = TypeVar('Outcome')


class Killed(BaseException):
    """The process ended here. Nothing catches it but who starts the next one."""


@dataclass
class Mortal:
    """The only engine of a house, and where it dies: at the point named `die_at`."""

    house: House
    stage: str = ''
    die_at: str = ''
    armed: bool = False
    reached: Counter[str] = field(default_factory=Counter)
    order: list[str] = field(default_factory=list)
    died: list[str] = field(default_factory=list)
    posted: Counter[str] = field(default_factory=Counter)
    lives: int = 0
    wrote: bool = False
    writer: LetterWriter = field(default_factory=lambda: LetterWriter('Hermes', HERMES, KEYS))
    refusing: bool = False
    """The calendar takes no new event, for good."""

    def begin(self, die_at: str = '') -> None:
        """From here on points count. With `die_at` the engine dies there, once."""
        self.die_at, self.armed = die_at, True
        self.reached, self.order, self.posted = Counter(), [], Counter()

    def enter(self, stage: str) -> None:
        """What happens from here on is called so."""
        self.stage = stage

    async def commit(self, where: str) -> None:
        """The hook of the database. Where nothing was written, nobody could tell."""
        if self.armed and where == 'before commit':
            self.wrote = await has_written()
        if self.wrote:
            self.point(f'{where} {caller()}')

    def point(self, what: str) -> None:
        if not self.armed:
            return
        place = f'{self.stage}: {what}'
        self.reached[place] += 1
        name = f'{place} #{self.reached[place]}'
        self.order.append(name)
        if name == self.die_at:
            self.died.append(name)
            self.die_at = ''
            raise Killed(name)

    async def rise(self) -> None:
        """Another process takes over; the first one's connections are gone."""
        self.lives += 1
        await self.house.engine.database.close()
        engine = parts.build_engine(
            self.house.settings,
            clock=self.house.clock,
            chance=random.Random(self.lives),
            transport=self.house.transport,
            worker=f'life-{self.lives}',
        )
        await engine.database.open()
        engine.database.hook = self.commit
        self.house.engine = self.house.engines[0] = engine

    async def outlive(self, act: Callable[[], Awaitable[Outcome]]) -> Outcome:
        """Do something, and again after a death."""
        while True:
            try:
                return await act()
            except Killed:
                await self.rise()

    async def send(self, letter: Letter) -> None:
        """The mail server: it has a letter once it said so."""
        self.point(f'before mail {letter.subject[:12]}')
        self.posted[letter.message_id] += 1
        self.point(f'after mail {letter.subject[:12]}')

    async def check(self) -> None:
        """The mail server is there."""

    async def rest(self) -> None:
        """Until nothing is left to do: the engine's steps, the calendars, the letters."""
        await self.outlive(self._rest)

    async def _rest(self) -> None:
        while True:
            await self.house.settle()
            worked = await letter_step(self.house.engine, self, self.writer.write)
            worked |= bool(await follow_step(self.house.engine))
            rows = await self.house.rows('select min(leased_until) as until from letter where state = %s', 'due')
            if rows[0]['until'] is not None and rows[0]['until'] > self.house.clock.now():
                self.house.clock.move_to(rows[0]['until'] + timedelta(seconds=1))
                worked = True
            if not worked:
                return


class Way(httpx2.AsyncBaseTransport):
    """The way out of the engine: it can end before a request leaves, and after it was carried out."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, mortal: Mortal) -> None:
        self.inner, self.mortal = inner, mortal

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        kinds = KINDS.findall(request.url.path)
        name = f'{request.method} {kinds[-1] if kinds else request.url.path}'
        self.mortal.point(f'before {name}')
        if self.mortal.refusing and request.method == 'POST' and request.url.path.endswith('/events'):
            return httpx2.Response(400, json=REFUSAL, request=request)
        answer = await self.inner.handle_async_request(request)
        self.mortal.point(f'after {name}')
        return answer


def caller() -> str:
    """The function of Hermes that stands here."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if '/hermes/' in path and not path.endswith('/db/pool.py'):
            return f'{path.rpartition("/")[2].removesuffix(".py")}.{frame.f_code.co_name}:{frame.f_lineno}'
        frame = frame.f_back
    return 'the test'


async def has_written() -> bool:
    """Whether the transaction that is about to be committed has changed anything."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None and not frame.f_code.co_filename.endswith('/db/pool.py'):
        frame = frame.f_back
    assert frame is not None
    rows = await frame.f_locals['connection'].execute('select pg_current_xact_id_if_assigned() is not null as wrote')
    return bool((await rows.fetchone())['wrote'])


def wake(house: House) -> Mortal:
    """Make a house's engine mortal."""
    mortal = Mortal(house)
    house.transport.inner = Way(house.transport.inner, mortal)  # type: ignore[attr-defined]
    house.engine.database.hook = mortal.commit
    return mortal


@dataclass
class Visitor:
    """Somebody who wants a call with Priya, and asks again whenever nobody answered."""

    mortal: Mortal
    number: int
    email: str
    admin_id: int = 0
    admin_email: str = ''
    slots: list[Interval] = field(default_factory=list)
    booked: Booked | None = None

    @property
    def office(self) -> BookingService:
        """The desk of whoever lives now."""
        engine = self.mortal.house.engine
        calendar: Any = engine.systems['google']
        return BookingService(engine, calendar, TERMS)

    @property
    def token(self) -> str:
        assert self.booked
        return make_manage_token(self.booked.uid, KEYS)

    async def look(self) -> None:
        house = self.mortal.house
        [row] = await house.rows('select id, email from admin where tc2_admin_id = %s', PRIYA)
        self.admin_id, self.admin_email = row['id'], row['email']
        now = house.clock.now()
        window = Interval(now + timedelta(days=1), now + timedelta(days=6))
        self.slots = await self.office.availability.slots(self.admin_id, window)

    async def hold(self) -> Held:
        """A hold that nobody heard of runs out by itself; another try needs another time."""
        tried = iter(self.slots)

        async def act() -> Held:
            start = next(tried).start
            self.slots[0] = Interval(start, start + timedelta(minutes=30))
            return await self.office.holds.take(self.admin_id, start, b'client')

        return await self.mortal.outlive(act)

    async def book(self, hold: str = '') -> Booked:
        """The same request under the same key, until it is answered."""
        form = SalesForm.model_validate({
            'admin_id': self.admin_id, 'name': f'Ada Number{self.number}', 'email': self.email,
            'meeting_dt': self.slots[0].start.isoformat(), 'company_name': f'Ember Tutors {self.number}',
            'country': 'GB', 'estimated_income': '50-150k', 'currency': 'GBP', 'price_plan': 'payg',
            'zone': 'Europe/London', 'hold': hold or None,
        })  # fmt: skip
        visit = Visit(b'client', f'key-{self.number}')
        self.booked = await self.mortal.outlive(lambda: self.office.bookings.book('sales', form, visit))
        return self.booked

    async def move(self, start: datetime) -> None:
        await self.mortal.outlive(lambda: self.office.appointments.move(self.token, start))

    async def cancel(self) -> None:
        await self.mortal.outlive(lambda: self.office.appointments.cancel(self.token))
