"""The toy out of the settings: it is always on, and its deliveries prove themselves by a word."""

from typing import Final

from hermes.parts.wiring import Wiring
from hermes.ports import Allowance, Authentication, Headers, Source
from hermes.settings import Settings
from tests.toy.profile import PROFILE
from tests.toy.system import Toybox

WORD: Final = 'open-sesame'


def source(settings: Settings) -> Source:
    def known(headers: Headers) -> bool:
        return headers.get('x-toy-word') == WORD

    proof = Authentication(known, lambda body, headers: known(headers))
    return Source(PROFILE.name, '/toybox/callback', proof, lambda body, parsed: None, listed=PROFILE.listings.full)


WIRING: Final = Wiring(
    PROFILE,
    is_on=lambda settings: True,
    build=lambda settings, clock, transport: Toybox(clock),
    allow=lambda settings: Allowance(100, 60.0, 100, 100_000),
    source=source,
)
