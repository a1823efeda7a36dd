"""The endpoints of REST v2 and what each costs."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from starlette.applications import Starlette

from hermes.sandbox.pipedrive import rest
from hermes.sandbox.pipedrive.fields import FieldCatalogue, field_shape
from hermes.sandbox.pipedrive.gateway import Ask, Endpoint, make_app
from hermes.sandbox.pipedrive.listing import check_times, list_fields, list_objects, take_list, take_shape
from hermes.sandbox.pipedrive.search import search

if TYPE_CHECKING:
    from hermes.sandbox.world import World

PATHS = {
    'organization': 'organizations',
    'person': 'persons',
    'deal': 'deals',
    'activity': 'activities',
    'pipeline': 'pipelines',
    'stage': 'stages',
}
SEARCHED = ('organization', 'person', 'deal')


def app(world: World) -> Starlette:
    """REST v2 without its prefix."""
    endpoints = [Endpoint('GET', '/itemSearch', 20, _search_items, searching=True)]
    endpoints.append(Endpoint('GET', '/deals/archived', 20, _list_archived))
    for kind in SEARCHED:
        endpoints.append(Endpoint('GET', f'/{PATHS[kind]}/search', 20, _search(kind), searching=True))
    for kind, path in PATHS.items():
        endpoints += _objects(kind, f'/{path}')
    for kind in SEARCHED:
        endpoints += _fields(kind, f'/{kind}Fields')
    endpoints += _read_only_fields('/activityFields')
    return make_app(world, tuple(endpoints))


def _objects(kind: str, path: str) -> list[Endpoint]:
    def list_them(ask: Ask) -> Any:
        check_times(ask.query)
        return list_objects(ask.account, kind, ask.query)

    def create(ask: Ask) -> Any:
        return _one(ask, kind, ask.account.create(kind, ask.body, ask.actor))

    def get(ask: Ask) -> Any:
        show = take_shape(ask.account, kind, ask.query)
        return {'success': True, 'data': show(ask.account.visible(kind, ask.id))}

    def update(ask: Ask) -> Any:
        return _one(ask, kind, ask.account.update(kind, ask.id, ask.body, ask.actor))

    def delete(ask: Ask) -> Any:
        ask.account.delete(kind, ask.id, ask.actor)
        return {'success': True, 'data': {'id': ask.id}}

    return [
        Endpoint('GET', path, 5 if kind in ('pipeline', 'stage') else 10, list_them),
        Endpoint('POST', path, 5, create),
        Endpoint('GET', path + '/{id}', 1, get),
        Endpoint('PATCH', path + '/{id}', 5, update),
        Endpoint('DELETE', path + '/{id}', 3, delete),
    ]


def _one(ask: Ask, kind: str, row: dict[str, Any]) -> Any:
    return {'success': True, 'data': rest.shape(ask.account, kind, row)}


def _list_archived(ask: Ask) -> Any:
    check_times(ask.query)
    return list_objects(ask.account, 'deal', ask.query, archived=True)


def _search(kind: str) -> Callable[[Ask], Any]:
    return lambda ask: search(ask.account, (kind,), ask.query)


def _search_items(ask: Ask) -> Any:
    kinds = take_list(ask.query, 'item_types')
    found = search(ask.account, tuple(kind for kind in SEARCHED if kinds is None or kind in kinds), ask.query)
    found['data']['related_items'] = []
    return found


def _catalogue(ask: Ask, kind: str) -> FieldCatalogue:
    return ask.account.activity_fields if kind == 'activity' else ask.account.catalogues[kind]


def _field(ask: Ask, kind: str, field: dict[str, Any]) -> Any:
    included = take_list(ask.query, 'include_fields') or ()
    return {'success': True, 'data': field_shape(kind, field, included)}


def _list_fields(kind: str) -> Callable[[Ask], Any]:
    def list_them(ask: Ask) -> Any:
        page, cursor = list_fields(list(_catalogue(ask, kind).fields.values()), ask.query)
        included = take_list(ask.query, 'include_fields') or ()
        data = [field_shape(kind, field, included) for field in page]
        return {'success': True, 'data': data, 'additional_data': {'next_cursor': cursor}}

    return list_them


def _read_only_fields(path: str) -> list[Endpoint]:
    def get(ask: Ask) -> Any:
        return _field(ask, 'activity', ask.account.activity_fields.get(ask.path['code']))

    return [Endpoint('GET', path, 10, _list_fields('activity')), Endpoint('GET', path + '/{code}', 1, get)]


def _fields(kind: str, path: str) -> list[Endpoint]:
    one, options = path + '/{code}', path + '/{code}/options'

    def get(ask: Ask) -> Any:
        return _field(ask, kind, _catalogue(ask, kind).get(ask.path['code']))

    def create(ask: Ask) -> Any:
        return _field(ask, kind, _catalogue(ask, kind).create(ask.body))

    def update(ask: Ask) -> Any:
        return _field(ask, kind, _catalogue(ask, kind).update(ask.path['code'], ask.body))

    def delete(ask: Ask) -> Any:
        return _field(ask, kind, ask.account.delete_field(kind, ask.path['code']))

    def change_options(name: str) -> Callable[[Ask], Any]:
        def change(ask: Ask) -> Any:
            data = getattr(_catalogue(ask, kind), name)(ask.path['code'], ask.body)
            return {'success': True, 'data': data, 'additional_data': None}

        return change

    return [
        Endpoint('GET', path, 10, _list_fields(kind)),
        Endpoint('POST', path, 5, create),
        Endpoint('GET', one, 1, get),
        Endpoint('PATCH', one, 5, update),
        Endpoint('DELETE', one, 3, delete),
        Endpoint('POST', options, 5, change_options('add_options')),
        Endpoint('PATCH', options, 5, change_options('change_options')),
        Endpoint('DELETE', options, 3, change_options('delete_options')),
    ]
