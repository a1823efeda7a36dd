"""What a field takes and how it is kept: texts trimmed, '' as nothing, e-mails in small letters, times in UTC.

A value is kept as the API shows it; two times in that form compare as they follow one another.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import UTC, date, datetime
from typing import Any, Final

from hermes.sandbox.salesforce.errors import Refused, no_column, wrong_type
from hermes.sandbox.salesforce.ids import read_id
from hermes.sandbox.salesforce.schema import Field, SObject

Row = dict[str, Any]
EMAIL: Final = re.compile(r"[a-z0-9.!#$%&'*/=?^_+`{|}~-]+@[a-z0-9-]+(\.[a-z0-9-]+)+", re.IGNORECASE)
STAMP: Final = '%Y-%m-%dT%H:%M:%S.'


def stamp(moment: datetime) -> str:
    """A moment as the API shows it: UTC, milliseconds, `+0000`."""
    told = moment.astimezone(UTC)
    return f'{told.strftime(STAMP)}{told.microsecond // 1000:03d}+0000'


def read_moment(text: str) -> str:
    """A moment with its offset, in the form of `stamp`. Raises ValueError."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None or 'T' not in text:
        raise ValueError('a moment needs a time and an offset')
    return stamp(moment)


def fold(value: Any) -> Any:
    """What two equal values share."""
    return value.lower() if isinstance(value, str) else value


def read_body(one: SObject, folded: Mapping[str, Field], body: Row) -> Row:
    """The changes that a body asks for, as they are kept. Raises Refused. References are not looked up here."""
    changes: Row = {}
    locked = []
    for key, value in body.items():
        if key == 'attributes':
            continue
        each = folded.get(key.lower())
        if each is None:
            raise no_column(key, one.name)
        if each.type == 'id':
            raise Refused(400, 'INVALID_FIELD', f'The {each.name} field should not be specified in the sobject data.')
        if not each.writable:
            locked.append(each.name)
        changes[each.name] = read_value(each, value)
    if locked:
        words = (
            f'Unable to create/update fields: {", ".join(locked)}. Please check the security settings of this field '
            'and verify that it is read/write for your profile or permission set.'
        )
        raise Refused(400, 'INVALID_FIELD_FOR_INSERT_UPDATE', words, locked)
    return changes


def require(one: SObject, row: Mapping[str, Any]) -> None:
    """Raises Refused where a required field is empty."""
    missing = [each.name for each in one.fields.values() if each.required and row.get(each.name) is None]
    if missing:
        raise Refused(400, 'REQUIRED_FIELD_MISSING', f'Required fields are missing: [{", ".join(missing)}]', missing)


def read_value(each: Field, value: Any) -> Any:
    """Raises Refused."""
    if each.type == 'boolean':
        if value is not None and not isinstance(value, bool):
            raise wrong_type('boolean', value)
        return bool(value)
    if value is None:
        return None
    if each.type == 'double':
        if isinstance(value, bool) or not isinstance(value, int | float):
            raise wrong_type('double', value)
        return float(value)
    if isinstance(value, dict | list):
        raise wrong_type('string', value)
    text = (str(value).lower() if isinstance(value, bool) else str(value)).strip()
    if not text:
        return None
    return READERS.get(each.type, _read_text)(each, text)


def _read_text(each: Field, text: str) -> str:
    if each.length and len(text) > each.length:
        words = f'{each.label or each.name}: data value too large: {text} (max length={each.length})'
        raise Refused(400, 'STRING_TOO_LONG', words, [each.name])
    return text


def _read_email(each: Field, text: str) -> str:
    _read_text(each, text)
    if not EMAIL.fullmatch(text):
        words = f'{each.label or each.name}: invalid email address: {text}'
        raise Refused(400, 'INVALID_EMAIL_ADDRESS', words, [each.name])
    return text.lower()


def _read_picklist(each: Field, text: str) -> str:
    known = {option.lower(): option for option in each.options}
    if each.restricted and text.lower() not in known:
        raise _bad_option(each, text)
    return known.get(text.lower(), text)


def _read_picks(each: Field, text: str) -> str | None:
    """Chosen values in the order of the options, each once."""
    chosen = dict.fromkeys(_read_picklist(each, part.strip()) for part in text.split(';') if part.strip())
    known = [option for option in each.options if option in chosen]
    return ';'.join([*known, *(one for one in chosen if one not in known)]) or None


def _bad_option(each: Field, text: str) -> Refused:
    words = f'{each.label or each.name}: bad value for restricted picklist field: {text}'
    return Refused(400, 'INVALID_OR_NULL_FOR_RESTRICTED_PICKLIST', words, [each.name])


def _read_reference(each: Field, text: str) -> str:
    found = read_id(text)
    if found is None:
        words = f'{each.label or each.name}: id value of incorrect type: {text}'
        raise Refused(400, 'MALFORMED_ID', words, [each.name])
    return found


def _read_datetime(each: Field, text: str) -> str:
    try:
        return read_moment(text)
    except ValueError:
        raise wrong_type('datetime', text) from None


def _read_date(each: Field, text: str) -> str:
    try:
        return date.fromisoformat(text).isoformat()
    except ValueError:
        raise wrong_type('date', text) from None


READERS: Final = {
    'email': _read_email,
    'picklist': _read_picklist,
    'multipicklist': _read_picks,
    'reference': _read_reference,
    'datetime': _read_datetime,
    'date': _read_date,
}
