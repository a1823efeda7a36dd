"""Custom values as webhooks v2 tell them (inside `data.custom_fields`): every one an object that names its own type.

Written apart from `rest.py` on purpose: `id` here is a bare number there, `from` here is `value` there, `values`
here a list there.
"""

from typing import Any

from hermes.kit import wire
from hermes.systems.pipedrive import values


def read(remote_type: str, raw: Any) -> tuple[str, Any]:
    """(type, plain value). The type that the delivery names is believed before the one that we know."""
    if raw is None:
        return remote_type or 'varchar', None
    if not isinstance(raw, dict):
        if isinstance(raw, list):
            raise ValueError('not a custom value')
        return remote_type or 'varchar', raw
    named = raw.get('type')
    if isinstance(named, str) and named:
        remote_type = named
    return remote_type, _plain(remote_type, raw)


def _plain(remote_type: str, raw: dict[str, Any]) -> Any:
    if remote_type == 'enum':
        return _option(raw)
    if remote_type == 'set':
        chosen = raw.get('values')
        if chosen is None:
            return None
        if not isinstance(chosen, list):
            raise ValueError('not a set')
        return [option for option in map(_option, chosen) if option is not None]
    if remote_type in values.OBJECTS:
        return wire.whole(raw['id']) if raw.get('id') is not None else None
    if remote_type == 'address':
        return values.address(raw)
    if remote_type == 'time':
        return _parts(raw, ('value', 'timezone_id'))
    if remote_type == 'daterange':
        return _parts(raw, ('from', 'until'))
    if remote_type == 'timerange':
        return _parts(raw, ('from', 'until', 'timezone_id'))
    if isinstance(raw.get('value'), dict | list):
        raise ValueError('not a plain value')
    if remote_type == 'monetary':
        return {key: raw.get(key) for key in ('value', 'currency')}
    return raw.get('value')


def _option(raw: Any) -> str | None:
    told = raw.get('id') if isinstance(raw, dict) else raw
    number = None if told is None else wire.whole(told)
    return None if number is None else str(number)


def _parts(raw: dict[str, Any], keys: tuple[str, ...]) -> dict[str, Any] | None:
    found = {key: raw[key] for key in keys if isinstance(raw.get(key), str | int) and raw[key] != ''}
    return found if keys[0] in found else None
