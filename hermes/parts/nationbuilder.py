"""NationBuilder out of the settings (NATIONBUILDER_*, PEOPLE_FILE)."""

from typing import TYPE_CHECKING, Final

from hermes.parts.wiring import Wiring
from hermes.ports import Allowance
from hermes.settings import Settings
from hermes.systems.nationbuilder.profile import PROFILE

if TYPE_CHECKING:
    from hermes.kit.clock import Clock
    from hermes.parts.wiring import Transport
    from hermes.systems.nationbuilder.system import NationBuilder


def is_on(settings: Settings) -> bool:
    app = settings.nationbuilder_client_id and settings.nationbuilder_client_secret.get_secret_value()
    return bool(settings.nationbuilder_url and (app or settings.nationbuilder_token.get_secret_value()))


def build(settings: Settings, clock: 'Clock', transport: 'Transport') -> 'NationBuilder':
    """Raises Refused for a mapping that is wrong."""
    from hermes.kit.http import Line
    from hermes.systems.nationbuilder.mapping import load
    from hermes.systems.nationbuilder.oauth import App, NationExchange
    from hermes.systems.nationbuilder.system import NationBuilder

    line, base = Line(transport, clock), settings.nationbuilder_url
    secret = settings.nationbuilder_client_secret.get_secret_value()
    return NationBuilder(
        base,
        settings.nationbuilder_slug or base,
        token=settings.nationbuilder_token.get_secret_value(),
        exchange=NationExchange(App(base, settings.nationbuilder_client_id, secret), line) if secret else None,
        mapped=load(settings.people_file),
        line=line,
    )


def allow(settings: Settings) -> Allowance:
    from hermes.systems.nationbuilder import limits

    return Allowance(limits.AT_ONCE, limits.WINDOW_S, limits.AT_ONCE, limits.DAILY)


WIRING: Final = Wiring(
    PROFILE,
    is_on,
    build,
    allow,
    'NATIONBUILDER_SLUG, NATIONBUILDER_CLIENT_ID and NATIONBUILDER_CLIENT_SECRET',
    granted=True,
)
