"""The mapping: what app users, their fields, lists and languages are called in an organisation, as one TOML table says.

It is checked when it is read, so that no name in it can be anything but a name; with the organisation's own words it is
compared by `hermes doctor` (metadata.py).
"""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hermes.ports.people import PLAIN
from hermes.ports.people_file import lists_of, read_file, table_of

SHIPPED: Final = Path(__file__).with_name('people.toml')
TABLE: Final = 'salesforce'
NAME: Final = re.compile(r'[A-Za-z][A-Za-z0-9_]{0,79}', re.ASCII)
JOINED: Final = re.compile(r'(?:[A-Za-z][A-Za-z0-9_]{0,79}\.){0,5}[A-Za-z][A-Za-z0-9_]{0,79}', re.ASCII)
VERSION: Final = re.compile(r'\d{2,3}\.0', re.ASCII)
WRITTEN: Final[Mapping[str, tuple[str, ...]]] = {
    'app_user': (*PLAIN['app_user'], 'lists', 'review'),
    'subscription': (*PLAIN['subscription'], 'lists'),
}
"""By record type, the keys of a mirror that may have a field there."""
WORDS: Final = ('languages', 'lists', 'reviews')


@dataclass(frozen=True, slots=True)
class Kind:
    """One of our types as an object there. `fields`: key of the mirror -> field; `lengths`: where a text is cut."""

    source: str
    external_id: str
    fields: Mapping[str, str]
    lengths: Mapping[str, int] = field(default_factory=dict)
    legacy_id: str = ''
    legacy_is_number: bool = False
    sustainer: str = ''

    @property
    def keys(self) -> Mapping[str, str]:
        """By what an object is found, in the order in which it counts: key -> field."""
        told = {'external_id': self.external_id, 'legacy_id': self.legacy_id, 'email': self.fields['email']}
        return {key: name for key, name in told.items() if name}

    @property
    def read(self) -> Sequence[str]:
        """The fields that are read of an object."""
        return ['Id', 'SystemModstamp', self.external_id, *self.fields.values()]

    def key_of(self, name: str) -> str:
        """What we call a field; '' for one that is none of ours."""
        told = {self.external_id: 'external_id', **{theirs: ours for ours, theirs in self.fields.items()}}
        return {each.casefold(): ours for each, ours in told.items()}.get(name.casefold(), '')


@dataclass(frozen=True, slots=True)
class Words:
    """What we call something -> what it is called there. What is in no table goes out, and comes in, as it is."""

    languages: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    reviews: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Mapped:
    """The whole mapping. `kinds`: by our type."""

    api_version: str
    kinds: Mapping[str, Kind]
    words: Words = Words()
    lists_of_language: Mapping[str, Sequence[str]] = field(default_factory=dict)


def load(file: Path | None = None) -> Mapped:
    """The mapping of a file, or the one that is shipped. Raises Refused, naming the file and the place."""
    return read_file(file, SHIPPED, TABLE, read)


def read(told: Any) -> Mapped:
    """The mapping that a table says. Raises ValueError, naming the place."""
    table = table_of(told, TABLE, {'api_version', 'app_user', 'subscription', *WORDS, 'lists_of_language'})
    version = table.get('api_version')
    if not isinstance(version, str) or not VERSION.fullmatch(version):
        raise ValueError(f'{TABLE}.api_version: must be a text such as "64.0"')
    words = {name: _words(table.get(name, {}), f'{TABLE}.{name}') for name in WORDS}
    kinds = {name: _kind(table.get(name), name) for name in WRITTEN}
    lists = lists_of(table.get('lists_of_language', {}), f'{TABLE}.lists_of_language')
    return Mapped(version, kinds, Words(**words), lists)


def _kind(told: Any, kind: str) -> Kind:
    place = f'{TABLE}.{kind}'
    allowed = {'object', 'external_id', 'fields', 'lengths'}
    table = table_of(told, place, allowed | ({'legacy_id', 'legacy_id_is_number', 'sustainer'} & _extra(kind)))
    fields = {
        key: _name(name, f'{place}.fields.{key}')
        for key, name in table_of(table.get('fields'), f'{place}.fields', set(WRITTEN[kind])).items()
    }
    if 'email' not in fields:
        raise ValueError(f'{place}.fields.email: is missing')
    external_id = _name(table.get('external_id'), f'{place}.external_id')
    taken = [name.casefold() for name in (external_id, *fields.values())]
    if twice := sorted({name for name in taken if taken.count(name) > 1}):
        raise ValueError(f'{place}: two things stand in the field {twice[0]}')
    is_number = table.get('legacy_id_is_number', False)
    if not isinstance(is_number, bool):
        raise ValueError(f'{place}.legacy_id_is_number: must be true or false')
    return Kind(
        _name(table.get('object'), f'{place}.object'),
        external_id,
        fields,
        _lengths(table.get('lengths', {}), place, fields),
        _name(table.get('legacy_id', ''), f'{place}.legacy_id', JOINED, empty=True),
        is_number,
        _name(table.get('sustainer', ''), f'{place}.sustainer', JOINED, empty=True),
    )


def _extra(kind: str) -> set[str]:
    return {'legacy_id', 'legacy_id_is_number', 'sustainer'} if kind == 'app_user' else set()


def _name(told: Any, place: str, form: re.Pattern[str] = NAME, *, empty: bool = False) -> str:
    if empty and told == '':
        return ''
    if not isinstance(told, str) or not form.fullmatch(told):
        raise ValueError(f'{place}: must be the API name of a field or an object, such as "Email__c"')
    return told


def _lengths(told: Any, place: str, fields: Mapping[str, str]) -> Mapping[str, int]:
    table = table_of(told, f'{place}.lengths', {'first_name', 'last_name'} & fields.keys())
    for key, length in table.items():
        if isinstance(length, bool) or not isinstance(length, int) or length < 1:
            raise ValueError(f'{place}.lengths.{key}: must be a number of characters')
    return table


def _words(told: Any, place: str) -> Mapping[str, str]:
    if not isinstance(told, dict) or not all(isinstance(each, str) and each for each in told.values()):
        raise ValueError(f'{place}: must be a table of texts')
    if len({*told.values()}) < len(told):
        raise ValueError(f'{place}: two of ours have one name there, so that nobody could tell them apart')
    if place.endswith('.lists') and any(';' in each for each in told.values()):
        raise ValueError(f'{place}: a name must not hold ";", which parts the values of such a field')
    return told
