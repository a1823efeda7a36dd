"""The rows of a nation and the ways to find them: by identifier and e-mail, by tag, by list, by membership.

Everything that changes a row passes here, so that no index can lag behind. A row holds what differs from its type's
defaults. Thousands of people are found without a walk.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime
from typing import Any, Final
from zoneinfo import ZoneInfo

from hermes.sandbox.nationbuilder.answers import not_found
from hermes.sandbox.nationbuilder.attributes import EMAILS, IDENTIFIERS, TYPES

Json = dict[str, Any]
Row = dict[str, Any]
ZONE: Final = ZoneInfo('America/New_York')
LINKS: Final = {
    'signup_taggings': ('signup_id', 'tag_id'),
    'memberships': ('signup_id', 'membership_type_id'),
    **dict.fromkeys(('donations', 'pledges', 'contacts'), ('signup_id',)),
}
"""What is found by the row that it hangs on."""


def stamp(moment: datetime) -> str:
    """A moment as the nation shows it: in whole seconds and in its own zone."""
    return moment.astimezone(ZONE).isoformat(timespec='seconds')


class Store:
    """`tables[type][id]`; `members[list][person]` says since when somebody is on a list."""

    def __init__(self) -> None:
        self.tables: dict[str, dict[str, Row]] = {kind: {} for kind in TYPES}
        self.last_ids = dict.fromkeys(TYPES, 0)
        self.members: dict[str, dict[str, str]] = {}
        self.lists_of: dict[str, set[str]] = {}
        self.by_value: dict[str, dict[str, str]] = {name: {} for name in IDENTIFIERS}
        self.by_link: dict[str, dict[str, dict[str, None]]] = {
            f'{kind}.{name}': {} for kind, names in LINKS.items() for name in names
        }

    def get(self, kind: str, wanted: str) -> Row:
        """Raises Refused (404)."""
        row = self.tables[kind].get(wanted)
        if row is None:
            raise not_found()
        return row

    def insert(self, kind: str, values: Row, wanted: str | None = None) -> Row:
        """A new row with the next id, or with the one that is wanted."""
        self.last_ids[kind] += 1
        row = {'id': wanted or str(self.last_ids[kind]), **values}
        self.tables[kind][row['id']] = row
        if kind == 'lists':
            self.members.setdefault(row['id'], {})
        self._index(kind, row)
        return row

    def put(self, kind: str, row: Row) -> None:
        """The row as it is from now on."""
        before = self.tables[kind].get(row['id'])
        if before is not None:
            self._forget(kind, before)
        self.tables[kind][row['id']] = row
        self._index(kind, row)

    def remove(self, kind: str, wanted: str) -> None:
        """Take a row away for good, with everything that hangs on it. Raises Refused (404)."""
        row = self.get(kind, wanted)
        for other, names in LINKS.items():
            for name in names:
                if OWNERS[name] == kind:
                    for one in list(self.by_link[f'{other}.{name}'].get(wanted, ())):
                        self.remove(other, one)
        if kind == 'signups':
            for one in list(self.lists_of.get(wanted, ())):
                self.leave(one, wanted)
        if kind == 'lists':
            for person in list(self.members.pop(wanted, ())):
                self.lists_of[person].discard(wanted)
        self._forget(kind, row)
        del self.tables[kind][wanted]

    def linked(self, kind: str, name: str, wanted: str) -> list[Row]:
        """The rows of `kind` whose `name` is `wanted`, oldest first."""
        return [self.tables[kind][one] for one in self.by_link[f'{kind}.{name}'].get(wanted, ())]

    def join(self, wanted: str, person: str, at: str) -> None:
        """Put a person on a list; nothing happens if they stand there."""
        self.members[wanted].setdefault(person, at)
        self.lists_of.setdefault(person, set()).add(wanted)

    def leave(self, wanted: str, person: str) -> None:
        self.members[wanted].pop(person, None)
        self.lists_of.get(person, set()).discard(wanted)

    def find(self, name: str, value: str) -> str | None:
        """The id of the person with this identifier; of an e-mail in any of the four places."""
        return self.by_value[name].get(value.strip().lower() if name == 'email' else value.strip())

    def _index(self, kind: str, row: Row) -> None:
        for name, value in _keys(kind, row):
            self.by_value[name][value] = row['id']
        for name in LINKS.get(kind, ()):
            self.by_link[f'{kind}.{name}'].setdefault(row[name], {})[row['id']] = None

    def _forget(self, kind: str, row: Row) -> None:
        for name, value in _keys(kind, row):
            if self.by_value[name].get(value) == row['id']:
                del self.by_value[name][value]
        for name in LINKS.get(kind, ()):
            self.by_link[f'{kind}.{name}'].get(row[name], {}).pop(row['id'], None)

    def dump(self) -> Json:
        return {
            'tables': {kind: list(rows.values()) for kind, rows in self.tables.items()},
            'last_ids': self.last_ids,
            'members': self.members,
        }

    def load(self, kept: Json) -> None:
        self.__init__()  # type: ignore[misc]
        self.last_ids |= kept['last_ids']
        for kind, rows in kept['tables'].items():
            for row in rows:
                self.put(kind, row)
        for wanted in self.tables['lists']:
            self.members[wanted] = {}
        for wanted, people in kept['members'].items():
            for person, at in people.items():
                self.join(wanted, person, at)


OWNERS: Final = {'signup_id': 'signups', 'tag_id': 'signup_tags', 'membership_type_id': 'membership_types'}


def _keys(kind: str, row: Row) -> Iterator[tuple[str, str]]:
    """The identifiers under which a person is known."""
    if kind != 'signups':
        return
    for name in IDENTIFIERS:
        if name != 'email' and row.get(name):
            yield name, row[name]
    for name in EMAILS:
        if row.get(name):
            yield 'email', row[name]
