"""People of the emulated NationBuilder: pushed, matched, checked, found and gone."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.sandbox.nation import Caller, make_world, open_caller, person


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with open_caller() as caller:
        yield caller


async def test_a_push_makes_a_person_once_and_then_changes_them(caller: Caller) -> None:
    made = await caller.push(201, external_id='u-1', email=' Ada@Example.COM ', first_name='Ada')
    assert (made['type'], made['id'].isdigit()) == ('signups', True)
    assert made['attributes']['email'] == made['attributes']['email1'] == 'ada@example.com'
    caller.let_pass(60)
    again = await caller.push(200, external_id='u-1', last_name="O'Brien")
    assert again['id'] == made['id']
    assert (again['attributes']['first_name'], again['attributes']['full_name']) == ('Ada', "Ada O'Brien")
    assert made['attributes']['updated_at'] == '2026-03-02T04:00:00-05:00'
    assert again['attributes']['updated_at'] == '2026-03-02T04:01:00-05:00'
    caller.let_pass(60)
    same = await caller.push(200, external_id='u-1', last_name="O'Brien")
    assert same['attributes']['updated_at'] == again['attributes']['updated_at']


async def test_the_first_identifier_that_is_known_decides(caller: Caller) -> None:
    """Bad manners: an unknown external id with somebody's address takes that person over."""
    ada = await caller.push(201, external_id='u-1', email='ada@example.com')
    ben = await caller.push(201, external_id='u-2', email='ben@example.com')
    taken = await caller.push(200, external_id='u-3', email='ada@example.com')
    assert (taken['id'], taken['attributes']['external_id']) == (ada['id'], 'u-3')
    body = person(external_id='u-2', email='ada@example.com')
    assert await caller.refused('PATCH', '/signups/push', body) == (422, 'email taken')
    assert (await caller.ok('GET', f'/signups/{ben["id"]}'))['data']['attributes']['email'] == 'ben@example.com'
    other = await caller.push(200, salesforce_id='unknown', email2='BEN@example.com', email='ben@example.com')
    assert other['id'] == ben['id']


@pytest.mark.parametrize(
    ('attributes', 'wanted'),
    [
        ({'email': 'not-an-email'}, (422, 'email invalid')),
        ({'email': 'taken@example.com'}, (422, 'email taken')),
        ({'first_name': 'A', 'email3': 'taken@example.com'}, (422, 'email3 taken')),
        ({'first_name': 'A', 'external_id': 'u-1'}, (422, 'external_id taken')),
        ({'first_name': 'A', 'sex': 'x'}, (422, 'sex inclusion')),
        ({'first_name': 'A' * 256}, (422, 'first_name too_long')),
        ({}, (422, 'base blank')),
        ({'first_name': True}, (400, 'bad_request')),
        ({'first_name': 'A', 'email_opt_in': 'yes'}, (400, 'bad_request')),
        ({'first_name': 'A', 'signup_type': '1.5'}, (400, 'bad_request')),
        ({'first_name': 'A', 'born_at': 'yesterday'}, (400, 'bad_request')),
        ({'first_name': 'A', 'banned_at': '2026-03-02'}, (400, 'bad_request')),
        ({'nickname': 'A'}, (400, 'bad_request')),
        ({'first_name': 'A', 'full_name': 'A'}, (400, 'bad_request')),
        ({'first_name': 'A', 'custom_values': {'unknown': 'x'}}, (400, 'bad_request')),
        ({'first_name': 'A', 'custom_values': {'level': 'high'}}, (422, 'custom_values invalid')),
        ({'first_name': 'A', 'facebook_username': 'a'}, (400, 'bad_request')),
    ],
)
async def test_what_does_not_fit_writes_nothing(
    caller: Caller, attributes: dict[str, Any], wanted: tuple[int, str]
) -> None:
    caller.nation.act('add_custom_field', name='Level', slug='level', field_type='number')
    await caller.push(201, external_id='u-1', email='taken@example.com')
    before = caller.nation.store.dump()
    assert await caller.refused('POST', '/signups', person(**attributes)) == wanted
    assert caller.nation.store.dump() == before


@pytest.mark.parametrize(
    ('method', 'path', 'body'),
    [
        ('POST', '/signups', None),
        ('POST', '/signups', []),
        ('POST', '/signups', {'data': []}),
        ('POST', '/signups', {'data': {'type': 'people', 'attributes': {}}}),
        ('POST', '/signups', {'data': {'type': 'signups', 'attributes': []}}),
        ('PATCH', '/signups/1', {'data': {'type': 'signups', 'id': '2', 'attributes': {}}}),
        ('PATCH', '/signups/1', {'data': {'type': 'signups', 'attributes': {}}}),
        ('POST', '/signups?include=bogus', person(first_name='A')),
        ('GET', '/signups?page[size]=101', None),
        ('GET', '/signups?page[size]=0', None),
        ('GET', '/signups?page[number]=0', None),
        ('GET', '/signups?page[number]=x', None),
        ('GET', '/signups?filter[bogus]=1', None),
        ('GET', '/signups?filter[first_name][gt]=1', None),
        ('GET', '/signups?filter[donations_count]=many', None),
        ('GET', '/signups?filter[created_at][gt]=soon', None),
        ('GET', '/signups?fields[signups]=bogus', None),
        ('GET', '/signups?extra_fields[signups]=bogus', None),
        ('GET', '/signups?sort=bogus', None),
        ('GET', '/signups?sort=custom_values', None),
        ('GET', '/signups?filter[custom_values]=x', None),
        ('GET', '/signups?filter[id][gt]=x', None),
        ('GET', '/signups?filter[email]x=1', None),
    ],
)
async def test_a_bad_request_is_told_flatly(caller: Caller, method: str, path: str, body: Any) -> None:
    count = len(caller.nation.store.tables['signups'])
    assert await caller.refused(method, path, body) == (400, 'bad_request')
    assert len(caller.nation.store.tables['signups']) == count


async def test_bodies_come_as_json_of_either_name(caller: Caller) -> None:
    plain = {'content-type': 'application/json'}
    assert (await caller.call('POST', '/signups', person(first_name='A'), **plain)).status_code == 201
    other = {'content-type': 'text/plain'}
    assert (await caller.call('POST', '/signups', person(first_name='B'), **other)).status_code == 415
    headers = {'authorization': f'Bearer {caller.tokens["access_token"]}', 'content-type': 'application/json'}
    torn = await caller.client.post('/nationbuilder/api/v2/signups', content=b'{"data":', headers=headers)
    assert (torn.status_code, torn.json()['code']) == (400, 'bad_request')


async def test_every_page_names_a_next_one_even_where_nothing_is(caller: Caller) -> None:
    caller.nation.act('add_people', count=41)
    seen, path, pages = [], '/signups', 0
    while True:
        page = await caller.ok('GET', path)
        pages += 1
        assert page['links']['next'] is not None
        if not page['data']:
            break
        seen += [one['id'] for one in page['data']]
        path = page['links']['next'].removeprefix('/api/v2')
    assert (pages, len(seen), len(set(seen))) == (4, 42, 42)
    assert page['links']['next'].endswith('page[number]=5')
    assert page['links']['prev'].endswith('page[number]=3')
    assert (await caller.ok('GET', '/signups'))['links']['prev'] is None
    assert len(await caller.ids('/signups?page[size]=100')) == 42


@pytest.mark.parametrize(
    ('query', 'wanted'),
    [
        ('filter[external_id]=u-1', 'ada'),
        ('filter[external_id]=u-1,u-2', 'ada ben'),
        ('filter[email]=ADA@example.com', 'ada'),
        ('filter[email]=second@example.com', 'ben'),
        ('filter[email][suffix]=@example.com', 'ada ben'),
        ('filter[first_name]=ADA', 'ada'),
        ('filter[first_name][eql]=ADA', ''),
        ('filter[first_name][not_eq]=ada', 'ben cleo owner'),
        ('filter[first_name][prefix]=b', 'ben'),
        ('filter[first_name][match]=e', 'ben cleo'),
        ('filter[last_name]={{Price, Jr}}', 'cleo'),
        ('filter[last_name]=null', 'ada'),
        ('filter[external_id][not_eq]=null', 'ada ben'),
        ('filter[support_level][gte]=3', 'ben'),
        ('filter[email_opt_in]=false', 'cleo'),
        ('filter[created_at][gt]=2026-03-02T09:00:30Z', 'cleo'),
        ('filter[created_at][lte]=2026-03-02T04:00:30', 'ada ben owner'),
        ('filter[id]=1,2,99', 'ada owner'),
        ('filter[first_name]=ada&filter[last_name]=null&sort=-id', 'ada'),
    ],
)
async def test_people_are_found(caller: Caller, query: str, wanted: str) -> None:
    names = {caller.nation.owner: 'owner'}
    names[(await caller.push(201, first_name='Ada', external_id='u-1', email='ada@example.com'))['id']] = 'ada'
    ben = {'first_name': 'Ben', 'last_name': 'Levi', 'external_id': 'u-2', 'support_level': 4}
    names[(await caller.push(201, **ben, email='ben@example.com', email2='second@example.com'))['id']] = 'ben'
    caller.let_pass(60)
    cleo = {'first_name': 'Cleo', 'last_name': 'Price, Jr', 'email_opt_in': False}
    names[(await caller.push(201, **cleo))['id']] = 'cleo'
    found = await caller.ids(f'/signups?{query}')
    assert ' '.join(sorted(names[one] for one in found)) == wanted


async def test_people_are_sorted(caller: Caller) -> None:
    for name in ('Ben', 'ada', None):
        await caller.push(201, first_name=name, last_name='Levi')
    found = (await caller.ok('GET', '/signups?sort=-first_name,id&filter[last_name]=Levi'))['data']
    assert [one['attributes']['first_name'] for one in found] == ['Ben', 'ada', None]
    found = (await caller.ok('GET', '/signups?sort=-id'))['data']
    assert [one['id'] for one in found] == ['4', '3', '2', '1']


async def test_only_what_was_asked_for_is_shown(caller: Caller) -> None:
    await caller.push(201, first_name='Ada', external_id='u-1')
    caller.nation.act('tag_person', id='2', tag='sustainer')
    caller.nation.act('add_membership', id='2', membership_type='Friend')
    path = '/signups/2?fields[signups]=first_name&extra_fields[signups]=home_address&include=signup_tags,memberships'
    found = await caller.ok('GET', f'{path}&fields[signup_tags]=name')
    assert found['data']['attributes'] == {'first_name': 'Ada', 'home_address': None}
    assert found['data']['relationships']['signup_tags']['data'] == [{'type': 'signup_tags', 'id': '1'}]
    tag, membership = found['included']
    assert tag['attributes'] == {'name': 'sustainer'}
    assert (membership['type'], membership['attributes']['status']) == ('memberships', 'active')
    assert await caller.refused('GET', '/signups?include=bogus') == (400, 'bad_request')


async def test_custom_values_are_patched_by_slug(caller: Caller) -> None:
    nation = caller.nation
    nation.act('add_custom_field', name='Level', slug='level', field_type='number')
    nation.act('add_custom_field', name='Teacher', slug='teacher', field_type='checkbox')
    nation.act('add_custom_field', name='Way', slug='way', field_type='multiple_choice', options=['web', 'app'])
    fields = (await caller.ok('GET', '/custom_fields'))['data']
    assert [one['attributes']['slug'] for one in fields] == ['level', 'teacher', 'way']
    assert fields[2]['attributes']['options'] == {'1': 'web', '2': 'app'}
    assert (await caller.ok('GET', '/custom_fields/2'))['data']['attributes']['resource_type'] == 'Signup'
    made = await caller.push(201, external_id='u', first_name='A', custom_values={'level': 3, 'teacher': True})
    assert made['attributes']['custom_values'] == {'level': '3', 'teacher': True, 'way': None}
    changed = await caller.push(200, external_id='u', custom_values={'level': None, 'way': 'app'})
    assert changed['attributes']['custom_values'] == {'level': None, 'teacher': True, 'way': 'app'}
    body = person(external_id='u', custom_values={'way': 'letter'})
    assert await caller.refused('PATCH', '/signups/push', body) == (422, 'custom_values invalid')


async def test_an_address_moves_between_places(caller: Caller) -> None:
    made = await caller.push(201, email='old@example.com', email2='new@example.com')
    body = {'data': {'type': 'signups', 'id': made['id'], 'attributes': {'primary_email_id': 2}}}
    changed = (await caller.ok('PATCH', f'/signups/{made["id"]}', body))['data']['attributes']
    assert (changed['email'], changed['email1']) == ('new@example.com', 'old@example.com')
    changed = (await caller.push(200, email='old@example.com', email1=None, email2='newer@example.com'))['attributes']
    assert (changed['email'], changed['email2']) == ('old@example.com', 'old@example.com')


async def test_whoever_is_deleted_is_gone_with_all_that_hung_on_them(caller: Caller) -> None:
    nation = caller.nation
    made = await caller.push(201, external_id='u-1', email='ada@example.com')
    nation.act('add_list', name='News')
    nation.act('join_list', slug='news', id=made['id'])
    nation.act('tag_person', id=made['id'], tag='sustainer')
    nation.act('add_membership', id=made['id'], membership_type='Friend')
    assert await caller.ok('DELETE', f'/signups/{made["id"]}') == {'meta': {}}
    for method in ('GET', 'DELETE'):
        assert await caller.refused(method, f'/signups/{made["id"]}') == (404, 'not_found')
    for path in ('/signup_taggings', '/memberships', '/lists/1/signups', '/signups?filter[external_id]=u-1'):
        assert await caller.ids(path) == []
    again = await caller.push(201, external_id='u-1', email='ada@example.com')
    assert again['id'] != made['id']


async def test_the_token_speaks_for_somebody_of_the_nation(caller: Caller) -> None:
    found = (await caller.ok('GET', '/signups/me'))['data']
    assert (found['id'], found['attributes']['is_cpu']) == (caller.nation.owner, True)


async def test_a_merge_leaves_one_person_with_both_halves(caller: Caller) -> None:
    nation = caller.nation
    loser = nation.act('add_person', first_name='Ada', email='a@example.com', external_id='u-1', tags=['one', 'both'])
    nation.act('bounce', id=loser)
    survivor = nation.act('add_person', last_name='Levi', email='b@example.com', tags=['both'])
    nation.act('add_list', name='News')
    nation.act('join_list', slug='news', id=loser)
    merged = nation.act('merge_people', loser=loser, survivor=survivor)
    assert (merged['external_id'], merged['email'], merged['email2']) == ('u-1', 'b@example.com', 'a@example.com')
    assert 'email1_is_bouncing' not in merged
    assert (sorted(merged['tags']), merged['lists']) == (['both', 'one'], ['news'])
    assert await caller.refused('GET', f'/signups/{loser}') == (404, 'not_found')
    assert await caller.ids('/signups?filter[external_id]=u-1') == [survivor]


async def test_the_same_steps_make_the_same_nation() -> None:
    worlds = [make_world(seed=3), make_world(seed=3)]
    for world in worlds:
        world.nationbuilder.act('add_list', name='News')
        world.nationbuilder.act('add_people', count=50, tags={'sustainer': 7}, lists={'news': 2}, membership='Friend')
        world.nationbuilder.act('give_token')
    assert worlds[0].dump() == worlds[1].dump()
