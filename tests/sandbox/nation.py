"""A caller of the emulated NationBuilder that knows only the vendor's documents."""

import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2

from hermes.kit.clock import ManualClock
from hermes.sandbox.app import SandboxTransport, create_app
from hermes.sandbox.nationbuilder import NationBuilder
from hermes.sandbox.world import Secrets, World

START = datetime(2026, 3, 2, 9, tzinfo=UTC)
SANDBOX, HERMES = 'http://127.0.0.1:8100', 'http://127.0.0.1:8000'
CALLBACK = f'{HERMES}/people/callback/'
APP = {'client_id': 'hermes-sandbox', 'client_secret': 'nation-secret'}
MEDIA = 'application/vnd.api+json'
Json = dict[str, Any]


def make_world(seed: int = 7) -> World:
    secrets = Secrets('tk', 'pk', 'hook', 'password', nb_client_secret=APP['client_secret'])
    return World(ManualClock(START), random.Random(seed), HERMES, secrets)


def person(**attributes: Any) -> Json:
    return {'data': {'type': 'signups', 'attributes': attributes}}


class Caller:
    """Signs in once by hand; `tokens` is what the token endpoint gave last."""

    def __init__(self, world: World, client: httpx2.AsyncClient) -> None:
        self.world, self.client = world, client
        self.tokens: Json = {}

    @property
    def nation(self) -> NationBuilder:
        return self.world.nationbuilder

    def let_pass(self, duration_s: float) -> None:
        assert isinstance(self.world.clock, ManualClock)
        self.world.clock.advance(duration_s)

    def sign_in(self) -> None:
        self.tokens = self.nation.give_token()

    async def call(self, method: str, path: str, body: Any = None, **more: Any) -> httpx2.Response:
        headers = {'authorization': f'Bearer {self.tokens.get("access_token", "")}', 'content-type': MEDIA}
        return await self.client.request(method, f'/nationbuilder/api/v2{path}', json=body, headers=headers | more)

    async def ok(self, method: str, path: str, body: Any = None, wanted: int = 200) -> Any:
        answer = await self.call(method, path, body)
        assert answer.status_code == wanted, answer.text
        assert answer.headers['content-type'].startswith(MEDIA)
        return answer.json()

    async def refused(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        """Status and code; of a 422 the attribute and its code."""
        answer = await self.call(method, path, body)
        told = answer.json()
        if answer.status_code == 422:
            [fault, *_] = told['errors']
            assert (fault['status'], fault['title'], fault['code']) == (
                '422',
                'Validation Error',
                'unprocessable_entity',
            )
            assert fault['source'] == {'pointer': f'/data/attributes/{fault["meta"]["attribute"]}'}
            return 422, f'{fault["meta"]["attribute"]} {fault["meta"]["code"]}'
        return answer.status_code, told['code']

    async def push(self, wanted: int = 200, **attributes: Any) -> Json:
        return dict((await self.ok('PATCH', '/signups/push', person(**attributes), wanted))['data'])

    async def ids(self, path: str) -> list[str]:
        return [one['id'] for one in (await self.ok('GET', path))['data']]

    async def ask_consent(self, **query: str) -> httpx2.Response:
        told = {
            'response_type': 'code',
            'client_id': APP['client_id'],
            'redirect_uri': CALLBACK,
            'state': 'abc',
            **query,
        }
        return await self.client.get('/nationbuilder/oauth/authorize', params=told)

    async def consent(self, decision: str = 'allow', **query: str) -> Json:
        """What arrives at the callback when a person decides."""
        told = {
            'response_type': 'code',
            'client_id': APP['client_id'],
            'redirect_uri': CALLBACK,
            'state': 'abc',
            **query,
        }
        answer = await self.client.post('/nationbuilder/oauth/authorize', data={**told, 'decision': decision})
        assert answer.status_code == 303, answer.text
        place = answer.headers['location']
        assert place.startswith(f'{told["redirect_uri"]}?')
        return {name: values[0] for name, values in parse_qs(urlsplit(place).query).items()}

    async def token(self, **form: str) -> httpx2.Response:
        return await self.client.post('/nationbuilder/oauth/token', data={**APP, **form})

    async def redeem(self, code: str, redirect_uri: str = CALLBACK) -> httpx2.Response:
        return await self.token(grant_type='authorization_code', code=code, redirect_uri=redirect_uri)

    async def refresh(self, token: str) -> httpx2.Response:
        return await self.token(grant_type='refresh_token', refresh_token=token)


@asynccontextmanager
async def open_caller(world: World | None = None) -> AsyncIterator[Caller]:
    world = world or make_world()
    transport = SandboxTransport(create_app(world))
    async with httpx2.AsyncClient(transport=transport, base_url=SANDBOX) as client:
        caller = Caller(world, client)
        caller.sign_in()
        yield caller
