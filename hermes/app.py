"""The composition root: settings become a running Hermes. The one file that names them all.

`app` is the ASGI application (`hermes.app:app`); `run_worker` is a worker process; `build_engine` is what both, the
command line and the tests get their engine from.
"""

import asyncio
import contextlib
import gc
import os
import signal
import socket
from typing import Any

import httpx2
from fastapi import FastAPI

from hermes import __version__
from hermes.db import budget
from hermes.db.inbox import Inbox
from hermes.db.pool import Database
from hermes.db.pulses import Heartbeat
from hermes.db.vitals import Vitals
from hermes.domain.errors import HermesError
from hermes.kit import logs, telemetry
from hermes.kit.clock import Clock, SystemClock
from hermes.kit.ids import Chance, new_token, system_chance
from hermes.ports import Request, System
from hermes.settings import Settings, load
from hermes.sync import connect, setup
from hermes.sync.engine import Engine
from hermes.sync.schedules import Schedules
from hermes.sync.subscription import Door
from hermes.sync.worker import Part, Worker
from hermes.systems.pipedrive import inbound as pipedrive_inbound
from hermes.systems.pipedrive.limits import SEARCH_BURST, limits
from hermes.systems.pipedrive.system import Pipedrive
from hermes.systems.tutorcruncher import limits as product_limits
from hermes.systems.tutorcruncher.system import TutorCruncher
from hermes.web.application import create_app
from hermes.web.security import http_basic, tc2_signature
from hermes.web.webhooks import Source, hash_of_body

COLLECT = (100_000, 20, 50)
"""A batch makes many objects that live for moments and hold no cycles; looking for cycles among them by Python's own
thresholds would be a third of a worker's work.
"""
PD_API, PD_APP = 'https://api.pipedrive.com', 'https://app.pipedrive.com'
"""The host that serves the API of every account shows no pages; the other one leads people to their own."""


def build_systems(
    settings: Settings, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None
) -> dict[str, System]:
    """The systems that are configured. One without credentials is off."""
    systems: dict[str, System] = {}
    if settings.pd_api_key.get_secret_value():
        systems['pipedrive'] = Pipedrive(
            settings.pd_api_key.get_secret_value(),
            base_v2=settings.pd_api_v2_url or f'{settings.pd_base_url}/api/v2',
            base_v1=settings.pd_api_v1_url or f'{settings.pd_base_url}/api/v1',
            transport=transport,
            clock=clock,
        )
    if settings.tc2_api_key:
        systems['tutorcruncher'] = TutorCruncher(
            settings.tc2_api_key[0].get_secret_value(),
            base=f'{settings.tc2_base_url}/api',
            transport=transport,
            clock=clock,
            crm_url=PD_APP if settings.pd_base_url == PD_API else settings.pd_base_url,
        )
    return systems


def build_engine(
    settings: Settings,
    *,
    clock: Clock | None = None,
    chance: Chance | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    worker: str = '',
) -> Engine:
    """An engine over the configured database and systems."""
    clock = clock or SystemClock()
    return Engine(
        Database(settings.database_url, clock, size=12),
        build_systems(settings, clock, transport),
        clock,
        chance or system_chance(),
        worker or f'{socket.gethostname()}:{os.getpid()}:{new_token(4)}',
        tc2_base_url=settings.tc2_base_url,
        push_spacing_s=settings.push_spacing_s,
        push_mode=settings.push_mode,
        write_back=settings.tc2_write_back,
    )


async def set_limits(engine: Engine, settings: Settings) -> None:
    """Write the configured budgets of each system (PD_PLAN, PD_SEATS; PD_API_MAX_RATE narrows the burst)."""
    plan = limits(settings.pd_plan, settings.pd_seats)
    async with engine.database.transaction() as connection:
        await budget.ensure(
            connection,
            'pipedrive',
            burst=min(plan.burst_requests, settings.pd_api_max_rate or plan.burst_requests),
            window_s=settings.pd_api_rate_period,
            search=SEARCH_BURST,
            daily=plan.daily_tokens,
        )
        await budget.ensure(
            connection,
            'tutorcruncher',
            burst=product_limits.BURST_REQUESTS,
            window_s=product_limits.BURST_WINDOW_S,
            search=product_limits.BURST_REQUESTS,
            daily=product_limits.DAILY_REQUESTS,
        )


def sources(settings: Settings) -> list[Source]:
    """Who may send deliveries, and how each proves itself (S1)."""
    return [
        Source(
            'tutorcruncher',
            '/tc2/callback',
            tc2_signature([secret.get_secret_value() for secret in settings.tc2_api_key]),
            hash_of_body,
            extensions=True,
        ),
        Source(
            'pipedrive',
            '/pipedrive/callback',
            http_basic(
                settings.pd_webhook_user, [secret.get_secret_value() for secret in settings.pd_webhook_password]
            ),
            lambda body, parsed: pipedrive_inbound.dedupe_key(parsed),
            refused_status=401,
        ),
    ]


def doors(settings: Settings) -> dict[str, Door]:
    """Where webhooks arrive that we subscribe ourselves."""
    if not settings.pd_webhook_password:
        return {}
    password = settings.pd_webhook_password[0].get_secret_value()
    return {'pipedrive': Door(f'{settings.hermes_url}/pipedrive/callback/', settings.pd_webhook_user, password)}


def secrets_of(settings: Settings) -> list[str]:
    """Every live secret, to be masked in logs (S8)."""
    found: list[str] = []
    for name in type(settings).model_fields:
        value: Any = getattr(settings, name)
        for item in value if isinstance(value, tuple) else (value,):
            if hasattr(item, 'get_secret_value') and item.get_secret_value():
                found.append(item.get_secret_value())
    return found


def observe(settings: Settings, process: str) -> None:
    """Logs, and where else traces and errors go. Raises HermesError when the library for a place is missing."""
    places = telemetry.Places(
        settings.logfire_token.get_secret_value(),
        settings.sentry_dsn.get_secret_value(),
        settings.otel_exporter_otlp_endpoint,
    )
    logs.configure(
        settings.log_level,
        secrets=secrets_of(settings),
        report=telemetry.Report() if places.sentry_dsn else None,
    )
    try:
        telemetry.start(places, process, __version__)
    except ModuleNotFoundError as missing:
        raise HermesError(
            'LOGFIRE_TOKEN, SENTRY_DSN or OTEL_EXPORTER_OTLP_ENDPOINT is set, and the library that it needs '
            f'({missing.name}) is not installed: {telemetry.MISSING}, or leave the setting empty.'
        ) from None


def build_web(settings: Settings) -> FastAPI:
    """The web application."""
    clock = SystemClock()
    observe(settings, 'web')
    inbox = Inbox(settings.database_url, clock)
    return create_app(
        inbox,
        sources(settings),
        Vitals(settings.database_url),
        clock,
        version=__version__,
        trusted_proxies=settings.trusted_proxies,
        resources=[Heartbeat(settings.database_url)],
    )


async def prepare(engine: Engine, settings: Settings) -> None:
    """What follows first contact: our webhook at the CRM and, in the sandbox, the demo's set-up."""
    password = settings.pd_webhook_password[0].get_secret_value() if settings.pd_webhook_password else ''
    if settings.hermes_sandbox:
        from hermes.sandbox.scenarios.demo import DEMO_ADMINS, ENTRY_STAGES

        await setup.set_up(engine, [dict(admin) for admin in DEMO_ADMINS], dict(ENTRY_STAGES))
        if settings.push_mode == 'plan':
            return
        await connect.subscribe(
            engine,
            engine.systems['pipedrive'],
            f'{settings.hermes_url}/pipedrive/callback/',
            settings.pd_webhook_user,
            password,
        )


async def greet(engine: Engine, settings: Settings) -> None:
    """What a command does before it speaks with the systems: their budgets, and whether the accounts are those that
    the database belongs to (SETUP-12). Raises HermesError.
    """
    await set_limits(engine, settings)
    if 'pipedrive' in engine.systems:
        system = engine.systems['pipedrive']
        await connect.belong(engine, system.name, system.identity(await connect.ask(engine, system, Request('me'))))
    await belong_to_product(engine, settings)


async def belong_to_product(engine: Engine, settings: Settings) -> None:
    """TutorCruncher's account is known by its address."""
    if 'tutorcruncher' in engine.systems:
        account = 'the sandbox' if settings.hermes_sandbox else settings.tc2_base_url
        await connect.belong(engine, 'tutorcruncher', f'TutorCruncher at {account}')


async def work(settings: Settings, part: Part = 'both') -> None:
    """Run one worker, or a part of one, until SIGINT or SIGTERM."""
    engine = build_engine(settings)
    schedules = Schedules(engine, settings.event_retention_days, doors=doors(settings))
    worker = Worker(engine, part, prepare=lambda engine: prepare(engine, settings), schedules=schedules.run)
    loop = asyncio.get_running_loop()
    for name in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(name, worker.stopping.set)
    await engine.database.open()
    await set_limits(engine, settings)
    await belong_to_product(engine, settings)
    await worker.run()


def run_worker(settings: Settings, part: Part = 'both') -> None:
    """Run one worker, or a part of one, in this process. Raises HermesError, with a plain sentence, when it cannot."""
    observe(settings, 'worker')
    gc.freeze()
    gc.set_threshold(*COLLECT)
    try:
        asyncio.run(work(settings, part))
    except BaseExceptionGroup as group:
        refused, others = group.split(HermesError)
        if refused is None or others is not None:
            raise
        raise first(refused) from None


def first(group: BaseException) -> BaseException:
    """The first exception inside a group of groups."""
    return first(group.exceptions[0]) if isinstance(group, BaseExceptionGroup) else group


def __getattr__(name: str) -> FastAPI:
    """`hermes.app:app`, built when it is first asked for."""
    if name == 'app':
        with contextlib.suppress(KeyError):
            return globals()['_app']  # type: ignore[no-any-return]
        globals()['_app'] = build_web(load())
        return globals()['_app']  # type: ignore[no-any-return]
    raise AttributeError(name)
