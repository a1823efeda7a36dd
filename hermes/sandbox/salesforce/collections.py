"""Up to 200 records in one call. The answer has one item for each, in order; HTTP says 200 even where items failed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from typing import Any, Final

from hermes.sandbox.salesforce.errors import Refused, unreadable
from hermes.sandbox.salesforce.ids import read_id
from hermes.sandbox.salesforce.org import Org
from hermes.sandbox.salesforce.schema import Field
from hermes.sandbox.salesforce.store import Table

Json = dict[str, Any]
MOST: Final = 200
MOST_READ: Final = 2000
ROLLED_BACK: Final = {
    'statusCode': 'ALL_OR_NONE_OPERATION_ROLLED_BACK',
    'message': 'Record rolled back because not all records were valid and the request was using AllOrNone header',
    'fields': [],
}


class RolledBack(Exception):
    """An item failed, and with it all."""


def too_many(most: int) -> Refused:
    words = f'record limit reached. cannot submit more than {most} records in this request'
    return Refused(400, 'EXCEEDED_ID_LIMIT', words)


def create(org: Org, told: Json) -> list[Json]:
    """Raises Refused for a body that is none."""

    def one(record: Json) -> Json:
        return {'id': org.api.create(_table(org, record), _values(record))['Id']}

    return _each(org, _records(told), one, all_or_none=told.get('allOrNone') is True)


def update(org: Org, told: Json) -> list[Json]:
    """Each record has its `id`. Raises Refused for a body that is none."""

    def one(record: Json) -> Json:
        record_id = next((str(value) for key, value in record.items() if key.lower() == 'id'), '')
        if not record_id:
            raise Refused(400, 'MISSING_ARGUMENT', 'Id not specified in an update call')
        return {'id': org.api.update(_table(org, record), record_id, _values(record))['Id']}

    return _each(org, _records(told), one, all_or_none=told.get('allOrNone') is True)


def delete(org: Org, ids: list[str], *, all_or_none: bool) -> list[Json]:
    """Raises Refused for more than 200."""
    if len(ids) > MOST:
        raise too_many(MOST)

    def one(told: str) -> Json:
        found = read_id(told)
        table = org.store.by_prefix.get((found or '')[:3])
        if found is None or table is None:
            raise Refused(400, 'MALFORMED_ID', f'malformed id {told}')
        if found not in table.rows:
            raise Refused(400, 'INVALID_CROSS_REFERENCE_KEY', 'invalid cross reference id')
        org.api.delete(table, found)
        return {'id': found}

    return _each(org, ids, one, all_or_none=all_or_none)


def upsert(org: Org, table: Table, field: Field, told: Json) -> list[Json]:
    """Records of one object by one external id. Raises Refused for a body that is none."""
    records = _records(told)
    keys = Counter(_key(field, one).lower() for one in records)

    def one(record: Json) -> Json:
        if _table(org, record) is not table:
            words = f'sObject type is not {table.spec.name} as in the address of this request'
            raise Refused(400, 'INVALID_TYPE', words)
        key = _key(field, record)
        if not key:
            raise Refused(400, 'MISSING_ARGUMENT', f'{field.name} not specified', [field.name])
        if keys[key.lower()] > 1:
            raise Refused(400, 'DUPLICATE_VALUE', f'Duplicate external id specified: {key}', [field.name])
        values = {name: value for name, value in _values(record).items() if name.lower() != field.name.lower()}
        row, made = org.api.upsert(table, field, key, values)
        return {'id': row['Id'], 'created': made}

    return _each(org, records, one, all_or_none=told.get('allOrNone') is True)


def _each(org: Org, records: list[Any], carry_out: Callable[[Any], Json], *, all_or_none: bool) -> list[Json]:
    items: list[Json] = []
    try:
        with org.store.transaction():
            for record in records:
                items.append(_one(org, record, carry_out))
            if all_or_none and not all(item['success'] for item in items):
                raise RolledBack
    except RolledBack:
        return [{'success': False, 'errors': [ROLLED_BACK]} if item['success'] else item for item in items]
    return items


def _one(org: Org, record: Any, carry_out: Callable[[Any], Json]) -> Json:
    try:
        with org.store.transaction():
            done = carry_out(record)
    except Refused as refusal:
        return {'success': False, 'errors': [refusal.as_item()]}
    return {'id': done.pop('id'), 'success': True, 'errors': [], **done}


def _records(told: Json) -> list[Json]:
    records = told.get('records')
    if not isinstance(records, list) or not all(isinstance(one, dict) for one in records):
        raise unreadable('The request needs a list of records')
    if len(records) > MOST:
        raise too_many(MOST)
    return records


def _table(org: Org, record: Json) -> Table:
    told = record.get('attributes')
    name = told.get('type') if isinstance(told, dict) else None
    if not isinstance(name, str):
        raise Refused(400, 'INVALID_TYPE', 'The type attribute of the record is missing')
    table = org.store.folded.get(name.lower())
    if table is None:
        raise Refused(400, 'INVALID_TYPE', f"sObject type '{name}' is not supported.")
    return table


def _values(record: Json) -> Json:
    return {key: value for key, value in record.items() if key.lower() not in ('attributes', 'id')}


def _key(field: Field, record: Json) -> str:
    """The external id of a record, '' without one."""
    told = next((value for key, value in record.items() if key.lower() == field.name.lower()), None)
    return '' if told is None or isinstance(told, dict | list) else str(told).strip()
