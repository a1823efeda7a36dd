"""A caller of the emulated Google Calendar that signs its own assertions: nothing of Hermes's client is used here."""

import base64
import json
import random
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

import httpx2
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa

from hermes.kit.clock import ManualClock
from hermes.sandbox.app import SandboxTransport, create_app
from hermes.sandbox.google.service_account import FULL, GRANT_TYPE, draw_service_account
from hermes.sandbox.scenarios import demo
from hermes.sandbox.world import Secrets, World

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SANDBOX = 'http://127.0.0.1:8100'
TOKEN_URL = f'{SANDBOX}/google/token'
SERVICE_ACCOUNT = draw_service_account()
PRIYA, MARCUS, INES = 'priya.raman@office.example', 'marcus.hale@office.example', 'ines.duarte@office.example'
MEET = {'createRequest': {'requestId': 'r1', 'conferenceSolutionKey': {'type': 'hangoutsMeet'}}}
Json = dict[str, Any]


def make_world(weather: str = 'calm', seed: int = 7) -> World:
    secrets = Secrets('tk', 'pk', 'hook', 'password', SERVICE_ACCOUNT['G_PRIVATE_KEY'])
    world = World(ManualClock(START), random.Random(seed), 'http://127.0.0.1:8000', secrets)
    demo.bare(world)
    world.weather.change(name=weather)
    return world


def encoded(value: Any) -> str:
    raw = value if isinstance(value, bytes) else json.dumps(value).encode()
    return base64.urlsafe_b64encode(raw).decode().rstrip('=')


def assertion(claims: Json, key_pem: str = '', alg: str = 'RS256') -> str:
    """A signed JWT."""
    key = serialization.load_pem_private_key((key_pem or SERVICE_ACCOUNT['G_PRIVATE_KEY']).encode(), None)
    assert isinstance(key, rsa.RSAPrivateKey)
    signed = f'{encoded({"alg": alg, "typ": "JWT"})}.{encoded(claims)}'
    return f'{signed}.{encoded(key.sign(signed.encode(), padding.PKCS1v15(), hashes.SHA256()))}'


def body(start: str = '2026-03-04T10:00:00Z', end: str = '2026-03-04T10:30:00Z', **more: Any) -> Json:
    return {'summary': 'Call', 'start': {'dateTime': start}, 'end': {'dateTime': end}, **more}


@dataclass
class Caller:
    """Speaks for `user` (None: for the service account itself)."""

    world: World
    client: httpx2.AsyncClient
    user: str | None = PRIYA
    tokens: dict[str | None, str] = field(default_factory=dict)

    def claims(self, **more: Any) -> Json:
        now = int(self.world.clock.now().timestamp())
        claims: Json = {'iss': SERVICE_ACCOUNT['G_CLIENT_EMAIL'], 'scope': FULL, 'aud': TOKEN_URL, 'iat': now}
        claims |= {'exp': now + 3600} | ({'sub': self.user} if self.user else {})
        return {name: value for name, value in (claims | more).items() if value is not None}

    async def ask_token(self, claims: Json | None = None, **form: str) -> httpx2.Response:
        told = {'grant_type': GRANT_TYPE, 'assertion': assertion(claims or self.claims()), **form}
        return await self.client.post('/google/token', data=told)

    async def call(self, method: str, path: str, json: Any = None, **more: Any) -> httpx2.Response:
        if self.user not in self.tokens:
            self.tokens[self.user] = (await self.ask_token()).json()['access_token']
        headers = {'authorization': f'Bearer {self.tokens[self.user]}', **more.pop('headers', {})}
        return await self.client.request(method, f'/google/calendar/v3{path}', json=json, headers=headers, params=more)

    async def ok(self, method: str, path: str, json: Any = None, **more: Any) -> Any:
        answer = await self.call(method, path, json, **more)
        assert answer.status_code in (200, 204), answer.text
        return answer.json() if answer.content else None

    async def refused(self, method: str, path: str, json: Any = None, **more: Any) -> tuple[int, str]:
        answer = await self.call(method, path, json, **more)
        error = answer.json()['error']
        assert error['code'] == answer.status_code
        assert error['message'] == error['errors'][0]['message']
        return answer.status_code, error['errors'][0]['reason']

    async def busy(
        self, *calendars: str, start: str = '2026-03-02T00:00:00Z', end: str = '2026-03-09T00:00:00Z'
    ) -> Json:
        told = {'timeMin': start, 'timeMax': end, 'items': [{'id': one} for one in calendars or (PRIYA,)]}
        found: Json = (await self.ok('POST', '/freeBusy', told))['calendars']
        return found

    async def changes(self, token: str) -> tuple[list[tuple[str, str]], str]:
        page = await self.ok('GET', '/calendars/primary/events', syncToken=token)
        return [(one['id'], one['status']) for one in page['items']], page['nextSyncToken']


def open_caller(world: World) -> Caller:
    transport = SandboxTransport(create_app(world))
    return Caller(world, httpx2.AsyncClient(transport=transport, base_url=SANDBOX))
