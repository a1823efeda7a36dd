"""The composition root: settings become a running Hermes, out of its `parts`.

`app` is the ASGI application (`hermes.app:app`); `run_worker` is a worker process; `build_engine` is what both, the
command line and the tests get their engine from.
"""

import contextlib
import gc
import os
import socket
from typing import cast

import httpx2
from fastapi import APIRouter, FastAPI

from hermes import __version__
from hermes.booking.book import Pause
from hermes.booking.letters import Stationery
from hermes.booking.limits import Limits
from hermes.booking.office import Office
from hermes.booking.terms import Terms
from hermes.db.inbox import Inbox
from hermes.db.pool import Database
from hermes.db.pulses import Heartbeat
from hermes.db.vitals import Vitals
from hermes.domain.errors import HermesError
from hermes.kit import endings, logs, telemetry
from hermes.kit.clock import Clock, SystemClock
from hermes.kit.ids import Chance, new_token, system_chance
from hermes.parts import (
    build_mailer,
    build_systems,
    channel_secrets,
    doors,
    following,
    meeting_defaults,
    secrets_of,
    set_limits,
    sources,
)
from hermes.ports import Calendar, Request
from hermes.settings import Settings, load, reveal
from hermes.sync import connect, setup
from hermes.sync.engine import Engine
from hermes.sync.letters import letter_step
from hermes.sync.schedules import Schedules
from hermes.sync.worker import FAREWELL_S, Part, Step, Worker
from hermes.systems.google_calendar import GoogleCalendar
from hermes.web.application import create_app
from hermes.web.booking_api import booking_routes
from hermes.web.booking_files import file_routes
from hermes.web.booking_pages import page_routes
from hermes.web.core_api import Desk, core_routes
from hermes.web.security import trusted_networks

COLLECT = (100_000, 20, 50)
"""A batch makes many objects that live for moments and hold no cycles; looking for cycles among them by Python's own
thresholds would be a third of a worker's work.
"""
WEB_CONNECTIONS = 6
"""Of the booking API, in one web process, beside the inbox's own."""


def build_engine(
    settings: Settings,
    *,
    clock: Clock | None = None,
    chance: Chance | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    worker: str = '',
    connections: int = 12,
) -> Engine:
    """An engine over the configured database and systems."""
    clock = clock or SystemClock()
    return Engine(
        Database(settings.database_url, clock, size=connections),
        build_systems(settings, clock, transport),
        clock,
        chance or system_chance(),
        worker or f'{socket.gethostname()}:{os.getpid()}:{new_token(4)}',
        tc2_base_url=settings.tc2_base_url,
        push_spacing_s=settings.push_spacing_s,
        push_mode=settings.push_mode,
        write_back=settings.tc2_write_back,
        defaults=meeting_defaults(settings),
        following=following(settings),
    )


def build_stationery(settings: Settings) -> Stationery:
    """Who writes the letters about bookings, and their calendar files."""
    return Stationery(
        settings.brand,
        settings.hermes_url,
        channel_secrets(settings),
        invites=bool(settings.g_client_email and settings.g_private_key.get_secret_value()),
        zone=settings.dft_timezone,
    )


def build_post(settings: Settings) -> Step:
    """The step that sends a letter. Raises Refused."""
    mailer, stationery = build_mailer(settings), build_stationery(settings)

    async def post(engine: Engine) -> bool:
        return await letter_step(engine, mailer, stationery.write)

    return post


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
        pretty=settings.dev_mode or None,
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
    office = build_office(settings, build_engine(settings, clock=clock, connections=WEB_CONNECTIONS))
    return create_app(
        inbox,
        sources(settings),
        Vitals(settings.database_url),
        clock,
        version=__version__,
        trusted_proxies=settings.trusted_proxies,
        cors_origins=settings.cors_origins,
        routers=booking_routers(office, settings),
        resources=[Heartbeat(settings.database_url), office],
    )


def build_office(settings: Settings, engine: Engine, pause: Pause | None = None) -> Office:
    """Where calls are booked, over an engine of its own. `pause`: how a request waits for the worker."""
    calendar = engine.systems.get('google')
    terms = Terms(
        brand=settings.brand,
        hermes_url=settings.hermes_url,
        support_url=settings.callbooker_base_url or f'{settings.hermes_url}/support-call',
        signing_keys=tuple(channel_secrets(settings)),
        hash_key=next(iter((*reveal(settings.secret_key), *channel_secrets(settings))), ''),
        support_keys=reveal(settings.support_link_key) or reveal(settings.tc2_api_key),
        support_ttl_days=settings.support_ttl_days,
        needs_link=settings.support_booking_needs_link,
        reminders=bool(settings.smtp_url.get_secret_value()),
        horizon_days=settings.booking_horizon_days,
    )
    limits = Limits(terms.hash_key, engine.clock, on=settings.limits_on)
    return Office(engine, cast(Calendar, calendar) if calendar else None, terms, limits=limits, pause=pause)


def booking_routers(office: Office, settings: Settings) -> list[APIRouter]:
    """The booking API, the page behind a booking's link, its calendar file, and the core API."""
    trusted = trusted_networks(settings.trusted_proxies)
    desk = Desk(
        office.engine.database,
        office.terms.client_of,
        settings.api_key.get_secret_value(),
        settings.dft_timezone,
        trusted,
    )
    stationery = build_stationery(settings)
    pages, files = page_routes(office, stationery), file_routes(office.engine, stationery)
    return [booking_routes(office, trusted), pages, files, core_routes(desk)]


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
    await belong_by_settings(engine, settings)


async def belong_by_settings(engine: Engine, settings: Settings) -> None:
    """TutorCruncher's account is known by its address, the calendar's by its Google project."""
    if 'tutorcruncher' in engine.systems:
        account = 'the sandbox' if settings.hermes_sandbox else settings.tc2_base_url
        await connect.belong(engine, 'tutorcruncher', f'TutorCruncher at {account}')
    if isinstance(calendar := engine.systems.get('google'), GoogleCalendar):
        await connect.belong(engine, calendar.name, calendar.account)


async def work(settings: Settings, part: Part = 'both') -> None:
    """Run one worker, or a part of one, until SIGINT or SIGTERM."""
    engine = build_engine(settings)
    schedules = Schedules(engine, settings.event_retention_days, doors=doors(settings))
    worker = Worker(
        engine,
        part,
        prepare=lambda engine: prepare(engine, settings),
        schedules=schedules.run,
        post=build_post(settings),
    )
    endings.heed_stop(worker.stopping.set)
    await engine.database.open()
    try:
        await set_limits(engine, settings)
        await belong_by_settings(engine, settings)
        await worker.run()
    finally:
        await endings.do_within(FAREWELL_S, engine.database.close())


def run_worker(settings: Settings, part: Part = 'both') -> None:
    """Run one worker, or a part of one, in this process. Raises HermesError, with a plain sentence, when it cannot."""
    observe(settings, 'worker')
    gc.freeze()
    gc.set_threshold(*COLLECT)
    endings.run(work(settings, part))


def __getattr__(name: str) -> FastAPI:
    """`hermes.app:app`, built when it is first asked for."""
    if name == 'app':
        with contextlib.suppress(KeyError):
            return globals()['_app']  # type: ignore[no-any-return]
        globals()['_app'] = build_web(load())
        return globals()['_app']  # type: ignore[no-any-return]
    raise AttributeError(name)
