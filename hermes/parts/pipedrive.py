"""Pipedrive out of the settings (PD_*)."""

from typing import TYPE_CHECKING, Final

from hermes.parts.wiring import Wiring
from hermes.ports import Allowance, Source
from hermes.settings import Settings
from hermes.systems.pipedrive.profile import PROFILE

if TYPE_CHECKING:
    from hermes.kit.clock import Clock
    from hermes.parts.wiring import Transport
    from hermes.sync.subscription import Door
    from hermes.systems.pipedrive.system import Pipedrive

PATH: Final = f'/{PROFILE.name}/callback'
API, PAGES = 'https://api.pipedrive.com', 'https://app.pipedrive.com'
"""The host that serves the API of every account shows no pages; the other one leads people to their own."""


def is_on(settings: Settings) -> bool:
    return bool(settings.pd_api_key.get_secret_value())


def pages_of(settings: Settings) -> str:
    """Where people open its objects."""
    return PAGES if settings.pd_base_url == API else settings.pd_base_url


def build(settings: Settings, clock: 'Clock', transport: 'Transport') -> 'Pipedrive':
    from hermes.kit.http import Line
    from hermes.systems.pipedrive.system import Pipedrive

    return Pipedrive(
        settings.pd_api_key.get_secret_value(),
        base_v2=settings.pipedrive_v2_url,
        base_v1=settings.pipedrive_v1_url,
        line=Line(transport, clock),
        pages=pages_of(settings),
    )


def allow(settings: Settings) -> Allowance:
    """PD_PLAN and PD_SEATS; PD_API_MAX_RATE narrows the burst."""
    from hermes.systems.pipedrive import limits

    plan = limits.limits(settings.pd_plan, settings.pd_seats)
    burst = min(plan.burst_requests, settings.pd_api_max_rate or plan.burst_requests)
    return Allowance(burst, settings.pd_api_rate_period, limits.SEARCH_BURST, plan.daily_tokens)


def source(settings: Settings) -> Source:
    from hermes.systems.pipedrive.door import dedupe_key, http_basic

    passwords = [secret.get_secret_value() for secret in settings.pd_webhook_password]
    known = http_basic(settings.pd_webhook_user, passwords)
    return Source(PROFILE.name, PATH, known, dedupe_key, refused_status=401, listed=PROFILE.listings.full)


def door(settings: Settings) -> 'Door | None':
    from hermes.sync.subscription import Door

    if not settings.pd_webhook_password:
        return None
    password = settings.pd_webhook_password[0].get_secret_value()
    return Door(f'{settings.hermes_url}{PATH}/', settings.pd_webhook_user, password)


WIRING: Final = Wiring(PROFILE, is_on, build, allow, 'PD_API_KEY and PD_BASE_URL', source, door)
