"""Typed calls to TutorCruncher. The key is a header only; `send` never raises: what went wrong is in the Answer."""

from datetime import datetime
from typing import Any
from urllib.parse import quote

import httpx2

from hermes.kit.clock import Clock, SystemClock
from hermes.kit.http import exchange, new_client
from hermes.ports import Answer, Request
from hermes.systems.tutorcruncher import mapping

Call = tuple[str, str, list[tuple[str, str]], Any]


class Client:
    """The account behind one API key. `base` ends in /api, without a slash at the end."""

    def __init__(
        self,
        base: str,
        key: str,
        *,
        client: httpx2.AsyncClient | None = None,
        transport: httpx2.AsyncBaseTransport | None = None,
        clock: Clock | None = None,
        timeout_s: float = 10.0,
    ) -> None:
        self._base, self._key = base.rstrip('/'), key
        self._http = client or new_client(transport)
        self._clock = clock or SystemClock()
        self._timeout_s = timeout_s

    def __repr__(self) -> str:
        return f'Client({self._base!r})'

    def now(self) -> datetime:
        return self._clock.now()

    async def aclose(self) -> None:
        await self._http.aclose()

    async def send(self, request: Request) -> Answer:
        """Make the call."""
        try:
            method, url, query, body = self._call(request)
        except ValueError:
            now = self.now()
            return Answer(None, started_at=now, ended_at=now, sent=False, error='cannot be encoded')
        told = await exchange(
            self._http,
            self._clock,
            method,
            url,
            headers={'authorization': f'token {self._key}', 'accept': 'application/json'},
            query=query,
            body=body,
            deadline_s=self._timeout_s,
        )
        return Answer(told.status, told.body, told.headers, told.started_at, told.ended_at, told.sent, told.error)

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
