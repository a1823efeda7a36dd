"""What an organisation says of its own objects and fields, and what it lacks of the mapping: `hermes doctor` tells it
before anything goes out.
"""

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from hermes.kit import wire
from hermes.systems.salesforce.mapping import Kind, Mapped, Words

KEPT: Final = (
    'name', 'type', 'length', 'externalId', 'unique', 'idLookup', 'createable', 'updateable', 'relationshipName',
    'referenceTo', 'nillable', 'defaultedOnCreate', 'restrictedPicklist',
)  # fmt: skip
LEAST: Final[Mapping[str, int]] = {'external_id': 19, 'email': 80, 'user_id': 200, 'review': 20}
"""How many characters a field has to hold; of names, as many as the mapping says."""
CHOICES: Final = ('picklist', 'multipicklist', 'combobox')
TYPES: Final[Mapping[str, frozenset[str]]] = {
    'lists': frozenset({'multipicklist'}),
    'educator': frozenset({'boolean'}),
    'email': frozenset({'email', 'string', 'textarea'}),
    'external_id': frozenset({'string'}),
}


def kept(said: Mapping[str, Any]) -> dict[str, Any]:
    """What is kept of an object's own description."""
    fields = said.get('fields')
    found = []
    for each in fields if isinstance(fields, list) else []:
        if isinstance(each, dict) and isinstance(each.get('name'), str):
            told = {name: each[name] for name in KEPT if name in each}
            if each.get('type') in CHOICES:
                told['picklistValues'] = _choices(each)
            found.append(told)
    return {'createable': said.get('createable'), 'updateable': said.get('updateable'), 'fields': found}


def _choices(said: Mapping[str, Any]) -> list[str]:
    values = said.get('picklistValues')
    return [
        str(each['value'])
        for each in (values if isinstance(values, list) else [])
        if isinstance(each, dict) and isinstance(each.get('value'), str) and each.get('active') is not False
    ]


def picklist(body: bytes, name: str) -> dict[str, Any]:
    """The values of a field in the description of its object; None where the field has none to choose from."""
    said = wire.try_json(body)
    fields = _by_name(kept(said) if isinstance(said, dict) else {})
    return {'lists': fields.get(name.casefold(), {}).get('picklistValues')}


def lists(body: bytes, words: Words) -> list[str]:
    """The mailing lists in an answer to the op 'lists', as we call them."""
    said = wire.try_json(body)
    told = said.get('lists') if isinstance(said, dict) else None
    ours = {theirs: name for name, theirs in words.lists.items()}
    return [ours.get(name, name) for name in told if isinstance(name, str)] if isinstance(told, list) else []


def joined(source: str, said: Mapping[str, Any], mapped: Mapped) -> list[str]:
    """The objects that the mapping reads through a relation of this one."""
    return [to for path in _paths(source, mapped) if '.' in path and (to := _leads_to(said, path.split('.')[0]))]


def _paths(source: str, mapped: Mapped) -> list[str]:
    return [
        path for kind in mapped.kinds.values() if kind.source == source for path in (kind.legacy_id, kind.sustainer)
    ]


def _leads_to(said: Mapping[str, Any], relation: str) -> str:
    for each in said['fields']:
        to = each.get('referenceTo')
        if str(each.get('relationshipName') or '').casefold() == relation.casefold() and isinstance(to, list) and to:
            return str(to[0])
    return ''


def lacks(body: bytes, mapped: Mapped) -> Sequence[str]:
    """What the organisation lacks of the mapping, by an answer to the op 'describe': a sentence each."""
    said = wire.try_json(body)
    objects = said.get('objects') if isinstance(said, dict) else None
    if not isinstance(objects, dict):
        return ['It does not say what objects it has.']
    return [sentence for kind in mapped.kinds.values() for sentence in _of_kind(kind, objects, mapped.words)]


def _of_kind(kind: Kind, objects: Mapping[str, Any], words: Words) -> Iterator[str]:
    said = objects.get(kind.source)
    if not isinstance(said, dict):
        yield f'There is no object {kind.source}, or it is not shown to us.'
        return
    if said.get('createable') is False or said.get('updateable') is False:
        yield f'Objects of {kind.source} may not be made or changed by us.'
    fields = _by_name(said)
    yield from _of_key(kind, fields)
    for key, name in {'external_id': kind.external_id, **kind.fields}.items():
        yield from _of_field(kind, key, name, fields.get(name.casefold()))
    yield from _of_lists(kind, fields, words)
    for path in filter(None, (kind.legacy_id, kind.sustainer)):
        yield from _of_path(kind.source, path, objects)


def _of_key(kind: Kind, fields: Mapping[str, Any]) -> Iterator[str]:
    field, name = fields.get(kind.external_id.casefold()), f'{kind.source}.{kind.external_id}'
    if field is None:
        return
    if field.get('externalId') is not True:
        yield f'{name} is no external id: nothing can be written under it.'
    if field.get('unique') is not True:
        yield f'{name} is not unique: there could be two objects for one person.'


def _of_field(kind: Kind, key: str, name: str, field: Mapping[str, Any] | None) -> Iterator[str]:
    place = f'{kind.source}.{name}'
    if field is None:
        yield f'There is no field {place}, or it is not shown to us.'
        return
    if field.get('createable') is False or field.get('updateable') is False:
        yield f'{place} may not be written by us.'
    if key in TYPES and field.get('type') not in TYPES[key]:
        yield f'{place} is of the type {field.get("type")}, and should be {" or ".join(sorted(TYPES[key]))}.'
    length, least = field.get('length'), kind.lengths.get(key, LEAST.get(key, 0))
    if isinstance(length, int) and field.get('type') not in CHOICES and 0 < length < least:
        yield f'{place} holds {length} characters; it should hold {least}.'


def _of_lists(kind: Kind, fields: Mapping[str, Any], words: Words) -> Iterator[str]:
    known = fields.get(kind.fields.get('lists', '').casefold(), {}).get('picklistValues')
    if known is not None:
        for name in sorted(set(words.lists.values()) - set(known)):
            yield f'{kind.source}.{kind.fields["lists"]} has no list "{name}".'


def _of_path(source: str, path: str, objects: Mapping[str, Any]) -> Iterator[str]:
    relation, _, rest = path.partition('.')
    said = objects.get(source)
    if not isinstance(said, dict):
        yield f'There is no object {source}, or it is not shown to us.'
    elif not rest:
        if relation.casefold() not in _by_name(said):
            yield f'There is no field {source}.{relation}, or it is not shown to us.'
    elif not (to := _leads_to(said, relation)):
        yield f'{source} has no relation {relation}.'
    elif '.' not in rest:
        yield from _of_path(to, rest, objects)


def _by_name(said: Mapping[str, Any]) -> dict[str, Mapping[str, Any]]:
    return {each['name'].casefold(): each for each in said.get('fields', ())}
