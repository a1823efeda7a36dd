"""The sandbox as one application and one process: the emulated systems under one port, their pages, their control API.

Loopback only (S21): it listens on no other address, sends webhooks to no other, answers no other Host, and takes no
form from another origin. Nothing here ever speaks to a real system.
"""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx2
from fastapi import FastAPI, Request
from granian.constants import Interfaces
from granian.log import LogLevels
from granian.server.embed import Server
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from hermes.kit import endings
from hermes.kit.addresses import is_loopback
from hermes.kit.clock import Clock, SystemClock
from hermes.kit.ids import system_chance
from hermes.sandbox import control
from hermes.sandbox.faults import FaultFront
from hermes.sandbox.google import calendar_app, token_answer
from hermes.sandbox.mailbox import listen
from hermes.sandbox.nationbuilder import api_app
from hermes.sandbox.nationbuilder import token_app as nation_token_app
from hermes.sandbox.pipedrive import routes_v1, routes_v2
from hermes.sandbox.salesforce import services_app
from hermes.sandbox.scenarios.office import open_calendars, open_nation
from hermes.sandbox.tutorcruncher import routes as tutorcruncher_routes
from hermes.sandbox.weather import ConnectionLost, Weather, WeatherFront
from hermes.sandbox.world import Secrets, World, write_whole

SAVE_EVERY_S = 2.0


class NotLoopback(ValueError):
    """The sandbox was asked to speak to, or to be heard by, another machine."""


def check_loopback(hermes_url: str, host: str = '127.0.0.1') -> None:
    """Raises NotLoopback."""
    if not is_loopback(urlsplit(hermes_url).hostname):
        raise NotLoopback(f'the sandbox only speaks to a Hermes on this machine, not to {hermes_url}')
    if not is_loopback(host):
        raise NotLoopback(f'the sandbox only listens on this machine, not on {host}')


def create_app(world: World) -> FastAPI:
    """Every system, the pages and `/_world/`. Raises NotLoopback if Hermes is not on this machine."""
    check_loopback(world.hermes_url)
    app = FastAPI(title='Sandbox', docs_url=None, redoc_url=None, openapi_url=None)
    app.middleware('http')(refuse_strangers)
    v1 = WeatherFront(routes_v1.app(world), world, 'pipedrive')
    app.mount('/pipedrive/api/v2', WeatherFront(routes_v2.app(world), world, 'pipedrive'))
    app.mount('/pipedrive/api/v1', v1)
    app.mount('/pipedrive/v1', v1)
    tutorcruncher = FastAPI(docs_url=None, redoc_url=None, openapi_url=None)
    tutorcruncher.include_router(tutorcruncher_routes(world))
    app.mount('/tc2/api', WeatherFront(tutorcruncher, world, 'tutorcruncher'))
    app.mount('/google/calendar/v3', WeatherFront(calendar_app(world), world, 'google'))
    token_front: Any = WeatherFront(token_answer(world), world, 'google')
    app.router.routes.append(Route('/google/token', token_front))
    salesforce = FaultFront(services_app(world), world, 'salesforce', lambda: world.salesforce)
    app.mount('/salesforce/services', salesforce)
    app.mount('/services', salesforce)  # for clients that keep nothing but the host of an instance's address
    nation = FaultFront(api_app(world), world, 'nationbuilder', lambda: world.nationbuilder)
    app.mount('/nationbuilder/api/v2', nation)
    nation_token: Any = FaultFront(nation_token_app(world), world, 'nationbuilder', lambda: world.nationbuilder)
    app.router.routes.append(Route('/nationbuilder/oauth/token', nation_token))
    app.include_router(control.routes(world))
    with contextlib.suppress(ImportError):
        from hermes.sandbox.pages import routes as pages_routes

        app.include_router(pages_routes(world))
    return app


async def refuse_strangers(request: Request, answer: Callable[[Request], Awaitable[Response]]) -> Response:
    """403 for another Host (DNS rebinding) and for what another site's page sends."""
    origin = request.headers.get('origin')
    if not is_loopback(request.url.hostname):
        return PlainTextResponse('The sandbox answers to this machine only.', 403)
    if origin is not None and not is_loopback(urlsplit(origin).hostname):
        return PlainTextResponse('The sandbox takes nothing from other sites.', 403)
    return await answer(request)


class SandboxTransport(httpx2.AsyncBaseTransport):
    """Calls the application without a socket. A lost answer becomes the transport error that a socket would give."""

    def __init__(self, app: FastAPI) -> None:
        self.inner: httpx2.AsyncBaseTransport = httpx2.ASGITransport(app=app)

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        try:
            return await self.inner.handle_async_request(request)
        except ConnectionLost:
            raise httpx2.ReadError('the connection was lost before the answer', request=request) from None


def make_world(hermes_url: str, secrets: Secrets, *, weather: str = 'calm', clock: Clock | None = None) -> World:
    """A world on the machine's own clock and chance, unless told otherwise. Raises NotLoopback."""
    check_loopback(hermes_url)
    return World(clock or SystemClock(), system_chance(), hermes_url, secrets, Weather.preset(weather))


async def serve(
    world: World, host: str, port: int, state_file: Path | None = None, mail_port: int | None = None
) -> None:
    """Listen until cancelled; send webhooks; keep the state in `state_file`; take letters on `mail_port`, unless that
    is taken. Raises NotLoopback.
    """
    check_loopback(world.hermes_url, host)
    post = await _listen_for_letters(world, mail_port)
    world.serves_sockets = True
    app = endings.quiet(create_app(world), ConnectionLost)
    server = Server(app, host, port, interface=Interfaces.ASGINL, log_level=LogLevels.error)
    async with httpx2.AsyncClient(timeout=None, trust_env=False) as client:
        saver = Saver(world, state_file) if state_file is not None else None
        tasks = [asyncio.create_task(endings.keep('webhooks', lambda: world.outbox.pump(client)))]
        if saver is not None:
            tasks.append(asyncio.create_task(endings.keep('saving', saver.run)))
        served = asyncio.create_task(server.serve())
        try:
            await asyncio.shield(served)
        finally:
            server.stop()  # type: ignore[no-untyped-call]
            if post is not None:
                post.close()
            await asyncio.wait([served], timeout=5)
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            if saver is not None:
                saver.save()


async def _listen_for_letters(world: World, port: int | None) -> asyncio.Server | None:
    """The mail server; None where none is wanted, or its port is taken (the mailbox's page says so)."""
    with contextlib.suppress(OSError):
        return None if port is None else await listen(world, port)
    return None


@dataclass
class Saver:
    """Keeps the state in its file. What is written is read where nothing moves, and only written beside the loop; an
    older state never comes over a newer one.
    """

    world: World
    file: Path
    number: int = 0
    written: int = 0
    alone: threading.Lock = field(default_factory=threading.Lock)

    async def run(self) -> None:
        """Write when something happened, at most every two seconds."""
        seen = None
        while True:
            await asyncio.sleep(SAVE_EVERY_S)
            world = self.world
            stamps = (
                world.pipedrive.last_stamp, world.google.changes, world.salesforce.store.changes,
                world.nationbuilder.changes, world.mailbox.changes, len(world.outbox.waiting),
            )  # fmt: skip
            now = (world.call_count, len(world.outbox.sent), *stamps)
            if now != seen:
                await asyncio.to_thread(self._write, *self._take())
                seen = now

    def save(self) -> None:
        """Write now, and come back when it is written."""
        self._write(*self._take())

    def _take(self) -> tuple[int, str]:
        self.number += 1
        return self.number, self.world.dumps()

    def _write(self, number: int, text: str) -> None:
        with self.alone:
            if number > self.written:
                write_whole(self.file, text)
                self.written = number


def run_sandbox(
    host: str = '127.0.0.1',
    port: int = 8100,
    *,
    hermes_url: str,
    secrets: Secrets,
    state_file: Path | None = None,
    weather_name: str | None = None,
    seed: str | None = None,
    mail_port: int | None = None,
) -> None:
    """The whole process, until SIGINT or SIGTERM. `seed` names the scenario for a world without a past; without a
    `weather_name` the weather is what it was.
    """
    world = make_world(hermes_url, secrets, weather=weather_name or 'calm')
    check_loopback(hermes_url, host)
    restored = state_file is not None and world.restore(state_file)
    if seed is not None and not restored:
        control.seed(world, seed)
    elif restored and not world.google.people:
        open_calendars(world)
    if restored:
        open_nation(world)
    if restored and weather_name:
        world.weather.change(name=weather_name)
    endings.run(_run(world, host, port, state_file, mail_port))


async def _run(world: World, host: str, port: int, state_file: Path | None, mail_port: int | None) -> None:
    served = asyncio.create_task(serve(world, host, port, state_file, mail_port))
    endings.heed_stop(served.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await served
