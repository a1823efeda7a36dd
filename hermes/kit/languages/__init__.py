"""The languages in which people are spoken to: one catalogue of sentences, and how each language writes days, times,
money and countries.

English is what stands in the code and the templates; every other language is a `.po` file beside this module, read when
it is first asked for. Two more are made up, for whoever looks after the pages: `en-XA` writes every sentence longer and
with accents, `ar-XB` the same from right to left; what stays plain English there is not in the catalogue.
"""

import re
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from functools import cache
from gettext import GNUTranslations, NullTranslations
from importlib.resources import files
from io import BytesIO
from typing import Final, Literal
from zoneinfo import ZoneInfo

from babel import Locale
from babel.core import get_global
from babel.dates import format_date, format_skeleton, format_time, get_timezone_name
from babel.lists import format_list
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from babel.numbers import format_currency

from hermes.kit import texts

LOCALES: Final = {'en': 'en_GB', 'de': 'de_DE', 'fr': 'fr_FR', 'es': 'es_ES'}
"""Language -> how it writes dates and numbers."""
MADE_UP: Final = {'en-XA': 'en_GB', 'ar-XB': 'en_GB'}
ENGLISH: Final = 'en'
UNREVIEWED: Final = frozenset({'de', 'fr', 'es'})
"""Nobody who grew up with the language has read these yet."""
ACCENTED: Final = str.maketrans('aceinouyACEINOUY', 'àçéîñöûýÀÇÉÎÑÖÛÝ')
KEPT: Final = re.compile(r'(%\(\w+\)[sd]|%%|<[^>]*>|&\w+;)')
LONGEST: Final = 200
"""Characters of an Accept-Language header that are read."""
Clock = Literal['12', '24']


class MadeUp(NullTranslations):
    """Every sentence with accents, a third longer, in brackets; what is put into it stays."""

    def gettext(self, message: str) -> str:
        parts = KEPT.split(message)
        told = ''.join(part if at % 2 else part.translate(ACCENTED) for at, part in enumerate(parts))
        return f'[{told}{"·" * (len(message) // 3)}]'

    def ngettext(self, msgid1: str, msgid2: str, n: int) -> str:
        return self.gettext(msgid1 if n == 1 else msgid2)


@dataclass(frozen=True)
class Language:
    """A language: `code` as in `lang=`, and its sentences."""

    code: str
    locale: Locale
    translations: NullTranslations

    @property
    def direction(self) -> Literal['ltr', 'rtl']:
        return 'rtl' if self.code == 'ar-XB' else 'ltr'

    @property
    def clock(self) -> Clock:
        """How people count hours here."""
        return '12' if 'a' in self.locale.time_formats['short'].pattern else '24'

    def gettext(self, message: str) -> str:
        return self.translations.gettext(message)

    def day(self, at: date) -> str:
        """'Thursday, 3 December 2026'."""
        return format_date(at, 'full', locale=self.locale)

    def short_day(self, at: date) -> str:
        """'Thu 3 Dec'."""
        return format_skeleton('MMMEd', at, locale=self.locale)

    def month(self, at: date) -> str:
        """'December 2026'."""
        return format_skeleton('yMMMM', at, locale=self.locale)

    def weekdays(self) -> list[tuple[str, str]]:
        """(short, whole) names of the days of a week, from the one on which it begins here."""
        first = self.locale.first_week_day
        names, short = self.locale.days['stand-alone']['wide'], self.locale.days['stand-alone']['abbreviated']
        return [(short[day % 7], names[day % 7]) for day in range(first, first + 7)]

    def time(self, at: datetime, zone: ZoneInfo, clock: Clock) -> str:
        """'14:30', or '2:30 pm'."""
        return format_time(at, 'h:mm a' if clock == '12' else 'HH:mm', tzinfo=zone, locale=self.locale)

    def zone(self, at: datetime, zone: ZoneInfo) -> str:
        """'Greenwich Mean Time, Europe/London': the name with the place, as it holds at a moment."""
        local, place = at.astimezone(zone), self.place(zone)
        names = self.locale.meta_zones.get(_known_by_old_name().get(zone.key, ''), {}).get('long', {})
        name = names.get('daylight' if local.dst() else 'standard') or get_timezone_name(local, locale=self.locale)
        return name if name == place else f'{name}, {place}'

    def place(self, zone: ZoneInfo) -> str:
        return (zone.key or 'UTC').replace('_', ' ')

    def city(self, zone: str) -> str:
        """'Rome' of 'Europe/Rome', and of 'America/Indiana/Knox' 'Knox, Indiana'."""
        _, *above, last = ('', *zone.replace('_', ' ').split('/'))
        told = self.locale.time_zones[zone].get('city') if zone in self.locale.time_zones else None
        return str(told or ', '.join((last, *above[:0:-1])))

    def all_of(self, names: Sequence[str]) -> str:
        """'English, French and German'."""
        return format_list(names, locale=self.locale)

    @property
    def own_name(self) -> str:
        """What those who speak it call it: 'Deutsch'."""
        name = str(self.locale.get_language_name() or self.code)
        return name[:1].upper() + name[1:]

    def country(self, code: str) -> str:
        return str(self.locale.territories.get(code, code))

    def currency(self, code: str) -> str:
        """'British pounds (GBP)'."""
        return f'{self.locale.currencies.get(code, code)} ({code})'

    def money(self, amount: int, currency: str) -> str:
        """'£50,000', '50.000 £'."""
        whole = self.locale.currency_formats['standard'].pattern.replace('.00', '')
        return format_currency(amount, currency, whole, locale=self.locale, currency_digits=False)


@cache
def _known_by_old_name() -> Mapping[str, str]:
    """Zone -> the key of its names, for those that Babel finds by their old names alone: 'Asia/Kolkata' -> 'India'."""
    known = get_global('meta_zones')
    renamed = get_global('zone_aliases').items()
    return {new: known[old] for old, new in renamed if old in known and new not in known}


def find_language(asked: str, accepted: str = '') -> Language:
    """The language that is asked for by its code, else the first of an Accept-Language header, else English."""
    codes = (find_code(told) for told in (asked, *_accepted(accepted[:LONGEST])))
    return language(next(filter(None, codes), ENGLISH))


def find_code(told: str) -> str | None:
    """The code of one of our languages: of `de-AT`, German; None for what is none of ours."""
    code = told.partition('-')[0].lower()
    return told if told in MADE_UP else code if code in LOCALES else None


@cache
def language(code: str) -> Language:
    """A language by its code. Raises KeyError."""
    if code in MADE_UP:
        return Language(code, Locale.parse(MADE_UP[code]), MadeUp())
    return Language(code, Locale.parse(LOCALES[code]), NullTranslations() if code == ENGLISH else _read(code))


def _read(code: str) -> NullTranslations:
    """The sentences of a `.po` file; what it leaves open, or is not sure of, stays English."""
    compiled = BytesIO()
    with files(__name__).joinpath(f'{code}.po').open('rb') as source:
        write_mo(compiled, read_po(source, locale=LOCALES[code]))
    compiled.seek(0)
    return GNUTranslations(compiled)


def _accepted(header: str) -> Iterator[str]:
    """The codes of an Accept-Language header, the best first."""
    found: list[tuple[float, str]] = []
    for part in header.split(',')[:20]:
        code, _, told = part.strip().partition(';')
        try:
            weight = float(told.strip().removeprefix('q=')) if told else 1.0
        except ValueError:
            continue
        found.append((-weight, code.strip()))
    yield from (code for weight, code in sorted(found, key=lambda each: each[0]) if weight < 0)


def in_order(named: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """(key, name) by name, as a list is read: accents and capitals make no difference."""
    return sorted(named, key=lambda each: ''.join(filter(str.isalnum, texts.composed(each[1], 'NFKD'))).casefold())


def N_(message: str) -> str:
    """Marks a sentence that stands in the code for the catalogue; it is translated where it is told."""
    return message
