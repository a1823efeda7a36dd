"""The web application as a test sees it: the real inbox over a real Postgres, called in-process."""

import hashlib
import json
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from dataclasses import dataclass
from typing import Any

import httpx2
import psycopg
import pytest
from fastapi import FastAPI

from hermes.db.inbox import Inbox
from hermes.db.reads.health import Vitals
from hermes.kit.clock import SystemClock
from hermes.kit.signing import basic_auth, sign
from hermes.ports import Source
from hermes.systems.google_calendar.door import channel_token
from hermes.systems.pipedrive.door import http_basic
from hermes.systems.tutorcruncher.door import signature as tc2_signature
from hermes.web.application import create_app
from hermes.web.webhooks import hash_of_body

SECRETS = ('canary-first-secret', 'canary-second-secret')
PASSWORDS = ('canary-first-password', 'canary-second-password')
BODY = json.dumps({'events': [{'action': 'EDITED_A_CLIENT', 'subject': {'model': 'Client', 'id': 7}}]}).encode()

APP_OPTIONS = ('trusted_proxies', 'hosts', 'metrics_token')


def hash_of_meta(body: bytes, parsed: Any) -> bytes:
    """Pipedrive's dedupe key, as the interface describes it."""
    meta = parsed['meta']
    told = [meta[key] for key in ('entity', 'entity_id', 'action', 'id', 'timestamp')]
    return hashlib.sha256(json.dumps(told).encode()).digest()


@dataclass
class World:
    """A running application and its database."""

    app: FastAPI
    http: httpx2.AsyncClient
    inbox: Inbox
    database_url: str

    async def tc2(
        self, body: bytes, *, secret: str = SECRETS[0], path: str = '/tc2/callback/', **more: str
    ) -> httpx2.Response:
        return await self.http.post(path, content=body, headers={'Webhook-Signature': sign(body, secret), **more})

    async def pipedrive(self, body: bytes, *, user: str = 'hermes', password: str = PASSWORDS[0]) -> httpx2.Response:
        return await self.http.post(
            '/pipedrive/callback/', content=body, headers={'Authorization': basic_auth(user, password)}
        )

    async def rows(
        self, query: str = 'select source, kind, body, headers, state, reason from event order by id'
    ) -> list[Any]:
        async with await psycopg.AsyncConnection.connect(self.database_url) as connection:
            return await (await connection.execute(query.encode())).fetchall()


def sources(secrets: tuple[str, ...] = SECRETS, passwords: tuple[str, ...] = PASSWORDS) -> list[Source]:
    return [
        Source(
            'tutorcruncher', '/tc2/callback', tc2_signature(secrets), hash_of_body, extensions=True, listed=('client',)
        ),
        Source(
            'pipedrive',
            '/pipedrive/callback',
            http_basic('hermes', passwords),
            hash_of_meta,
            refused_status=401,
            listed=('deal',),
        ),
        Source('google', '/google/callback', channel_token(secrets), lambda body, parsed: None, json_body=False),
    ]


Open = Callable[..., AbstractAsyncContextManager[World]]


@pytest.fixture
def open_world(database_url: str) -> Open:
    """Opens a world: `async with open_world(secrets=...) as world`."""

    @asynccontextmanager
    async def opened(url: str = database_url, peer: str = '127.0.0.1', **given: Any) -> AsyncIterator[World]:
        app_given = {key: given.pop(key) for key in APP_OPTIONS if key in given}
        inbox = Inbox(url, SystemClock(), patience_s=given.pop('patience_s', 3.0))
        app = create_app(inbox, sources(**given), Vitals(url), SystemClock(), version='1', **app_given)
        transport = httpx2.ASGITransport(app=app, client=(peer, 4711), raise_app_exceptions=False)
        async with (
            app.router.lifespan_context(app),
            httpx2.AsyncClient(transport=transport, base_url='http://hermes') as http,
        ):
            yield World(app, http, inbox, url)

    return opened


@pytest.fixture
async def world(open_world: Open) -> AsyncIterator[World]:
    async with open_world() as opened:
        yield opened
