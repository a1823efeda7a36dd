"""What the processes are made of: settings become systems, budgets, doors and secrets, as plain values and adapters.

Nothing here starts anything; `app` puts the parts together. Only these two modules name the systems.
"""

from datetime import time
from typing import Any
from urllib.parse import urlsplit

import httpx2

from hermes.db import budget
from hermes.domain.timetable import Defaults
from hermes.kit.clock import Clock
from hermes.ports import Mailer, System
from hermes.settings import Settings, is_loopback
from hermes.sync.engine import Engine, Following
from hermes.sync.subscription import Door
from hermes.systems.google_calendar import Account, GoogleCalendar
from hermes.systems.google_calendar import limits as calendar_limits
from hermes.systems.mail import Smtp, parse_address
from hermes.systems.pipedrive import inbound as pipedrive_inbound
from hermes.systems.pipedrive.limits import SEARCH_BURST
from hermes.systems.pipedrive.limits import limits as crm_limits
from hermes.systems.pipedrive.system import Pipedrive
from hermes.systems.tutorcruncher import limits as product_limits
from hermes.systems.tutorcruncher.system import TutorCruncher
from hermes.web.security import channel_token, http_basic, tc2_signature
from hermes.web.webhooks import Source, hash_of_body

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
        Source(
            'google',
            '/google/callback',
            channel_token(channel_secrets(settings)),
            lambda body, parsed: None,
            json_body=False,
            headers=('x-goog-channel-id', 'x-goog-resource-state', 'x-goog-message-number'),
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
