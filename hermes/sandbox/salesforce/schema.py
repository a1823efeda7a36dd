"""The org's metadata as data: objects, their fields, and which of them play a part in the owner's automation.

`objects.toml` is the shipped example. Names are found in any case, as the API finds them.
"""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

SHIPPED: Final = Path(__file__).with_name('objects.toml')
TYPES: Final = (
    'boolean', 'date', 'datetime', 'double', 'email', 'id', 'multipicklist', 'picklist', 'reference', 'string',
    'textarea',
)  # fmt: skip
OBJECT_PARTS: Final = ('app_user', 'app_email', 'contact')
NEEDED: Final = {
    'app_user': ('key', 'email', 'lists', 'review', 'contact', 'legacy', 'sustainer', 'first_name', 'last_name'),
    'app_email': ('key', 'email', 'lists', 'review', 'contact'),
    'contact': ('email', 'first_name', 'last_name', 'legacy', 'master'),
}
"""The parts that the flow and the reader cannot do without."""


@dataclass(frozen=True)
class Field:
    """One field. `part`: what it is to the automation. `writable`: by the API."""

    name: str
    type: str
    label: str = ''
    length: int = 0
    external_id: bool = False
    unique: bool = False
    required: bool = False
    writable: bool = True
    restricted: bool = True
    options: tuple[str, ...] = ()
    refers_to: str = ''
    relationship: str = ''
    part: str = ''

    @property
    def indexed(self) -> bool:
        return self.external_id or self.type in ('email', 'reference')

    @property
    def is_text(self) -> bool:
        """Compared without regard to case."""
        return self.type in ('string', 'textarea', 'email', 'picklist', 'multipicklist')


SYSTEM: Final = (
    Field('Id', 'id', 'Record ID', 18, writable=False),
    Field('IsDeleted', 'boolean', 'Deleted', writable=False),
    Field('Name', 'string', 'Name', 121, writable=False),
    Field('CreatedDate', 'datetime', 'Created Date', writable=False),
    Field('LastModifiedDate', 'datetime', 'Last Modified Date', writable=False),
    Field('SystemModstamp', 'datetime', 'System Modstamp', writable=False),
)


@dataclass(frozen=True)
class SObject:
    """One object. `numbered`: the form of the names that its records get by themselves; '' for a person's name."""

    name: str
    label: str
    plural: str
    prefix: str
    part: str = ''
    numbered: str = ''
    writable: bool = True
    fields: Mapping[str, Field] = field(default_factory=dict)


def shipped() -> dict[str, Any]:
    """The example as TOML gives it."""
    return tomllib.loads(SHIPPED.read_text(encoding='utf-8'))


def read_objects(told: Mapping[str, Any]) -> dict[str, SObject]:
    """The objects of a TOML document of that form, by name. Raises ValueError that names what is wrong."""
    objects = {name: _read_object(name, one) for name, one in told.get('objects', {}).items()}
    parts = [one.part for one in objects.values()]
    for part in OBJECT_PARTS:
        if parts.count(part) != 1:
            raise ValueError(f'one object has the part {part!r}; here {parts.count(part)} have it')
    if len({one.prefix for one in objects.values()}) != len(objects):
        raise ValueError('two objects have the same prefix')
    for one in objects.values():
        for each in one.fields.values():
            if each.type == 'reference' and each.refers_to not in objects:
                raise ValueError(f'{one.name}.{each.name} refers to {each.refers_to!r}, which is no object here')
    return objects


def _read_object(name: str, told: Mapping[str, Any]) -> SObject:
    try:
        fields = {each: _read_field(each, one) for each, one in told['fields'].items()}
        rest = {key: value for key, value in told.items() if key != 'fields'}
        made = SObject(name=name, fields={one.name: one for one in SYSTEM} | fields, **rest)
    except (KeyError, TypeError, ValueError) as problem:
        raise ValueError(f'{name}: {problem}') from None
    if len(made.prefix) != 3 or not made.prefix.isalnum():
        raise ValueError(f'{name}: a prefix has three letters or digits')
    missing = set(NEEDED.get(made.part, ())) - {one.part for one in fields.values()}
    if missing:
        raise ValueError(f'{name}: no field has the part {", ".join(sorted(missing))}')
    return made


def _read_field(name: str, told: Mapping[str, Any]) -> Field:
    made = Field(name=name, **{**told, 'options': tuple(told.get('options', ()))})
    if made.type not in TYPES:
        raise ValueError(f'{name}: there is no type {made.type!r}')
    return made


def write_objects(objects: Mapping[str, SObject], spam: str) -> dict[str, Any]:
    """The document that `read_objects` reads."""
    own = {one.name for one in SYSTEM}
    return {
        'spam': spam,
        'objects': {
            name: {key: value for key, value in vars(one).items() if key not in ('name', 'fields')}
            | {'fields': {each.name: _plain(each) for each in one.fields.values() if each.name not in own}}
            for name, one in objects.items()
        },
    }


def _plain(one: Field) -> dict[str, Any]:
    return {key: value for key, value in asdict(one).items() if key != 'name'}
