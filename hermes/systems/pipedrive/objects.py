"""Native fields of Pipedrive's objects in canonical form, the same for every wire form; custom values by `read`.

Absent stays absent and null stays None (D-12); a value of an impossible type says nothing, and so does an admin's 0
(D-10).
"""

import json
import re
from collections.abc import Callable, Mapping
from contextlib import suppress
from typing import Any, Final

from hermes.domain.fields import CURRENCY, MONEY, UNREADABLE, Catalogue
from hermes.domain.model import Value
from hermes.kit import countries, wire
from hermes.kit.wire import put
from hermes.systems.pipedrive import notes, values

RECORD_OF: Final[Mapping[str, str]] = {
    'organization': 'company',
    'person': 'contact',
    'deal': 'deal',
    'activity': 'meeting',
    'pipeline': 'pipeline',
    'stage': 'stage',
    'user': 'admin',
}
"""Remote type -> record type."""

NATIVE: Final[Mapping[str, frozenset[str]]] = {
    'organization': frozenset({'name', 'country', 'address', 'sales_person_id'}),
    'person': frozenset(
        {'name', 'first_name', 'last_name', 'emails', 'phones', 'email', 'phone', 'company_id', 'owner_id'}
    ),
    'deal': frozenset(
        {'title', 'status', 'archived', 'company_id', 'contact_id', 'pipeline_id', 'stage_id', 'admin_id'}
    ),
}
"""Keys that native fields own; a custom field of the same attribute never takes them."""

ReadCustom = Callable[[str, Any], tuple[str, Any]]
_STATUSES: Final = ('open', 'won', 'lost', 'deleted')
_CLOCK: Final = re.compile(r'(\d{1,3}):([0-5]\d)(?::([0-5]\d))?', re.ASCII)


def read_object(
    remote_type: str,
    data: Mapping[str, Any],
    catalogue: Catalogue,
    read_custom: ReadCustom,
    doubts: list[str] | None = None,
) -> dict[str, Value]:
    """Canonical fields of one object. What shows an option that nobody knows says nothing, and is told in `doubts`."""
    found = _READERS[remote_type](data)
    if remote_type in NATIVE:
        unknown: list[str] = [] if doubts is None else doubts
        found |= _custom(remote_type, data.get('custom_fields'), catalogue, read_custom, unknown)
    return found


def remote_id(raw: Any) -> str | None:
    """The id in a reference: a number, digits, or an object that holds one; None for none."""
    number = user_id(raw)
    return None if number is None else str(number)


def user_id(raw: Any) -> int | None:
    """As `remote_id`, as a number. 0 means nobody (D-10)."""
    if isinstance(raw, list):
        if len(raw) != 1:
            raise ValueError('not one reference')
        raw = raw[0]
    if isinstance(raw, dict):
        raw = raw.get('id', raw.get('value'))
    if raw is None:
        return None
    number = wire.whole(raw)
    if number is not None and number < 0:
        raise ValueError('not an id')
    return number or None


def _organization(data: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    put(found, 'name', data, 'name', wire.text)
    put(found, 'sales_person_id', data, 'owner_id', user_id)
    put(found, 'address', data, 'address', values.address)
    where = found.get('address') or {}
    country = countries.alpha2(where.get('country')) or countries.alpha2(where.get('value'))
    if country:
        found['country'] = country
    return found


def _person(data: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    put(found, 'name', data, 'name', wire.text)
    if 'name' not in found and ('first_name' in data or 'last_name' in data):
        parts: dict[str, Any] = {}
        put(parts, 'first', data, 'first_name', wire.text)
        put(parts, 'last', data, 'last_name', wire.text)
        found['name'] = ' '.join(part for part in parts.values() if part) or None
    if 'name' in found:
        found['first_name'], found['last_name'] = split_name(found['name'])
    for plural, single in (('emails', 'email'), ('phones', 'phone')):
        put(found, plural, data, plural, _reachables)
        if plural in found:
            found[plural] = found[plural] or []
            found[single] = next((entry['value'] for entry in found[plural] if entry['primary']), None)
    put(found, 'company_id', data, 'org_id', remote_id)
    put(found, 'owner_id', data, 'owner_id', user_id)
    return found


def split_name(name: str | None) -> tuple[str | None, str | None]:
    """(first, last): split at the first space; a single word is the last name (PD-PER-1)."""
    parts = (name or '').split(maxsplit=1)
    if len(parts) == 2:
        return parts[0], parts[1].strip()
    return None, parts[0] if parts else None


def _reachables(raw: Any) -> list[dict[str, Value]]:
    """E-mails or phones as [{value, label, primary}], exactly one primary, empty ones left out."""
    if isinstance(raw, str):
        raw = [raw]
    if not isinstance(raw, list):
        raise ValueError('not a list')
    found: list[dict[str, Value]] = []
    for entry in raw:
        entry = entry if isinstance(entry, dict) else {'value': entry}
        parts: dict[str, Any] = {}
        put(parts, 'value', entry, 'value', wire.text)
        put(parts, 'label', entry, 'label', wire.text)
        if parts.get('value'):
            primary = entry.get('primary') in (True, 'true', 1) and not any(other['primary'] for other in found)
            found.append({'value': parts['value'], 'label': parts.get('label') or 'work', 'primary': primary})
    if found and not any(entry['primary'] for entry in found):
        found[0]['primary'] = True
    return found


def _deal(data: Mapping[str, Any]) -> dict[str, Value]:
    """`archived` is true or null; a webhook may not say it."""
    found: dict[str, Value] = {}
    put(found, 'title', data, 'title', wire.text)
    put(found, 'company_id', data, 'org_id', remote_id)
    put(found, 'contact_id', data, 'person_id', remote_id)
    put(found, 'pipeline_id', data, 'pipeline_id', remote_id)
    put(found, 'stage_id', data, 'stage_id', remote_id)
    put(found, 'admin_id', data, 'owner_id' if 'owner_id' in data else 'user_id', user_id)
    if data.get('status') in _STATUSES:
        found['status'] = data['status']
    if isinstance(data.get('is_archived'), bool):
        found['archived'] = data['is_archived'] or None
    elif 'archive_time' in data:
        found['archived'] = data['archive_time'] is not None or None
    return found


def _activity(data: Mapping[str, Any]) -> dict[str, Value]:
    """`due_at` is one value, for a date without its time is half a moment; a webhook may not say the note."""
    found: dict[str, Value] = {}
    put(found, 'subject', data, 'subject', wire.text)
    put(found, 'type', data, 'type', wire.text)
    put(found, 'company_id', data, 'org_id', remote_id)
    put(found, 'contact_id', data, 'person_id', remote_id)
    put(found, 'deal_id', data, 'deal_id', remote_id)
    put(found, 'owner_id', data, 'owner_id' if 'owner_id' in data else 'user_id', user_id)
    put(found, 'duration', data, 'duration', _clock)
    put(found, 'participants', data, 'participants', _people)
    due: dict[str, Any] = {}
    put(due, 'date', data, 'due_date', wire.day)
    put(due, 'time', data, 'due_time', _clock)
    if len(due) == 2:
        found['due_at'] = 'T'.join(part for part in (due['date'], due['time']) if part) if due['date'] else None
    if isinstance(data.get('done'), bool | int):
        found['done'] = bool(data['done'])
    if 'note' in data and isinstance(data['note'], str | None):
        found['note'], found['hermes_id'] = notes.read(data['note'] or '')
    return found


def _clock(raw: Any) -> str | None:
    """HH:MM, with seconds where there are any; webhooks wrap it in an object."""
    told = wire.text(raw.get('value') or '' if isinstance(raw, dict) else raw)
    if told is None:
        return None
    parts = _CLOCK.fullmatch(told)
    if parts is None:
        raise ValueError('not a time of day')
    hours, minutes, seconds = parts.groups()
    return f'{int(hours):02}:{minutes}' + (f':{seconds}' if seconds and seconds != '00' else '')


def _people(raw: Any) -> list[int]:
    """The persons who take part, in the CRM's order."""
    if not isinstance(raw, list):
        raise ValueError('not a list')
    told = (user_id(one.get('person_id')) for one in raw if isinstance(one, dict))
    return [person for person in told if person is not None]


def _pipeline(data: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    put(found, 'name', data, 'name', wire.text)
    active, deleted = data.get('active_flag', data.get('active')), data.get('is_deleted')
    if isinstance(active, bool | int) or isinstance(deleted, bool):
        found['archived'] = bool(deleted) or active in (False, 0)
    return found


def _stage(data: Mapping[str, Any]) -> dict[str, Value]:
    found = _pipeline(data)
    put(found, 'pipeline_id', data, 'pipeline_id', remote_id)
    return found


def _user(data: Mapping[str, Any]) -> dict[str, Value]:
    found: dict[str, Value] = {}
    put(found, 'name', data, 'name', wire.text)
    put(found, 'email', data, 'email', wire.text)
    if 'name' in found:
        found['first_name'], found['last_name'] = split_name(found['name'])
    flag, deleted = data.get('active_flag'), data.get('is_deleted')
    if isinstance(flag, bool | int) or isinstance(deleted, bool):
        found['active'] = flag not in (False, 0) and deleted is not True
    return found


_READERS: Final[Mapping[str, Callable[[Mapping[str, Any]], dict[str, Value]]]] = {
    'organization': _organization,
    'person': _person,
    'deal': _deal,
    'activity': _activity,
    'pipeline': _pipeline,
    'stage': _stage,
    'user': _user,
}


def _custom(
    remote_type: str, told: Any, catalogue: Catalogue, read_custom: ReadCustom, doubts: list[str]
) -> dict[str, Value]:
    """The custom fields that the catalogue knows by code; the others are nobody's business."""
    found: dict[str, Value] = {}
    record_type = RECORD_OF[remote_type]
    for code, raw in told.items() if isinstance(told, dict) else ():
        item = catalogue.by_code.get((record_type, code))
        if item is None or item.attribute in NATIVE[remote_type]:
            continue
        kind, plain = values.kind_of(item, record_type, catalogue), raw
        try:
            stands_as, plain = read_custom(item.remote_type, raw)
            if item.attribute == 'hermes_id':
                found['hermes_id'] = values.id_list(plain)
                continue
            value = values.canonical(item, kind, stands_as, plain)
            if value is not None or kind != 'admin' or plain in (None, ''):
                found[item.attribute] = value
        except values.UnknownOption as unknown:
            doubts.append(f'{remote_type} {unknown}')
        except (ValueError, TypeError):
            if item.attribute == 'hermes_id':
                continue
            found[item.attribute] = {UNREADABLE: plain if isinstance(plain, str | int | float) else json.dumps(plain)}
    return found


def read_currencies(
    remote_type: str, data: Mapping[str, Any], catalogue: Catalogue, read_custom: ReadCustom
) -> dict[str, Value]:
    """Beside each amount of money its currency, under the attribute's name and `.currency`. An empty field has none."""
    found: dict[str, Value] = {}
    told = data.get('custom_fields') if remote_type in NATIVE else None
    for code, raw in told.items() if isinstance(told, dict) else ():
        item = catalogue.by_code.get((RECORD_OF[remote_type], code))
        if item is None or item.attribute in NATIVE[remote_type]:
            continue
        with suppress(ValueError, TypeError, AttributeError):
            stands_as, plain = read_custom(item.remote_type, raw)
            currency = values.currency_of(plain) if stands_as == MONEY else None
            if currency:
                found[item.attribute + CURRENCY] = currency
    return found
