"""Values on their way: out, the attributes of a person; in, what a resource object says, in canonical form."""

from collections.abc import Mapping
from functools import partial
from typing import Any, Final

from hermes.domain.model import Value
from hermes.kit import wire
from hermes.systems.nationbuilder.mapping import CUSTOM, Mapped

ADDRESSES: Final = ('email', 'email1', 'email2', 'email3', 'email4')


def encode(fields: Mapping[str, Value], mapped: Mapped, kind: str) -> dict[str, Any]:
    """Canonical fields as attributes. A subscription says nothing where it has nothing to say: the person may have an
    account too, and neither a name nor our number is taken from it.
    """
    body: dict[str, Any] = {}
    for key, value in fields.items():
        place = mapped.fields.get(key)
        if place is None:
            continue
        told = _out(key, value, mapped)
        if kind == 'subscription' and told is None:
            continue
        if place.startswith(CUSTOM):
            body.setdefault('custom_values', {})[place.removeprefix(CUSTOM)] = told
        else:
            body[place] = told
    if kind == 'app_user' and fields.get('external_id'):
        body['external_id'] = str(fields['external_id'])
    return body


def _out(key: str, value: Value, mapped: Mapped) -> Any:
    if value is None or value == '':
        return None
    told = str(value)
    return mapped.languages.get(told, told) if key == 'lang' else told


def decode(row: Mapping[str, Any], tags: list[str] | None, mapped: Mapped, kind: str) -> dict[str, Value]:
    """What a person says in canonical form; what it says in no readable way is absent. `tags`: by name, None where they
    were not read. On which lists somebody is, no person says.
    """
    told = row.get('attributes')
    attributes = told if isinstance(told, dict) else {}
    custom = attributes.get('custom_values')
    found: dict[str, Value] = {}
    if kind == 'app_user':
        wire.put(found, 'external_id', attributes, 'external_id', wire.text)
    for key, place in mapped.fields.items():
        source = (custom if isinstance(custom, dict) else {}) if place.startswith(CUSTOM) else attributes
        wire.put(found, key, source, place.removeprefix(CUSTOM), partial(_in, key, mapped))
    if tags is not None:
        folded = {name.casefold() for name in tags}
        found['educator'] = bool(mapped.educator) and mapped.educator.casefold() in folded
        if kind == 'app_user':
            found['review'] = next((why for why, name in mapped.reviews.items() if name.casefold() in folded), '')
    return found


def _in(key: str, mapped: Mapped, told: Any) -> Value:
    said = wire.text(told)
    return {theirs: ours for ours, theirs in mapped.languages.items()}.get(said or '', said) if key == 'lang' else said


def addresses(row: Mapping[str, Any]) -> set[str]:
    """All addresses of a person, folded."""
    told = row.get('attributes')
    attributes = told if isinstance(told, dict) else {}
    return {str(attributes[name]).casefold() for name in ADDRESSES if isinstance(attributes.get(name), str)}


def tag_names(document: Mapping[str, Any]) -> dict[str, str]:
    """Tags that are sideloaded in a document: id -> name."""
    included = document.get('included')
    return {
        str(each.get('id')): each['attributes']['name']
        for each in (included if isinstance(included, list) else [])
        if isinstance(each, dict)
        and each.get('type') == 'signup_tags'
        and isinstance(each.get('attributes'), dict)
        and isinstance(each['attributes'].get('name'), str)
    }


def related(row: Mapping[str, Any], name: str) -> list[str] | None:
    """The ids that a person names under a relationship; None where it does not say."""
    told = row.get('relationships')
    one = told.get(name) if isinstance(told, dict) else None
    data = one.get('data') if isinstance(one, dict) else None
    if not isinstance(data, list):
        return None
    return [str(each.get('id')) for each in data if isinstance(each, dict)]
