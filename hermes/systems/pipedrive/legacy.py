"""Webhooks of format v1 (`event: 'updated.organization'`, `current`, `previous`) rewritten as the v2 form.

Pipedrive stopped offering them; an old subscription may still send some until `hermes setup webhooks` replaces it.
Custom fields stand flat beside the native ones, with companions like `<hash>_currency`; they are gathered into
`custom_fields` in REST form.
"""

import re
from collections.abc import Mapping
from typing import Any, Final

_ACTIONS: Final = {'added': 'create', 'updated': 'change', 'merged': 'change', 'deleted': 'delete'}
_CODE: Final = re.compile(r'[0-9a-f]{40}', re.ASCII)
_COMPANION: Final = re.compile(r'([0-9a-f]{40})_(currency|until|timezone_id)', re.ASCII)


def is_legacy(payload: Mapping[str, Any]) -> bool:
    return isinstance(payload.get('event'), str) and 'current' in payload and '.' in payload['event']


def modernise(payload: Mapping[str, Any]) -> dict[str, Any]:
    """The same delivery with v2's `meta` and with `data` in REST form."""
    told_action, _, entity = payload['event'].partition('.')
    told = payload.get('meta')
    meta: Mapping[str, Any] = told if isinstance(told, dict) else {}
    current, previous = payload.get('current'), payload.get('previous')
    data = _object(current) if isinstance(current, dict) else None
    last = _object(previous) if isinstance(previous, dict) else None
    state = data or last or {}
    return {
        'meta': {
            'action': _ACTIONS.get(told_action, told_action),
            'entity': entity,
            'entity_id': meta.get('id', state.get('id')),
            'timestamp': meta.get('timestamp'),
            'change_source': meta.get('change_source'),
            'correlation_id': meta.get('correlation_id', ''),
            **({'merged_to_id': meta['merged_to_id']} if meta.get('merged_to_id') else {}),
            **({'merged_from_id': meta['merged_from_id']} if meta.get('merged_from_id') else {}),
        },
        'data': data,
        'previous': last,
    }


def _object(flat: Mapping[str, Any]) -> dict[str, Any]:
    native: dict[str, Any] = {}
    custom: dict[str, Any] = {}
    companions: dict[str, dict[str, Any]] = {}
    for key, raw in flat.items():
        companion = _COMPANION.fullmatch(key)
        if companion:
            companions.setdefault(companion.group(1), {})[companion.group(2)] = raw
        elif _CODE.fullmatch(key):
            custom[key] = raw
        else:
            native[key] = raw
    for code, parts in companions.items():
        if custom.get(code) is not None:
            custom[code] = {'value': custom[code], **parts}
    for single, plural in (('email', 'emails'), ('phone', 'phones')):
        if single in native and plural not in native and 'org_id' in native:
            native[plural] = native[single]
    if isinstance(native.get('address'), str):
        native['address'] = {'value': native['address'], 'country': native.get('address_country')}
    return native | {'custom_fields': custom}
