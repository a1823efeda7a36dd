"""Phone numbers as they are compared: in E.164 where the country is known or told, else by their digits alone.

A number of which nobody knows the country is one with a number that is dialled like it at home: its keys are marked,
so that one lookup finds both (`asked`). An extension belongs to no key: it is the same telephone.
"""

import re
import unicodedata
from collections.abc import Iterable, Iterator
from functools import lru_cache
from itertools import chain
from typing import Final

import phonenumbers
from phonenumbers import PhoneNumber, PhoneNumberFormat

from hermes.kit.texts import clean

SHORTEST: Final = 7
"""Fewer digits than this are nobody's number."""
DIALLED: Final = '~'
"""Marks the ways in which a number of a known country may stand without it."""
_APART: Final = re.compile(r'\s*[/;,|]\s*')
_STRETCH: Final = re.compile(r'[+\d(][\d\s().\-/\u2010-\u2015]*')
_TRUNK: Final = re.compile(r'\(\s*0\s*\)')
_ABROAD: Final = re.compile(r'^\D*00(?=\s*[1-9(])')
_COUNTING: Final = '01234567890123456789'


@lru_cache(maxsize=20_000)
def keys(told: str, country: str | None) -> tuple[str, ...]:
    """The keys of a text that holds a phone number, or several; none for what is no number. `country`: ISO alpha-2 of
    whoever wrote it.
    """
    plain = clean(told)
    region = country if country in phonenumbers.SUPPORTED_REGIONS else None
    parts = [part for part in _APART.split(plain) if len(_digits(part)) >= SHORTEST]
    found: dict[str, None] = {}
    for part in parts if len(parts) > 1 else [plain]:
        found |= dict.fromkeys(_keys(part, region))
    return tuple(found)


def asked(known: Iterable[str]) -> set[str]:
    """What to look for among the keys of others, by the keys of one's own."""
    found: set[str] = set()
    for key in known:
        if key.startswith(DIALLED):
            found.add(key.removeprefix(DIALLED))
        else:
            found |= {key} if key.startswith('+') else {key, f'{DIALLED}{key}'}
    return found


def _keys(told: str, region: str | None) -> Iterator[str]:
    alone = max(_STRETCH.findall(told), key=lambda stretch: len(_digits(stretch)), default='')
    number = _read((told, alone), region)
    digits = str(number.national_number) if number else _digits(alone)
    if len(digits) < SHORTEST or _is_filler(digits):
        return
    if number is None:
        yield digits
        return
    yield phonenumbers.format_number(number, PhoneNumberFormat.E164)
    at_home = _digits(phonenumbers.format_number(_plain(number), PhoneNumberFormat.NATIONAL))
    own = phonenumbers.national_significant_number(number)
    for spelling in sorted({at_home, own, f'{number.country_code}{own}'}):
        yield f'{DIALLED}{spelling}'


def _read(told: tuple[str, ...], region: str | None) -> PhoneNumber | None:
    """The number that is meant: the first reading that is one in its country, else the first that could be."""
    possible = None
    for reading in dict.fromkeys(chain.from_iterable(map(_readings, told))):
        try:
            number = phonenumbers.parse(reading, region)
        except phonenumbers.NumberParseException:
            continue
        if phonenumbers.is_valid_number(number):
            return number
        if possible is None and phonenumbers.is_possible_number(number):
            possible = number
    return possible


def _readings(told: str) -> Iterator[str]:
    """As it stands, without a (0) that is not dialled, and with 00 as the way abroad."""
    for way in (told, _ABROAD.sub('+', told)):
        yield way
        yield _TRUNK.sub('', way)


def _plain(number: PhoneNumber) -> PhoneNumber:
    plain = PhoneNumber()
    plain.merge_from(number)
    plain.extension = None
    return plain


def _digits(told: str) -> str:
    """Its digits of any script, as ASCII."""
    return ''.join(str(digit) for letter in told if (digit := unicodedata.decimal(letter, None)) is not None)


def _is_filler(digits: str) -> bool:
    """Whether somebody only filled the field: one digit over and over, or counting."""
    own = digits.lstrip('0')
    return len(set(own)) < 2 or own in _COUNTING or digits in _COUNTING
