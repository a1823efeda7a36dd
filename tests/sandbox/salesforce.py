"""A caller of the emulated Salesforce over its own HTTP: nothing of Hermes's client is used here."""

import random
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import httpx2

from hermes.kit.clock import ManualClock
from hermes.sandbox.app import SandboxTransport, create_app
from hermes.sandbox.world import Secrets, World

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)
SANDBOX = 'http://127.0.0.1:8100'
CLIENT_ID, CLIENT_SECRET = 'app-1', 'app-secret'
SECRETS = Secrets('tk', 'pk', 'hook', 'password', sf_client_id=CLIENT_ID, sf_client_secret=CLIENT_SECRET)
USER, EMAIL = 'Sefaria_App_User__c', 'Sefaria_App_Email__c'
KEY = 'Hermes_Id__c'
NOBODY = 'a0UgL000000zzzzUAA'
Json = dict[str, Any]


def make_world(weather: str = 'calm', seed: int = 7) -> World:
    world = World(ManualClock(START), random.Random(seed), 'http://127.0.0.1:8000', SECRETS)
    world.weather.change(name=weather)
    return world


@dataclass
class Caller:
    """Signs in when it first speaks, and again only when it is told to."""

    world: World
    client: httpx2.AsyncClient
    token: str = ''
    root: str = '/salesforce/services'
    version: str = 'v64.0'

    async def sign_in(self, auth: Any = (CLIENT_ID, CLIENT_SECRET), **form: str) -> httpx2.Response:
        told = {'grant_type': 'client_credentials'} | form
        answer = await self.client.post(f'{self.root}/oauth2/token', data=told, auth=auth)
        if answer.status_code == 200:
            self.token = answer.json()['access_token']
        return answer

    async def call(self, method: str, path: str, json: Any = None, **more: Any) -> httpx2.Response:
        if not self.token:
            await self.sign_in()
        headers = {'authorization': f'Bearer {self.token}'} | more.pop('headers', {})
        content = more.pop('content', None)
        address = f'{self.root}/data/{self.version}/{path}'
        return await self.client.request(
            method, address, json=json, content=content, headers=headers, params=more or None
        )

    async def ok(self, method: str, path: str, json: Any = None, status: int = 200, **more: Any) -> Any:
        answer = await self.call(method, path, json, **more)
        assert answer.status_code == status, answer.text
        return answer.json() if answer.content else None

    async def refused(self, method: str, path: str, json: Any = None, **more: Any) -> tuple[int, str]:
        answer = await self.call(method, path, json, **more)
        [error] = answer.json()
        assert error['message']
        return answer.status_code, error['errorCode']

    async def upsert(self, key: str, status: int = 201, *, kind: str = USER, **values: Any) -> Any:
        return await self.ok('PATCH', f'sobjects/{kind}/{KEY}/{key}', values, status)

    async def query(self, text: str, **more: Any) -> list[Json]:
        found = await self.ok('GET', 'query', q=text, **more)
        assert found['done']
        assert found['totalSize'] == len(found['records'])
        return [{name: value for name, value in one.items() if name != 'attributes'} for one in found['records']]

    async def malformed(self, text: str) -> str:
        status, code = await self.refused('GET', 'query', q=text)
        assert status == 400
        return code


def open_caller(world: World | None = None) -> Caller:
    world = world or make_world()
    transport = SandboxTransport(create_app(world))
    return Caller(world, httpx2.AsyncClient(transport=transport, base_url=SANDBOX))
