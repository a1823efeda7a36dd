"""Country texts to ISO 3166 alpha-2 and back: `United Kingdom (GB)`, `Deutschland`, `USA`, `gb` (D-18).

Names come from babel; English first, then the languages in which the connected systems are usually run.
"""

import re
from collections.abc import Mapping
from functools import cache

from babel import Locale

_LANGUAGES = ('en', 'de', 'fr', 'es', 'it', 'nl', 'pt', 'pl', 'et')
_ALIASES = {
    'usa': 'US', 'u.s.a.': 'US', 'u.s.': 'US', 'united states of america': 'US', 'the united states': 'US',
    'uk': 'GB', 'u.k.': 'GB', 'great britain': 'GB', 'england': 'GB', 'scotland': 'GB', 'wales': 'GB',
    'northern ireland': 'GB', 'republic of ireland': 'IE', 'holland': 'NL', 'the netherlands': 'NL',
    'czech republic': 'CZ', 'uae': 'AE', 'south korea': 'KR', 'turkey': 'TR', 'hong kong': 'HK', 'macau': 'MO',
}  # fmt: skip
_IN_BRACKETS = re.compile(r'\(([A-Za-z]{2})\)\s*$')


@cache
def _english() -> Mapping[str, str]:
    return {
        code: name
        for code, name in Locale.parse('en').territories.items()
        if len(code) == 2 and code.isalpha() and code not in ('EU', 'EZ', 'UN', 'QO', 'ZZ', 'XA', 'XB')
    }


@cache
def _codes() -> Mapping[str, str]:
    found = dict(_ALIASES)
    for language in _LANGUAGES:
        for code, name in Locale.parse(language).territories.items():
            if code in _english():
                found.setdefault(name.casefold(), code)
    return found


def alpha2(told: str | None) -> str | None:
    """The code that a country's text means; None when it means none that we know."""
    if not told or not told.strip():
        return None
    bracket = _IN_BRACKETS.search(told)
    if bracket and bracket.group(1).upper() in _english():
        return bracket.group(1).upper()
    plain = told.strip()
    if plain.casefold() in _codes():
        return _codes()[plain.casefold()]
    return plain.upper() if plain.upper() in _english() else None


def english_name(code: str) -> str:
    """'GB' -> 'United Kingdom'; an unknown code is its own name."""
    return _english().get(code, code)
