"""The pages of Salesforce: a person looks, acts by form without any script, and sees whom each list reaches."""

from collections.abc import AsyncIterator

import httpx2
import pytest

from hermes.sandbox.app import create_app
from hermes.sandbox.world import World
from tests.sandbox.salesforce import KEY, SANDBOX, USER, make_world, open_caller

PAGE = '/pages/salesforce'


@pytest.fixture
def world() -> World:
    world = make_world()
    world.salesforce.create(
        'app_user',
        {KEY: '1', 'Email__c': 'ada@people.example', 'First_Name__c': 'Ada <b>', 'Mailing_Lists__c': 'Educators'},
    )
    world.salesforce.create('app_email', {KEY: 's1', 'Email__c': 'ben@people.example'})
    return world


@pytest.fixture
async def browser(world: World) -> AsyncIterator[httpx2.AsyncClient]:
    transport = httpx2.ASGITransport(create_app(world))
    async with httpx2.AsyncClient(transport=transport, base_url=SANDBOX, follow_redirects=True) as client:
        yield client


async def test_people_calls_and_the_allowance_are_shown(browser: httpx2.AsyncClient, world: World) -> None:
    await open_caller(world).query(f"SELECT Id FROM {USER} WHERE {KEY} = '1'")
    page = (await browser.get(PAGE)).text
    for told in ('Ada &lt;b&gt;', 'ada@people.example', 'Lists__c: <bdi>Educators', 'AU-000001', '[not provided]'):
        assert told in page
    for told in ('of 15000 calls in 24 hours', 'GET /v64.0/query', 'q=SELECT Id FROM', '1 session<', 'flow on'):
        assert told in page
    assert '<style' not in page
    assert 'ben@people.example' not in (await browser.get(PAGE, params={'q': 'ADA@'})).text
    assert '<b>1</b> app users, <b>2</b> contacts' in (await browser.get('/')).text


async def test_an_admin_edits_flags_deletes_and_merges(browser: httpx2.AsyncClient, world: World) -> None:
    crm = world.salesforce
    [user], [first, second] = list(crm.kind('app_user').live()), list(crm.contacts.live())

    async def act(kind: str, record_id: str, act: str, **more: str) -> str:
        answer = await browser.post(PAGE, data={'kind': kind, 'id': record_id, 'act': act, **more})
        assert [one.status_code for one in answer.history] == [303]
        return answer.text

    await act('app_user', user['Id'], 'set_field', field='Is_Educator__c', value='yes')
    await act('app_user', user['Id'], 'set_field', field='Last_Name__c', value='')
    assert 'A sustainer.' in await act('app_user', user['Id'], 'sustainer')
    row = crm.kind('app_user').rows[user['Id']]
    assert (row['Is_Educator__c'], row['Is_Sustainer__c']) == (True, True)
    await act('app_user', user['Id'], 'no_sustainer')
    assert f'merged into {second["Id"]}' in await act('contact', first['Id'], 'merge', survivor=second['Id'])
    assert crm.kind('app_user').rows[user['Id']]['Contact__c'] == second['Id']
    assert 'Undelete' in await act('app_user', user['Id'], 'delete')
    await act('app_user', user['Id'], 'undelete')
    assert not crm.kind('app_user').rows[user['Id']]['IsDeleted']


async def test_the_org_is_broken_and_mended(browser: httpx2.AsyncClient, world: World) -> None:
    crm = world.salesforce
    await open_caller(world).sign_in()
    for form in ('end_sessions', 'lock', 'use_up', 'flow_off', 'writable'):
        assert 'class="said done"' in (await browser.post(PAGE, data={'act': form})).text
    state = crm.state()
    assert (state['sessions'], state['troubles']['locks'], state['flow']['on']) == (0, 1, False)
    assert (state['calls']['used'], 'Contact' in state['writable']) == (15_000, True)
    assert 'nonsense' in (await browser.post(PAGE, data={'act': 'fail', 'fault': 'nonsense', 'path': '/query'})).text
    assert [one['path'] for one in crm.state()['faults']] == ['/query']
    for form in ('give_calls', 'flow_on', 'read_only', 'mend'):
        await browser.post(PAGE, data={'act': form})
    state = crm.state()
    assert (state['troubles']['locks'], state['flow']['on'], state['calls']['used']) == (0, True, 0)


async def test_people_are_made_and_shown_in_pages(browser: httpx2.AsyncClient, world: World) -> None:
    answer = await browser.post(PAGE, data={'act': 'create', 'last_name': 'Levi', 'email': 'levi@people.example'})
    assert 'Levi is made.' in answer.text
    await browser.post(PAGE, data={'act': 'load_legacy_people', 'count': '45'})
    answer = await browser.post(PAGE, data={'act': 'load_legacy_people', 'count': '5'})
    assert '1 of 3' in answer.text
    users = list(world.salesforce.kind('app_user').live())
    assert len({row['Legacy_Id__c'] for row in users}) == 51
    assert 'Ada' in (await browser.get(PAGE, params={'page': 3})).text


@pytest.mark.behaviour('AU-21')
async def test_a_list_shows_whom_it_reaches(browser: httpx2.AsyncClient, world: World) -> None:
    page = (await browser.get('/pages/lists')).text
    assert page.count('ada@people.example') == 1
    assert page.count('Nobody.') == 3
    [user] = world.salesforce.kind('app_user').live()
    world.salesforce.edit('app_user', user['Id'], Review_Reason__c='spam')
    assert 'ada@people.example' not in (await browser.get('/pages/lists')).text


@pytest.mark.parametrize(
    'form',
    [
        {'act': 'fly'},
        {'act': 'fly', 'kind': 'contact', 'id': '003gL0000000001QAA'},
        {'act': 'delete', 'kind': 'nothing', 'id': 'x'},
        {'act': 'delete', 'kind': 'contact', 'id': 'x'},
        {'act': 'merge', 'kind': 'contact', 'id': '003gL0000000001QAA', 'survivor': '003gL0000000001QAA'},
        {'act': 'set_field', 'kind': 'contact', 'id': '003gL0000000001QAA', 'field': 'Email', 'value': 'x'},
        {'act': 'set_field', 'kind': 'contact', 'id': '003gL0000000001QAA', 'field': 'Nothing', 'value': 'x'},
        {'act': 'load_legacy_people', 'count': 'many'},
        {'act': 'create'},
        {'act': 'fail', 'fault': 'flood'},
    ],
)
async def test_what_cannot_be_done_is_said(browser: httpx2.AsyncClient, world: World, form: dict[str, str]) -> None:
    before = world.salesforce.state()
    answer = await browser.post(PAGE, data=form)
    assert answer.status_code == 200
    assert 'class="said failed"' in answer.text
    assert world.salesforce.state() == before
