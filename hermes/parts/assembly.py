"""What the processes are made of: settings become an engine with its systems and budgets, an office, mail, alerts.

Nothing here starts anything: `app` puts the parts together for the web, `worker` for a worker, and a command takes
those that it needs.
"""

import os
import socket
from collections.abc import Iterable
from contextlib import aclosing
from datetime import time
from typing import TYPE_CHECKING, cast
from urllib.parse import urlsplit

import httpx2

from hermes import __version__
from hermes.db import budget
from hermes.db.pool import Database
from hermes.domain.errors import HermesError
from hermes.domain.timetable import Defaults
from hermes.kit import logs, redaction, telemetry
from hermes.kit.clock import Clock, SystemClock
from hermes.kit.http import Line, look_at_health
from hermes.kit.ids import Chance, new_token, system_chance
from hermes.legacy.importing import OF_IMPORTS
from hermes.parts import google, granting
from hermes.parts.journal import open_failures
from hermes.parts.roles import CALENDAR
from hermes.parts.secrets import channel_secrets, hash_key, secrets_of
from hermes.parts.systems import SYSTEMS, build_systems
from hermes.parts.wiring import Wiring
from hermes.ports import Calendar, Courier, Mailer
from hermes.settings import Settings, is_loopback, reveal
from hermes.sync import connect
from hermes.sync.alerts import Telling
from hermes.sync.engine import Engine, Following
from hermes.sync.frontdoor import FrontDoor
from hermes.systems.google_calendar.mapping import invitation_uid
from hermes.systems.mail import MailCourier, Smtp, parse_address
from hermes.systems.webhook import WebhookCourier

if TYPE_CHECKING:
    from hermes.booking.letters import LetterWriter
    from hermes.booking.news import Pause
    from hermes.booking.service import BookingService


def following(settings: Settings) -> Following:
    """How calendars are followed: by channels where the calendars (or the sandbox) can reach us, else by asking."""
    secrets = channel_secrets(settings)
    reachable = settings.hermes_sandbox or (
        settings.hermes_url.startswith('https://') and not is_loopback(settings.hermes_url)
    )
    return Following(
        f'{settings.hermes_url}{google.PATH}/' if secrets and reachable else '',
        secrets[0] if secrets else '',
        settings.booking_horizon_days,
    )


def build_mailer(settings: Settings) -> Mailer | None:
    """The mail server; None without SMTP_URL (CB-21). Raises Refused for an address that is none."""
    url = settings.smtp_url.get_secret_value()
    if not url:
        return None
    host = urlsplit(settings.hermes_url).hostname or 'localhost'
    return Smtp(parse_address(url), settings.mail_from or f'no-reply@{host}', settings.brand)


def build_couriers(
    settings: Settings, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None
) -> dict[tuple[str, str], Courier]:
    """What carries alerts, by channel and place. Raises Refused for an address that is none."""
    couriers: dict[tuple[str, str], Courier] = {}
    if mailer := build_mailer(settings):
        host = urlsplit(settings.hermes_url).hostname or 'localhost'
        for to in settings.alert_email:
            couriers['mail', to] = MailCourier(mailer, to, host, clock)
    if url := settings.alert_webhook_url.get_secret_value():
        couriers['webhook', ''] = WebhookCourier(url, reveal(settings.alert_webhook_secret), clock, transport)
    return couriers


def build_telling(settings: Settings, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None) -> Telling:
    """Over which channels alerts are told, without anything secret or personal. Raises Refused."""
    return Telling(
        build_couriers(settings, clock, transport),
        settings.hermes_url,
        redaction.Redaction(secrets_of(settings)).text,
        limit_bytes(settings),
    )


def build_callback(
    settings: Settings, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None
) -> Courier | None:
    """What calls the host whose users are kept; None without PEOPLE_CALLBACK_URL (AU-18)."""
    url = settings.people_callback_url.get_secret_value()
    return WebhookCourier(url, reveal(settings.people_callback_secret), clock, transport) if url else None


def limit_bytes(settings: Settings) -> int | None:
    """What the database may take up."""
    return settings.database_limit_mb * 2**20 if settings.database_limit_mb else None


def meeting_defaults(settings: Settings) -> Defaults:
    """The hours of an admin who has none of their own (CB-20)."""
    return Defaults(
        duration_s=settings.meeting_dur_mins * 60,
        buffer_s=settings.meeting_buffer_mins * 60,
        day_start=time.fromisoformat(settings.meeting_min_start),
        day_end=time.fromisoformat(settings.meeting_max_end),
        zone=settings.dft_timezone,
    )


async def set_limits(engine: Engine, settings: Settings, systems: Iterable[Wiring] = SYSTEMS) -> None:
    """Write the configured budgets of each system."""
    async with engine.database.transaction() as connection:
        for each in systems:
            await budget.ensure(connection, each.profile.name, each.allow(settings))


def front_door(settings: Settings, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None) -> FrontDoor:
    """Our public address as a worker looks at it."""

    async def look() -> str:
        async with aclosing(Line(transport, clock, timeout_s=5.0)) as line:
            return await look_at_health(line, settings.hermes_url)

    return FrontDoor(settings.hermes_url, look)


def build_engine(
    settings: Settings,
    *,
    clock: Clock | None = None,
    chance: Chance | None = None,
    transport: httpx2.AsyncBaseTransport | None = None,
    worker: str = '',
    connections: int = 12,
    systems: Iterable[Wiring] = SYSTEMS,
) -> Engine:
    """An engine over the configured database and systems."""
    clock = clock or SystemClock()
    engine = Engine(
        Database(settings.database_url, clock, size=connections),
        build_systems(settings, clock, transport, systems),
        clock,
        chance or system_chance(),
        worker or f'{socket.gethostname()}:{os.getpid()}:{new_token(4)}',
        tc2_base_url=settings.tc2_base_url,
        push_spacing_s=settings.push_spacing_s,
        push_mode=settings.push_mode,
        hash_key=hash_key(settings),
        write_back=settings.tc2_write_back,
        decline_cancels=settings.decline_cancels,
        defaults=meeting_defaults(settings),
        following=following(settings),
        more_acts=OF_IMPORTS,
        failures=lambda: open_failures(settings),
    )
    granting.lend(engine, settings, systems)
    return engine


def build_letter_writer(settings: Settings) -> 'LetterWriter':
    """Who writes the letters about bookings, and their calendar files."""
    from hermes.booking.letters import LetterWriter, own_uid

    invites = bool(settings.g_client_email and settings.g_private_key.get_secret_value())
    return LetterWriter(
        settings.brand,
        settings.hermes_url,
        channel_secrets(settings),
        invites=invites,
        zone=settings.dft_timezone,
        uid_of=invitation_uid if invites else own_uid,
    )


def build_booking_service(settings: Settings, engine: Engine, pause: 'Pause | None' = None) -> 'BookingService':
    """Where calls are booked, over an engine of its own. `pause`: how a request waits for the worker."""
    from hermes.booking.limits import Limits
    from hermes.booking.service import BookingService
    from hermes.booking.terms import Terms

    calendar = engine.systems.get(CALENDAR)
    terms = Terms(
        brand=settings.brand,
        hermes_url=settings.hermes_url,
        support_url=settings.callbooker_base_url or f'{settings.hermes_url}/support-call',
        signing_keys=tuple(channel_secrets(settings)),
        hash_key=hash_key(settings),
        support_keys=reveal(settings.support_link_key) or reveal(settings.tc2_api_key),
        support_ttl_days=settings.support_ttl_days,
        needs_link=settings.support_booking_needs_link,
        reminders=bool(settings.smtp_url.get_secret_value()),
        horizon_days=settings.booking_horizon_days,
    )
    limits = Limits(terms.hash_key, engine.clock, on=settings.limits_on)
    return BookingService(engine, cast(Calendar, calendar) if calendar else None, terms, limits=limits, pause=pause)


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


async def greet(engine: Engine, settings: Settings) -> None:
    """What a command does before it speaks with the systems: their budgets, and whether the accounts are those that
    the database belongs to (SETUP-12). Raises HermesError.
    """
    await set_limits(engine, settings)
    for system in engine.systems.values():
        if system.profile.must_meet:
            await connect.meet(engine, system)
    await connect.belong_by_settings(engine)
