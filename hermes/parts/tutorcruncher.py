"""TutorCruncher out of the settings (TC2_*)."""

from typing import TYPE_CHECKING, Final

from hermes.parts.pipedrive import pages_of
from hermes.parts.wiring import Wiring
from hermes.ports import Allowance, Source
from hermes.settings import Settings
from hermes.systems.tutorcruncher.profile import PROFILE

if TYPE_CHECKING:
    from hermes.kit.clock import Clock
    from hermes.parts.wiring import Transport
    from hermes.systems.tutorcruncher.system import TutorCruncher

PATH: Final = '/tc2/callback'


def is_on(settings: Settings) -> bool:
    return bool(settings.tc2_api_key)


def build(settings: Settings, clock: 'Clock', transport: 'Transport') -> 'TutorCruncher':
    from hermes.kit.http import Line
    from hermes.systems.tutorcruncher.system import TutorCruncher

    return TutorCruncher(
        settings.tc2_api_key[0].get_secret_value(),
        base=f'{settings.tc2_base_url}/api',
        line=Line(transport, clock),
        crm_url=pages_of(settings),
        pages=settings.tc2_base_url.rstrip('/'),
        account='the sandbox' if settings.hermes_sandbox else settings.tc2_base_url,
    )


def allow(settings: Settings) -> Allowance:
    from hermes.systems.tutorcruncher import limits

    return Allowance(limits.BURST_REQUESTS, limits.BURST_WINDOW_S, limits.BURST_REQUESTS, limits.DAILY_REQUESTS)


def source(settings: Settings) -> Source:
    from hermes.systems.tutorcruncher.door import dedupe_key, signature

    known = signature([secret.get_secret_value() for secret in settings.tc2_api_key])
    return Source(PROFILE.name, PATH, known, dedupe_key, extensions=True, listed=PROFILE.listings.full)


WIRING: Final = Wiring(PROFILE, is_on, build, allow, 'TC2_API_KEY and TC2_BASE_URL', source)
