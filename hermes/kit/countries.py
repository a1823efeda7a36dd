"""Country texts to ISO 3166 alpha-2 and back: `United Kingdom (GB)`, `Deutschland`, `USA`, `gb` (D-18).

Which codes there are says the table that comes with the time zones (tzdata's `iso3166.tab`). Names come from babel;
English first, then the languages in which the connected systems are usually run.
"""

import re
from collections.abc import Mapping
from functools import cache
from importlib.resources import files

from babel import Locale

_LANGUAGES = ('en', 'de', 'fr', 'es', 'it', 'nl', 'pt', 'pl', 'et')
_ALIASES = {
    'usa': 'US', 'u.s.a.': 'US', 'u.s.': 'US', 'united states of america': 'US', 'the united states': 'US',
    'uk': 'GB', 'u.k.': 'GB', 'great britain': 'GB', 'england': 'GB', 'scotland': 'GB', 'wales': 'GB',
    'northern ireland': 'GB', 'republic of ireland': 'IE', 'holland': 'NL', 'the netherlands': 'NL',
    'czech republic': 'CZ', 'uae': 'AE', 'south korea': 'KR', 'turkey': 'TR', 'hong kong': 'HK', 'macau': 'MO',
}  # fmt: skip
_IN_BRACKETS = re.compile(r'\(([A-Za-z]{2})\)\s*$')


_KOSOVO = 'XK'
"""No code of ISO 3166, and the one by which everybody names that country."""


@cache
def iso_codes() -> frozenset[str]:
    """The codes of ISO 3166-1 alpha-2."""
    lines = files('tzdata').joinpath('zoneinfo', 'iso3166.tab').read_text('utf-8').splitlines()
    return frozenset(line.partition('\t')[0] for line in lines if line and not line.startswith('#'))


def iso_code(told: str) -> str | None:
    """A code in any case as ISO 3166 has it, `UK` as GB; None for what is no country's, a name included."""
    code = told.strip().upper() if told.isascii() else ''
    return 'GB' if code == 'UK' else code if code in iso_codes() else None


@cache
def _english() -> Mapping[str, str]:
    names = Locale.parse('en').territories
    return {code: names[code] for code in sorted(iso_codes() | {_KOSOVO}) if code in names}


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
    return plain.upper() if plain.isascii() and plain.upper() in _english() else None


def english_name(code: str) -> str:
    """'GB' -> 'United Kingdom'; an unknown code is its own name."""
    return _english().get(code, code)
