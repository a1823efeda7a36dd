"""What templates call to write values in a visitor's language."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from babel import Locale

from hermes.booking.brackets import Bracket
from hermes.kit.languages import LOCALES, Language, language


def utc(at: datetime) -> str:
    """The form in which a time stands in addresses and forms: '2026-12-03T10:00:00Z'."""
    return at.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')


def clocks_differ(at: datetime, here: ZoneInfo, there: ZoneInfo) -> bool:
    return at.astimezone(here).utcoffset() != at.astimezone(there).utcoffset()


def known_zones(groups: Sequence[tuple[str, Sequence[tuple[str, str]]]]) -> set[str]:
    return {name for _, places in groups for name, _ in places}


def currency_options(language: Language, currencies: Sequence[str]) -> list[tuple[str, str]]:
    return [(code, language.currency(code)) for code in currencies]


def bracket_options(language: Language, brackets: Sequence[Bracket]) -> list[tuple[str, str]]:
    """(id, '£50,000 to £150,000')."""
    return [(each.id, _bracket(language, each)) for each in brackets]


def _bracket(language: Language, bracket: Bracket) -> str:
    low = language.money(bracket.lower, bracket.currency)
    if bracket.upper is None:
        return language.gettext('%(amount)s or more') % {'amount': low}
    high = language.money(bracket.upper, bracket.currency)
    if bracket.lower == 0:
        return language.gettext('Less than %(amount)s') % {'amount': high}
    return language.gettext('%(low)s to %(high)s') % {'low': low, 'high': high}


def spoken(language: Language, codes: Sequence[str]) -> str:
    """The names of languages in another: 'English and French'."""
    return language.all_of([Locale.parse(code, sep='-').get_display_name(language.locale) or code for code in codes])


def shipped() -> list[tuple[str, str]]:
    """(code, own name) of every language that a visitor can choose."""
    return [(code, language(code).own_name) for code in LOCALES]


GLOBALS: Final[dict[str, Callable[..., Any]]] = {
    'utc': utc, 'clocks_differ': clocks_differ, 'known_zones': known_zones, 'currency_options': currency_options,
    'bracket_options': bracket_options, 'spoken': spoken, 'shipped': shipped, 'dict': dict,
}  # fmt: skip
