"""P6: what a booking costs without the calendar's call, and P5 over HTTP: Hermes's own booking office over Postgres
that syncs, with a calendar that answers at once.

The limits beside it: a bare insert of one row, and the naive way, which looks whether the time is free and then
inserts, without a constraint. It is quicker, and it books people twice: how often is counted.
"""

import asyncio
import statistics
import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2

from bench.table import Row
from bench.world import Stage, running
from hermes.booking.book import Visit
from hermes.booking.forms import SalesForm
from hermes.booking.service import BookingService
from hermes.booking.terms import Terms
from hermes.db.pool import Database
from hermes.domain.errors import SlotTaken
from hermes.domain.slots import Interval
from hermes.parts import assembly as parts
from hermes.settings import Settings, load

CLIENTS: Final = 4
RUSH: Final = 20
RIVALS: Final = 4
"""So many visitors want each time in a rush."""
NAIVE: Final = """
    create table naive (id bigint generated always as identity primary key, admin_id bigint not null,
      start_at timestamptz not null, end_at timestamptz not null, email text not null);
    create index on naive (admin_id, start_at)
"""
LOOK: Final = 'select 1 from naive where admin_id = %s and start_at < %s and end_at > %s'
INSERT: Final = 'insert into naive (admin_id, start_at, end_at, email) values (%s, %s, %s, %s)'
TWICE: Final = """
    select count(*) as n from naive a where exists (select 1 from naive b where b.id < a.id and b.admin_id = a.admin_id
      and a.start_at < b.end_at and b.start_at < a.end_at)
"""
LENGTH: Final = timedelta(minutes=45)
Book = Callable[[datetime, int], Awaitable[bool]]


class FreeCalendar:
    """Nobody is busy."""

    async def busy(self, calendar: str, start: datetime, end: datetime) -> list[tuple[datetime, datetime]]:
        return []


def run(duration_s: float = 5.0) -> list[Row]:
    """Bookings in this process, availability over HTTP."""
    with running() as stage:
        stage.stop('worker')
        served = _availability(stage, duration_s)
        return [*asyncio.run(_bookings(stage)), served]


async def _bookings(stage: Stage) -> list[Row]:
    known = {name.lower(): value for name, value in stage.environment.items() if name.lower() in Settings.model_fields}
    engine = parts.build_engine(load({'_env_file': None, **known}))
    calendar: Any = FreeCalendar()
    terms = Terms('Hermes', 'http://127.0.0.1', 'http://127.0.0.1', ('key',), 'key', patience_s=0.0)
    office = BookingService(engine, calendar, terms)
    await engine.database.open()
    try:
        await engine.database.execute('update admin set timezone = %s', ('UTC',))
        admins = await engine.database.fetch('select id from admin where is_sales_person and bookable order by id')
        ids = [row['id'] for row in admins]
        alone, ours, slots, taken = await _ours(office, ids)
        naive, twice, bare = await _naive(engine.database, ids[0], slots)
    finally:
        await engine.database.close()
    limit = f'select then insert {told(naive)}; bare insert {told(bare)}'
    wanted = f'{RUSH} times, {RIVALS} visitors each at once'
    return [
        Row('P6', f'a sales booking by a new company, {len(alone)} of them, one at a time', told(alone),
            'p99 < 40 ms without the calendar', limit),
        Row('P6', f'a sales booking by a new company, {len(ours)} of them, {CLIENTS} at a time', told(ours),
            '', ''),
        Row('P6', f'booked twice: {wanted}', f'{taken} of {RUSH}', '0', f'select then insert: {twice} of {RUSH}'),
    ]  # fmt: skip


async def _ours(office: BookingService, ids: list[int]) -> tuple[list[float], list[float], list[datetime], int]:
    """Milliseconds of each booking, alone and some at a time; the starts; how many times of a rush were given more than
    once.
    """
    now = datetime.now(UTC)
    window = Interval(now + timedelta(days=1), now + timedelta(days=50))
    slots = {number: [slot.start for slot in await office.availability.slots(number, window)] for number in ids}

    def booker(number: int, name: str) -> Book:
        async def book(start: datetime, visitor: int) -> bool:
            form = SalesForm.model_validate({
                'admin_id': number, 'name': 'Ada Bench', 'email': f'{name}{visitor}@b{visitor}.example',
                'meeting_dt': start, 'company_name': f'Bench {name} {visitor}', 'country': 'GB',
                'estimated_income': '50-150k', 'currency': 'GBP', 'price_plan': 'payg',
            })  # fmt: skip
            try:
                await office.bookings.book('sales', form, Visit(b'client'))
            except SlotTaken:
                return False
            return True

        return book

    first, second = ids[0], ids[-1]
    await _measure(booker(second, 'warm'), slots[second][RUSH : RUSH + 40], 0)
    half = len(slots[first]) // 2
    alone = await _measure(booker(first, 'one'), slots[first][:half], 1000, 1)
    took = await _measure(booker(first, 'two'), slots[first][half:], 2000)
    won = await _rush(booker(second, 'rush'), slots[second][:RUSH])
    return alone, took, slots[first], sum(count > 1 for count in won)


async def _naive(database: Database, admin: int, slots: list[datetime]) -> tuple[list[float], int, list[float]]:
    for statement in NAIVE.split(';'):
        await database.execute(statement)

    async def insert(start: datetime, visitor: int) -> bool:
        await database.execute(INSERT, (admin, start, start + LENGTH, f'v{visitor}'))
        return True

    async def look_and_insert(start: datetime, visitor: int) -> bool:
        async with database.transaction() as connection:
            found = await connection.execute(LOOK, (admin, start + LENGTH, start))
            if await found.fetchone():
                return False
            await connection.execute(INSERT, (admin, start, start + LENGTH, f'v{visitor}'))
        return True

    naive = await _measure(look_and_insert, slots, 0)
    bare = await _measure(insert, slots, 0)
    await database.execute('truncate naive')
    await _rush(look_and_insert, slots[:RUSH])
    twice = await database.fetch(TWICE.replace('count(*)', 'count(distinct start_at)'))
    return naive, int(twice[0]['n']), bare


async def _measure(book: Book, slots: list[datetime], first: int, clients: int = CLIENTS) -> list[float]:
    """Milliseconds of each booking, so many at a time, each of another time."""
    took: list[float] = []
    places = iter(enumerate(slots, first))

    async def work() -> None:
        for visitor, start in places:
            began = time.perf_counter()
            await book(start, visitor)
            took.append((time.perf_counter() - began) * 1000)

    await asyncio.gather(*(work() for _ in range(clients)))
    return took


async def _rush(book: Book, slots: list[datetime]) -> list[int]:
    """How many of those who wanted it got each time."""
    won = []
    for place, start in enumerate(slots):
        got = await asyncio.gather(*(book(start, 100_000 + place * RIVALS + rival) for rival in range(RIVALS)))
        won.append(sum(got))
    return won


def _availability(stage: Stage, duration_s: float) -> Row:
    """P5 through the web server: 30 days of one admin, its calendar read within the last minute."""
    number = stage.query('select id from admin where is_sales_person order by id limit 1')[0]
    now = datetime.now(UTC)
    query = {'admin_id': number, 'start_dt': now.isoformat(), 'end_dt': (now + timedelta(days=30)).isoformat()}
    took: list[float] = []
    with httpx2.Client(base_url=f'http://127.0.0.1:{stage.web_port}', trust_env=False, timeout=20) as client:

        def ask(path: str, **params: Any) -> float:
            began = time.perf_counter()
            client.get(path, params=params).raise_for_status()
            return (time.perf_counter() - began) * 1000

        ask('/callbooker/availability/', **query)
        until = time.monotonic() + duration_s
        while time.monotonic() < until:
            took.append(ask('/callbooker/availability/', **query))
        bare = [ask('/health') for _ in range(200)]
    return Row('P5', 'availability over HTTP, one connection, 30 days', told(took), 'p99 < 30 ms without the calendar',
        f'a request that does nothing (/health) {told(bare)}')  # fmt: skip


def told(took: list[float]) -> str:
    return f'p50 {statistics.median(took):.1f} ms, p99 {statistics.quantiles(took, n=100)[98]:.1f} ms'
