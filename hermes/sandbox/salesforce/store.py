"""The records of the org in memory, with an index for every field by which they are looked up, and transactions.

A row is never changed but replaced (`Table.put`), so that what was there can be put back.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

from hermes.sandbox.salesforce.ids import make_id
from hermes.sandbox.salesforce.schema import Field, SObject
from hermes.sandbox.salesforce.values import fold

Row = dict[str, Any]


class Table:
    """The records of one object by id (18 characters), oldest first. Indexes hold the living."""

    def __init__(self, spec: SObject, store: Store) -> None:
        self.store, self.last_number = store, 0
        self.rows: dict[str, Row] = {}
        self.set_spec(spec)

    def set_spec(self, spec: SObject) -> None:
        """Take over other metadata and index anew."""
        self.spec = spec
        self.folded = {name.lower(): one for name, one in spec.fields.items()}
        self.parts = {one.part: name for name, one in spec.fields.items() if one.part}
        self.relations = {one.relationship.lower(): one for one in spec.fields.values() if one.relationship}
        self.indexes: dict[str, dict[Any, dict[str, None]]] = {
            name: {} for name, one in spec.fields.items() if one.indexed
        }
        for row in self.rows.values():
            self._index(row)

    def change_field(self, name: str, **changes: Any) -> None:
        """Change what a field is. Raises LookupError."""
        field = self.field(name)
        self.set_spec(replace(self.spec, fields={**self.spec.fields, field.name: replace(field, **changes)}))

    def field(self, name: str) -> Field:
        """Raises LookupError."""
        if name.lower() not in self.folded:
            raise LookupError(f'{self.spec.name} has no field {name!r}')
        return self.folded[name.lower()]

    def next_id(self) -> str:
        self.last_number += 1
        return make_id(self.spec.prefix, self.last_number)

    def put(self, row: Row) -> Row:
        """Keep a row, instead of the one of its id."""
        before = self.rows.get(row['Id'])
        self.store.note(self, row['Id'], before)
        if before is not None:
            self._unindex(before)
        self.rows[row['Id']] = row
        self._index(row)
        return row

    def put_back(self, record_id: str, before: Row | None) -> None:
        self._unindex(self.rows[record_id])
        if before is None:
            del self.rows[record_id]
        else:
            self.rows[record_id] = before
            self._index(before)

    def live(self) -> Iterator[Row]:
        return (row for row in self.rows.values() if not row['IsDeleted'])

    def find(self, name: str, value: Any) -> list[Row]:
        """The living records with that value, oldest first; none has no value."""
        if value is None:
            return []
        if name in self.indexes:
            found = self.indexes[name].get(fold(value), ())
            return [self.rows[one] for one in sorted(found)]
        return [row for row in self.live() if fold(row[name]) == fold(value)]

    def find_ids(self, name: str, values: Iterable[Any]) -> set[str]:
        """The living records with one of these folded values of an indexed field."""
        index = self.indexes[name]
        return {found for value in values for found in index.get(value, ())}

    def _index(self, row: Row) -> None:
        if row['IsDeleted']:
            return
        for name, index in self.indexes.items():
            if (value := row.get(name)) is not None:
                index.setdefault(fold(value), {})[row['Id']] = None

    def _unindex(self, row: Row) -> None:
        if row['IsDeleted']:
            return
        for name, index in self.indexes.items():
            if (value := row.get(name)) is not None:
                key = fold(value)
                index[key].pop(row['Id'])
                if not index[key]:
                    del index[key]


class Store:
    """All tables of the org. `changes` counts every row that was kept."""

    def __init__(self, objects: dict[str, SObject]) -> None:
        self.changes = 0
        self.journal: list[tuple[Table, str, Row | None]] = []
        self.depth = 0
        self.tables = {name: Table(one, self) for name, one in objects.items()}
        self.folded = {name.lower(): table for name, table in self.tables.items()}
        self.by_part = {table.spec.part: table for table in self.tables.values() if table.spec.part}
        self.by_prefix = {table.spec.prefix: table for table in self.tables.values()}

    def note(self, table: Table, record_id: str, before: Row | None) -> None:
        self.changes += 1
        if self.depth:
            self.journal.append((table, record_id, before))

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing of what happens within; may be nested."""
        mark = len(self.journal)
        self.depth += 1
        try:
            yield
        except BaseException:
            while len(self.journal) > mark:
                table, record_id, before = self.journal.pop()
                table.put_back(record_id, before)
            raise
        finally:
            self.depth -= 1
            if not self.depth:
                self.journal.clear()

    def references(self, table: Table) -> Iterator[tuple[Table, Field]]:
        """The fields of all objects that refer to that one."""
        for other in self.tables.values():
            for field in other.spec.fields.values():
                if field.refers_to == table.spec.name:
                    yield other, field
