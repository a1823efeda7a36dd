"""Salesforce out of the settings (SALESFORCE_*, PEOPLE_FILE)."""

from typing import TYPE_CHECKING, Final

from hermes.parts.wiring import Wiring
from hermes.ports import Allowance
from hermes.settings import Settings
from hermes.systems.salesforce.profile import PROFILE

if TYPE_CHECKING:
    from hermes.kit.clock import Clock
    from hermes.parts.wiring import Transport
    from hermes.systems.salesforce.system import Salesforce


def is_on(settings: Settings) -> bool:
    return bool(settings.salesforce_base_url and settings.salesforce_client_id)


def build(settings: Settings, clock: 'Clock', transport: 'Transport') -> 'Salesforce':
    """Raises Refused for a mapping that is wrong."""
    from hermes.kit.http import Line
    from hermes.systems.salesforce.mapping import load
    from hermes.systems.salesforce.system import Salesforce
    from hermes.systems.salesforce.token import App

    return Salesforce(
        App(
            settings.salesforce_base_url,
            settings.salesforce_client_id,
            settings.salesforce_client_secret.get_secret_value(),
        ),
        mapped=load(settings.people_file),
        line=Line(transport, clock),
    )


def allow(settings: Settings) -> Allowance:
    """SALESFORCE_DAILY_REQUESTS."""
    from hermes.systems.salesforce import limits

    return Allowance(limits.AT_ONCE, limits.WINDOW_S, limits.AT_ONCE, settings.salesforce_daily_requests)


WIRING: Final = Wiring(
    PROFILE, is_on, build, allow, 'SALESFORCE_BASE_URL, SALESFORCE_CLIENT_ID and SALESFORCE_CLIENT_SECRET'
)
