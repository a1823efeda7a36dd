"""What a push costs, in statements and CPU: a create with its echo, an echo, a delivery that says nothing new; the same
with 100, 20 000 and 200 000 pushes waiting; drift and plan for each object; an operator's commands; whole bookings.

One company, delivery or call at a time, as it costs most. Statements are counted by PostgreSQL, begin and commit among
them. The growth stands beside what may not grow.
"""

import asyncio
import os
import resource
import subprocess
import sys
import time
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta
from typing import Any, Final

import httpx2
import psycopg

from bench import crowd
from bench.meter import Cost, Meter
from bench.month import Month, connected
from bench.place import own_database
from bench.table import Row
from bench.world import Stage, free_port, running
from hermes.cli.world import sandbox_environment
from hermes.kit.clock import SystemClock
from hermes.kit.collecting import collecting_seldom
from hermes.sandbox.scenarios import demo
from hermes.settings import Settings
from hermes.sync import drift, planned
from hermes.sync.ingest import ingest_step
from hermes.sync.inline_worker import LISTING, run_until
from hermes.sync.push import look, push_claimed
from hermes.sync.sweep import open_sweep

WARM, MANY = 10, 30
SIZES: Final = (100, 20_000, 200_000)
CALLS: Final = 30
COMPANIES: Final = 20_000
OBJECTS: Final = 500
PATIENCE_S: Final = 60.0
CONNECTIONS: Final = 16
QUIET: Final = """
    select not exists (select 1 from push where wanted > done and state = 'ready')
      and not exists (select 1 from event where state in ('new', 'waiting'))
"""
COMMANDS: Final = (
    'status', 'status --budget', 'events list', 'push list', 'find crowd', 'trace {event}',
    'blame company:{company} name', 'decisions list',
)  # fmt: skip


class Present(SystemClock):
    """The system's clock; who would move it waits a little."""

    def move_to(self, moment: datetime) -> None:
        time.sleep(min(max((moment - self.now()).total_seconds(), 0.01), 0.2))


@asynccontextmanager
async def beside(url: str) -> AsyncIterator[tuple[Month, Meter]]:
    """A connected Hermes with a meter, and no limit of the CRM."""
    meter = Meter(url)
    try:
        async with connected(url, Present(), 1, meter.outside) as month:
            month.world.pipedrive.ledger.plan = 'ultimate'
            await month.engine.database.execute(
                'update budget set burst_limit = 100000, daily_limit = 1000000000, search_limit = 100000'
            )
            yield month, meter
    finally:
        meter.close()


def run(duration_s: float = 5.0) -> list[Row]:
    """Everything, each on a database of its own."""
    with own_database(counting=True) as (server, _):
        rows = asyncio.run(_flow(server.url))
    with own_database(counting=True) as (server, _):
        rows += asyncio.run(_look(server.url))
    with own_database(counting=True) as (server, _):
        rows += asyncio.run(_crowd(server.url))
        rows += _commands(server.url)
    return [*rows, *_bookings()]


async def _flow(url: str) -> list[Row]:
    async with beside(url) as (month, meter):
        for _ in range(WARM):
            month.sign_up()
            await month.settle()
        made, echo, same = Cost(), Cost(), Cost()
        creates = echoes = deliveries = 0
        for _ in range(MANY):
            month.sign_up()
            await _arrive(month, meter)
            with meter.measured() as cost:
                creates += await _push(month)
            made += cost
            cost, count = await _arrive(month, meter)
            echo, echoes = echo + cost, echoes + count
            await _push(month)
            await _arrive(month, meter)
        for number in month.companies[-MANY:]:
            month.world.tutorcruncher.send_snapshot(number)
            cost, count = await _arrive(month, meter)
            same, deliveries = same + cost, deliveries + count
    made, echo, same = made.each(creates), echo.each(echoes), same.each(deliveries)
    return [
        Row('C1', f'a create with its echo, {creates} of them', str(made + echo), '<= 30 statements, <= 5 ms'),
        Row('C1', f'of that the echo, {echoes} of them', str(echo), '<= 12 statements'),
        Row('C1', f'a delivery that says nothing new, {deliveries} of them', str(same), '<= 12 statements'),
    ]  # fmt: skip


async def _arrive(month: Month, meter: Meter) -> tuple[Cost, int]:
    """What waits outside is delivered and applied, one by one; what that cost, and how many there were."""
    count = 0
    with meter.measured() as cost:
        while due := month.world.outbox.take_due(1) or await _a_moment(month):
            with meter.at_the_door():
                await month.post(due[0])
            await ingest_step(month.engine)
            count += 1
    return cost, count


async def _a_moment(month: Month) -> list[Any]:
    """The next delivery, if it comes within a second."""
    due_at = month.world.outbox.next_due_at()
    if due_at is None or (due_at - month.clock.now()).total_seconds() > 1:
        return []
    await asyncio.sleep(max(0.0, (due_at - month.clock.now()).total_seconds()) + 0.002)
    return month.world.outbox.take_due(1)


async def _push(month: Month) -> int:
    """What is due goes out; how many objects were made."""
    before = await _made(month)
    while claimed := (await look(month.engine, 0))[0]:
        await push_claimed(month.engine, claimed)
    return await _made(month) - before


async def _made(month: Month) -> int:
    tables = month.world.pipedrive.tables
    return sum(len(tables[kind]) for kind in ('organization', 'person', 'deal'))


async def _crowd(url: str) -> list[Row]:
    """A claim and its call with more and more waiting, on statistics of the smallest number."""
    rows, first = [], 0.0
    async with beside(url) as (month, meter):
        crowd.fill(url, COMPANIES)
        for size in SIZES:
            crowd.wait(url, CALLS + WARM, size)
            if not first:
                crowd.execute(url, 'analyze')
            for _ in range(WARM):
                await push_claimed(month.engine, (await look(month.engine, 0))[0])
            with meter.measured() as cost:
                for _ in range(CALLS):
                    await push_claimed(month.engine, (await look(month.engine, 0))[0])
            each = cost.each(CALLS)
            first = first or each.cpu_ms
            growth = f'{each.cpu_ms / first:.2f} times the first'
            rows.append(Row('C2', f'a claim and its call with {size} waiting, old statistics', str(each),
                            'the same at every size', growth))  # fmt: skip
    return rows


async def _look(url: str) -> list[Row]:
    """Drift where everything differs, and the plan of all of it."""
    async with beside(url) as (month, meter):
        crm = month.world.pipedrive
        actor = crm.actor(demo.PRIYA_PD)
        for number in range(OBJECTS):
            company = crm.create('organization', {'name': f'Tutors {number:06d}'}, actor)['id']
            person = crm.create('person', {'name': f'Ada {number}', 'org_id': company}, actor)['id']
            crm.create('deal', {'title': f'Deal {number}', 'org_id': company, 'person_id': person}, actor)
        month.world.outbox.waiting.clear()
        await asyncio.sleep(1.1)
        for kind in ('organization', 'person', 'deal'):
            await _list(month, kind)
        system = month.engine.systems['pipedrive']
        with collecting_seldom(), meter.measured() as cost:
            found = await drift.look(month.engine, system)
        objects = sum(found.listed.values())
        with collecting_seldom(), meter.measured() as planning:
            async with month.engine.database.transaction() as connection:
                told = await planned.foresee(month.engine, connection)
    return [
        Row('C3', f'drift, {objects} objects, for each', f'{cost.each(objects).cpu_ms:.2f} ms of CPU', '< 1 ms',
            f'{cost.statements:.0f} statements in all'),
        Row('C3', f'plan, {objects} objects, {len(told)} calls, for each object',
            f'{planning.each(objects).cpu_ms:.2f} ms of CPU', '< 1 ms', f'{planning.statements:.0f} statements in all'),
    ]  # fmt: skip


async def _list(month: Month, kind: str) -> None:
    async with month.engine.database.transaction() as connection:
        number = await open_sweep(connection, 'pipedrive', kind, 'full')

    async def is_done() -> bool:
        rows = await month.engine.database.fetch('select state from sweep where id = %s', (number,))
        return bool(rows[0]['state'] != 'running')

    if not await run_until(month.engine, LISTING, is_done, PATIENCE_S):
        raise TimeoutError('the listing does not end')


def _bookings() -> list[Row]:
    """Sales bookings by new customers, over HTTP, until all that follows from them has gone out."""
    with running(counting=True) as stage:
        stage.query("update admin set timezone = 'UTC' where is_sales_person returning 1")
        meter = Meter(stage.url)
        try:
            slots = _slots(stage)
            _booked(stage, meter, slots[:WARM], 1)
            alone = _booked(stage, meter, slots[WARM : WARM + MANY], 1)
            together = _booked(stage, meter, slots[WARM + MANY : WARM + 3 * MANY], CONNECTIONS)
        finally:
            meter.close()
    return [
        Row('C5', f'a sales booking by a new customer, {told}', f'{cost}; {rate:.1f} a second', aim)
        for told, (cost, rate), aim in (
            (f'{MANY} of them, one at a time', alone, '<= 80 ms of CPU'),
            (f'{2 * MANY} of them, {CONNECTIONS} at a time', together, '<= 80 ms of CPU, >= 30 a second'),
        )
    ]


def _slots(stage: Stage) -> list[tuple[int, str]]:
    """Free times, those of all sales people by turns: (admin, start)."""
    (ids,) = stage.query('select array_agg(id order by id) from admin where is_sales_person and bookable')
    now = datetime.now(UTC)
    found = []
    for number in ids:
        window = {'start_dt': now + timedelta(days=1), 'end_dt': now + timedelta(days=40)}
        asked = {'admin_id': number, **{name: at.isoformat() for name, at in window.items()}}
        answer = httpx2.get(
            f'http://127.0.0.1:{stage.web_port}/callbooker/availability/', params=asked, trust_env=False
        )
        found.append([(number, start) for start, _ in answer.raise_for_status().json()['slots']])
    return [slot for turn in zip(*found, strict=False) for slot in turn]


def _booked(stage: Stage, meter: Meter, slots: list[tuple[int, str]], connections: int) -> tuple[Cost, float]:
    """What each booking cost, and how many were answered a second."""

    def book(slot: tuple[int, str]) -> None:
        admin, start = slot
        name = f'{admin} {start}'
        mail = f'ada@{"".join(filter(str.isalnum, name)).lower()}.example'
        form = {
            'admin_id': admin, 'name': 'Ada Bench', 'email': mail, 'meeting_dt': start, 'country': 'GB',
            'company_name': f'Bench {name}', 'estimated_income': '50-150k', 'currency': 'GBP', 'price_plan': 'payg',
        }  # fmt: skip
        httpx2.post(
            f'http://127.0.0.1:{stage.web_port}/callbooker/sales/book/', json=form, trust_env=False, timeout=60
        ).raise_for_status()

    before = {name: stage.cpu_s(name) for name in ('web', 'worker')}
    with meter.measured() as cost:
        begun = time.monotonic()
        with ThreadPoolExecutor(connections) as pool:
            list(pool.map(book, slots))
        rate = len(slots) / (time.monotonic() - begun)
        stage.await_true(QUIET, 120)
    cost.web_s, cost.worker_s = (stage.cpu_s(name) - before[name] for name in ('web', 'worker'))
    return cost.each(len(slots)), rate


def _commands(url: str) -> list[Row]:
    """An operator's commands, each in a process of its own, at 20 000 companies."""
    with psycopg.connect(url) as connection:
        found = connection.execute('select (select max(id) from event) - 9, (select max(id) from company)').fetchone()
    event, company = found or (0, 0)
    return [_command(url, command.format(event=event, company=company)) for command in COMMANDS]


def _command(url: str, command: str) -> Row:
    told = Settings(_env_file=None)  # type: ignore[call-arg]
    environment = {**os.environ, **sandbox_environment(told, free_port(), free_port()), 'DATABASE_URL': url}
    before, begun = _spent_s(), time.perf_counter()
    ended = subprocess.run(
        [sys.executable, '-m', 'hermes', *command.split()], env=environment, capture_output=True, check=False
    )
    took_s, spent_s = time.perf_counter() - begun, _spent_s() - before
    failed = '' if ended.stdout else f', failed: {ended.stderr.decode()[:80]}'
    figure = f'{took_s:.1f} s, {spent_s:.2f} s of CPU of its own{failed}'
    return Row('C4', f'hermes {command}', figure, '< 2 s')


def _spent_s() -> float:
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime
