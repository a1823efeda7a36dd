"""Which region of sales a country belongs to: a table, no rule of geography (API-2, J-6).

The EU stands for its members, the states of EFTA and the micro-states that lie inside them; whatever is not named,
also an empty or unknown country, is the rest of the world.
"""

from collections.abc import Mapping
from typing import Final

REST: Final = 'row'
EU_MEMBERS: Final = (
    'AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU', 'IE', 'IT', 'LT', 'LU', 'LV',
    'MT', 'NL', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK',
)  # fmt: skip
EFTA: Final = ('CH', 'IS', 'LI', 'NO')
MICRO_STATES: Final = ('AD', 'MC', 'SM', 'VA')
COUNTRIES: Final[Mapping[str, str]] = {
    'US': 'us', 'GB': 'gb', 'UK': 'gb', 'AU': 'au', 'CA': 'ca',
    **dict.fromkeys((*EU_MEMBERS, *EFTA, *MICRO_STATES), 'eu'),
}  # fmt: skip
"""Country (ISO 3166 alpha-2, and the `UK` that people write) -> region."""
REGIONS: Final = ('us', 'gb', 'au', 'ca', 'eu', REST)


def region_of(country: object) -> str:
    """The region of a country's code in any case; the rest of the world for anything else."""
    return COUNTRIES.get(country.strip().upper(), REST) if isinstance(country, str) else REST
