"""Every endpoint of the emulated Pipedrive, judged on both sides by the vendor's own document."""

import asyncio
from typing import Any

import httpx2

from hermes.sandbox.world import World
from tests.referee.conftest import API_KEY
from tests.referee.referee import Referee
from tests.waiting import PATIENCE_S

EVERY_TYPE: dict[str, Any] = {
    'varchar': 'x',
    'text': 'long',
    'double': 4.5,
    'phone': '+44 20 7946 0000',
    'date': '2026-03-02',
    'daterange': {'value': '2026-03-02', 'until': '2026-03-09'},
    'time': {'value': '09:00:00'},
    'timerange': {'value': '09:00:00', 'until': '10:00:00'},
    'address': {'value': '1 High Street, Leeds'},
    'monetary': {'value': 12.5, 'currency': 'GBP'},
}


class Walker:
    """Calls through the referee and stops at the first answer that is not the expected one."""

    def __init__(self, judge: Referee, client: httpx2.AsyncClient) -> None:
        self.judge, self.client = judge, client

    async def call(self, method: str, path: str, body: Any = None, *, v1: bool = False, wanted: int = 200) -> Any:
        await asyncio.sleep(0.02)  # 120 calls in two seconds is what the plan allows
        url = f'{self.judge.v1_url if v1 else self.judge.v2_url}{path}'
        answer = await self.client.request(method, url, json=body)
        assert answer.headers.get('sl-violations') is None, f'{method} {path}: {answer.headers["sl-violations"]}'
        assert answer.status_code == wanted, f'{method} {path}: {answer.status_code} {answer.text}'
        return answer.json()

    async def make(self, path: str, body: Any) -> int:
        made: int = (await self.call('POST', path, body))['data']['id']
        return made


async def test_every_endpoint_pleases_the_referee(referee: Referee, world: World) -> None:
    """Two hundred calls, good and bad ones, and not one violation of the document by either side."""
    headers = {'x-api-token': API_KEY, 'accept': 'application/json'}
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S, trust_env=False) as client:
        walker = Walker(referee, client)
        await walk_fields(walker)
        made = await walk_objects(walker, world)
        await walk_lists(walker)
        await walk_v1(walker, made)
        await walk_deletes(walker, made)
    assert referee.violations() == []


async def walk_fields(walker: Walker) -> None:
    await walker.call('GET', '/activityFields?include_fields=ui_visibility')
    await walker.call('GET', '/activityFields/subject')
    for kind in ('organization', 'person', 'deal'):
        path = f'/{kind}Fields'
        made = await walker.call('POST', path, {'field_name': 'Size', 'field_type': 'varchar'})
        code = made['data']['field_code']
        await walker.call('PATCH', f'{path}/{code}', {'field_name': 'Sizes'})
        await walker.call('GET', f'{path}/{code}')
        body = {'field_name': 'Tier', 'field_type': 'set', 'options': [{'label': 'gold'}]}
        tier = (await walker.call('POST', path, body))['data']['field_code']
        added = (await walker.call('POST', f'{path}/{tier}/options', [{'label': 'silver'}]))['data']
        await walker.call('PATCH', f'{path}/{tier}/options', [{'id': added[0]['id'], 'label': 'bronze'}])
        await walker.call('DELETE', f'{path}/{tier}/options', [{'id': added[0]['id']}])
        await walker.call('DELETE', f'{path}/{code}')
        await walker.call('GET', f'{path}/{code}', wanted=404)
        for field_type in EVERY_TYPE:
            await walker.call('POST', path, {'field_name': f'A {field_type}', 'field_type': field_type})
        await walker.call('GET', f'{path}?limit=5&include_fields=ui_visibility,important_fields,required_fields')


async def walk_objects(walker: Walker, world: World) -> dict[str, list[int]]:
    made: dict[str, list[int]] = {'pipelines': [await walker.make('/pipelines', {'name': 'PAYG'})]}
    stage = {'name': 'New', 'pipeline_id': made['pipelines'][0], 'deal_probability': 20}
    made['stages'] = [await walker.make('/stages', stage), await walker.make('/stages', stage | {'name': 'Next'})]
    company = {'name': 'Acme', 'address': {'value': 'Leeds'}, 'website': 'https://acme.example'}
    made['organizations'] = [
        await walker.make('/organizations', company | {'custom_fields': all_values(world, 'organization')}),
        await walker.make('/organizations', {'name': 'Beta'}),
    ]
    person = {'name': 'Ann Lee', 'org_id': made['organizations'][0], 'emails': [{'value': 'ann@acme.example'}]}
    person['custom_fields'] = all_values(world, 'person')
    made['persons'] = [await walker.make('/persons', person), await walker.make('/persons', {'name': 'Bo'})]
    deal = {'title': 'Deal', 'org_id': made['organizations'][0], 'person_id': made['persons'][0]}
    deal['custom_fields'] = all_values(world, 'deal')
    made['deals'] = [await walker.make('/deals', deal), await walker.make('/deals', {'title': 'Other', 'value': 5})]
    meeting = {'subject': 'Call', 'type': 'meeting', 'due_date': '2026-03-04', 'due_time': '10:00:00', 'note': 'n'}
    people = [{'person_id': made['persons'][0], 'primary': True}]
    made['activities'] = [await walker.make('/activities', meeting | {'participants': people, 'duration': '00:30:00'})]
    for path, body in {
        'pipelines': {'name': 'PAYG!'},
        'stages': {'name': 'Newer'},
        'organizations': {'name': 'Acme Ltd', 'address': None, 'label_ids': [1]},
        'persons': {'name': 'Ann Bo', 'phones': [{'value': '1', 'label': 'home'}], 'org_id': None},
        'deals': {'status': 'won', 'stage_id': made['stages'][1], 'value': 10.5},
        'activities': {'done': True, 'subject': 'Done'},
    }.items():
        await walker.call('PATCH', f'/{path}/{made[path][0]}', body)
        await walker.call('PATCH', f'/{path}/999', body, wanted=404)
        await walker.call('GET', f'/{path}/{made[path][0]}')
        await walker.call('GET', f'/{path}/999', wanted=404)
    return made


def all_values(world: World, kind: str) -> dict[str, Any]:
    fields = world.pipedrive.catalogues[kind].custom()
    values = {field['field_code']: EVERY_TYPE.get(field['field_type']) for field in fields}
    return {code: value for code, value in values.items() if value is not None}


async def walk_lists(walker: Walker) -> None:
    window = 'updated_since=2020-01-01T00:00:00Z&updated_until=2099-01-01T00:00:00Z'
    for path in ('organizations', 'persons', 'deals', 'activities'):
        first = await walker.call('GET', f'/{path}?limit=1&sort_by=update_time&sort_direction=desc&{window}')
        if cursor := first['additional_data']['next_cursor']:
            await walker.call(
                'GET', f'/{path}?limit=1&sort_by=update_time&sort_direction=desc&{window}&cursor={cursor}'
            )
        await walker.call('GET', f'/{path}?ids=1,2&owner_id=1')
        await walker.call('GET', f'/{path}?updated_since=2026-01-01T00:00:00.5Z', wanted=400)
    await walker.call('GET', '/deals?status=open,won,deleted&include_fields=first_won_time,activities_count')
    await walker.call('GET', '/deals/archived')
    await walker.call('GET', '/pipelines')
    await walker.call('GET', '/stages?pipeline_id=1&sort_by=order_nr')
    await asyncio.sleep(5)
    for path in (
        '/organizations/search?term=acme',
        '/persons/search?term=ann@&fields=email',
        '/deals/search?term=deal',
    ):
        assert (await walker.call('GET', path))['data']['items']
    await walker.call('GET', '/itemSearch?term=ann&item_types=person,organization')


async def walk_v1(walker: Walker, made: dict[str, list[int]]) -> None:
    users = await walker.call('GET', '/users', v1=True)
    await walker.call('GET', f'/users/{users["data"][0]["id"]}', v1=True)
    await walker.call('GET', '/users/5', v1=True, wanted=404)
    await walker.call('GET', '/users/me', v1=True)
    await walker.call('GET', '/users/find?term=admin', v1=True)
    await walker.call('GET', '/activityTypes', v1=True)
    await walker.call('GET', '/currencies', v1=True)
    hook = {'subscription_url': 'http://127.0.0.1:9/x', 'event_action': '*', 'event_object': '*', 'name': 'w'}
    added = await walker.call('POST', '/webhooks', hook, v1=True, wanted=201)
    await walker.call('GET', '/webhooks', v1=True)
    await walker.call('POST', '/webhooks', hook | {'subscription_url': 'https://far.example'}, v1=True, wanted=400)
    await walker.call('DELETE', f'/webhooks/{added["data"]["id"]}', v1=True)
    await walker.call('DELETE', f'/webhooks/{added["data"]["id"]}', v1=True, wanted=404)
    for path in ('organizations', 'persons', 'deals'):
        loser, survivor = made[path]
        merged = await walker.call('PUT', f'/{path}/{loser}/merge', {'merge_with_id': survivor}, v1=True)
        assert merged['data']['id'] == survivor


async def walk_deletes(walker: Walker, made: dict[str, list[int]]) -> None:
    for path in ('activities', 'deals', 'persons', 'organizations', 'stages', 'pipelines'):
        last = made[path][-1]
        await walker.call('DELETE', f'/{path}/{last}')
        assert (await walker.call('GET', f'/{path}/{last}'))['data']['is_deleted'] is True
        await walker.call('DELETE', f'/{path}/{last}', wanted=404)
