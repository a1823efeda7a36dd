"""Lists, tags and memberships of the emulated NationBuilder, and the jobs that deal with many people later."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sandbox.nation import Caller, open_caller

Json = dict[str, Any]


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with open_caller() as caller:
        caller.nation.act('add_list', name='English news')
        caller.nation.act('add_people', count=4)
        yield caller


def body(kind: str, wanted: str | None = None, **attributes: Any) -> Json:
    return {'data': {'type': kind, **({'id': wanted} if wanted else {}), 'attributes': attributes}}


def on_list(people: Any, wanted: str = '1') -> Json:
    return {'data': {'type': 'lists', 'id': wanted, 'signup_ids': people}}


async def begin(caller: Caller, action: str, told: Json, wanted: str = '1') -> str:
    token: str = (await caller.ok('PATCH', f'/lists/{wanted}/{action}', told, 202))['token']
    return token


async def status(caller: Caller, token: str) -> str:
    told: str = (await caller.ok('GET', f'/async_processes/{token}'))['status']
    return told


async def test_people_are_put_on_a_list_some_seconds_later(caller: Caller) -> None:
    token = await begin(caller, 'add_signups', on_list(['2', '3']))
    assert await status(caller, token) == 'queued'
    caller.let_pass(1)
    assert await status(caller, token) == 'working'
    assert await caller.ids('/lists/1/signups') == []
    caller.let_pass(1)
    told = await caller.ok('GET', f'/async_processes/{token}')
    done = 'Completed at 2026-03-02 09:00:02 +0000'
    assert told == {'id': token, 'status': 'completed', 'message': done}
    assert await caller.ids('/lists/1/signups') == ['2', '3']
    assert (await caller.ok('GET', '/lists/1'))['data']['attributes']['signups_count'] == 2
    await begin(caller, 'remove_signups', on_list(['2', '5']))
    caller.let_pass(2)
    assert await caller.ids('/lists/1/signups?page[size]=1&page[number]=1') == ['3']


async def test_whoever_is_not_there_is_left_out_without_a_word(caller: Caller) -> None:
    token = await begin(caller, 'add_signups', on_list(['2', '999', 3]))
    caller.nation.act('delete_person', id='3')
    caller.let_pass(2)
    assert await status(caller, token) == 'completed'
    assert await caller.ids('/lists/1/signups') == ['2']


async def test_a_job_fails_halfway(caller: Caller) -> None:
    caller.nation.act('fail_jobs', done_first=1)
    tokens = [await begin(caller, 'add_signups', on_list(['2', '3'])) for _ in range(2)]
    caller.let_pass(1.5)
    assert await status(caller, tokens[0]) == 'working'
    caller.let_pass(0.5)
    assert [await status(caller, token) for token in tokens] == ['failed', 'completed']
    caller.nation.act('fail_jobs', done_first=1)
    token = await begin(caller, 'remove_signups', on_list(['2', '3']))
    caller.let_pass(2)
    assert await status(caller, token) == 'failed'
    assert await caller.ids('/lists/1/signups') == ['3']


async def test_a_job_never_ends_until_somebody_mends_it(caller: Caller) -> None:
    caller.nation.act('stall_jobs')
    token = await begin(caller, 'add_signups', on_list(['2']))
    caller.let_pass(3600)
    assert await status(caller, token) == 'working'
    caller.nation.act('mend')
    assert await status(caller, token) == 'completed'


async def test_an_unknown_or_old_job_is_not_found(caller: Caller) -> None:
    token = await begin(caller, 'add_signups', on_list(['2']))
    assert await caller.refused('GET', '/async_processes/none') == (404, 'not_found')
    caller.let_pass(86_401)
    caller.sign_in()
    assert await caller.refused('GET', f'/async_processes/{token}') == (404, 'not_found')
    caller.nation.act('forget_jobs')
    assert caller.nation.state()['jobs'] == []
    caller.let_pass(3600)
    assert await caller.ids('/lists/1/signups') == ['2']  # it was done before it was forgotten


@pytest.mark.parametrize(
    ('path', 'told', 'wanted'),
    [
        ('/lists/1/add_signups', on_list(['2'] * 10_001), (400, 'bad_request')),
        ('/lists/1/add_signups', on_list('2'), (400, 'bad_request')),
        ('/lists/1/add_signups', on_list([None]), (400, 'bad_request')),
        ('/lists/1/remove_signups', on_list(['2'], '2'), (400, 'bad_request')),
        ('/lists/9/add_signups', on_list(['2'], '9'), (404, 'not_found')),
        ('/lists/1/tag', on_list(['2']), (400, 'bad_request')),
    ],
)
async def test_a_job_that_cannot_be_begun_is_refused(
    caller: Caller, path: str, told: Json, wanted: tuple[int, str]
) -> None:
    assert await caller.refused('PATCH', path, told) == wanted
    assert caller.nation.jobs.jobs == {}


async def test_everybody_on_a_list_is_tagged(caller: Caller) -> None:
    for person in ('2', '3'):
        caller.nation.act('join_list', slug='english_news', id=person)
    await begin(caller, 'tag', {'data': {'type': 'lists', 'id': '1', 'tag': 'Reader'}})
    caller.let_pass(2)
    assert [one['attributes']['name'] for one in (await caller.ok('GET', '/signup_tags'))['data']] == ['Reader']
    assert len(await caller.ids('/signup_taggings?filter[tag_id]=1')) == 2
    await begin(caller, 'untag', {'data': {'type': 'lists', 'id': '1', 'tag': 'reader'}})
    caller.let_pass(2)
    assert await caller.ids('/signup_taggings') == []


async def test_lists_are_made_named_and_thrown_away(caller: Caller) -> None:
    made = (await caller.ok('POST', '/lists', body('lists', name='Hebrew news', author_id='1'), 201))['data']
    assert made['attributes']['slug'] == 'hebrew_news'
    assert await caller.refused('POST', '/lists', body('lists', name='Hebrew news')) == (422, 'slug taken')
    assert await caller.refused('POST', '/lists', body('lists')) == (422, 'name blank')
    changed = await caller.ok('PATCH', '/lists/2', body('lists', '2', name='Hebrew'))
    assert (changed['data']['attributes']['name'], changed['data']['attributes']['slug']) == ('Hebrew', 'hebrew_news')
    assert await caller.ids('/lists?filter[slug]=hebrew_news') == ['2']
    found = await caller.ok('GET', '/lists?include=author')
    assert [one['id'] for one in found['included']] == ['1']
    assert found['data'][1]['relationships']['author']['data'] == {'type': 'signups', 'id': '1'}
    caller.nation.act('join_list', slug='hebrew_news', id='2')
    assert await caller.ok('DELETE', '/lists/2') == {'meta': {}}
    assert await caller.refused('GET', '/lists/2/signups') == (404, 'not_found')
    assert caller.nation.state()['signups'][1]['lists'] == []


async def test_a_tag_is_one_whatever_its_letters(caller: Caller) -> None:
    tag = (await caller.ok('POST', '/signup_tags', body('signup_tags', name='Sustainer'), 201))['data']
    assert await caller.refused('POST', '/signup_tags', body('signup_tags', name='sustainer')) == (422, 'name taken')
    assert await caller.refused('POST', '/signup_tags', body('signup_tags', name=' ')) == (422, 'name blank')
    assert await caller.ids('/signup_tags?filter[name]=SUSTAINER') == [tag['id']]
    told = body('signup_taggings', signup_id='2', tag_id=tag['id'])
    tagging = (await caller.ok('POST', '/signup_taggings', told, 201))['data']
    assert (await caller.ok('POST', '/signup_taggings', told, 201))['data']['id'] == tagging['id']
    caller.nation.act('manners', refuses_second_tagging=True)
    assert await caller.refused('POST', '/signup_taggings', told) == (422, 'tag_id taken')
    assert await caller.ids('/signup_taggings?filter[signup_id]=2') == [tagging['id']]
    assert await caller.ids(f'/signup_taggings?filter[tag_id]={tag["id"]}') == [tagging['id']]
    assert await caller.ids('/signup_tags?filter[signup_id]=2') == [tag['id']]
    assert await caller.ids('/signup_tags?filter[signup_id]=3') == []
    found = await caller.ok('GET', f'/signup_taggings/{tagging["id"]}?include=signup,tag')
    assert {(one['type'], one['id']) for one in found['included']} == {('signups', '2'), ('signup_tags', tag['id'])}
    shown = await caller.ok('GET', f'/signup_tags/{tag["id"]}?include=signups')
    assert (shown['data']['attributes']['taggings_count'], shown['included'][0]['id']) == (1, '2')
    assert await caller.ok('DELETE', f'/signup_taggings/{tagging["id"]}') == {'meta': {}}
    assert await caller.refused('DELETE', f'/signup_taggings/{tagging["id"]}') == (404, 'not_found')
    renamed = await caller.ok('PATCH', f'/signup_tags/{tag["id"]}', body('signup_tags', tag['id'], name='Patron'))
    assert renamed['data']['attributes']['name'] == 'Patron'
    assert await caller.ok('DELETE', f'/signup_tags/{tag["id"]}') == {'meta': {}}


@pytest.mark.parametrize(
    ('attributes', 'wanted'),
    [
        ({'signup_id': '2', 'tag_id': '9'}, 'tag_id blank'),
        ({'tag_id': '9'}, 'signup_id blank'),
        ({}, 'signup_id blank'),
    ],
)
async def test_a_tagging_needs_both_ends(caller: Caller, attributes: Json, wanted: str) -> None:
    told = body('signup_taggings', **attributes)
    assert await caller.refused('POST', '/signup_taggings', told) == (422, wanted)
    assert await caller.refused('PATCH', '/signup_taggings/1', told) == (404, 'not_found')


async def test_memberships_hang_on_a_person_and_a_type(caller: Caller) -> None:
    kind = (await caller.ok('POST', '/membership_types', body('membership_types', name='Sustainer'), 201))['data']
    assert kind['attributes']['grace_period_time_period_type'] == 'days'
    assert await caller.refused('POST', '/membership_types', body('membership_types')) == (422, 'name blank')
    told = {'signup_id': '2', 'membership_type_id': kind['id'], 'status': 'active', 'expires_on': '2027-03-02'}
    made = (await caller.ok('POST', '/memberships', body('memberships', **told), 201))['data']
    wrong = body('memberships', **(told | {'status': 'sleeping'}))
    assert await caller.refused('POST', '/memberships', wrong) == (422, 'status inclusion')
    orphan = body('memberships', **(told | {'signup_id': '99'}))
    assert await caller.refused('POST', '/memberships', orphan) == (422, 'signup_id blank')
    change = body('memberships', made['id'], status='canceled')
    assert (await caller.ok('PATCH', f'/memberships/{made["id"]}', change))['data']['attributes'][
        'status'
    ] == 'canceled'
    assert await caller.ids('/memberships?filter[signup_id]=2&filter[status]=canceled') == [made['id']]
    await caller.ok('DELETE', f'/membership_types/{kind["id"]}')
    assert await caller.ids('/memberships') == []


async def test_what_else_hangs_on_a_person_can_be_read(caller: Caller) -> None:
    nation = caller.nation
    for act in ('donate', 'donate', 'pledge', 'note_contact'):
        nation.act(act, id='2')
    for kind, count in (('donations', 2), ('pledges', 1), ('contacts', 1)):
        assert len(await caller.ids(f'/{kind}?filter[signup_id]=2')) == count
        assert await caller.ids(f'/{kind}?filter[signup_id]=3') == []
    shown = (await caller.ok('GET', '/signups/2'))['data']['attributes']
    assert (shown['is_donor'], shown['donations_count'], shown['donations_amount_in_cents']) == (True, 2, 3600)
    assert (await caller.ok('GET', '/donations/1'))['data']['attributes']['amount'] == '18.00'
    nation.act('merge_people', loser='2', survivor='3')
    assert len(await caller.ids('/donations?filter[signup_id]=3')) == 2
    await caller.ok('DELETE', '/signups/3')
    assert await caller.ids('/donations') == []
    assert await caller.refused('POST', '/donations', body('donations', signup_id='3')) == (404, 'not_found')


@pytest.mark.behaviour('AU-21')
async def test_a_service_reads_whoever_may_be_written_to(caller: Caller) -> None:
    nation = caller.nation
    quiet = nation.act('add_person', first_name='Quiet', email='quiet@example.com', email_opt_in=False)
    mute = nation.act('add_person', first_name='Mute')
    for person in ('2', '3', '4', quiet, mute):
        nation.act('join_list', slug='english_news', id=person)
    nation.act('unsubscribe', id='3')
    nation.act('bounce', id='4')
    nation.act('add_list', name='Empty')
    read = (await caller.client.get('/_world/nationbuilder/lists')).json()
    assert [one['signup_id'] for one in read['English news']] == ['2']
    nation.act('edit_person', id='4', email='works@example.com')
    assert [one['signup_id'] for one in nation.lists()['English news']] == ['2', '4']
    assert set(read['English news'][0]) == {'signup_id', 'email', 'name'}
    assert read['Empty'] == []
    assert len(await caller.ids('/lists/1/signups')) == 5
