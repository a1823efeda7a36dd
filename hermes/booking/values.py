"""Single values of a form: cleaned, checked, in one spelling. Each check raises ValueError with a plain sentence that
can stand after the field's name.
"""

import re
from datetime import UTC, datetime
from functools import cache
from typing import Any, Final
from urllib.parse import urlsplit

import phonenumbers
from babel.core import get_global
from pydantic_core import PydanticCustomError

from hermes.domain.enquiry import split_name
from hermes.domain.errors import Refused
from hermes.domain.timetable import find_zone
from hermes.kit import texts
from hermes.kit.countries import alpha2
from hermes.kit.languages import LOCALES, find_code
from hermes.kit.wire import number_text

HOST: Final = re.compile(r'(?=.{4,253}$)([^\W_]([\w-]{0,61}[^\W_])?\.)+[^\W\d_][\w-]*[^\W_]')
SCHEME: Final = re.compile(r'[a-z][a-z0-9+.-]*:(?!\d)', re.IGNORECASE)
EARLIEST: Final = datetime(1971, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2100, 1, 1, tzinfo=UTC)
LONGEST: Final = 255
"""Characters of a name; what is longer is cut."""
LONGEST_MOMENT: Final = 64
MILLISECONDS: Final = 10**11
"""A number as large as this is no count of seconds."""


def as_text(value: Any) -> Any:
    """A number or a boolean as the text that it plainly is; anything else as it is."""
    if isinstance(value, bool):
        return 'true' if value else 'false'
    return number_text(value) if isinstance(value, int | float) else value


def no_truth(value: Any) -> Any:
    """Anything but a boolean, which counts as no number."""
    if isinstance(value, bool):
        raise ValueError('must be a whole number')
    return value


def clean(value: Any, most: int) -> Any:
    """Text of which `most` characters are kept: measured before anything else is done with it, then clean, on
    one line. Anything else as it is.
    """
    if not isinstance(value, str):
        return value
    if not texts.fits(value, most):
        raise PydanticCustomError('string_too_long', 'is too long', {'max_length': most})
    return texts.clean(value)


def emptied(value: Any, most: int) -> Any:
    """`clean`, and None for nothing."""
    told = clean(value, most)
    return None if told == '' else told


def lowered(value: Any) -> Any:
    """A word whose capitals say nothing."""
    return value.lower() if isinstance(value, str) else value


def check_name(name: str) -> str:
    try:
        split_name(name)
    except Refused:
        raise ValueError('needs a first and a last name, with a space between them') from None
    return name


def check_website(website: str | None) -> str | None:
    """A whole https or http address; `example.com` becomes `https://example.com`."""
    if website is None:
        return None
    sentence = 'must be the address of a website such as example.com'
    whole = website if '://' in website else f'https://{website}'
    if '://' not in website and SCHEME.match(website):
        raise ValueError(sentence)
    try:
        parts = urlsplit(whole)
        host, port = parts.hostname or '', parts.port
    except ValueError:
        raise ValueError(sentence) from None
    odd = parts.username is not None or parts.password is not None or port == 0
    if parts.scheme.lower() not in ('http', 'https') or odd or ' ' in whole or not HOST.fullmatch(host):
        raise ValueError(sentence)
    return f'{parts.scheme.lower()}{whole[len(parts.scheme) :]}'


def cut_name(name: str) -> str:
    """A name of LONGEST characters at most; of one of two words something is left of both."""
    first, _, rest = name.partition(' ')
    half = LONGEST // 2
    return (f'{first[:half]} {rest}' if rest else first)[:LONGEST].strip() if len(name) > LONGEST else name


def find_country(country: str | None) -> str | None:
    """The code of a country that is told by its code or its name."""
    found = alpha2(country)
    if found is None and country is not None:
        raise ValueError('must be a country: its two-letter code such as GB, or its English name')
    return found


def check_phone(phone: str | None, country: str | None) -> str | None:
    """E.164. A number without a dial code is one of `country`'s."""
    if phone is None:
        return None
    try:
        number = phonenumbers.parse(phone, country)
    except phonenumbers.NumberParseException:
        number = None
    if number is None or not phonenumbers.is_possible_number(number) or not phonenumbers.is_valid_number(number):
        where = f' of {country}' if country else ''
        raise ValueError(f'is not a phone number{where}; write it with its dial code, or leave it out')
    return phonenumbers.format_number(number, phonenumbers.PhoneNumberFormat.E164)


def check_currency(currency: str | None) -> str | None:
    if currency is not None and currency.upper() not in _currencies():
        raise ValueError('must be the three-letter code of a currency such as GBP')
    return currency and currency.upper()


@cache
def _currencies() -> frozenset[str]:
    """Codes of the currencies that are legal tender somewhere today."""
    told = get_global('territory_currencies')
    return frozenset(code for all_of in told.values() for code, _, end, tender in all_of if end is None and tender)


def check_zone(zone: str | None) -> str | None:
    if zone is not None and find_zone(zone) is None:
        raise ValueError('must be a time zone such as Europe/London')
    return zone


def check_language(code: str | None) -> str | None:
    """The code of a language that we write in; `de-AT` is German."""
    found = find_code(code) if code else None
    if found is None and code is not None:
        raise ValueError(f'must be a language that is written here: {", ".join(LOCALES)}')
    return found


def read_moment(value: Any) -> datetime:
    """An aware moment in UTC, whole seconds: ISO 8601 or seconds (or milliseconds) since 1970; naive is UTC (CB-21)."""
    sentence = 'must be a time such as 2026-03-04T10:00:00Z'
    if isinstance(value, bool) or not isinstance(value, str | int | float | datetime):
        raise ValueError(sentence)
    if isinstance(value, str) and len(value) > LONGEST_MOMENT:
        raise ValueError(sentence)
    try:
        at = _moment(value)
    except (ValueError, OverflowError, OSError, TypeError):
        raise ValueError(sentence) from None
    if not EARLIEST <= at < LATEST:
        raise ValueError('must be a time between 1971 and 2100')
    return at.replace(microsecond=0)


def check_minute(at: datetime) -> datetime:
    """A call starts at a whole minute: neither the CRM nor a letter says more."""
    if at.second:
        raise ValueError('must be a whole minute, without seconds')
    return at


def _moment(value: Any) -> datetime:
    if isinstance(value, datetime):
        at = value
    elif isinstance(value, int | float) or re.fullmatch(r'-?\d{1,17}(\.\d{1,9})?', value.strip(), re.ASCII):
        number = float(value)
        at = datetime.fromtimestamp(number / 1000 if abs(number) >= MILLISECONDS else number, tz=UTC)
    else:
        # A plus sign that was not escaped in a query arrives as a space.
        at = datetime.fromisoformat(re.sub(r' (?=\d\d:?\d\d$)', '+', value.strip()))
    return at.replace(tzinfo=UTC) if at.tzinfo is None else at.astimezone(UTC)
