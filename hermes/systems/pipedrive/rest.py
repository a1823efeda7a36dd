"""Custom values as REST v2 writes and answers them (inside `custom_fields`), both ways.

Written apart from `webhook.py` on purpose: the two forms differ for almost every type, and each is tested against
`values`.
"""

import re
from typing import Any

from hermes.kit import wire
from hermes.systems.pipedrive import values

_TIME = re.compile(r'\d{1,2}:\d{2}')


def read(remote_type: str, raw: Any) -> tuple[str, Any]:
    """(type, plain value) of what an answer says; without a known type it is told by its shape."""
    remote_type = remote_type or _guess(raw)
    return remote_type, None if raw is None else _plain(remote_type, raw)


def _guess(raw: Any) -> str:
    if isinstance(raw, bool) or raw is None:
        return 'varchar'
    if isinstance(raw, int | float):
        return 'double'
    if isinstance(raw, list):
        return 'set'
    if isinstance(raw, dict):
        if 'currency' in raw:
            return 'monetary'
        if 'until' in raw:
            return 'timerange' if _TIME.match(str(raw.get('value'))) else 'daterange'
        if 'timezone_id' in raw:
            return 'time'
        return 'enum' if 'id' in raw else 'address'
    return 'varchar'


def _plain(remote_type: str, raw: Any) -> Any:
    if remote_type == 'monetary':
        return {key: raw.get(key) for key in ('value', 'currency')} if isinstance(raw, dict) else raw
    if remote_type == 'enum':
        return _option(raw)
    if remote_type == 'set':
        if isinstance(raw, str):
            raw = [part for part in raw.split(',') if part.strip()]
        if not isinstance(raw, list):
            raise ValueError('not a set')
        return [option for option in map(_option, raw) if option is not None]
    if remote_type in values.OBJECTS:
        return wire.whole(raw.get('id', raw.get('value')) if isinstance(raw, dict) else raw)
    if remote_type == 'address':
        return values.address(raw)
    if remote_type in values.STRUCTURES:
        return _structure(remote_type, raw if isinstance(raw, dict) else {'value': raw})
    return raw


def _option(raw: Any) -> str | None:
    number = wire.whole(raw.get('id') if isinstance(raw, dict) else raw)
    return None if number is None else str(number)


def _structure(remote_type: str, raw: dict[str, Any]) -> dict[str, Any] | None:
    first = 'value' if remote_type == 'time' else 'from'
    told = {first: raw.get('value'), 'until': raw.get('until'), 'timezone_id': raw.get('timezone_id')}
    found = {key: part for key, part in told.items() if isinstance(part, str | int) and part != ''}
    return found if first in found else None


def write(remote_type: str, plain: Any, currency: str) -> Any:
    """The JSON that makes `plain` stand there. An empty set is refused by the CRM, so it is null."""
    if plain is None or plain == []:
        return None
    if remote_type == 'monetary':
        return {'value': plain, 'currency': currency}
    if remote_type == 'enum':
        return int(plain)
    if remote_type == 'set':
        return [int(option) for option in plain]
    if remote_type in ('daterange', 'timerange'):
        return {'value' if key == 'from' else key: part for key, part in plain.items()}
    return plain
