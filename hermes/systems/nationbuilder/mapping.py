"""The mapping: fields, lists, tags and languages in a nation, as one TOML table says. It is checked when it is read."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from hermes.ports.people_file import lists_of, names_of, read_file, table_of

SHIPPED: Final = Path(__file__).with_name('people.toml')
TABLE: Final = 'nationbuilder'
CUSTOM: Final = 'custom_values.'
PLACE: Final = re.compile(r'(?:custom_values\.)?[a-z][a-z0-9_]{0,79}', re.ASCII)
WRITTEN: Final = ('user_id', 'email', 'first_name', 'last_name', 'lang')
"""The keys of a mirror that may have an attribute there; `educator` and `review` are tags, `lists` are lists."""
REVIEWS: Final = ('spam', 'review', 'account_deleted')


@dataclass(frozen=True, slots=True)
class Mapped:
    """The whole mapping. What is in no table of words goes out, and comes in, as it is."""

    fields: Mapping[str, str]
    sign_up: Sequence[str] = ()
    subscription: Sequence[str] = ()
    educator: str = ''
    sustainer: str = ''
    reviews: Mapping[str, str] = field(default_factory=dict)
    languages: Mapping[str, str] = field(default_factory=dict)
    lists: Mapping[str, str] = field(default_factory=dict)
    lists_of_language: Mapping[str, Sequence[str]] = field(default_factory=dict)

    def key_of(self, name: str) -> str:
        """What we call an attribute; '' for one that is none of ours."""
        told = {theirs.removeprefix(CUSTOM): ours for ours, theirs in self.fields.items()}
        return 'email' if re.fullmatch(r'email[1-4]', name) else {**told, 'external_id': 'external_id'}.get(name, '')

    @property
    def ours(self) -> frozenset[str]:
        """Tags that Hermes itself puts on people, folded: they keep nobody from being deleted as spam."""
        told = (*self.sign_up, *self.subscription, self.educator, *self.reviews.values())
        return frozenset(name.casefold() for name in told if name)


def load(file: Path | None = None) -> Mapped:
    """The mapping of a file, or the one that is shipped. Raises Refused, naming the file and the place."""
    return read_file(file, SHIPPED, TABLE, read)


def read(told: Any) -> Mapped:
    """The mapping that a table says. Raises ValueError, naming the place."""
    table = table_of(told, TABLE, ('fields', 'tags', 'reviews', 'languages', 'lists', 'lists_of_language'))
    fields = _words(table.get('fields'), f'{TABLE}.fields', WRITTEN)
    for key, place in fields.items():
        if not PLACE.fullmatch(place):
            raise ValueError(f'{TABLE}.fields.{key}: must be an attribute, or "{CUSTOM}" and the slug of a field')
    if fields.get('email') != 'email':
        raise ValueError(f'{TABLE}.fields.email: must be "email": people are found by it')
    tags = table_of(table.get('tags', {}), f'{TABLE}.tags', ('sign_up', 'subscription', 'educator', 'sustainer'))
    reviews = _words(table.get('reviews', {}), f'{TABLE}.reviews', REVIEWS)
    if missing := sorted(set(REVIEWS) - reviews.keys()):
        raise ValueError(f'{TABLE}.reviews.{missing[0]}: is missing')
    mapped = Mapped(
        fields,
        names_of(tags.get('sign_up', []), f'{TABLE}.tags.sign_up'),
        names_of(tags.get('subscription', []), f'{TABLE}.tags.subscription'),
        _name(tags.get('educator', ''), f'{TABLE}.tags.educator'),
        _name(tags.get('sustainer', ''), f'{TABLE}.tags.sustainer'),
        reviews,
        _words(table.get('languages', {}), f'{TABLE}.languages'),
        _words(table.get('lists', {}), f'{TABLE}.lists'),
        lists_of(table.get('lists_of_language', {}), f'{TABLE}.lists_of_language'),
    )
    if mapped.sustainer and mapped.sustainer.casefold() in mapped.ours:
        raise ValueError(f'{TABLE}.tags.sustainer: is a tag that Hermes puts on people itself')
    return mapped


def _words(told: Any, place: str, allowed: Sequence[str] | None = None) -> Mapping[str, str]:
    table = table_of(told, place, allowed)
    for key, name in table.items():
        if not isinstance(name, str) or not name.strip():
            raise ValueError(f'{place}.{key}: must be a text')
    if len({name.casefold() for name in table.values()}) < len(table):
        raise ValueError(f'{place}: two of ours have one name there, so that nobody could tell them apart')
    return table


def _name(told: Any, place: str) -> str:
    if not isinstance(told, str):
        raise ValueError(f'{place}: must be a text')
    return told.strip()
