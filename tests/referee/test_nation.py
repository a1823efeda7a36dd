"""Every operation of the emulated NationBuilder, judged on both sides by the vendor's own document."""

import asyncio
import re
from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
import pytest_asyncio

from hermes.sandbox.world import World
from tests.referee.referee import Referee
from tests.waiting import PATIENCE_S

MEDIA = 'application/vnd.api+json'
ID = re.compile(r'/(?!me\b|push\b)(\d+|[0-9a-f]{32}|none)(?=/|$)')
Json = dict[str, Any]


class Walker:
    """Calls through the referee and stops at the first answer that is not the expected one."""

    def __init__(self, judge: Referee, client: httpx2.AsyncClient) -> None:
        self.judge, self.client = judge, client
        self.walked: set[tuple[str, str, int]] = set()

    async def call(self, method: str, path: str, body: Any = None, wanted: int = 200, media: str = MEDIA) -> Any:
        url = f'{self.judge.urls["nation"]}/api/v2{path}'
        headers = {'content-type': media} if body is not None else {}
        answer = await self.client.request(method, url, json=body, headers=headers)
        assert answer.headers.get('sl-violations') is None, f'{method} {path}: {answer.headers["sl-violations"]}'
        assert answer.status_code == wanted, f'{method} {path}: {answer.status_code} {answer.text}'
        self.walked.add((method, ID.sub('/{id}', path.partition('?')[0]), wanted))
        return answer.json()

    async def make(self, kind: str, **attributes: Any) -> str:
        made = await self.call('POST', f'/{kind}', body(kind, **attributes), 201)
        return str(made['data']['id'])


def body(kind: str, wanted: str | None = None, **attributes: Any) -> Json:
    return {'data': {'type': kind, **({'id': wanted} if wanted else {}), 'attributes': attributes}}


@pytest_asyncio.fixture
async def walker(nation_referee: Referee, world: World) -> AsyncIterator[Walker]:
    world.nationbuilder.jobs.take_s = 0
    token = world.nationbuilder.act('give_token')['access_token']
    headers = {'authorization': f'Bearer {token}', 'accept': f'{MEDIA}, application/json'}
    async with httpx2.AsyncClient(headers=headers, timeout=PATIENCE_S, trust_env=False) as client:
        yield Walker(nation_referee, client)


async def test_every_operation_pleases_the_referee(walker: Walker, world: World) -> None:
    """Good calls and bad ones, and not one violation of the document by either side."""
    await walk_people(walker, world)
    await walk_tags(walker)
    await walk_lists(walker)
    await walk_memberships(walker)
    await walk_lists_of_everything(walker, world)
    await walk_limits(walker)
    assert walker.judge.violations() == []
    assert {(method, path) for method, path, status in walker.walked if status < 300} == {
        *((method, f'/{kind}') for kind in WRITTEN for method in ('GET', 'POST')),
        *((method, f'/{kind}/{{id}}') for kind in WRITTEN for method in ('GET', 'PATCH', 'DELETE')),
        *(('PATCH', f'/lists/{{id}}/{name}') for name in ('add_signups', 'remove_signups', 'tag', 'untag')),
        ('PATCH', '/signups/push'), ('GET', '/signups/me'), ('GET', '/lists/{id}/signups'),
        ('GET', '/async_processes/{id}'), *(('GET', f'/{kind}{one}') for kind in READ for one in ('', '/{id}')),
    } - {('PATCH', '/signup_taggings/{id}')}  # fmt: skip


READ = ('custom_fields', 'donations', 'pledges', 'contacts')
WRITTEN = ('signups', 'lists', 'signup_tags', 'signup_taggings', 'membership_types', 'memberships')


async def walk_people(walker: Walker, world: World) -> None:
    nation = world.nationbuilder
    nation.act('add_custom_field', name='Level', slug='level', field_type='number')
    nation.act('add_custom_field', name='Way', slug='way', field_type='multiple_choice', options=['web', 'app'])
    await walker.call('GET', '/signups/me')
    whole: Json = {'email': 'ada@example.com', 'external_id': 'u-1', 'first_name': 'Ada', 'last_name': "O'Brien"}
    whole |= {'email_opt_in': True, 'locale': 'he', 'born_at': '1990-08-06', 'support_level': 1}
    whole |= {'banned_at': None, 'unsubscribed_at': '2026-03-02T10:00:00-05:00', 'custom_values': {'level': '3'}}
    await walker.call('PATCH', '/signups/push', body('signups', **whole), 201)
    pushed = await walker.call('PATCH', '/signups/push', body('signups', external_id='u-1', first_name='A'))
    ada = pushed['data']['id']
    await walker.call('PATCH', '/signups/push', body('signups', email='ada@example.com'), media='application/json')
    await walker.call('PATCH', '/signups/push', body('signups', email='no address'), 422)
    ben = await walker.make('signups', first_name='Ben', email='ben@example.com')
    await walker.call('POST', '/signups', body('signups', email='ben@example.com'), 422)
    await walker.call('PATCH', f'/signups/{ben}', body('signups', ben, email='new@example.com'))
    await walker.call('PATCH', f'/signups/{ben}', body('signups', ben, email='ada@example.com'), 422)
    await walker.call('PATCH', f'/signups/{ada}', body('signups', ben, first_name='B'), 400)
    await walker.call('PATCH', '/signups/999', body('signups', '999', first_name='B'), 404)
    await walker.call('GET', f'/signups/{ben}?fields[signups]=email,first_name&extra_fields[signups]=home_address')
    await walker.call('GET', f'/signups/{ben}?include=signup_tags,memberships')
    for wanted, status in ((ben, 200), (ben, 404)):
        await walker.call('DELETE', f'/signups/{wanted}', wanted=status)
    await walker.call('GET', f'/signups/{ben}', wanted=404)


async def walk_tags(walker: Walker) -> None:
    ben = await walker.make('signups', first_name='Ben')
    tag = await walker.make('signup_tags', name='sustainer')
    await walker.call('POST', '/signup_tags', body('signup_tags', name='Sustainer'), 422)
    await walker.call('PATCH', f'/signup_tags/{tag}', body('signup_tags', tag, name='Sustainers'))
    tagging = await walker.make('signup_taggings', signup_id=ben, tag_id=tag)
    await walker.call('POST', '/signup_taggings', body('signup_taggings', signup_id=ben, tag_id='99'), 422)
    await walker.call('GET', f'/signup_taggings/{tagging}?include=signup,tag')
    await walker.call('GET', f'/signup_taggings?filter[signup_id]={ben}&include=tag')
    await walker.call('GET', f'/signup_taggings?filter[tag_id]={tag}&page[size]=100')
    await walker.call('GET', f'/signup_tags/{tag}?include=signups,taggings')
    await walker.call('GET', f'/signup_tags?filter[signup_id]={ben}')
    await walker.call('GET', f'/signups/{ben}?include=signup_tags,taggings')
    for status in (200, 404):
        await walker.call('DELETE', f'/signup_taggings/{tagging}', wanted=status)
    await walker.call('DELETE', f'/signup_tags/{tag}')


async def walk_lists(walker: Walker) -> None:
    ben = await walker.make('signups', first_name='Ben')
    news = await walker.make('lists', name='English news', author_id='1')
    await walker.call('POST', '/lists', body('lists', name='English news'), 422)
    await walker.call('PATCH', f'/lists/{news}', body('lists', news, description='Weekly'))
    await walker.call('GET', f'/lists/{news}?include=author')
    told = {'type': 'lists', 'id': news}
    for action, more in (
        ('add_signups', {'signup_ids': [ben, '1']}), ('tag', {'tag': 'reader'}), ('untag', {'tag': 'reader'}),
        ('remove_signups', {'signup_ids': ['1']}),
    ):  # fmt: skip
        token = (await walker.call('PATCH', f'/lists/{news}/{action}', {'data': told | more}, 202))['token']
        assert (await walker.call('GET', f'/async_processes/{token}'))['status'] == 'completed'
    many = {'data': told | {'signup_ids': ['1'] * 10_001}}
    await walker.call('PATCH', f'/lists/{news}/add_signups', many, 400)
    await walker.call('PATCH', '/lists/99/add_signups', {'data': told | {'id': '99', 'signup_ids': []}}, 404)
    await walker.call('GET', '/async_processes/none', wanted=404)
    found = await walker.call('GET', f'/lists/{news}/signups?page[size]=1&include=signup_tags')
    assert [one['id'] for one in found['data']] == [ben]
    await walker.call('GET', '/lists/99/signups', wanted=404)
    await walker.call('DELETE', f'/lists/{news}')


async def walk_memberships(walker: Walker) -> None:
    kind = await walker.make('membership_types', name='Friend')
    await walker.call('PATCH', f'/membership_types/{kind}', body('membership_types', kind, description='A friend'))
    await walker.call('GET', f'/membership_types/{kind}?include=memberships')
    told = {'signup_id': '1', 'membership_type_id': kind, 'status': 'active', 'expires_on': '2027-03-02'}
    made = await walker.make('memberships', **told, started_at='2026-03-02T10:00:00Z')
    await walker.call('POST', '/memberships', body('memberships', **(told | {'signup_id': '99'})), 422)
    await walker.call('PATCH', f'/memberships/{made}', body('memberships', made, status='canceled'))
    await walker.call('GET', f'/memberships/{made}?include=signup,membership_type')
    await walker.call('DELETE', f'/memberships/{made}')
    await walker.call('DELETE', f'/membership_types/{kind}')


async def walk_lists_of_everything(walker: Walker, world: World) -> None:
    world.nationbuilder.act('add_list', name='News')
    world.nationbuilder.act('add_people', count=45, tags={'sustainer': 3}, lists={'news': 2}, membership='Friend')
    for act in ('donate', 'pledge', 'note_contact'):
        world.nationbuilder.act(act, id='1')
    for kind in READ[1:]:
        await walker.call('GET', f'/{kind}/1?include=signup')
        await walker.call('GET', f'/{kind}?filter[signup_id]=1')
    for kind in (*WRITTEN, *READ):
        for number in ('1', '9'):
            await walker.call('GET', f'/{kind}?page[number]={number}&page[size]=20')
        await walker.call('GET', f'/{kind}?filter[bogus]=1', wanted=400)
        await walker.call('GET', f'/{kind}/999', wanted=404)
    await walker.call('GET', '/custom_fields/1')
    await walker.call('GET', '/signups?filter[external_id]=person-9,person-10&fields[signups]=external_id,email')
    await walker.call('GET', '/signups?filter[email]=person9@nation.example&include=signup_tags')
    await walker.call('GET', '/signups?filter[created_at][gt]=2026-03-02T10:00:00Z&sort=-id')


async def walk_limits(walker: Walker) -> None:
    walker.client.headers['authorization'] = 'Bearer wrong'
    await walker.call('GET', '/signups', wanted=401)
    answers = await asyncio.gather(
        *(walker.client.get(f'{walker.judge.urls["nation"]}/api/v2/lists') for _ in range(251))
    )
    last = next(one for one in answers if one.status_code == 429)
    assert last.headers.get('sl-violations') is None
    assert last.headers['retry-after']


@pytest.mark.parametrize(
    ('method', 'path', 'told', 'words'),
    [
        ('PATCH', '/signups/push', body('signups', nickname='A'), 'nickname'),
        ('PATCH', '/signups/push', body('signups', first_name=7), 'first_name'),
        ('PATCH', '/signups/push', body('people', first_name='A'), 'type'),
        ('POST', '/signup_taggings', body('signup_taggings', signup_id=1), 'signup_id'),
        ('PATCH', '/lists/1/add_signups', {'data': {'type': 'lists', 'id': '1', 'signup_ids': [1]}}, 'signup_ids'),
        ('GET', '/signups?include=bogus', None, 'include'),
    ],
)
async def test_the_referee_finds_a_callers_mistakes(
    walker: Walker, method: str, path: str, told: Any, words: str
) -> None:
    url, headers = f'{walker.judge.urls["nation"]}/api/v2{path}', {'content-type': MEDIA}
    answer = await walker.client.request(method, url, json=told, headers=headers)
    assert answer.status_code == 422
    assert 'prism/errors#' in answer.text
    assert words in answer.text


async def test_the_referee_finds_the_sandboxs_mistakes(walker: Walker, world: World) -> None:
    world.nationbuilder.act('fail', kind='nonsense')
    url = f'{walker.judge.urls["nation"]}/api/v2/signups/me'
    answer = await walker.client.get(url)
    assert answer.headers.get('sl-violations') or 'prism/errors#' in answer.text
