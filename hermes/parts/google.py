"""Google Calendar out of the settings (G_*)."""

from typing import TYPE_CHECKING, Final

from hermes.parts.secrets import channel_secrets
from hermes.parts.wiring import Wiring
from hermes.ports import Allowance, Source
from hermes.settings import Settings
from hermes.systems.google_calendar.profile import PROFILE

if TYPE_CHECKING:
    from hermes.kit.clock import Clock
    from hermes.parts.wiring import Transport
    from hermes.systems.google_calendar.system import GoogleCalendar

PATH: Final = f'/{PROFILE.name}/callback'


def is_on(settings: Settings) -> bool:
    return bool(settings.g_private_key.get_secret_value() and settings.g_client_email)


def build(settings: Settings, clock: 'Clock', transport: 'Transport') -> 'GoogleCalendar':
    from hermes.kit.http import Line
    from hermes.systems.google_calendar.system import TIMEOUT_S, GoogleCalendar
    from hermes.systems.google_calendar.token import Account

    return GoogleCalendar(
        Account(
            settings.g_client_email,
            settings.g_private_key_id,
            settings.g_token_uri,
            settings.g_private_key.get_secret_value(),
            settings.g_project_id,
        ),
        brand=settings.brand,
        root=settings.g_api_root,
        line=Line(transport, clock, TIMEOUT_S),
    )


def allow(settings: Settings) -> Allowance:
    from hermes.systems.google_calendar import limits

    return Allowance(limits.BURST_REQUESTS, limits.BURST_WINDOW_S, limits.BURST_REQUESTS, limits.DAILY_REQUESTS)


def source(settings: Settings) -> Source:
    from hermes.systems.google_calendar.door import STORED, channel_token

    known = channel_token(channel_secrets(settings))
    return Source(PROFILE.name, PATH, known, lambda body, parsed: None, json_body=False, headers=STORED)


WIRING: Final = Wiring(PROFILE, is_on, build, allow, 'G_CLIENT_EMAIL, G_PRIVATE_KEY and G_TOKEN_URI', source)
