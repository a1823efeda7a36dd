"""A whole Hermes in one process beside the whole outside world: real Postgres, real HTTP shapes, a clock that the
test owns.

What arrives, arrives through the web application; what goes out, goes to the sandbox; `settle` turns the engine's
own steps until nothing is left to do, moving the clock to whatever is due next. Nothing is patched.
"""

import random
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx2
from fastapi import FastAPI
from starlette.types import Receive, Scope, Send

from hermes import app
from hermes.booking.service import BookingService
from hermes.db.inbox import Inbox
from hermes.db.reads.health import Vitals
from hermes.kit.clock import ManualClock, SystemClock
from hermes.kit.signing import basic_auth, sign
from hermes.parts import assembly as parts
from hermes.parts.systems import SYSTEMS, sources
from hermes.parts.wiring import Wiring
from hermes.sandbox.app import SandboxTransport
from hermes.sandbox.app import create_app as create_sandbox
from hermes.sandbox.google.service_account import draw_service_account
from hermes.sandbox.outbox import Delivery
from hermes.sandbox.scenarios import demo
from hermes.sandbox.weather import Weather
from hermes.sandbox.world import Call, Secrets, World
from hermes.settings import Settings, load
from hermes.sync import connect, setup, sweep
from hermes.sync.engine import Engine
from hermes.sync.ingest import ingest_step
from hermes.sync.push import push_step
from hermes.sync.resolve import reread_step
from hermes.web.application import create_app
from tests.flows import acting
from tests.flows import judged as judging
from tests.flows.calendar_judge import Heard

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SERVICE_ACCOUNT = {name.lower(): value for name, value in draw_service_account().items()}
SECRETS = Secrets(
    'tc2-secret-key', 'pd-secret-token', 'hermes', 'pd-hook-password', g_private_key=SERVICE_ACCOUNT['g_private_key']
)
SIGNING_KEY = 'a-signing-key-of-the-tests-only'
AGAIN = 1000
"""A world that goes on draws other codes than those that it has drawn."""
NOWHERE = Path(__file__).with_name('nowhere')
"""A folder that is not there: no file of people."""
HERMES = 'http://127.0.0.1:8000'
SANDBOX = 'http://127.0.0.1:8100'
PRIYA, MARCUS, INES, TOM, NOOR = (admin['tc2_admin_id'] for admin in demo.DEMO_ADMINS)
PRIYA_PD, MARCUS_PD = (admin['pd_owner_id'] for admin in demo.DEMO_ADMINS[:2])


def settings_for(database_url: str, **more: Any) -> Settings:
    """Settings of a Hermes that speaks with the sandbox."""
    given: dict[str, Any] = {
        '_env_file': None,
        'database_url': database_url,
        'hermes_sandbox': True,
        'hermes_url': HERMES,
        'tc2_api_key': SECRETS.tc2_api_key,
        'tc2_base_url': f'{SANDBOX}/tc2',
        'pd_api_key': SECRETS.pd_api_key,
        'pd_base_url': f'{SANDBOX}/pipedrive',
        'pd_webhook_user': SECRETS.pd_webhook_user,
        'pd_webhook_password': SECRETS.pd_webhook_password,
        'pd_plan': 'growth',
        'pd_seats': 5,
        'pd_api_max_rate': 40,
        'signing_key': SIGNING_KEY,
        'reps_dir': NOWHERE,
        'g_api_root': f'{SANDBOX}/google',
        'g_token_uri': f'{SANDBOX}/google/token',
        **SERVICE_ACCOUNT,
    }
    return load({**given, **more})


@dataclass
class Entrance:
    """The web application. Its pages and the booking API are added when somebody asks for anything but a door for
    deliveries: to build them costs as much as all else that a test begins with.
    """

    application: FastAPI
    add: Callable[[FastAPI], None]
    is_whole: bool = False

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        application = self.application if '/callback' in scope['path'] else self.whole()
        await application(scope, receive, send)

    def whole(self) -> FastAPI:
        """The application with everything in it."""
        if not self.is_whole:
            self.is_whole = True
            self.add(self.application)
        return self.application


@dataclass
class House:
    """Hermes and its world, as a test sees them."""

    clock: ManualClock
    world: World
    engine: Engine
    web: httpx2.AsyncClient
    settings: Settings
    transport: httpx2.AsyncBaseTransport
    _marked: int = 0
    engines: list[Engine] = field(default_factory=list)
    office: BookingService | None = None
    """What serves the booking API."""
    working: bool = True
    """Whether the workers work while a visitor waits for an answer (CB-7)."""
    meanwhile: Callable[[], Awaitable[None]] | None = None
    """What else happens meanwhile."""

    @property
    def tc2(self) -> Any:
        """The emulated TutorCruncher, with its acts."""
        return self.world.tutorcruncher

    @property
    def pd(self) -> Any:
        """The emulated Pipedrive, with its acts."""
        return self.world.pipedrive

    @property
    def google(self) -> Any:
        """The emulated Google Calendar, with its acts."""
        return self.world.google

    async def post(self, delivery: Delivery) -> int | None:
        """Carry a webhook of the sandbox to Hermes's door; its status."""
        answer = await self.web.post(delivery.url, content=delivery.body, headers=delivery.headers)
        return answer.status_code

    async def step(self) -> bool:
        """One round of everything that is due now. False when nothing was."""
        busy = bool(await self.world.outbox.deliver_due(self.post))
        for engine in self.engines:
            busy |= bool(await ingest_step(engine))
            busy |= bool(await reread_step(engine))
            busy |= bool(await sweep.sweep_step(engine))
            busy |= bool(await push_step(engine))
        return busy

    async def settle(self, horizon_s: float = 300.0) -> None:
        """Go on until nothing is due within `horizon_s`, moving the clock from one due time to the next."""
        end = self.clock.now() + timedelta(seconds=horizon_s)
        for _ in range(5000):
            if await self.step():
                continue
            due_at = await self.next_due_at()
            if due_at is None or due_at > end:
                return
            self.clock.move_to(max(due_at, self.clock.now() + timedelta(milliseconds=10)))
        raise AssertionError('Hermes and its world do not come to rest')

    async def next_due_at(self) -> datetime | None:
        """When something is due next: a webhook, an event, a push, a read."""
        rows = await self.engine.database.fetch(
            "select (select min(due_at) from event where state in ('new', 'waiting')) as event, "
            '(select min(greatest(p.due_at, coalesce(p.leased_until, p.due_at), coalesce(s.blocked_until, '
            'p.due_at))) from push p '
            "left join system_state s using (system) where p.wanted > p.done and p.state = 'ready' and not "
            f'coalesce(s.paused, false) and (p.intent is not null or {self.engine.push_mode == "live"})) as push, '
            '(select min(greatest(m.reread_at, coalesce(s.blocked_until, m.reread_at))) from mirror m left join '
            'system_state s using (system) '
            'where m.reread_at is not null and not coalesce(s.paused, false)) as reading, '
            "(select min(coalesce(finished_at, started_at) + interval '31 seconds') from sweep where state = "
            "'running') as sweep"
        )
        times = [value for value in rows[0].values() if value is not None]
        if (hook := self.world.outbox.next_due_at()) is not None:
            times.append(hook)
        return min(times, default=None)

    async def connect(self) -> None:
        """First contact, set-up, the first full listings: what a worker does when it starts."""
        await parts.set_limits(self.engine, self.settings)
        system = self.engine.systems['pipedrive']
        await connect.connect(self.engine, system)
        await setup.set_up(self.engine, [dict(admin) for admin in demo.DEMO_ADMINS], dict(demo.ENTRY_STAGES))
        await connect.subscribe(
            self.engine, system, f'{HERMES}/pipedrive/callback/', SECRETS.pd_webhook_user, SECRETS.pd_webhook_password
        )
        async with self.engine.database.transaction() as connection:
            await sweep.ensure_first(connection, system.profile)
        await self.settle()
        self.mark()

    def mark(self) -> None:
        """From here on `calls` counts."""
        self._marked = self.world.call_count

    def calls(self, method: str = '', path: str = '', system: str = 'pipedrive') -> list[Call]:
        """Requests to a system since `mark`, oldest first; `path` is a part of the path."""
        return [
            call
            for call in self.world.calls
            if call.number > self._marked
            and call.system == system
            and method in ('', call.method)
            and path in call.path
        ]

    async def set(self, key: str, value: Any) -> None:
        """`hermes config set`."""
        await acting.act(self.engine, {'act': 'setting.set', 'key': key, 'value': value})

    async def act(self, act: str, **told: Any) -> dict[str, Any]:
        """An operator's act."""
        return await acting.act(self.engine, {'act': act, **told})

    async def rows(self, query: str, *parameters: Any) -> list[dict[str, Any]]:
        """Rows of the database."""
        return await self.engine.database.fetch(query, parameters or None)

    async def send_tc2(self, body: bytes, *, secret: str = SECRETS.tc2_api_key, **headers: str) -> httpx2.Response:
        """A delivery of TutorCruncher, byte for byte."""
        return await self.web.post(
            '/tc2/callback/',
            content=body,
            headers={'Content-Type': 'application/json', 'Webhook-Signature': sign(body, secret), **headers},
        )

    async def send_pd(self, body: bytes, *, password: str = SECRETS.pd_webhook_password) -> httpx2.Response:
        """A delivery of Pipedrive, byte for byte."""
        return await self.web.post(
            '/pipedrive/callback/',
            content=body,
            headers={'Authorization': basic_auth(SECRETS.pd_webhook_user, password)},
        )

    def organizations(self) -> list[dict[str, Any]]:
        """The organisations that stand in the emulated Pipedrive (not deleted)."""
        return [item for item in self.pd.state()['organizations'] if not item['is_deleted']]

    def persons(self) -> list[dict[str, Any]]:
        return [item for item in self.pd.state()['persons'] if not item['is_deleted']]

    def deals(self) -> list[dict[str, Any]]:
        return [item for item in self.pd.state()['deals'] if not item['is_deleted']]

    def code(self, kind: str, name: str) -> str:
        """The 40-hex code of a custom field by its name ('organization', 'person', 'deal')."""
        return str(self.pd.catalogues[kind].named(name)['field_code'])

    def custom(self, kind: str, item: dict[str, Any]) -> dict[str, Any]:
        """An object's custom fields by name; unset ones left out."""
        names = {item['field_code']: item['field_name'] for item in self.pd.catalogues[kind].fields.values()}
        return {
            names[code]: value for code, value in item['custom_fields'].items() if value is not None and code in names
        }


@asynccontextmanager
async def open_house(
    database_url: str,
    *,
    seed: int = 1,
    weather: str = 'calm',
    scenario: Any = None,
    workers: int = 1,
    connected: bool = True,
    kept: dict[str, Any] | None = None,
    systems: Sequence[Wiring] = SYSTEMS,
    **settings: Any,
) -> AsyncIterator[House]:
    """A house with `workers` engines. `scenario`: builds the world (default: an office with all custom fields and
    no companies). `kept`: the world's state beside a database that is connected with it already.
    """
    clock = ManualClock(START)
    world = World(clock, random.Random(seed if kept is None else seed + AGAIN), HERMES, SECRETS, Weather.preset('calm'))
    if kept is None:
        (scenario or demo.bare)(world)
    else:
        world.load(kept)
    sandbox = create_sandbox(world)
    wire = SandboxTransport(sandbox)
    wire.inner = heard = Heard(wire.inner)
    transport = judging.listened(wire)
    configured = settings_for(database_url, **settings)
    engines = [
        parts.build_engine(
            configured,
            clock=clock,
            chance=random.Random(seed + number),
            transport=transport,
            worker=f'worker-{number}',
            systems=systems,
        )
        for number in range(workers)
    ]
    inbox = Inbox(database_url, clock)
    houses: list[House] = []

    async def pause(duration_s: float) -> None:
        """While a visitor waits, the world goes on."""
        if houses and houses[0].meanwhile is not None:
            await houses[0].meanwhile()
        if not (houses and houses[0].working and await houses[0].step()):
            clock.advance(duration_s)

    front = parts.build_engine(
        configured, clock=clock, chance=random.Random(seed + 100), transport=transport, worker='web'
    )
    office = parts.build_booking_service(configured, front, pause)
    desk = app.build_desk(configured, office, clock)
    application = create_app(
        inbox, sources(configured, systems), Vitals(database_url), SystemClock(), resources=[office, desk.reading]
    )
    entrance = Entrance(application, lambda application: app.add_pages(application, office, desk, configured))
    async with (
        application.router.lifespan_context(application),
        httpx2.AsyncClient(transport=httpx2.ASGITransport(app=entrance), base_url=HERMES, trust_env=False) as web,
    ):
        for engine in engines:
            await engine.database.open()
        house = House(clock, world, engines[0], web, configured, transport, engines=engines, office=office)
        houses.append(house)
        world.outbox.early_post = house.post
        try:
            if connected and kept is None:
                await house.connect()
            world.weather.change(name=weather)
            yield house
            assert heard.violations == []
        finally:
            for engine in engines:
                await engine.database.close()
