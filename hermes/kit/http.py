"""One HTTP call, with everything that a call must never do taken away: no redirects, no endless waiting, no exception.

Whatever happens comes back as an `Answer`; its headers are an allow-list, and no text in it names an address or a
secret.
"""

import asyncio
import json
import ssl
from collections.abc import Mapping, Sequence
from datetime import datetime
from functools import cache
from typing import Any

import httpx2

from hermes.kit.answers import Answer
from hermes.kit.clock import Clock, SystemClock

KEPT_HEADERS = ('date', 'content-type', 'retry-after', 'x-daily-requests-left', 'sforce-limit-info')
KEPT_PREFIXES = ('x-ratelimit-', 'ratelimit-')
_NEVER_LEFT = (
    httpx2.ConnectError,
    httpx2.ConnectTimeout,
    httpx2.PoolTimeout,
    httpx2.ProxyError,
    httpx2.UnsupportedProtocol,
    httpx2.LocalProtocolError,
)


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


class Line:
    """How somebody outside is spoken with: connections that are kept, the clock, and how long an answer may take. It
    goes where it is told, not where the environment or an answer sends it.
    """

    def __init__(
        self, transport: httpx2.AsyncBaseTransport | None = None, clock: Clock | None = None, timeout_s: float = 10.0
    ) -> None:
        self.clock = clock or SystemClock()
        self.timeout_s = timeout_s
        self._client = httpx2.AsyncClient(
            transport=transport, verify=authorities(), trust_env=False, follow_redirects=False
        )

    async def aclose(self) -> None:
        await self._client.aclose()

    async def call(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str],
        query: Sequence[tuple[str, str]] = (),
        body: Any = None,
        content: bytes | None = None,
        deadline_s: float | None = None,
    ) -> Answer:
        """Make the call within `deadline_s` of real time. `body` goes out as JSON when it is not None, else `content`
        as it is.
        """
        sending = dict(headers)
        if body is not None:
            content = json.dumps(body, ensure_ascii=False).encode('utf-8', 'replace')
            sending['content-type'] = 'application/json'
        deadline_s = self.timeout_s if deadline_s is None else deadline_s
        started_at = self.clock.now()
        try:
            request = self._client.build_request(
                method, url, params=list(query) or None, headers=sending, content=content, timeout=deadline_s
            )
            async with asyncio.timeout(deadline_s):
                told = await self._client.send(request, follow_redirects=False)
        except (httpx2.HTTPError, httpx2.InvalidURL, TimeoutError, OSError) as error:
            left = not isinstance(error, (*_NEVER_LEFT, httpx2.InvalidURL))
            return self.fail(started_at, type(error).__name__, sent=left)
        return Answer(told.status_code, told.content, kept(dict(told.headers)), started_at, self.clock.now())

    def fail(self, started_at: datetime, error: str, *, sent: bool = False) -> Answer:
        """An answer that nobody gave."""
        return Answer(None, started_at=started_at, ended_at=self.clock.now(), sent=sent, error=error)


async def look_at_health(line: Line, address: str) -> str:
    """'' when a Hermes at `address` says that it is alive, else what it does instead."""
    told = await line.call('GET', f'{address}/health', headers={})
    if told.status is None:
        return f'does not answer ({told.error})'
    if told.status != 200:
        return f'answers {told.status}'
    try:
        alive = json.loads(told.body) == {'status': 'ok'}
    except ValueError:
        alive = False
    return '' if alive else 'is no Hermes'
