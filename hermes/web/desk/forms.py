"""One form page for every resource (ADM-3): to add, to edit, to delete with a look at what goes along, to restore.

What changed meanwhile is not written over: the form carries what it was filled from.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from typing import Any, Final

from starlette.responses import Response

from hermes.db.catalogue import Knowledge
from hermes.db.reads.listing import list_rows
from hermes.db.reads.lists import LISTINGS
from hermes.db.reads.lookup import Row
from hermes.domain.errors import NotFound, Refused
from hermes.domain.model import Value
from hermes.kit import texts
from hermes.parts.roles import PRODUCT_TITLE
from hermes.web.desk.fields import Field, Wrong, read_all
from hermes.web.desk.lists import find_resource
from hermes.web.desk.pages import lead, show
from hermes.web.desk.resources import Resource
from hermes.web.desk.visit import Visit
from hermes.web.desk.what_if import show_what_if

CHANGED: Final = (
    'Somebody or some system changed this meanwhile. What stands there now is shown; look again, then save.'
)


async def show_new(visit: Visit) -> Response:
    resource = _changeable(visit)
    if resource.create is None:
        raise NotFound('There is no such page.')
    fields = await _fields(visit, resource, None)
    given = {field.name: visit.query.get(field.name, field.value) for field in fields}
    return _show(visit, resource, None, fields, given)


async def create(visit: Visit) -> Response:
    resource = _changeable(visit)
    if resource.create is None:
        raise NotFound('There is no such page.')
    fields = await _fields(visit, resource, None)
    values, wrong = read_all(fields, visit.sent)
    given = {field.name: visit.field(field.name) for field in fields}
    if wrong:
        return _show(visit, resource, None, fields, given, wrong)
    try:
        event = await resource.create(visit, None, values, visit.field('reason'))
    except Refused as error:
        return _show(visit, resource, None, fields, given, _blame(fields, error))
    return lead(visit.link(resource.path, done=event))


async def show_edit(visit: Visit) -> Response:
    resource = _changeable(visit)
    row = await _row(visit, resource)
    fields = await _fields(visit, resource, row)
    if resource.edit is None:
        raise NotFound('There is no such page.')
    return _show(visit, resource, row, fields, {field.name: field.show(row.get(field.name)) for field in fields})


async def edit(visit: Visit) -> Response:
    """Write what was changed, and nothing else. What was not finished goes on though nothing is changed."""
    resource = _changeable(visit)
    row = await _row(visit, resource)
    fields = await _fields(visit, resource, row)
    if resource.edit is None:
        raise NotFound('There is no such page.')
    values, wrong = read_all(fields, visit.sent)
    given = {field.name: visit.field(field.name) for field in fields if not field.locked}
    shown = {field.name: field.show(row.get(field.name)) for field in fields}
    if visit.field('seen') != _digest(shown):
        return _show(visit, resource, row, fields, shown, {'': CHANGED})
    changed = {name: value for name, value in values.items() if given[name] != texts.tidy(shown[name])}
    owned = [field for field in fields if field.owned and field.name in changed]
    if owned and not visit.field('reason').strip():
        wrong['reason'] = f'{owned[0].label} is what {PRODUCT_TITLE} says: say why it is to be another value.'
    if not wrong and not changed and not row.get('problem'):
        return lead(resource.address(row))
    try:
        if not wrong and resource.what_if and visit.field('action') == 'preview':
            address = f'{resource.path}{row["id"]}/edit/'
            return await show_what_if(visit, resource.what_if(row['id'], changed, visit.field('reason')), address)
        if not wrong:
            event = await resource.edit(visit, row['id'], changed, visit.field('reason'))
            return lead(visit.link(resource.page.format(id=row['id']) if resource.page else resource.path, done=event))
    except Refused as error:
        wrong = _blame(fields, error)
    return _show(visit, resource, row, fields, {**shown, **given}, wrong)


async def show_delete(visit: Visit) -> Response:
    """What goes along, and the question for the name."""
    resource = _changeable(visit)
    if resource.delete is None:
        raise NotFound('There is no such page.')
    row = await _row(visit, resource)
    return show(
        visit,
        'delete.html',
        resource=resource,
        row=row,
        called=called(row),
        wrong='',
        along=await _along(visit, resource, row),
    )


async def delete(visit: Visit) -> Response:
    """Delete what was named. Restoring brings it back."""
    resource = _changeable(visit)
    if resource.delete is None:
        raise NotFound('There is no such page.')
    row = await _row(visit, resource)
    wrong = '' if visit.field('name').strip() == called(row) else f'Write "{called(row)}" to delete it.'
    try:
        if not wrong:
            event = await resource.delete(visit, row['id'], {}, visit.field('reason'))
            return lead(visit.link(resource.path, done=event))
    except Refused as error:
        wrong = str(error)
    along = await _along(visit, resource, row)
    return show(visit, 'delete.html', 422, resource=resource, row=row, called=called(row), wrong=wrong, along=along)


async def restore(visit: Visit) -> Response:
    """Take a deletion back."""
    resource = _changeable(visit)
    if resource.restore is None:
        raise NotFound('There is no such page.')
    row = await _row(visit, resource)
    event = await resource.restore(visit, row['id'], {}, '')
    return lead(visit.link(resource.page.format(id=row['id']) if resource.page else resource.path, done=event))


def called(row: Row) -> str:
    """What somebody types to say that they mean this one."""
    name = ' '.join(str(row[each]) for each in ('first_name', 'last_name') if row.get(each))
    return str(row.get('name') or row.get('title') or name or row.get('machine_name') or row['id']).strip()


async def _along(visit: Visit, resource: Resource, row: Row) -> Sequence[str]:
    """What goes along with it, a line each. Raises Refused where it cannot be deleted."""
    return await resource.along(visit, row) if resource.along else ()


def _changeable(visit: Visit) -> Resource:
    """The resource of the address, if whoever asks may change it."""
    resource = find_resource(visit)
    if not visit.may(resource.changes):
        raise Forbidden(resource.changes)
    return resource


class Forbidden(Refused):
    """Another role is needed."""

    code = 'forbidden'

    def __init__(self, role: str) -> None:
        super().__init__(f'This needs the role {role}. Ask an admin.')


async def _row(visit: Visit, resource: Resource) -> Row:
    """The row of the address, deleted ones too. Raises NotFound."""
    which, listing = visit.part('which'), LISTINGS[resource.name]
    by_number = resource.name != 'fields'
    if by_number and not visit.number('which'):
        raise NotFound(f'There is no {resource.one} {which[:40]}.')
    asked: dict[str, Any] = {'filters': {'id': which}} if by_number else {'search': which.partition('.')[2]}
    page = await visit.parts.reading.ask(list_rows, listing, limit=200, deleted=True, counting=False, **asked)
    for row in page.rows:
        if str(row['id']) == which:
            return {**(row.get('extra') or {}), **row}
    raise NotFound(f'There is no {resource.one} {which[:40]}.')


async def _fields(visit: Visit, resource: Resource, row: Row | None) -> Sequence[Field]:
    async with visit.parts.database.transaction() as connection:
        known: Knowledge = await visit.parts.engine.known(connection)
    return resource.form(known, row) if resource.form else ()


def _show(
    visit: Visit,
    resource: Resource,
    row: Row | None,
    fields: Sequence[Field],
    given: Mapping[str, str],
    wrong: Wrong | None = None,
) -> Response:
    owned = row is not None and any(field.owned for field in fields)
    return show(
        visit, 'form.html', 422 if wrong else 200, resource=resource, row=row, fields=fields, groups=_groups(fields),
        given=given,
        wrong=wrong or {}, labels={field.name: field.label for field in fields} | {'reason': 'Reason'}, owned=owned,
        product=PRODUCT_TITLE,
        seen=_digest({field.name: field.show(row.get(field.name)) for field in fields}) if row else '',
        called=called(row) if row else '',
    )  # fmt: skip


def _groups(fields: Sequence[Field]) -> dict[str, list[Field]]:
    """What can be edited, under its headings, in the order of the fields."""
    found: dict[str, list[Field]] = {}
    for field in fields:
        if not field.locked:
            found.setdefault(field.group, []).append(field)
    return found


def _blame(fields: Sequence[Field], error: Refused) -> Wrong:
    """The sentence of a refusal, at the field that it names."""
    said = str(error)
    named = next((field.name for field in fields if said.startswith((f'{field.name}:', f'{field.name} '))), '')
    return {named: said}


def _digest(shown: Mapping[str, Value]) -> str:
    return hashlib.sha256(json.dumps(dict(shown), sort_keys=True).encode()).hexdigest()[:32]
