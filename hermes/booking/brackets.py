"""How much a visitor's business earns in a year, in brackets, and which price plan each means (WEB-3, WEB-4).

Data, as the website has always asked it. A bracket is known by its currency and its id (`50-150k`), or by the label
that older pages sent.
"""

from dataclasses import dataclass
from functools import cache
from typing import Final

from babel.numbers import get_territory_currencies

SUPPORTED: Final = ('GBP', 'USD', 'EUR', 'AUD', 'CAD', 'ZAR')
FALLBACK: Final = 'USD'
PLANS: Final = ('payg', 'startup', 'startup', 'enterprise', 'enterprise', 'enterprise')
STEPS: Final = {
    **dict.fromkeys(('GBP', 'USD', 'EUR'), (0, 50_000, 150_000, 500_000, 1_000_000, 3_000_000)),
    **dict.fromkeys(('AUD', 'CAD'), (0, 70_000, 200_000, 700_000, 1_500_000, 4_000_000)),
    'ZAR': (0, 1_000_000, 2_500_000, 10_000_000, 20_000_000, 50_000_000),
}
"""Where each bracket begins; the last one has no end."""


@dataclass(frozen=True, slots=True)
class Bracket:
    """Yearly revenue of [lower, upper) in a currency; `upper` None: and more."""

    currency: str
    lower: int
    upper: int | None
    plan: str

    @property
    def id(self) -> str:
        """'50-150k', '1-3m', '3m+'."""
        low, unit = _short(self.lower)
        if self.upper is None:
            return f'{low}{unit}+'
        high, unit_of_high = _short(self.upper)
        same = self.lower == 0 or unit == unit_of_high
        return f'{low}-{high}{unit_of_high}' if same else f'{low}{unit}-{high}{unit_of_high}'


def _short(amount: int) -> tuple[str, str]:
    whole, unit = (amount / 1_000_000, 'm') if amount >= 1_000_000 else (amount / 1_000, 'k')
    return f'{whole:g}', unit


@cache
def brackets(currency: str) -> tuple[Bracket, ...]:
    """The brackets of a currency, the lowest first; of one that is not supported, those of the dollar."""
    known = currency if currency in STEPS else FALLBACK
    steps = STEPS[known]
    uppers = (*steps[1:], None)
    return tuple(Bracket(known, low, high, plan) for low, high, plan in zip(steps, uppers, PLANS, strict=True))


def find_bracket(currency: str, told: str) -> Bracket | None:
    """The bracket of that id, None where a currency has none."""
    return next((each for each in brackets(currency) if each.id == told), None)


@cache
def currency_of(country: str | None) -> str:
    """The currency of a country if it is a supported one, else the dollar (WEB-3)."""
    found = get_territory_currencies(country) if country else []
    return next((code for code in found if code in SUPPORTED), FALLBACK)
