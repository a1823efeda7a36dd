"""One record made, changed, deleted or upserted, with the rules that hold for everybody; then the owner's flow.

Called for the API (which may not write every object) and for people's acts. All raise Refused and then change nothing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from hermes.sandbox.salesforce.errors import (
    Refused,
    Several,
    deleted,
    locked,
    no_external_id,
    not_found,
    read_only,
)
from hermes.sandbox.salesforce.ids import read_id
from hermes.sandbox.salesforce.schema import Field
from hermes.sandbox.salesforce.store import Row, Table
from hermes.sandbox.salesforce.values import read_body, read_value, require

if TYPE_CHECKING:
    from hermes.sandbox.salesforce.org import Org


class Writer:
    """Writes to one org, for the API or, with `api=False`, for its own people, who may write everything."""

    def __init__(self, org: Org, *, api: bool = True) -> None:
        self.org, self.api = org, api

    def create(self, table: Table, body: Row) -> Row:
        self._check_access(table)
        changes = self._read(table, body)
        spec = table.spec
        blank: Row = {each.name: False if each.type == 'boolean' else None for each in spec.fields.values()}
        row = blank | changes
        require(spec, row)
        self._check_unique(table, row, changes)
        with self.org.store.transaction():
            now = self.org.stamp()
            row |= {'Id': table.next_id(), 'CreatedDate': now, 'LastModifiedDate': now, 'SystemModstamp': now}
            row['Name'] = spec.numbered.format(table.last_number) if spec.numbered else full_name(table, row)
            return self.org.flow.follow(table, None, table.put(row))

    def update(self, table: Table, record_id: str, body: Row) -> Row:
        self._check_access(table)
        before = self.reach(table, record_id)
        changes = self._read(table, body)
        row = before | changes
        require(table.spec, row)
        self._check_unique(table, row, changes)
        with self.org.store.transaction():
            now = self.org.stamp()
            row |= {'LastModifiedDate': now, 'SystemModstamp': now}
            if not table.spec.numbered:
                row['Name'] = full_name(table, row)
            return self.org.flow.follow(table, before, table.put(row))

    def delete(self, table: Table, record_id: str) -> None:
        """Into the bin; what refers to it refers to nothing then."""
        self._check_access(table)
        row = self.reach(table, record_id)
        self._check_lock()
        with self.org.store.transaction():
            now = self.org.stamp()
            table.put(row | {'IsDeleted': True, 'LastModifiedDate': now, 'SystemModstamp': now})
            for other, field in self.org.store.references(table):
                for one in other.find(field.name, row['Id']):
                    other.put(one | {field.name: None, 'SystemModstamp': now})

    def upsert(
        self, table: Table, field: Field, value: str, body: Row, *, only_update: bool = False
    ) -> tuple[Row, bool]:
        """The record with that external id, made if there is none; whether it was made."""
        if any(key.lower() == field.name.lower() for key in body):
            words = f'The {field.name} field should not be specified in the sobject data.'
            raise Refused(400, 'INVALID_FIELD', words, [field.name])
        if field.type == 'id':
            return self.update(table, value, body), False
        found = self.org.find(table, field, value)
        if len(found) > 1:
            raise Several(table.spec.name, field.name, [row['Id'] for row in found])
        if found:
            return self.update(table, found[0]['Id'], body), False
        if only_update:
            raise not_found()
        return self.create(table, body | {field.name: value}), True

    def reach(self, table: Table, record_id: str) -> Row:
        """The living record of that id of 15 or 18 characters."""
        found = read_id(record_id)
        if found is None or not found.startswith(table.spec.prefix):
            raise no_external_id(record_id)
        row = table.rows.get(found)
        if row is None:
            raise not_found()
        if row['IsDeleted']:
            raise deleted()
        return row

    def _check_access(self, table: Table) -> None:
        if self.api and table.spec.name not in self.org.writable:
            raise read_only(table.spec.name)

    def _check_lock(self) -> None:
        if self.api and self.org.troubles.is_locked(self.org.world.chance):
            raise locked()

    def _read(self, table: Table, body: Row) -> Row:
        if self.api:
            changes = read_body(table.spec, table.folded, body)
        else:
            changes = {table.field(key).name: read_value(table.field(key), value) for key, value in body.items()}
        self._check_lock()
        for name, value in changes.items():
            field = table.spec.fields[name]
            if field.type == 'reference' and value is not None:
                self._check_reference(field, value)
        return changes

    def _check_reference(self, field: Field, value: str) -> None:
        target = self.org.store.tables[field.refers_to]
        if not value.startswith(target.spec.prefix):
            words = f'{field.label or field.name}: id value of incorrect type: {value}'
            raise Refused(400, 'MALFORMED_ID', words, [field.name])
        row = target.rows.get(value)
        if row is None:
            raise Refused(400, 'INVALID_CROSS_REFERENCE_KEY', 'invalid cross reference id', [field.name])
        if row['IsDeleted']:
            raise Refused(400, 'ENTITY_IS_DELETED', 'entity is deleted', [field.name])

    def _check_unique(self, table: Table, row: Row, changes: Row) -> None:
        for name in changes:
            field = table.spec.fields[name]
            others = table.find(name, row[name]) if field.unique else []
            if twin := next((one for one in others if one['Id'] != row['Id']), None):
                words = f'duplicate value found: {name} duplicates value on record with id: {twin["Id"]}'
                raise Refused(400, 'DUPLICATE_VALUE', words, [name])


def full_name(table: Table, row: Row) -> str | None:
    """A person's name out of its two parts."""
    told = (row.get(table.parts.get(part, '')) for part in ('first_name', 'last_name'))
    return ' '.join(one for one in told if one) or None
