"""Values on their way: out, what a field is to hold; in, what a row says, in canonical form (ports/people.py)."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from hermes.domain.model import Value
from hermes.kit import wire
from hermes.systems.salesforce.mapping import Kind, Words

PARTED: Final = ';'
"""What stands between the values of a multi-select picklist."""


def encode(fields: Mapping[str, Value], kind: Kind, words: Words, *, with_key: bool) -> dict[str, Any]:
    """Canonical fields as a body. `with_key`: our own number goes along. Raises ValueError for what no field holds."""
    body = {kind.fields[key]: _out(key, value, words) for key, value in fields.items() if key in kind.fields}
    if with_key and fields.get('external_id'):
        body[kind.external_id] = str(fields['external_id'])
    return body


def _out(key: str, value: Value, words: Words) -> Any:
    if key == 'educator':
        return bool(value)
    if key == 'lists':
        names = [words.lists.get(name, name) for name in value or ()]
        if any(PARTED in name for name in names):
            raise ValueError('the name of a list holds ";"')
        return PARTED.join(names) or None
    if value is None or value == '':
        return None
    told = str(value)
    return {'lang': words.languages, 'review': words.reviews}.get(key, {}).get(told, told)


def decode(row: Mapping[str, Any], kind: Kind, words: Words) -> dict[str, Value]:
    """What a row says in canonical form; what it does not say, or says in no readable way, is absent."""
    found: dict[str, Value] = {}
    wire.put(found, 'external_id', row, kind.external_id, wire.text)
    for key, name in kind.fields.items():
        wire.put(found, key, row, name, partial(_in, key, words))
    for key, empty in (('lists', []), ('review', ''), ('educator', False)):
        if key in found:
            found[key] = found[key] or empty
    return found


def _in(key: str, words: Words, told: Any) -> Value:
    if key == 'educator':
        return wire.truth(told)
    if key == 'lists':
        if not isinstance(told, str):
            raise ValueError('not a text')
        ours = {theirs: name for name, theirs in words.lists.items()}
        return sorted({ours.get(name, name) for each in told.split(PARTED) if (name := each.strip())})
    said = wire.text(told)
    table = {'lang': words.languages, 'review': words.reviews}.get(key, {})
    return {theirs: ours for ours, theirs in table.items()}.get(said or '', said)


def at(row: Any, path: str) -> Any:
    """What a row says under the name of a field, or of one of an object that it is joined with."""
    for name in path.split('.'):
        if not isinstance(row, Mapping):
            return None
        row = row.get(name)
    return row
