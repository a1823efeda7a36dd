"""The emulated Pipedrive keeps the vendor's manners, bad ones included."""

import json
import random
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from hermes.kit.clock import ManualClock
from hermes.kit.signing import basic_auth
from hermes.sandbox.app import NotLoopback, SandboxTransport, create_app
from hermes.sandbox.outbox import Delivery
from hermes.sandbox.world import Secrets, World

SECRETS = Secrets('tc2-key', 'pd-key', 'hook-user', 'hook-password')
HOOK_URL = 'http://127.0.0.1:8000/pipedrive/callback/'
HOOK = {'subscription_url': HOOK_URL, 'event_action': '*', 'event_object': '*', 'name': 'hermes'}
AUTH = {'http_auth_user': 'hook-user', 'http_auth_password': 'hook-password'}


def new_world(seed: int = 1) -> World:
    return World(
        ManualClock(datetime(2026, 3, 2, 9, tzinfo=UTC)), random.Random(seed), 'http://127.0.0.1:8000', SECRETS
    )


class Office:
    """A caller of the API, and the place where its webhooks arrive."""

    def __init__(self, world: World) -> None:
        self.world = world
        transport = SandboxTransport(create_app(world))
        headers = {'x-api-token': SECRETS.pd_api_key}
        self.client = httpx2.AsyncClient(transport=transport, base_url='http://127.0.0.1:8100', headers=headers)
        self.got: list[dict[str, Any]] = []
        self.headers: list[dict[str, str]] = []
        self.answer: int | None = 200

    async def call(self, method: str, path: str, body: Any = None) -> httpx2.Response:
        return await self.client.request(method, f'/pipedrive/api{path}', json=body)

    async def good(self, method: str, path: str, body: Any = None) -> Any:
        answer = await self.call(method, path, body)
        assert answer.status_code in (200, 201), answer.text
        return answer.json().get('data')

    async def post(self, delivery: Delivery) -> int | None:
        self.got.append(json.loads(delivery.body))
        self.headers.append(delivery.headers)
        return self.answer

    async def deliver(self) -> list[dict[str, Any]]:
        self.got.clear()
        await self.world.outbox.deliver_due(self.post)
        return self.got

    def wait(self, duration_s: float) -> None:
        assert isinstance(self.world.clock, ManualClock)
        self.world.clock.advance(duration_s)


@pytest_asyncio.fixture
async def office() -> AsyncIterator[Office]:
    office = Office(new_world())
    yield office
    await office.client.aclose()


async def test_a_stranger_learns_nothing(office: Office) -> None:
    answer = await office.client.get('/pipedrive/api/v2/organizations', headers={'x-api-token': 'wrong'})
    assert answer.status_code == 401
    assert answer.json() == {'success': False, 'error': 'unauthorized access', 'errorCode': 401}


@pytest.mark.parametrize(
    'body',
    [
        {},
        {'name': 5},
        {'name': ' '},
        {'name': 'x', 'owner_id': '12000001'},
        {'name': 'x', 'nickname': 'y'},
        {'name': 'x', 'custom_fields': {'0' * 40: 'y'}},
        {'name': 'x', 'label_ids': [True]},
        {'name': 'x', 'address': {'country': 'GB'}},
    ],
)
async def test_a_body_that_does_not_fit_writes_nothing(office: Office, body: dict[str, Any]) -> None:
    answer = await office.call('POST', '/v2/organizations', body)
    assert answer.status_code == 400
    assert answer.json()['code'] == 'ERR_SCHEMA_VALIDATION_FAILED'
    assert office.world.pipedrive.tables['organization'] == {}


async def test_answers_are_the_vendors_not_the_senders(office: Office) -> None:
    field = await office.good('POST', '/v2/organizationFields', {'field_name': 'hermes_id', 'field_type': 'varchar'})
    office.wait(0.7)
    made = await office.good('POST', '/v2/organizations', {'name': ' Acme ', 'address': {'value': 'Leeds'}})
    assert made['name'] == 'Acme'
    assert made['address']['country'] is None
    assert made['custom_fields'] == {field['field_code']: None}
    assert made['update_time'] == '2026-03-02T09:00:00Z'
    person = await office.good('POST', '/v2/persons', {'name': 'Ann van Lee', 'emails': [{'value': 'a@x.example'}]})
    assert (person['first_name'], person['last_name']) == ('Ann', 'van Lee')
    assert person['emails'] == [{'value': 'a@x.example', 'primary': True, 'label': 'work'}]


async def test_pages_follow_a_cursor_to_a_null(office: Office) -> None:
    for number in range(5):
        await office.good('POST', '/v2/organizations', {'name': f'Company {number}'})
    seen, cursor = [], ''
    while True:
        page = (await office.call('GET', f'/v2/organizations?limit=2&cursor={cursor}')).json()
        seen += [row['id'] for row in page['data']]
        cursor = page['additional_data']['next_cursor']
        if cursor is None:
            break
    assert seen == [1, 2, 3, 4, 5]
    for query in ('limit=501', 'updated_since=2026-03-02T09:00:00.5Z', 'sort_by=name', 'custom_fields=' + 'a,' * 16):
        assert (await office.call('GET', f'/v2/organizations?{query}')).status_code == 400


async def test_a_merge_sends_two_webhooks_and_keeps_both_texts(office: Office) -> None:
    field = await office.good('POST', '/v2/organizationFields', {'field_name': 'hermes_id', 'field_type': 'varchar'})
    code = field['field_code']
    for text in ('55', '53'):
        await office.good('POST', '/v2/organizations', {'name': 'Acme', 'custom_fields': {code: text}})
    await office.good('POST', '/v2/persons', {'name': 'Ann', 'org_id': 1})
    await office.good('POST', '/v1/webhooks', HOOK | AUTH)
    assert await office.good('PUT', '/v1/organizations/1/merge', {'merge_with_id': 2}) == {'id': 2}
    got = {payload['meta']['action']: payload for payload in await office.deliver()}
    assert got['delete']['meta']['merged_to_id'] == '2'
    assert got['delete']['data'] is None
    assert got['change']['meta']['merged_from_id'] == '1'
    assert got['change']['data']['custom_fields'][code] == {'type': 'varchar', 'value': '53, 55'}
    assert got['delete']['meta']['correlation_id'] == got['change']['meta']['correlation_id']
    await office.good('PATCH', '/v2/organizations/2', {'name': 'Acme By Hand'})
    [renamed] = [payload['meta'] for payload in await office.deliver()]
    assert renamed.keys() & {'merged_from_id', 'merged_to_id'} == set()
    assert renamed['correlation_id'] != got['change']['meta']['correlation_id']
    assert (await office.good('GET', '/v2/persons/1'))['org_id'] == 2
    assert (await office.call('GET', '/v2/organizations/1')).status_code == 404
    assert office.headers[0]['authorization'] == basic_auth('hook-user', 'hook-password')


async def test_the_two_webhooks_of_a_merge_come_in_either_order() -> None:
    orders = set()
    for seed in range(12):
        world = new_world(seed)
        world.pipedrive.subscriptions.add(HOOK, world.pipedrive.first_user_id)
        for _ in range(2):
            world.pipedrive.act_create('organization', {'name': 'Acme'})
        world.pipedrive.act_merge('organization', 1, 2)
        orders.add(tuple(json.loads(one.body)['meta']['action'] for one in world.outbox.waiting[-2:]))
    assert orders == {('delete', 'change'), ('change', 'delete')}


async def test_a_webhook_is_no_rest_object(office: Office) -> None:
    await office.good('POST', '/v1/webhooks', HOOK)
    office.world.pipedrive.act_create('organization', {'name': 'Acme', 'visible_to': 3})
    office.world.pipedrive.act_update('organization', 1, {'name': 'Acme Ltd'})
    created, changed = await office.deliver()
    assert created['data']['visible_to'] == '3'
    assert created['previous'] is None
    assert 'is_deleted' not in created['data']
    assert changed['previous']['name'] == 'Acme'
    assert set(changed['previous']) <= {'name', 'update_time'}
    assert changed['meta']['change_source'] == 'app'
    assert changed['meta']['entity_id'] == '1'


async def test_failed_webhooks_are_tried_four_times_and_ten_failures_ban(office: Office) -> None:
    await office.good('POST', '/v1/webhooks', HOOK)
    office.answer = 500
    office.world.pipedrive.act_create('organization', {'name': 'Company'})
    attempts = []
    for wait_s in (0, 3, 30, 150, 1000):
        office.wait(wait_s)
        attempts += [payload['meta']['attempt'] for payload in await office.deliver()]
    assert attempts == [1, 2, 3, 4]
    for _ in range(9):
        office.world.pipedrive.act_create('organization', {'name': 'Company'})
        await office.deliver()
    waiting = len(office.world.outbox.waiting)
    office.world.pipedrive.act_create('organization', {'name': 'Lost'})
    assert len(office.world.outbox.waiting) == waiting
    assert office.world.pipedrive.state()['lost_events'] == 1


async def test_a_burst_is_refused_and_hammering_is_blocked(office: Office) -> None:
    statuses = [(await office.call('GET', '/v2/pipelines')).status_code for _ in range(60)]
    assert statuses[:41] == [200] * 40 + [429]
    assert statuses[-1] == 403
    assert office.world.pipedrive.ledger.overruns == 10
    assert office.world.pipedrive.ledger.spent == 200
    office.wait(61)
    answer = await office.call('GET', '/v2/pipelines')
    assert answer.status_code == 200
    assert answer.headers['x-ratelimit-remaining'] == '39'


async def test_a_lost_answer_was_carried_out(office: Office) -> None:
    office.world.weather.change(lost_answer_p=1.0)
    with pytest.raises(httpx2.ReadError):
        await office.call('POST', '/v2/organizations', {'name': 'Acme'})
    assert office.world.pipedrive.tables['organization'][1]['name'] == 'Acme'
    assert office.world.calls[-1].token_cost == 5


async def test_a_deleted_object_is_readable_for_thirty_days(office: Office) -> None:
    await office.good('POST', '/v2/organizations', {'name': 'Acme'})
    await office.good('DELETE', '/v2/organizations/1')
    assert (await office.good('GET', '/v2/organizations/1'))['is_deleted'] is True
    assert (await office.call('PATCH', '/v2/organizations/1', {'name': 'x'})).status_code == 404
    office.wait(31 * 86400)
    assert (await office.call('GET', '/v2/organizations/1')).status_code == 404


async def test_state_survives_a_restart(office: Office, tmp_path: Path) -> None:
    await office.good('POST', '/v1/webhooks', HOOK)
    office.world.pipedrive.act_create('organization', {'name': 'Acme'})
    office.world.snapshot(tmp_path / 'state.json')
    other = new_world(2)
    assert other.restore(tmp_path / 'state.json')
    assert other.dump() == office.world.dump()


@pytest.mark.invariant('S21')
async def test_only_this_machine_is_spoken_to(office: Office) -> None:
    far = World(office.world.clock, random.Random(1), 'https://hermes.example', SECRETS)
    with pytest.raises(NotLoopback):
        create_app(far)
    assert (
        await office.call('POST', '/v1/webhooks', HOOK | {'subscription_url': 'https://far.example/x'})
    ).status_code == 400
    assert (await office.client.get('/_world/state', headers={'host': 'far.example'})).status_code == 403
    assert (await office.client.post('/_world/reset', headers={'origin': 'https://far.example'})).status_code == 403
