"""Typed calls to TutorCruncher. The key is a header only; `send` never raises: what went wrong is in the Answer."""

from typing import Any
from urllib.parse import quote

from hermes.kit.http import Line
from hermes.ports import Answer, Request
from hermes.systems.tutorcruncher import mapping

Call = tuple[str, str, list[tuple[str, str]], Any]


class Client:
    """The account behind one API key. `base` ends in /api, without a slash at the end."""

    def __init__(self, base: str, key: str, line: Line) -> None:
        self._base, self._key = base.rstrip('/'), key
        self._line = line

    def __repr__(self) -> str:
        return f'Client({self._base!r})'

    async def send(self, request: Request) -> Answer:
        """Make the call."""
        try:
            method, url, query, body = self._call(request)
        except ValueError:
            return self._line.fail(self._line.clock.now(), 'cannot be encoded')
        headers = {'authorization': f'token {self._key}', 'accept': 'application/json'}
        return await self._line.call(method, url, headers=headers, query=query, body=body)

    def _call(self, request: Request) -> Call:
        """(method, url, query, JSON body or None). Listing pages are numbered: params 'page', else 'cursor'."""
        if request.type not in ('client', '') or request.op not in ('read', 'list', 'update', 'me'):
            raise ValueError('no such call')
        url = f'{self._base}/clients/'
        if request.op in ('list', 'me'):
            page = request.params.get('page') or request.params.get('cursor')
            return 'GET', url, [('page', str(page))] if page else [], None
        if not request.remote_id:
            raise ValueError('no id')
        url += f'{quote(request.remote_id, safe="")}/'
        if request.op == 'read':
            return 'GET', url, [], None
        body = mapping.encode(request.fields, request.basis)
        if not body:
            raise ValueError('nothing to write')
        return 'POST', url, [], body
