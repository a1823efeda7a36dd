"""Values of custom fields: plain values of the CRM's types, and our canonical values (FIELD-4, FIELD-5).

`plain` is a value free of any wire form: text, number, option id, list of option ids, object id, or a dict with our
own keys. `rest.py` and `webhook.py` turn their wire forms into it, each on its own. Unreadable and not
representable are ValueErrors.
"""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from hermes.domain.fields import Catalogue, CustomField
from hermes.domain.model import Value
from hermes.domain.record_types import FieldType
from hermes.kit import wire
from hermes.kit.texts import tidy

NUMBERS: Final = frozenset({'double', 'int', 'monetary'})
OBJECTS: Final = frozenset({'user', 'org', 'people'})
STRUCTURES: Final = frozenset({'daterange', 'time', 'timerange', 'address'})
READ_ONLY: Final = STRUCTURES | {'org', 'people'}
ADDRESS_KEYS: Final = (
    'value', 'country', 'admin_area_level_1', 'admin_area_level_2', 'locality', 'sublocality',
    'route', 'street_number', 'subpremise', 'postal_code',
)  # fmt: skip
VARCHAR_LIMIT: Final = 255

_DEFAULT_TYPES: Final[Mapping[str, str]] = {'str': 'text', 'json': 'text', 'bool': 'varchar', 'date': 'date'}
_NUMERAL: Final = re.compile(r'-?(0|[1-9]\d{0,15})(\.\d{0,14}[1-9])?', re.ASCII)
_CURRENCY: Final = re.compile(r'[A-Z]{3}', re.ASCII)
_EXACT: Final = 2**53


class UnknownOption(ValueError):
    """An option that the catalogue does not know, or no longer. Its id is never taken for its label."""


def kind_of(item: CustomField, record_type: str, catalogue: Catalogue) -> FieldType:
    """Our type of the field's attribute ('admin' for a reference to one of us)."""
    known = catalogue.attributes(record_type).get(item.attribute) if record_type != 'meeting' else None
    if known is None:
        return 'admin' if item.field_type == 'fk_field' else item.field_type
    return known.type


def remote_type_of(item: CustomField, kind: FieldType) -> str:
    """The CRM's type of the field; while it is unknown, the one that set-up would create."""
    if item.remote_type:
        return item.remote_type
    return 'varchar' if item.attribute == 'hermes_id' else _DEFAULT_TYPES.get(kind, 'double')


def canonical(item: CustomField, kind: FieldType, remote_type: str, plain: Any) -> Value:
    """Our value of what stands there."""
    told = None if plain is None else _as_text(item, remote_type, plain)
    if told is None:
        return None
    if kind in ('str', 'json'):
        return told
    if kind == 'int':
        return wire.whole(told)
    if kind == 'bool':
        return wire.truth(told)
    if kind == 'date':
        return wire.day(told)
    return wire.whole(told) or None


def _as_text(item: CustomField, remote_type: str, plain: Any) -> str | None:
    if remote_type == 'enum':
        return _label(item, str(plain))
    if remote_type == 'set':
        chosen = [str(option) for option in plain]
        order = {option: place for place, option in enumerate(item.options)}
        chosen.sort(key=lambda option: order.get(option, len(order)))
        return ', '.join(_label(item, option) for option in chosen) or None
    if remote_type in STRUCTURES:
        return json.dumps(plain, ensure_ascii=False, sort_keys=True) if plain else None
    if remote_type in OBJECTS:
        number = wire.whole(plain)
        return str(number) if number else None
    return wire.text(plain.get('value') if isinstance(plain, dict) else plain)


def currency_of(plain: Any) -> str | None:
    """The currency that a monetary value names (ISO 4217); None where it names none, or there is no amount."""
    told = plain.get('currency') if isinstance(plain, dict) and plain.get('value') is not None else None
    return read_currency(told)


def read_currency(told: Any) -> str | None:
    """Three letters, in capitals; None for whatever else."""
    written = told.strip().upper() if isinstance(told, str) else ''
    return written if _CURRENCY.fullmatch(written) else None


def _label(item: CustomField, option: str) -> str:
    """Raises UnknownOption. One that the CRM knows and that has no label is called by its number."""
    if option not in item.options:
        raise UnknownOption(f'{item.pd_field_id}:{option}')
    return tidy(item.options[option]) or option


def to_plain(item: CustomField, kind: FieldType, remote_type: str, value: Value) -> Any:
    """The inverse of `canonical`: what must stand there to mean `value`. Refuses what would not read back equal."""
    told = ('true' if value else 'false') if isinstance(value, bool) else None if value is None else wire.text(value)
    if told is None:
        return None
    plain = _from_text(item, kind, remote_type, told)
    expected = told if kind in ('str', 'json') else value
    if canonical(item, kind, remote_type, plain) != expected:
        raise ValueError(f'a field of type {remote_type} cannot hold this {kind}')
    return plain


def _from_text(item: CustomField, kind: FieldType, remote_type: str, told: str) -> Any:
    if remote_type in NUMBERS:
        return _number({'true': '1', 'false': '0'}.get(told, told) if kind == 'bool' else told)
    if remote_type == 'enum':
        return _option(item, kind, told)
    if remote_type == 'set':
        return _options(item, told)
    if remote_type in STRUCTURES:
        structure = wire.load_json(told)
        if not isinstance(structure, dict):
            raise ValueError('not an object')
        return structure
    if remote_type in OBJECTS:
        return wire.whole(told)
    if remote_type == 'date':
        return wire.day(told)
    return told


def _number(told: str) -> int | float:
    if not _NUMERAL.fullmatch(told) or told == '-0':
        raise ValueError('not a number')
    if abs(float(told)) > _EXACT:
        raise ValueError('too large for a number of the CRM')
    return float(told) if '.' in told else int(told)


def _option(item: CustomField, kind: FieldType, told: str) -> str:
    for option, label in _labels(item).items():
        if label == told or (kind == 'bool' and _truth_or_none(label) is (told == 'true')):
            return option
    raise UnknownOption(f'{item.pd_field_id}:{told}')


def _labels(item: CustomField) -> dict[str, str]:
    """Option -> label."""
    return {option: _label(item, option) for option in item.options}


def _truth_or_none(label: str) -> bool | None:
    try:
        return wire.truth(label)
    except ValueError:
        return None


def _options(item: CustomField, told: str) -> list[str]:
    """The options whose labels, joined, are `told`; labels may hold commas, so the longest that fits is tried first."""
    found: list[str] = []
    rest = told
    by_length = sorted(_labels(item).items(), key=lambda entry: -len(entry[1]))
    while rest:
        for option, label in by_length:
            if option not in found and (rest == label or rest.startswith(label + ', ')):
                break
        else:
            raise UnknownOption(f'{item.pd_field_id}:{rest}')
        found.append(option)
        rest = rest[len(label) + 2 :]
    return found


def id_list(plain: Any) -> list[int]:
    """A hub id as it stands in the CRM, which a merge may have joined: '55, 53' -> [55, 53] (D-15)."""
    if plain is None:
        return []
    parts: list[Any] = plain if isinstance(plain, list) else [plain]
    found: list[int] = []
    for part in parts:
        for piece in re.split(r'[,;\s]+', part) if isinstance(part, str) else [part]:
            try:
                number = wire.whole(piece)
            except ValueError:
                continue
            if number is not None and number > 0 and number not in found:
                found.append(number)
    return found


def address(raw: Any) -> dict[str, str] | None:
    """An address with its documented parts only, so that every wire form of it is the same value; None when empty."""
    if isinstance(raw, str):
        raw = {'value': raw}
    if raw is None:
        return None
    if not isinstance(raw, dict):
        raise ValueError('not an address')
    found: dict[str, str] = {}
    for key in ADDRESS_KEYS:
        part = raw.get(key)
        if isinstance(part, str | int | float) and not isinstance(part, bool):
            told = wire.text(part)
            if told:
                found[key] = told
    return found or None
