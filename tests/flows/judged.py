"""Where the vendor's documents are at hand, Hermes's calls to the emulated Pipedrive go through the referee.

One pair of Prism proxies for the whole run, in front of one port. Whichever house is open listens there, in its own
event loop; everything else stays within the process.
"""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import httpx2

from hermes.sandbox.weather import ConnectionLost

if TYPE_CHECKING:
    from tests.referee.referee import Referee

_standing: list[tuple['Referee', int]] = []


def _stand_up() -> tuple['Referee', int]:
    """The referee of this run and the port behind it, started when the first house opens."""
    from tests.referee.referee import Referee, free_port

    if not _standing:
        port = free_port()
        _standing.append((Referee(f'http://127.0.0.1:{port}').__enter__(), port))
    return _standing[0]


def dismiss() -> list[str]:
    """Send the referee home; what it complained about."""
    found: list[str] = []
    while _standing:
        judge, _ = _standing.pop()
        found += judge.violations()
        judge.__exit__()
    return found


class Route(httpx2.AsyncBaseTransport):
    """Calls to the referee go over a socket, all others to the sandbox within the process."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, ports: set[int | None]) -> None:
        self.sandbox, self.ports = inner, ports
        self.network = httpx2.AsyncHTTPTransport()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answering = self.network if request.url.port in self.ports else self.sandbox
        return await answering.handle_async_request(request)

    async def aclose(self) -> None:
        await self.network.aclose()


class Judged(httpx2.AsyncBaseTransport):
    """What Hermes calls through. A test that stands in the way does so at `inner`, as it does without a referee."""

    def __init__(self, route: Route) -> None:
        self.inner: httpx2.AsyncBaseTransport = route

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self.inner.handle_async_request(request)


@asynccontextmanager
async def judged(
    sandbox: Any, inner: httpx2.AsyncBaseTransport
) -> AsyncIterator[tuple[httpx2.AsyncBaseTransport, dict[str, str]]]:
    """The transport for Hermes, and the addresses of Pipedrive that lead through the referee if one is asked for."""
    if not os.environ.get('HERMES_REFEREE_DIR'):
        yield inner, {}
        return
    import uvicorn

    judge, port = await asyncio.to_thread(_stand_up)

    async def listen(scope: Any, receive: Any, send: Any) -> None:
        try:
            await sandbox(scope, receive, send)
        except ConnectionLost:
            await send({'type': 'http.response.start', 'status': 502, 'headers': []})
            await send({'type': 'http.response.body', 'body': b''})

    config = uvicorn.Config(listen, '127.0.0.1', port, log_level='critical', lifespan='off', timeout_keep_alive=0)
    server = uvicorn.Server(config)
    served = asyncio.create_task(server._serve())
    while not server.started:
        await asyncio.sleep(0.005)
    route = Route(inner, {httpx2.URL(url).port for url in judge.urls.values()})
    try:
        yield Judged(route), {'pd_api_v2_url': judge.v2_url, 'pd_api_v1_url': judge.v1_url}
    finally:
        await route.aclose()
        server.should_exit = True
        await served
