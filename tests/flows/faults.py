"""Faults on the way to Pipedrive, told call by call: what the network and a remote that misbehaves do to one request.

`on(house)` stands between Hermes's HTTP client and the sandbox; nothing of Hermes is replaced.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any

import httpx2

from tests.flows.house import House

Send = Callable[[httpx2.Request], Awaitable[httpx2.Response]]
Act = Callable[[Send, httpx2.Request], Awaitable[httpx2.Response]]


@dataclass
class Rule:
    """One fault: for the next `times` requests of that method whose path ends so."""

    method: str
    part: str
    act: Act
    times: int

    def meets(self, request: httpx2.Request) -> bool:
        return self.times > 0 and request.method == self.method and self.part in request.url.path


@dataclass
class Faults(httpx2.AsyncBaseTransport):
    """A transport that carries out the first rule that meets a request, else passes it on."""

    inner: httpx2.AsyncBaseTransport
    rules: list[Rule] = field(default_factory=list)
    met: int = 0

    def add(self, method: str, part: str, act: Act, times: int = 1) -> None:
        self.rules.append(Rule(method, part, act, times))

    def clear(self) -> None:
        self.rules.clear()

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        for rule in self.rules:
            if rule.meets(request):
                rule.times -= 1
                self.met += 1
                return await rule.act(self.inner.handle_async_request, request)
        return await self.inner.handle_async_request(request)


def on(house: House) -> Faults:
    """Stand in the way of this house's calls."""
    faults = Faults(house.transport.inner)  # type: ignore[attr-defined]
    house.transport.inner = faults  # type: ignore[attr-defined]
    return faults


async def lose_answer(send: Send, request: httpx2.Request) -> httpx2.Response:
    """Carried out; the answer never arrives."""
    await send(request)
    raise httpx2.ReadError('lost', request=request)


async def lose_request(send: Send, request: httpx2.Request) -> httpx2.Response:
    """Never carried out, and nobody can tell."""
    raise httpx2.ReadError('lost', request=request)


async def carry_out_twice(send: Send, request: httpx2.Request) -> httpx2.Response:
    """A middle box repeats the request; the answer never arrives."""
    await send(request)
    await send(request)
    raise httpx2.ReadError('lost', request=request)


def carried_out(status: int, body: bytes = b'') -> Act:
    """Carried out; answered as something else."""

    async def act(send: Send, request: httpx2.Request) -> httpx2.Response:
        await send(request)
        return httpx2.Response(status, content=body, request=request)

    return act


def answer(status: int, body: Any = b'', **headers: str) -> Act:
    """Not carried out; answered so. A dict goes out as JSON. Underscores in header names mean hyphens."""
    content = json.dumps(body).encode() if isinstance(body, dict) else body

    async def act(send: Send, request: httpx2.Request) -> httpx2.Response:
        told = {name.replace('_', '-'): value for name, value in headers.items()}
        return httpx2.Response(status, content=content, headers=told, request=request)

    return act


def rewrite(change: Callable[[dict[str, Any]], None]) -> Act:
    """Carried out with another body: what a remote makes of what it is sent before it keeps it."""

    async def act(send: Send, request: httpx2.Request) -> httpx2.Response:
        body = json.loads(request.content)
        change(body)
        headers = {name: request.headers[name] for name in ('x-api-token', 'content-type', 'accept')}
        return await send(httpx2.Request(request.method, request.url, content=json.dumps(body), headers=headers))

    return act
