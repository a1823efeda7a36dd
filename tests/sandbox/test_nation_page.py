"""The nation's page: a person looks, acts by form without any script, and sees whom a mail service would read."""

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest

from hermes.sandbox.app import create_app
from hermes.sandbox.world import World
from tests.sandbox.nation import SANDBOX, make_world, person

PAGE = '/pages/nationbuilder'


@pytest.fixture
def world() -> World:
    world = make_world()
    world.nationbuilder.act('add_list', name='News')
    world.nationbuilder.act('add_person', first_name='Ada', last_name='<Levi>', email='ada@example.com')
    return world


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(create_app(world))
    async with httpx2.AsyncClient(transport=transport, base_url=SANDBOX, follow_redirects=True) as client:
        yield client


async def test_people_are_shown_and_found(browser: httpx2.AsyncClient, world: World) -> None:
    world.nationbuilder.act('add_people', count=45)
    assert 'NationBuilder' in (await browser.get('/')).text
    page = (await browser.get(PAGE)).text
    assert '1 of 3' in page
    assert '<style' not in page
    found = (await browser.get(PAGE, params={'q': 'ada@'})).text
    assert '&lt;Levi&gt;' in found
    assert (await browser.get(PAGE, params={'page': '3'})).status_code == 200


async def test_somebody_works_in_the_nation(browser: httpx2.AsyncClient, world: World) -> None:
    async def act(act: str, **form: str) -> str:
        answer = await browser.post(PAGE, data={'act': act, 'id': '2', **form})
        assert 'class="said done"' in answer.text
        return answer.text

    person = world.nationbuilder.store.tables['signups']['2']
    await act('tag', tag='sustainer')
    assert 'sustainer' in await act('join', list='news')
    await act('edit', first_name='Ada', last_name='Price', email='new@example.com', external_id='')
    person = world.nationbuilder.person(world.nationbuilder.store.tables['signups']['2'])
    assert (person['email'], person['tags'], person['lists']) == ('new@example.com', ['sustainer'], ['news'])
    await act('untag', tag='sustainer')
    await act('leave', list='news')
    await act('unsubscribe')
    await act('add', first_name='Ben', email='ben@example.com', external_id='')
    await act('add_many', count='3')
    await act('add_list', name='Hebrew')
    await act('merge', survivor='3')
    await browser.post(PAGE, data={'act': 'delete', 'id': '3'})
    assert set(world.nationbuilder.store.tables['signups']) == {'1', '4', '5', '6'}


@pytest.mark.parametrize(
    ('act', 'told'),
    [
        ('edit', {'email': 'no address'}),
        ('merge', {'survivor': '99'}),
        ('join', {'list': 'none'}),
        ('fly', {}),
        ('add', {}),
        ('fail', {'kind': 'flood'}),
    ],
)
async def test_a_refused_act_is_told(browser: httpx2.AsyncClient, act: str, told: dict[str, str]) -> None:
    assert 'class="said failed"' in (await browser.post(PAGE, data={'act': act, 'id': '2', **told})).text


async def test_jobs_and_tokens_are_broken_and_mended(browser: httpx2.AsyncClient, world: World) -> None:
    nation = world.nationbuilder
    nation.act('give_token')
    nation.jobs.begin('add', '1', ['2'])
    for act in ('fail_jobs', 'stall_jobs', 'expire', 'fail'):
        form = {'act': act, 'kind': 'torn', 'times': '2', 'path': '/push'}
        assert 'class="said done"' in (await browser.post(PAGE, data=form)).text
    page = (await browser.get(PAGE)).text
    for told in ('torn x 2 at /push', 'job failed x 1', 'queued', 'none alive'):
        assert told in page
    await browser.post(PAGE, data={'act': 'revoke'})
    assert 'revoked' in (await browser.post(PAGE, data={'act': 'mend'})).text
    assert nation.faults.planned == []


@pytest.mark.behaviour('AU-21')
async def test_a_list_shows_its_readers(browser: httpx2.AsyncClient, world: World) -> None:
    world.nationbuilder.act('add_people', count=450, lists={'news': 2})
    world.nationbuilder.act('join_list', slug='news', id='2')
    world.nationbuilder.act('unsubscribe', id='2')
    page = (await browser.get(f'{PAGE}/lists')).text
    assert '225 of 226 are read' in page
    assert 'and 25 more' in page
    assert 'ada@example.com' not in page


async def test_calls_stand_in_the_feed(browser: httpx2.AsyncClient) -> None:
    await browser.get('/nationbuilder/api/v2/signups/me')
    await browser.patch('/nationbuilder/api/v2/signups/push', json=person(first_name='A', locale='he'))
    bodies: list[Any] = [[], {'data': 7}, {'data': {'attributes': [7]}}]
    for told in bodies:
        await browser.patch('/nationbuilder/api/v2/signups/push', json=told)
    page = (await browser.get('/pages/travel')).text
    assert 'GET /signups/me' in page
    assert 'first_name, locale' in page
    assert 'NationBuilder' in page


async def test_a_form_of_a_stranger_gets_no_code(browser: httpx2.AsyncClient, world: World) -> None:
    headers = {'origin': 'http://127.0.0.1:9999'}
    answer = await browser.post('/nationbuilder/oauth/authorize', data={'decision': 'allow'}, headers=headers)
    assert answer.status_code == 403
    assert world.nationbuilder.desk.codes == {}
