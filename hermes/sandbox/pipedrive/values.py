"""Custom field values: what is taken, how REST v2 shows them, and how webhooks v2 show them (two different shapes).

Values are kept as REST takes them. The webhook shape is written down on its own and shares nothing with the REST shape.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from hermes.sandbox.pipedrive.answers import invalid
from hermes.sandbox.pipedrive.schema import ADDRESS_PARTS, check_parts, check_value, is_int, is_number

if TYPE_CHECKING:
    from hermes.sandbox.pipedrive.account import PipedriveAccount

Field = dict[str, Any]
TEXTS = ('varchar', 'varchar_auto', 'text', 'phone')
REFERENCES = {'user': 'user', 'org': 'organization', 'people': 'person'}
FIELD_ADDRESS_PARTS = (*ADDRESS_PARTS, 'formatted_address')
VARCHAR_LENGTH = 255
CLOCK = re.compile(r'([01]\d|2[0-3]):[0-5]\d(:[0-5]\d)?')


def take(account: PipedriveAccount, field: Field, value: Any) -> Any:
    """The value as it is kept. Raises Refused (400). None clears."""
    if value is None:
        return None
    kind, where = field['field_type'], f'custom_fields.{field["field_code"]}'
    if kind in TEXTS:
        return _take_text(kind, where, value)
    if kind in REFERENCES:
        if not is_int(value) or value not in account.tables[REFERENCES[kind]]:
            raise invalid(where, f'Expected the id of an existing {REFERENCES[kind]}')
        return value
    return TAKES[kind](account, field, where, value)


def _take_text(kind: str, where: str, value: Any) -> str | None:
    if not isinstance(value, str):
        raise invalid(where, 'Expected string')
    if kind != 'text' and len(value) > VARCHAR_LENGTH:
        raise invalid(where, f'String must contain at most {VARCHAR_LENGTH} character(s)')
    return value.strip() or None


def _take_double(account: PipedriveAccount, field: Field, where: str, value: Any) -> Any:
    if not is_number(value):
        raise invalid(where, 'Expected number')
    return value


def _take_monetary(account: PipedriveAccount, field: Field, where: str, value: Any) -> Any:
    check_parts(where, value, {'value': (int, float), 'currency': str}, ('value', 'currency'))
    return {'value': value['value'], 'currency': value['currency'].upper()}


def _take_enum(account: PipedriveAccount, field: Field, where: str, value: Any) -> Any:
    if not is_int(value) or value not in {option['id'] for option in field['options'] or ()}:
        raise invalid(where, 'Expected the id of an existing option')
    return value


def _take_set(account: PipedriveAccount, field: Field, where: str, value: Any) -> Any:
    if not isinstance(value, list) or not value:
        raise invalid(where, 'Array must contain at least 1 element(s)')
    for one in value:
        _take_enum(account, field, where, one)
    return list(dict.fromkeys(value))


def _take_date(account: PipedriveAccount, field: Field, where: str, value: Any) -> Any:
    check_value(where, 'day!', value)
    return value


def _take_daterange(account: PipedriveAccount, field: Field, where: str, value: Any) -> Any:
    check_parts(where, value, {'value': str, 'until': str}, ('value', 'until'))
    for part in value.values():
        check_value(where, 'day!', part)
    return dict(value)


def _take_time(account: PipedriveAccount, field: Field, where: str, value: Any) -> Any:
    needed = ('value',) if field['field_type'] == 'time' else ('value', 'until')
    parts: dict[str, type | tuple[type, ...]] = {'timezone_id': int, 'timezone_name': str}
    check_parts(where, value, parts | dict.fromkeys(needed, str), needed)
    for name in needed:
        if not CLOCK.fullmatch(value[name]):
            raise invalid(where, 'Expected time as HH:MM:SS')
    whole = {name: value[name] if len(value[name]) == 8 else f'{value[name]}:00' for name in needed}
    return {**whole, 'timezone_id': value.get('timezone_id'), 'timezone_name': value.get('timezone_name')}


def _take_address(account: PipedriveAccount, field: Field, where: str, value: Any) -> Any:
    check_parts(where, value, dict.fromkeys(FIELD_ADDRESS_PARTS, str), ('value',))
    return {part: value.get(part) for part in FIELD_ADDRESS_PARTS}


TAKES: dict[str, Callable[[PipedriveAccount, Field, str, Any], Any]] = {
    'double': _take_double,
    'monetary': _take_monetary,
    'enum': _take_enum,
    'set': _take_set,
    'date': _take_date,
    'daterange': _take_daterange,
    'time': _take_time,
    'timerange': _take_time,
    'address': _take_address,
}


def rest_shape(field: Field, value: Any, *, labels: bool = False) -> Any:
    """As REST v2 answers; with `labels` options come as `{id, label}`."""
    if value is None or not labels or field['field_type'] not in ('enum', 'set'):
        return value
    names = {option['id']: option['label'] for option in field['options'] or ()}
    if field['field_type'] == 'enum':
        return {'id': value, 'label': names.get(value)}
    return [{'id': one, 'label': names.get(one)} for one in value]


def hook_shape(field: Field, value: Any) -> Any:
    """As webhooks v2 send: every value says its type, and where it stands differs from REST."""
    kind = field['field_type']
    if value is None:
        return None
    if kind == 'enum' or kind in REFERENCES:
        return {'type': kind, 'id': value}
    if kind == 'set':
        return {'type': kind, 'values': [{'id': one} for one in value]}
    if kind == 'daterange':
        return {'type': kind, 'from': value['value'], 'until': value['until']}
    if kind == 'time':
        return {'type': kind, 'value': value['value'], 'timezone_id': value['timezone_id']}
    if kind == 'timerange':
        span = {'from': value['value'], 'until': value['until']}
        return {'type': kind, **span, 'timezone_id': value['timezone_id']}
    if kind == 'monetary':
        return {'type': kind, 'value': value['value'], 'currency': value['currency']}
    if kind == 'address':
        return {'type': kind, **{part: text or '' for part, text in value.items()}}
    return {'type': kind, 'value': value}
