"""Which region of sales a country belongs to: a table, no rule of geography (API-2, J-6).

Great Britain goes with the Crown's islands beside it and Gibraltar; the EU stands for its members and whatever else the
UN's list (M49) counts as Europe, but Russia and Belarus. Whatever is not named, also an empty or unknown country, is
the rest of the world.
"""

from collections.abc import Mapping
from typing import Final

REST: Final = 'row'
BRITISH: Final = ('GB', 'UK', 'GG', 'GI', 'IM', 'JE')
EU_MEMBERS: Final = (
    'AT', 'BE', 'BG', 'CY', 'CZ', 'DE', 'DK', 'EE', 'ES', 'FI', 'FR', 'GR', 'HR', 'HU', 'IE', 'IT', 'LT', 'LU', 'LV',
    'MT', 'NL', 'PL', 'PT', 'RO', 'SE', 'SI', 'SK',
)  # fmt: skip
OTHER_EUROPE: Final = (
    'AD', 'AL', 'AX', 'BA', 'CH', 'FO', 'IS', 'LI', 'MC', 'MD', 'ME', 'MK', 'NO', 'RS', 'SJ', 'SM', 'UA', 'VA',
)  # fmt: skip
COUNTRIES: Final[Mapping[str, str]] = {
    'US': 'us', 'AU': 'au', 'CA': 'ca',
    **dict.fromkeys(BRITISH, 'gb'),
    **dict.fromkeys((*EU_MEMBERS, *OTHER_EUROPE), 'eu'),
}  # fmt: skip
"""Country (ISO 3166 alpha-2, and the `UK` that people write) -> region."""
REGIONS: Final = ('us', 'gb', 'au', 'ca', 'eu', REST)


def region_of(country: object) -> str:
    """The region of a country's code in any case; the rest of the world for anything else."""
    return COUNTRIES.get(country.strip().upper(), REST) if isinstance(country, str) else REST
