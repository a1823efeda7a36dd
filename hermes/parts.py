"""What the processes are made of: settings become an engine with its systems, budgets, doors and secrets.

Nothing here starts anything: `app` puts the parts together for the web, `worker` for a worker, and a command takes
those that it needs. Only these modules name the systems.
"""

import os
import socket
from datetime import time
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

import httpx2

from hermes import __version__
from hermes.db import budget
from hermes.db.pool import Database
from hermes.domain.errors import HermesError
from hermes.domain.timetable import Defaults
from hermes.kit import logs, redaction, telemetry
from hermes.kit.clock import Clock, SystemClock
from hermes.kit.http import look_at_health
from hermes.kit.ids import Chance, new_token, system_chance
from hermes.legacy.importing import OF_IMPORTS
from hermes.ports import Calendar, Courier, Mailer, System
from hermes.settings import Settings, is_loopback, reveal
from hermes.sync import connect
from hermes.sync.alerts import Telling
from hermes.sync.engine import Engine, Following
from hermes.sync.frontdoor import FrontDoor
from hermes.sync.subscription import Door
from hermes.systems.google_calendar import Account, GoogleCalendar
from hermes.systems.google_calendar import limits as calendar_limits
from hermes.systems.google_calendar.mapping import invitation_uid
from hermes.systems.mail import MailCourier, Smtp, parse_address
from hermes.systems.pipedrive.limits import SEARCH_BURST
from hermes.systems.pipedrive.limits import limits as crm_limits
from hermes.systems.pipedrive.system import Pipedrive
from hermes.systems.tutorcruncher import limits as product_limits
from hermes.systems.tutorcruncher.system import TutorCruncher
from hermes.systems.webhook import WebhookCourier

if TYPE_CHECKING:
    from hermes.booking.book import Pause
    from hermes.booking.letters import LetterWriter
    from hermes.booking.service import BookingService

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
            base_v2=settings.pipedrive_v2_url,
            base_v1=settings.pipedrive_v1_url,
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
            account='the sandbox' if settings.hermes_sandbox else settings.tc2_base_url,
        )
    if settings.g_private_key.get_secret_value() and settings.g_client_email:
        systems['google'] = GoogleCalendar(
            Account(
                settings.g_client_email,
                settings.g_private_key_id,
                settings.g_token_uri,
                settings.g_private_key.get_secret_value(),
                settings.g_project_id,
            ),
            brand=settings.brand,
            root=settings.g_api_root,
            transport=transport,
            clock=clock,
        )
    return systems


def channel_secrets(settings: Settings) -> list[str]:
    """What signs the tokens of calendars' channels: the first signs, all verify."""
    return [
        secret.get_secret_value()
        for secret in (*settings.signing_key, settings.secret_key)
        if secret.get_secret_value()
    ]


def following(settings: Settings) -> Following:
    """How calendars are followed: by channels where Google (or the sandbox) can reach us, else by asking."""
    secrets = channel_secrets(settings)
    reachable = settings.hermes_sandbox or (
        settings.hermes_url.startswith('https://') and not is_loopback(settings.hermes_url)
    )
    return Following(
        f'{settings.hermes_url}/google/callback/' if secrets and reachable else '',
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


async def set_limits(engine: Engine, settings: Settings) -> None:
    """Write the configured budgets of each system (PD_PLAN, PD_SEATS; PD_API_MAX_RATE narrows the burst)."""
    plan = crm_limits(settings.pd_plan, settings.pd_seats)
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
        await budget.ensure(
            connection,
            'google',
            burst=calendar_limits.BURST_REQUESTS,
            window_s=calendar_limits.BURST_WINDOW_S,
            search=calendar_limits.BURST_REQUESTS,
            daily=calendar_limits.DAILY_REQUESTS,
        )


def doors(settings: Settings) -> dict[str, Door]:
    """Where webhooks arrive that we subscribe ourselves."""
    if not settings.pd_webhook_password:
        return {}
    password = settings.pd_webhook_password[0].get_secret_value()
    return {'pipedrive': Door(f'{settings.hermes_url}/pipedrive/callback/', settings.pd_webhook_user, password)}


def front_door(settings: Settings, clock: Clock, transport: httpx2.AsyncBaseTransport | None = None) -> FrontDoor:
    """Our public address as a worker looks at it."""

    async def look() -> str:
        async with httpx2.AsyncClient(transport=transport, trust_env=False) as client:
            return await look_at_health(client, clock, settings.hermes_url)

    return FrontDoor(settings.hermes_url, look)


def secrets_of(settings: Settings) -> list[str]:
    """Every live secret, to be masked in logs (S8)."""
    found: list[str] = []
    for name in type(settings).model_fields:
        value: Any = getattr(settings, name)
        for item in value if isinstance(value, tuple) else (value,):
            if hasattr(item, 'get_secret_value') and item.get_secret_value():
                found.append(item.get_secret_value())
    return found


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
        decline_cancels=settings.decline_cancels,
        defaults=meeting_defaults(settings),
        following=following(settings),
        more_acts=OF_IMPORTS,
    )


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
    if 'pipedrive' in engine.systems:
        await connect.meet(engine, engine.systems['pipedrive'])
    await connect.belong_by_settings(engine)
