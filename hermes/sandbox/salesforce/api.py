"""The endpoints of the data API: each takes a call that was let in and gives status, body and headers.

They raise Refused. What is here serves single calls and the parts of a composite one.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

from hermes.sandbox.salesforce import collections
from hermes.sandbox.salesforce.describe import tell_object
from hermes.sandbox.salesforce.errors import Refused, Several, no_external_id, not_found, unreadable
from hermes.sandbox.salesforce.ids import read_id
from hermes.sandbox.salesforce.org import Org
from hermes.sandbox.salesforce.query import attributes, read_page_size
from hermes.sandbox.salesforce.schema import Field
from hermes.sandbox.salesforce.store import Row, Table

Json = dict[str, Any]
OLDEST: Final = 58
NEWEST: Final = 68
SEASONS: Final = ('Spring', 'Summer', 'Winter')


@dataclass
class Answer:
    """What goes back. A body of None is none."""

    body: Any = None
    status: int = 200
    location: str = ''


@dataclass
class Ask:
    """One call of somebody who was let in. `base`: the address of the version that was asked for."""

    org: Org
    base: str
    path: Mapping[str, str]
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any = None

    @property
    def table(self) -> Table:
        return self.org.table(self.path['name'])

    def field(self, table: Table) -> Field:
        return self.org.external_id(table, self.path['field'])

    def object(self) -> Json:
        """The body, which has to be an object."""
        if not isinstance(self.body, dict):
            raise unreadable('The HTTP entity body is required, but this request has no entity body.')
        return self.body

    def flag(self, name: str) -> bool:
        return self.query.get(name, '').lower() == 'true'


def versions() -> list[Json]:
    """Every version of the API, for whoever asks."""
    told = []
    for number in range(OLDEST, NEWEST + 1):
        years, season = divmod(number - 58, 3)
        name = SEASONS[(season + 1) % 3]
        year = 23 + years + (season == 1 or season == 2)
        told.append({'label': f"{name} '{year}", 'url': f'/services/data/v{number}.0', 'version': f'{number}.0'})
    return told


def resources(ask: Ask) -> Answer:
    names = ('sobjects', 'query', 'queryAll', 'limits', 'composite')
    return Answer({name: f'{ask.base}/{name}' for name in names})


def limits(ask: Ask) -> Answer:
    ledger = ask.org.ledger
    return Answer({'DailyApiRequests': {'Max': ledger.daily, 'Remaining': max(ledger.daily - ledger.used, 0)}})


def describe_all(ask: Ask) -> Answer:
    told = [
        tell_object(table.spec, ask.base, whole=False, may_write=name in ask.org.writable)
        for name, table in ask.org.store.tables.items()
    ]
    return Answer({'encoding': 'UTF-8', 'maxBatchSize': collections.MOST, 'sobjects': told})


def describe(ask: Ask) -> Answer:
    spec = ask.table.spec
    return Answer(tell_object(spec, ask.base, whole=True, may_write=spec.name in ask.org.writable))


def basics(ask: Ask) -> Answer:
    spec = ask.table.spec
    told = tell_object(spec, ask.base, whole=False, may_write=spec.name in ask.org.writable)
    return Answer({'objectDescribe': told, 'recentItems': []})


def create(ask: Ask) -> Answer:
    table = ask.table
    return _made(ask, table, ask.org.api.create(table, ask.object()))


def _made(ask: Ask, table: Table, row: Row, **more: Any) -> Answer:
    body = {'id': row['Id'], 'success': True, 'errors': [], **more}
    return Answer(body, 201, f'{ask.base}/sobjects/{table.spec.name}/{row["Id"]}')


def read(ask: Ask) -> Answer:
    table = ask.table
    found = read_id(ask.path['id'])
    if found is None:
        raise no_external_id(ask.path['id'])
    row = table.rows.get(found)
    if row is None or row['IsDeleted']:
        raise not_found()
    return Answer(show(ask, table, row))


def show(ask: Ask, table: Table, row: Row, names: str | None = None) -> Json:
    """A whole record, or the fields that `fields` names. Raises Refused."""
    told = ask.query.get('fields') if names is None else names
    shown = {'attributes': attributes(table, row['Id'], ask.base)}
    if not told:
        return shown | row
    for name in told.split(','):
        field = table.folded.get(name.strip().lower())
        if field is None:
            words = f"No such column '{name.strip()}' on sobject of type {table.spec.name}"
            raise Refused(400, 'INVALID_FIELD', words)
        shown[field.name] = row[field.name]
    return shown


def update(ask: Ask) -> Answer:
    ask.org.api.update(ask.table, ask.path['id'], ask.object())
    return Answer(status=204)


def delete(ask: Ask) -> Answer:
    ask.org.api.delete(ask.table, ask.path['id'])
    return Answer(status=204)


def read_by_external_id(ask: Ask) -> Answer:
    table = ask.table
    return Answer(show(ask, table, _only_one(ask, table)))


def delete_by_external_id(ask: Ask) -> Answer:
    table = ask.table
    ask.org.api.delete(table, _only_one(ask, table)['Id'])
    return Answer(status=204)


def _only_one(ask: Ask, table: Table) -> Row:
    field = ask.field(table)
    found = ask.org.find(table, field, ask.path['value'])
    if not found:
        raise not_found()
    if len(found) > 1:
        raise Several(table.spec.name, field.name, [row['Id'] for row in found])
    return found[0]


def upsert(ask: Ask) -> Answer:
    table = ask.table
    field, told = ask.field(table), ask.object()
    row, made = ask.org.api.upsert(table, field, ask.path['value'], told, only_update=ask.flag('updateOnly'))
    if made:
        return _made(ask, table, row, created=True)
    return Answer({'id': row['Id'], 'success': True, 'errors': [], 'created': False})


def query(ask: Ask) -> Answer:
    return _query(ask, with_deleted=False)


def query_all(ask: Ask) -> Answer:
    return _query(ask, with_deleted=True)


def _query(ask: Ask, *, with_deleted: bool) -> Answer:
    text = ask.query.get('q')
    if not text:
        raise Refused(400, 'MALFORMED_QUERY', 'SOQL statement cannot be empty')
    size = read_page_size(ask.headers.get('sforce-query-options', ''))
    return Answer(ask.org.cursors.begin(ask.org, text, ask.base, size, with_deleted=with_deleted))


def query_on(ask: Ask) -> Answer:
    size = read_page_size(ask.headers.get('sforce-query-options', ''))
    return Answer(ask.org.cursors.go_on(ask.path['locator'], ask.base, size))


def create_many(ask: Ask) -> Answer:
    return Answer(collections.create(ask.org, ask.object()))


def update_many(ask: Ask) -> Answer:
    return Answer(collections.update(ask.org, ask.object()))


def delete_many(ask: Ask) -> Answer:
    ids = [one.strip() for one in ask.query.get('ids', '').split(',') if one.strip()]
    return Answer(collections.delete(ask.org, ids, all_or_none=ask.flag('allOrNone')))


def upsert_many(ask: Ask) -> Answer:
    table = ask.table
    return Answer(collections.upsert(ask.org, table, ask.field(table), ask.object()))


def read_many(ask: Ask) -> Answer:
    return _read_many(ask, ask.query.get('ids', '').split(','), ask.query.get('fields', ''))


def read_many_by_body(ask: Ask) -> Answer:
    told = ask.object()
    ids, fields = told.get('ids'), told.get('fields')
    if not isinstance(ids, list) or not isinstance(fields, list):
        raise unreadable('ids and fields are lists')
    return _read_many(ask, [str(one) for one in ids], ','.join(map(str, fields)))


def _read_many(ask: Ask, ids: list[str], fields: str) -> Answer:
    if not fields:
        raise Refused(400, 'MISSING_ARGUMENT', 'The fields parameter is required.')
    if len(ids) > collections.MOST_READ:
        raise collections.too_many(collections.MOST_READ)
    table = ask.table
    rows = [table.rows.get(read_id(one.strip()) or '') for one in ids]
    return Answer([None if row is None or row['IsDeleted'] else show(ask, table, row, fields) for row in rows])


Endpoint = Callable[[Ask], Answer]
ENDPOINTS: Final[tuple[tuple[str, dict[str, Endpoint]], ...]] = (
    ('', {'GET': resources}),
    ('limits', {'GET': limits}),
    ('query', {'GET': query}),
    ('queryAll', {'GET': query_all}),
    ('query/{locator}', {'GET': query_on}),
    ('queryAll/{locator}', {'GET': query_on}),
    ('sobjects', {'GET': describe_all}),
    ('sobjects/{name}', {'GET': basics, 'POST': create}),
    ('sobjects/{name}/describe', {'GET': describe}),
    ('sobjects/{name}/{id}', {'GET': read, 'PATCH': update, 'DELETE': delete}),
    (
        'sobjects/{name}/{field}/{value...}',
        {'GET': read_by_external_id, 'PATCH': upsert, 'DELETE': delete_by_external_id},
    ),
    ('composite/sobjects', {'POST': create_many, 'PATCH': update_many, 'DELETE': delete_many}),
    ('composite/sobjects/{name}', {'GET': read_many, 'POST': read_many_by_body}),
    ('composite/sobjects/{name}/{field}', {'PATCH': upsert_many}),
)


def _pattern(path: str) -> re.Pattern[str]:
    """A path with its parts in braces; only the last, with dots, may have slashes in it."""
    return re.compile(re.sub(r'\{(\w+)(\.*)\}', lambda one: f'(?P<{one[1]}>{".+" if one[2] else "[^/]+"})', path))


ROUTES: Final = tuple((_pattern(path), methods) for path, methods in ENDPOINTS)


def resolve(method: str, path: str) -> tuple[Endpoint, dict[str, str]]:
    """What answers a path below the version, and the parts of the path. Raises Refused (404, 405)."""
    for pattern, methods in ROUTES:
        found = pattern.fullmatch(path.strip('/'))
        if found is None:
            continue
        endpoint = methods.get('GET' if method == 'HEAD' else method)
        if endpoint is None:
            words = f"HTTP Method '{method}' not allowed. Allowed are {','.join(methods)}"
            raise Refused(405, 'METHOD_NOT_ALLOWED', words)
        return endpoint, found.groupdict()
    raise not_found()
