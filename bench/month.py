"""P4: what a month of a business costs in Pipedrive's tokens, beside the least that it could cost.

In one process, on a clock of its own, with a real Postgres and the emulated outside world. The lower bound is taken
from the emulated CRM and not from Hermes: after every act all that Hermes changed there is compared with what stood
before, 5 tokens for each object made or changed, 3 for each deleted, and the listings of the schedules as they are.
What is written and changes nothing, what is read by id, and what is written twice, is waste.
"""

import asyncio
import copy
import random
import tempfile
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final

import httpx2

from bench.table import Row
from hermes.db.inbox import Inbox
from hermes.db.reads.health import Vitals
from hermes.db.schema import upgrade
from hermes.db.server import embedded
from hermes.kit.clock import ManualClock, SystemClock
from hermes.parts import assembly as parts
from hermes.parts.systems import sources
from hermes.sandbox.app import SandboxTransport
from hermes.sandbox.app import create_app as create_sandbox
from hermes.sandbox.outbox import Delivery
from hermes.sandbox.scenarios import demo
from hermes.sandbox.weather import Weather
from hermes.sandbox.world import Secrets, World
from hermes.settings import Settings, load
from hermes.sync import connect, setup, sweep
from hermes.sync.engine import Engine
from hermes.sync.ingest import ingest_step
from hermes.sync.push import push_step
from hermes.sync.resolve import reread_step
from hermes.sync.schedules import Schedules
from hermes.systems.pipedrive.profile import PROFILE
from hermes.web.application import create_app

START: Final = datetime(2026, 3, 2, 0, 0, tzinfo=UTC)
HERMES, SANDBOX = 'http://127.0.0.1:8000', 'http://127.0.0.1:8100'
COMPANIES, DAYS, SNAPSHOT_H = 500, 30, 3
SCALED: Final = (25, 8)
"""Companies and days of the scaled month; its hours and what befalls a company in a day are those of the whole one."""
ACTS_A_MONTH: Final = {
    'edit': 3.0, 'confirm': 1.0, 'card': 0.7, 'raise': 4.0, 'pay': 4.0, 'admins': 0.3, 'terminate': 0.1, 'narc': 0.05,
    'move': 3.0, 'write': 2.0, 'close': 0.4, 'burst': 1.0, 'person': 0.5,
}  # fmt: skip
KINDS: Final = ('organization', 'person', 'deal')
WRITE, DELETE = 5, 3
MEANINGLESS: Final = ('update_time', 'stage_change_time', 'next_activity_id')


@dataclass
class Month:
    """The stage, and what was counted on it."""

    clock: ManualClock
    world: World
    engine: Engine
    web: httpx2.AsyncClient
    chance: random.Random
    least: int = 0
    listings: int = 0
    counted: Counter[str] = field(default_factory=Counter)
    companies: list[int] = field(default_factory=list)
    sellers: tuple[int, ...] = tuple(admin['tc2_admin_id'] for admin in demo.DEMO_ADMINS[:2])

    async def post(self, delivery: Delivery) -> int | None:
        self.counted['deliveries'] += 1
        answer = await self.web.post(delivery.url, content=delivery.body, headers=delivery.headers)
        return answer.status_code

    async def step(self) -> bool:
        busy = bool(await self.world.outbox.deliver_due(self.post))
        for step in (ingest_step, reread_step, sweep.sweep_step, push_step):
            busy |= bool(await step(self.engine))
        return busy

    async def settle(self) -> None:
        """Until nothing is due within a few minutes."""
        end = self.clock.now() + timedelta(seconds=200)
        for _ in range(100_000):
            if await self.step():
                continue
            due_at = await self._next_due_at()
            if due_at is None or due_at > end:
                return
            self.clock.move_to(max(due_at, self.clock.now() + timedelta(milliseconds=10)))
        raise TimeoutError('Hermes and its world do not come to rest')

    async def _next_due_at(self) -> datetime | None:
        [row] = await self.engine.database.fetch(
            "select (select min(due_at) from event where state in ('new', 'waiting')) as event, "
            "(select min(due_at) from push where wanted > done and state = 'ready') as push, "
            '(select min(reread_at) from mirror where reread_at is not null) as reading'
        )
        times = [value for value in (*row.values(), self.world.outbox.next_due_at()) if value is not None]
        return min(times, default=None)

    async def judge(self, act: Callable[[], Any]) -> None:
        """One act, everything that follows from it, and the least that this could have cost."""
        tables = self.world.pipedrive.tables
        act()
        before = {kind: copy.deepcopy(tables[kind]) for kind in KINDS}
        first = self.world.call_count
        await self.settle()
        for call in self.world.calls:
            if call.number > first and call.system == 'pipedrive':
                self.counted[f'{call.method} {call.status}'] += 1
        for kind in KINDS:
            for number, row in tables[kind].items():
                old = before[kind].get(number)
                if old is None:
                    self.least += WRITE
                elif row['is_deleted'] and not old['is_deleted']:
                    self.least += DELETE
                elif _meaning(row) != _meaning(old):
                    self.least += WRITE

    async def list(self, opening: Callable[[], Any]) -> None:
        """A listing of the schedules: what it costs belongs to the lower bound."""
        before = self.world.pipedrive.ledger.spent_total
        await opening()
        await self.settle()
        spent = self.world.pipedrive.ledger.spent_total - before
        self.listings += spent
        self.least += spent

    def choose(self) -> Callable[[], Any]:
        """Something that somebody does in one of the two systems."""
        name = self.chance.choices(list(ACTS_A_MONTH), list(ACTS_A_MONTH.values()))[0]
        tc2, number, chance = self.world.tutorcruncher, self.chance.choice(self.companies), self.chance
        acts: dict[str, Callable[[], Any]] = {
            'edit': lambda: tc2.edit_client(number, website=f'https://{chance.randrange(10**6)}.example'),
            'confirm': lambda: tc2.confirm_email(number),
            'card': lambda: tc2.save_card(number),
            'raise': lambda: tc2.raise_invoice(number),
            'pay': lambda: (tc2.pay_invoice(number), tc2.close_day(number)),
            'admins': lambda: tc2.set_admins(number, sales_person=chance.choice(self.sellers)),
            'terminate': lambda: tc2.terminate(number),
            'narc': lambda: tc2.set_narc(number),
            'burst': lambda: [tc2.edit_client(number, name=f'Renamed {chance.randrange(10**6)}') for _ in range(5)],
            'move': lambda: self._in_crm('deal', {'stage_id': 1 + chance.randrange(4)}),
            'write': lambda: self._in_crm('organization', {'name': f'Called {chance.randrange(10**6)}'}),
            'close': lambda: self._in_crm('deal', {'status': chance.choice(['won', 'lost'])}),
            'person': lambda: self._in_crm('person', {'name': f'Ana Ito {chance.randrange(10**6)}'}),
        }
        return acts[name]

    def _in_crm(self, kind: str, values: dict[str, Any]) -> None:
        living = [
            number for number, row in self.world.pipedrive.live(kind).items() if row.get('status') in (None, 'open')
        ]
        if living:
            self.world.pipedrive.act_update(
                kind, self.chance.choice(living), values, demo.DEMO_ADMINS[0]['pd_owner_id']
            )

    def sign_up(self) -> None:
        number = len(self.companies)
        email = f'sam{number}@ember.example'
        made = self.world.tutorcruncher.sign_up(
            f'Ember {number}', sales_person=self.chance.choice(self.sellers), email=email, first_name='Sam',
            last_name=f'Okafor {number}', recipients=[{'first_name': 'Sam', 'last_name': f'O{number}', 'email': email}],
        )  # fmt: skip
        self.companies.append(made.id)


def _meaning(row: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in row.items() if name not in MEANINGLESS}


@asynccontextmanager
async def opened(seed: int, folder: str) -> AsyncIterator[Month]:
    """A connected Hermes beside an office without companies, on a clock of its own."""
    with embedded.start(Path(folder) / 'pg', fast=True, ephemeral=True) as server:
        upgrade(server.url)
        async with connected(server.url, ManualClock(START), seed, SandboxTransport) as month:
            month.world.outbox.early_post = month.post
            yield month


@asynccontextmanager
async def connected(
    url: str, clock: Any, seed: int, outside: Callable[[Any], httpx2.AsyncBaseTransport]
) -> AsyncIterator[Month]:
    """A connected Hermes on a database, in this process with its world. `outside` makes the way to the world."""
    secrets = Secrets('tc2-key', 'pd-token', 'hermes', 'hook-password')
    settings = load(
        {
            '_env_file': None, 'database_url': url, 'hermes_sandbox': True, 'hermes_url': HERMES,
            'tc2_api_key': secrets.tc2_api_key, 'tc2_base_url': f'{SANDBOX}/tc2',
            'pd_api_key': secrets.pd_api_key, 'pd_base_url': f'{SANDBOX}/pipedrive',
            'pd_webhook_user': secrets.pd_webhook_user, 'pd_webhook_password': secrets.pd_webhook_password,
            'pd_plan': 'growth', 'pd_seats': 5,
        }
    )  # fmt: skip
    chance = random.Random(seed)
    world = World(clock, random.Random(seed), HERMES, secrets, Weather.preset('calm'))
    demo.bare(world)
    transport = outside(create_sandbox(world))
    engine = parts.build_engine(settings, clock=clock, chance=chance, transport=transport, worker='bench')
    inbox = Inbox(url, clock)
    web = create_app(inbox, sources(settings), Vitals(url), SystemClock())
    local = httpx2.ASGITransport(app=web)
    async with (
        web.router.lifespan_context(web),
        httpx2.AsyncClient(transport=local, base_url=HERMES, trust_env=False) as client,
    ):
        await engine.database.open()
        month = Month(clock, world, engine, client, chance)
        try:
            await _connect(month, settings)
            yield month
        finally:
            await engine.database.close()


async def _connect(month: Month, settings: Settings) -> None:
    engine = month.engine
    await parts.set_limits(engine, settings)
    await connect.connect(engine, engine.systems['pipedrive'])
    await setup.set_up(engine, [dict(admin) for admin in demo.DEMO_ADMINS], dict(demo.ENTRY_STAGES))
    await connect.subscribe(
        engine, engine.systems['pipedrive'], f'{HERMES}/pipedrive/callback/', settings.pd_webhook_user, 'hook-password'
    )
    async with engine.database.transaction() as connection:
        await sweep.ensure_first(connection, PROFILE)
    await month.settle()


async def live(month: Month, companies: int, days: int) -> None:
    """Days of a business, hour by hour: sign-ups in the first days, then everything else."""
    schedules = Schedules(month.engine, 400)
    acts_an_hour = companies * sum(ACTS_A_MONTH.values()) / (DAYS * 24)
    owed = 0.0
    for hour in range(days * 24):
        month.clock.move_to(START + timedelta(hours=hour + 1))
        if hour % 24 == 2:
            await month.list(schedules.list_all)
        await month.list(schedules.list_changes)
        if hour % SNAPSHOT_H == 0:
            await month.judge(lambda: [month.world.tutorcruncher.send_snapshot(number) for number in month.companies])
        wanted = min(companies, (hour + 1) * companies // (days * 12) + 1)
        while len(month.companies) < wanted:
            await month.judge(month.sign_up)
        owed += acts_an_hour
        while owed >= 1:
            owed -= 1
            month.clock.advance(month.chance.uniform(10, 60))
            await month.judge(month.choose())


async def measure(companies: int, days: int, seed: int = 4, weather: str = 'calm') -> tuple[Month, int]:
    """The month, and what was spent in it."""
    with tempfile.TemporaryDirectory(prefix='hermes-bench-') as folder:
        async with opened(seed, folder) as month:
            month.world.weather.change(name=weather)
            before = month.world.pipedrive.ledger.spent_total
            await live(month, companies, days)
            return month, month.world.pipedrive.ledger.spent_total - before


def run(duration_s: float = 10.0) -> list[Row]:
    """The scaled month, or the whole one where ten minutes or more are given."""
    companies, days = (COMPANIES, DAYS) if duration_s >= 600 else SCALED
    started = time.monotonic()
    month, spent = asyncio.run(measure(companies, days))
    took_s = time.monotonic() - started
    writes, least = spent - month.listings, month.least - month.listings
    scaled = '' if companies == COMPANIES else f' (scaled from {COMPANIES} and {DAYS})'
    told = ', '.join(f'{count} x {name}' for name, count in sorted(month.counted.items()))
    what = f'{companies} companies, {days} days{scaled}, snapshots every {SNAPSHOT_H} h: spent / lower bound'
    return [
        Row('P4', what, f'{spent} / {month.least} = {spent / month.least:.3f}', '<= 1.05', f'{took_s:.0f} s'),
        Row('P4', 'the same without the listings', f'{writes} / {least} = {writes / least:.3f}', '<= 1.05', told),
    ]
