"""One HTTP call, with everything that a call must never do taken away: no redirects, no endless waiting, no exception.

Whatever happens comes back as an `Exchange`; its headers are an allow-list, and no text in it names an address or a
secret.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from functools import cache
from typing import Any
from urllib.parse import urlencode

import httpx2

from hermes.kit.clock import Clock

KEPT_HEADERS = ('date', 'content-type', 'retry-after', 'x-daily-requests-left')
KEPT_PREFIXES = ('x-ratelimit-', 'ratelimit-')
_NEVER_LEFT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)


@dataclass(frozen=True, slots=True)
class Exchange:
    """What a call brought: `status` None when nothing came back; `sent` False when it surely never left."""

    status: int | None
    started_at: datetime
    ended_at: datetime
    body: bytes = b''
    headers: Mapping[str, str] = field(default_factory=dict)
    sent: bool = True
    error: str = ''


def kept(headers: Mapping[str, str]) -> dict[str, str]:
    """The headers that may be stored, in lower case."""
    return {
        name.lower(): value
        for name, value in headers.items()
        if name.lower() in KEPT_HEADERS or name.lower().startswith(KEPT_PREFIXES)
    }


@cache
def authorities() -> ssl.SSLContext:
    """Whose certificates are believed: the machine's list, read once a process (it costs more than all else of a
    client).
    """
    return httpx2.create_ssl_context(trust_env=False)


def new_client(transport: httpx2.AsyncBaseTransport | None = None) -> httpx2.AsyncClient:
    """A client that goes where it is told, not where the environment or an answer sends it."""
    return httpx2.AsyncClient(transport=transport, verify=authorities(), trust_env=False, follow_redirects=False)


async def exchange(
    client: httpx2.AsyncClient,
    clock: Clock,
    method: str,
    url: str,
    *,
    headers: Mapping[str, str],
    query: Sequence[tuple[str, str]] = (),
    body: Any = None,
    form: Mapping[str, str] | None = None,
    content: bytes | None = None,
    deadline_s: float = 10.0,
) -> Exchange:
    """Make the call within `deadline_s` of real time. `body` goes out as JSON when it is not None, else `form` as a
    form, else `content` as it is.
    """
    sending = dict(headers)
    if body is not None:
        content = json.dumps(body, ensure_ascii=False).encode('utf-8', 'replace')
        sending['content-type'] = 'application/json'
    elif form is not None:
        content = urlencode(form).encode()
        sending['content-type'] = 'application/x-www-form-urlencoded'
    started_at = clock.now()
    try:
        request = client.build_request(
            method, url, params=list(query) or None, headers=sending, content=content, timeout=deadline_s
        )
        async with asyncio.timeout(deadline_s):
            response = await client.send(request, follow_redirects=False)
    except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
        left = not isinstance(error, (*_NEVER_LEFT, httpx2.InvalidURL))
        return Exchange(None, started_at, clock.now(), sent=left, error=type(error).__name__)
    return Exchange(response.status_code, started_at, clock.now(), response.content, kept(dict(response.headers)))


async def look_at_health(client: httpx2.AsyncClient, clock: Clock, address: str, deadline_s: float = 5.0) -> str:
    """'' when a Hermes at `address` says that it is alive, else what it does instead."""
    told = await exchange(client, clock, 'GET', f'{address}/health', headers={}, deadline_s=deadline_s)
    if told.status is None:
        return f'does not answer ({told.error})'
    if told.status != 200:
        return f'answers {told.status}'
    try:
        alive = json.loads(told.body) == {'status': 'ok'}
    except ValueError:
        alive = False
    return '' if alive else 'is no Hermes'
