"""Which request bodies Pipedrive takes: strict types, no unknown keys, null only where a value may be cleared.

Numbers are never taken from strings, booleans are no numbers. The tables name each property's type; `!`: never null.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime
from typing import Any

from hermes.sandbox.pipedrive.answers import Refused, invalid

ADDRESS_PARTS = (
    'value',
    'country',
    'admin_area_level_1',
    'admin_area_level_2',
    'locality',
    'sublocality',
    'route',
    'street_number',
    'subpremise',
    'postal_code',
)
ORGANIZATION = {
    'name': 'text!',
    'owner_id': 'int!',
    'visible_to': 'visibility!',
    'label_ids': 'ints',
    'address': 'address',
    'website': 'text',
    'linkedin': 'text',
    'industry': 'int',
    'annual_revenue': 'int',
    'employee_count': 'int',
    'custom_fields': 'custom!',
}
PERSON = {
    'name': 'text!',
    'first_name': 'text',
    'last_name': 'text',
    'owner_id': 'int!',
    'org_id': 'int',
    'emails': 'contacts',
    'phones': 'contacts',
    'visible_to': 'visibility!',
    'label_ids': 'ints',
    'postal_address': 'address',
    'notes': 'text',
    'im': 'contacts',
    'birthday': 'day',
    'job_title': 'text',
    'marketing_status': 'text!',
    'custom_fields': 'custom!',
}
DEAL = {
    'title': 'text!',
    'owner_id': 'int!',
    'person_id': 'int',
    'org_id': 'int',
    'pipeline_id': 'int!',
    'stage_id': 'int!',
    'value': 'number',
    'currency': 'text!',
    'is_deleted': 'bool!',
    'is_archived': 'bool!',
    'archive_time': 'moment',
    'status': 'deal_status!',
    'probability': 'number',
    'lost_reason': 'text',
    'visible_to': 'visibility!',
    'close_time': 'moment',
    'won_time': 'moment',
    'lost_time': 'moment',
    'expected_close_date': 'day',
    'label_ids': 'ints',
    'custom_fields': 'custom!',
}
ACTIVITY = {
    'subject': 'text',
    'type': 'text!',
    'owner_id': 'int!',
    'deal_id': 'int',
    'lead_id': 'text',
    'person_id': 'readonly',
    'org_id': 'int',
    'project_id': 'int',
    'due_date': 'day',
    'due_time': 'clock_time',
    'duration': 'clock_time',
    'busy': 'bool',
    'done': 'bool!',
    'location': 'address',
    'participants': 'participants',
    'attendees': 'attendees',
    'public_description': 'text',
    'priority': 'int',
    'note': 'text',
}
PIPELINE = {'name': 'text!', 'is_deal_probability_enabled': 'bool!'}
STAGE = {
    'name': 'text!',
    'pipeline_id': 'int!',
    'deal_probability': 'int!',
    'is_deal_rot_enabled': 'bool!',
    'days_to_rotten': 'int',
}
BODIES: dict[str, dict[str, str]] = {
    'organization': ORGANIZATION,
    'person': PERSON,
    'deal': DEAL,
    'activity': ACTIVITY,
    'pipeline': PIPELINE,
    'stage': STAGE,
}
REQUIRED = {'organization': ('name',), 'deal': ('title',), 'pipeline': ('name',), 'stage': ('name', 'pipeline_id')}
MOMENT = re.compile(r'\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(Z|[+-]\d\d:\d\d)')
CLOCK_TIME = re.compile(r'\d{1,3}:\d\d(:\d\d)?')


def check_body(kind: str, body: Any, *, creating: bool) -> dict[str, Any]:
    """The body if it fits; raises Refused (400) naming the first property that does not."""
    if not isinstance(body, dict):
        raise invalid('body', 'Expected object')
    known = dict(BODIES[kind])
    if creating and kind in ('organization', 'person'):
        known['add_time'] = 'moment!'
    if not body and not creating:
        raise Refused(400, 'Nothing to update', 'ERR_SCHEMA_VALIDATION_FAILED')
    for name, value in body.items():
        if name not in known:
            raise invalid(name, 'Unrecognized key')
        check_value(name, known[name], value)
    if creating:
        _check_required(kind, body)
    return body


def _check_required(kind: str, body: dict[str, Any]) -> None:
    for name in REQUIRED.get(kind, ()):
        if name not in body:
            raise invalid(name, 'Required')
    if kind == 'person' and 'name' not in body and not ('first_name' in body and 'last_name' in body):
        raise invalid('name', 'Required')


def check_value(name: str, kind: str, value: Any) -> None:
    """Raises Refused (400) unless `value` is of `kind`, a word of the tables above."""
    plain = kind.rstrip('!')
    if plain == 'readonly':
        raise invalid(name, 'Is read-only')
    if value is None:
        if kind.endswith('!'):
            raise invalid(name, 'Expected a value, received null')
        return
    CHECKS[plain](name, value)


def is_int(value: Any) -> bool:
    return isinstance(value, int) and not isinstance(value, bool)


def is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(name: str, value: Any) -> None:
    if not isinstance(value, str):
        raise invalid(name, f'Expected string, received {json_type(value)}')
    if name in ('name', 'title') and not value.strip():
        raise invalid(name, 'String must contain at least 1 character(s)')


def _int(name: str, value: Any) -> None:
    if not is_int(value):
        raise invalid(name, f'Expected integer, received {json_type(value)}')


def _number(name: str, value: Any) -> None:
    if not is_number(value):
        raise invalid(name, f'Expected number, received {json_type(value)}')


def _bool(name: str, value: Any) -> None:
    if not isinstance(value, bool):
        raise invalid(name, f'Expected boolean, received {json_type(value)}')


def _ints(name: str, value: Any) -> None:
    if not isinstance(value, list) or not all(is_int(one) for one in value):
        raise invalid(name, 'Expected array of integers')


def _visibility(name: str, value: Any) -> None:
    if not is_int(value) or value not in (1, 3, 5, 7):
        raise invalid(name, 'Expected 1, 3, 5 or 7')


def _deal_status(name: str, value: Any) -> None:
    if value not in ('open', 'won', 'lost'):
        raise invalid(name, "Expected 'open' | 'won' | 'lost'")


def _day(name: str, value: Any) -> None:
    try:
        if not isinstance(value, str) or len(value) != 10:
            raise ValueError
        date.fromisoformat(value)
    except ValueError:
        raise invalid(name, 'Expected date as YYYY-MM-DD') from None


def _moment(name: str, value: Any) -> None:
    parse_moment(name, value)


def _clock_time(name: str, value: Any) -> None:
    if not isinstance(value, str) or (value and not CLOCK_TIME.fullmatch(value)):
        raise invalid(name, 'Expected time as HH:MM or HH:MM:SS')


def check_parts(name: str, value: Any, parts: dict[str, type | tuple[type, ...]], required: tuple[str, ...]) -> None:
    """Raises Refused (400) unless `value` is an object of these keys and types; a part may be null unless required."""
    if not isinstance(value, dict):
        raise invalid(name, f'Expected object, received {json_type(value)}')
    for key, part in value.items():
        if key not in parts:
            raise invalid(f'{name}.{key}', 'Unrecognized key')
        wanted = parts[key]
        wrong_bool = isinstance(part, bool) and wanted is not bool
        if part is not None and (wrong_bool or not isinstance(part, wanted)):
            raise invalid(f'{name}.{key}', f'Unexpected {json_type(part)}')
    for key in required:
        if value.get(key) is None:
            raise invalid(f'{name}.{key}', 'Required')


def _address(name: str, value: Any) -> None:
    check_parts(name, value, dict.fromkeys(ADDRESS_PARTS, str), ('value',))


def _listed(name: str, value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise invalid(name, f'Expected array, received {json_type(value)}')
    return value


def _contacts(name: str, value: Any) -> None:
    for number, one in enumerate(_listed(name, value)):
        check_parts(f'{name}[{number}]', one, {'value': str, 'label': str, 'primary': bool}, ('value',))
    if sum(one.get('primary') is True for one in value) > 1:
        raise invalid(name, 'Only one item can be primary')


def _participants(name: str, value: Any) -> None:
    for number, one in enumerate(_listed(name, value)):
        check_parts(f'{name}[{number}]', one, {'person_id': int, 'primary': bool}, ('person_id',))
    if sum(one.get('primary') is True for one in value) > 1:
        raise invalid(name, 'Only one item can be primary')


def _attendees(name: str, value: Any) -> None:
    parts: dict[str, type | tuple[type, ...]] = dict.fromkeys(('email', 'name', 'status'), str)
    parts |= {'is_organizer': bool, 'person_id': int, 'user_id': int}
    for number, one in enumerate(_listed(name, value)):
        check_parts(f'{name}[{number}]', one, parts, ('email',))


def _custom(name: str, value: Any) -> None:
    if not isinstance(value, dict):
        raise invalid(name, 'Expected object')


CHECKS = {
    'text': _text,
    'int': _int,
    'number': _number,
    'bool': _bool,
    'ints': _ints,
    'visibility': _visibility,
    'deal_status': _deal_status,
    'day': _day,
    'moment': _moment,
    'clock_time': _clock_time,
    'address': _address,
    'contacts': _contacts,
    'participants': _participants,
    'attendees': _attendees,
    'custom': _custom,
}


def json_type(value: Any) -> str:
    """The name that a JSON reader has for it."""
    if value is None or isinstance(value, bool):
        return 'null' if value is None else 'boolean'
    names = {str: 'string', int: 'number', float: 'number', list: 'array', dict: 'object'}
    return names.get(type(value), 'unknown')


def parse_moment(name: str, value: Any) -> datetime:
    """RFC 3339 in whole seconds (UTC on return). Fractions of a second are refused (400), as the live API does."""
    if not isinstance(value, str) or not MOMENT.fullmatch(value):
        raise invalid(name, f'{value} is not a valid datetime')
    try:
        return datetime.fromisoformat(value).astimezone(UTC)
    except ValueError:
        raise invalid(name, f'{value} is not a valid datetime') from None


def rfc3339(moment: datetime) -> str:
    """UTC in whole seconds with `Z`."""
    return moment.astimezone(UTC).strftime('%Y-%m-%dT%H:%M:%SZ')
