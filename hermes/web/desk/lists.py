"""One list page for every resource (ADM-3): searched, filtered, sorted, paged from row to row, exported. All of it
stands in the address.
"""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Final

from starlette.responses import Response, StreamingResponse

from hermes.db.audit import note
from hermes.db.connections import Connection
from hermes.db.reads.listing import EMPTY, Column, Page, list_rows
from hermes.db.reads.lists import LISTINGS
from hermes.domain.errors import NotFound
from hermes.domain.record_types import NAMES
from hermes.kit import sheets
from hermes.web.desk.fields import Field, fields_of
from hermes.web.desk.pages import HEADERS, show
from hermes.web.desk.resources import BY_NAME, Resource
from hermes.web.desk.shown import label
from hermes.web.desk.visit import Visit

ROWS: Final = 50
EXPORTED: Final = 10_000
"""So many rows are in one file; what is more is said."""
CHUNK: Final = 200
BOOLS: Final = (('yes', 'yes'), ('no', 'no'))


async def show_list(visit: Visit) -> Response:
    resource = find_resource(visit)
    asked = _asked(visit, resource)
    page: Page = await visit.parts.reading.ask(
        list_rows, LISTINGS[resource.name], cursor=visit.query.get('at', ''), limit=ROWS, **asked
    )
    columns = [LISTINGS[resource.name].column(name) for name in resource.columns]
    return show(
        visit, 'list.html', resource=resource, page=page, columns=columns, filters=await _filters(visit, resource),
        sort=visit.query.get('sort', ''), chosen=bool(asked['filters'] or asked['search']),
        may_change=visit.may(resource.changes),
    )  # fmt: skip


async def export(visit: Visit) -> Response:
    """The rows that are chosen, as CSV that a spreadsheet may open (S23); who took them is journalled (S15)."""
    resource = find_resource(visit)
    listing, asked = LISTINGS[resource.name], _asked(visit, resource)
    names = [column.name for column in listing.columns if column.name not in ('extra', 'tombstone')]
    rows = await visit.parts.reading.ask(_read_all, resource.name, asked)
    async with visit.parts.database.transaction() as connection:
        await note(connection, 'list.exported', visit.user.email, list=resource.name, rows=len(rows))

    def cells() -> Iterator[str]:
        told = rows[:EXPORTED]
        yield from sheets.lines(names, ([row[name] for name in names] for row in told))
        if len(rows) > EXPORTED:
            yield from sheets.lines([f'There are more than {EXPORTED} rows: narrow the list down.'], ())

    disposition = f'attachment; filename="{resource.name}.csv"'
    return StreamingResponse(
        cells(), media_type='text/csv; charset=utf-8', headers={**HEADERS, 'content-disposition': disposition}
    )


def _read_all(connection: Connection, name: str, asked: dict[str, Any]) -> list[Any]:
    """The rows of all pages, one more than are exported at the most."""
    found: list[Any] = []
    cursor = ''
    while len(found) <= EXPORTED:
        page = list_rows(connection, LISTINGS[name], cursor=cursor, limit=CHUNK, counting=False, **asked)
        found += page.rows
        cursor = page.next
        if not cursor:
            break
    return found


def find_resource(visit: Visit) -> Resource:
    """The resource of the address. Raises NotFound, also for what this role does not see."""
    resource = BY_NAME.get(visit.part('resource'))
    if resource is None or not visit.may(resource.sees):
        raise NotFound('There is no such page.')
    return resource


def _asked(visit: Visit, resource: Resource) -> dict[str, Any]:
    """What the address asks of the list."""
    filters = {name: visit.query[name] for name in resource.filters if visit.query.get(name)}
    return {
        'filters': filters,
        'search': visit.query.get('q', ''),
        'sort': visit.query.get('sort', ''),
        'deleted': visit.query.get('deleted') == 'yes',
    }


async def _filters(visit: Visit, resource: Resource) -> list[Field]:
    """The fields by which the list is chosen: a choice where there is one, and a text else."""
    async with visit.parts.database.transaction() as connection:
        known = await visit.parts.engine.known(connection)
    declared = {}
    if resource.one in NAMES:
        declared = {field.name: field for field in fields_of(resource.one, known)}
    return [_filter(LISTINGS[resource.name].column(name), declared.get(name)) for name in resource.filters]


def _filter(column: Column, field: Field | None) -> Field:
    called = field.label if field else label(column.name)
    if column.kind == 'bool':
        return Field(column.name, called, 'choice', BOOLS)
    if field is not None and field.choices:
        return replace(field, locked='', choices=[*field.choices, (EMPTY, 'none')])
    return Field(column.name, called, choices=[(each, each) for each in column.choices])
