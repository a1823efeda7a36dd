"""Typed calls to Pipedrive: v2 for objects and fields, v1 for users and webhooks. The token is a header only (K-7).

`send` never raises: what went wrong is in the Answer. Only the configured base addresses are called, without
redirects (S4).
"""

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final
from urllib.parse import quote

from hermes.domain.fields import Catalogue
from hermes.kit import wire
from hermes.kit.http import Line
from hermes.ports import Answer, Request
from hermes.systems.pipedrive import mapping

PAGE_SIZE: Final = 500
_PLURAL: Final[Mapping[str, str]] = {
    'organization': 'organizations', 'person': 'persons', 'deal': 'deals', 'activity': 'activities',
    'pipeline': 'pipelines', 'stage': 'stages',
}  # fmt: skip
_CUSTOM: Final = frozenset({'organization', 'person', 'deal'})
"""Types with custom fields; of those of activities the API tells nothing that anybody could write."""
_SINCE: Final = _CUSTOM | {'activity'}
Call = tuple[str, str, list[tuple[str, str]], Any]


class Client:
    """The account behind one token. `base_v2` and `base_v1` hold the path prefix, without a slash at the end."""

    def __init__(self, base_v2: str, base_v1: str, token: str, line: Line) -> None:
        self._base_v2, self._base_v1 = base_v2.rstrip('/'), base_v1.rstrip('/')
        self._token = token
        self._line = line

    def __repr__(self) -> str:
        return f'Client({self._base_v2!r})'

    async def send(self, request: Request, catalogue: Catalogue) -> Answer:
        """Make the call."""
        try:
            method, url, query, body = self._call(request, catalogue)
        except (ValueError, KeyError, TypeError) as error:
            return self._line.fail(self._line.clock.now(), f'cannot be encoded: {type(error).__name__}')
        headers = {'x-api-token': self._token, 'accept': 'application/json'}
        return await self._line.call(method, url, headers=headers, query=query, body=body)

    def _call(self, request: Request, catalogue: Catalogue) -> Call:
        """(method, url, query, JSON body or None)."""
        op, remote_type = request.op, request.type
        if op in ('create', 'update', 'delete', 'read'):
            return self._object_call(request, catalogue)
        if op in ('users', 'pipelines', 'stages') or (op == 'list' and remote_type == 'user'):
            if op == 'users' or remote_type == 'user':
                return 'GET', f'{self._base_v1}/users', [], None
            return 'GET', f'{self._base_v2}/{op}', _page_query(request, op.removesuffix('s')), None
        if op == 'list':
            part = '/archived' if request.params.get('archived') else ''
            return 'GET', f'{self._base_v2}/{_PLURAL[remote_type]}{part}', _page_query(request, remote_type), None
        if op == 'me':
            return 'GET', f'{self._base_v1}/users/me', [], None
        if op in ('fields', 'add_field'):
            return self._field_call(request)
        return self._webhook_call(request)

    def _object_call(self, request: Request, catalogue: Catalogue) -> Call:
        if request.type == 'user':
            if request.op != 'read':
                raise ValueError('users are not written')
            return 'GET', f'{self._base_v1}/users/{quote(request.remote_id, safe="")}', [], None
        url = f'{self._base_v2}/{_PLURAL[request.type]}'
        if request.op != 'create':
            if not request.remote_id:
                raise ValueError('no id')
            url += f'/{quote(request.remote_id, safe="")}'
        if request.op in ('read', 'delete'):
            return 'GET' if request.op == 'read' else 'DELETE', url, [], None
        body = mapping.encode(request.op, request.type, request.fields, request.basis, catalogue)
        return 'POST' if request.op == 'create' else 'PATCH', url, [], body

    def _field_call(self, request: Request) -> Call:
        if request.type not in _CUSTOM:
            raise ValueError('no fields of this type')
        url = f'{self._base_v2}/{request.type}Fields'
        if request.op == 'fields':
            cursor = request.params.get('cursor')
            return 'GET', url, [('limit', str(PAGE_SIZE)), *([('cursor', str(cursor))] if cursor else [])], None
        body = {key: request.fields[key] for key in ('field_name', 'field_type')}
        labels = request.fields.get('options')
        return 'POST', url, [], body | ({'options': [{'label': label} for label in labels]} if labels else {})

    def _webhook_call(self, request: Request) -> Call:
        url = f'{self._base_v1}/webhooks'
        if request.op == 'webhooks':
            return 'GET', url, [], None
        if request.op == 'drop_webhook':
            return 'DELETE', f'{url}/{quote(request.remote_id, safe="")}', [], None
        defaults = {'event_action': '*', 'event_object': '*', 'name': 'Hermes', 'version': '2.0'}
        return 'POST', url, [], defaults | dict(request.fields)


def _page_query(request: Request, remote_type: str) -> list[tuple[str, str]]:
    """Listing parameters. The CRM refuses fractions of a second, so 'since' is rounded down."""
    told = request.params
    query = [('limit', str(told.get('limit') or PAGE_SIZE)), ('sort_by', str(told.get('sort_by') or 'id'))]
    query.append(('sort_direction', str(told.get('sort_direction') or 'asc')))
    since = told.get('since')
    if since and remote_type in _SINCE:
        at = (since if isinstance(since, datetime) else wire.moment(since)).astimezone(UTC)
        query.append(('updated_since', at.strftime('%Y-%m-%dT%H:%M:%SZ')))
    if told.get('status') and remote_type == 'deal':
        status = told['status']
        query.append(('status', status if isinstance(status, str) else ','.join(status)))
    if told.get('ids') and remote_type in _SINCE:
        query.append(('ids', ','.join(str(one) for one in told['ids'])))
    if told.get('cursor'):
        query.append(('cursor', str(told['cursor'])))
    return query
