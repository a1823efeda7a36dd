"""App users in a nation: made, changed, put on lists, moderated, and found."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from hermes.db.server.embedded import Server
from hermes.domain.errors import Unreadable
from hermes.domain.model import Event, Record, RecordRef
from hermes.people.sustainers import sync_sustainers
from hermes.ports import encode_answer
from hermes.sync.batches import lookup_request
from tests import postgres
from tests.flows.house import House
from tests.flows.nation import LISTS, NATION, WHO, open_nation, people, shown, sign_up


@pytest.fixture
async def house(migrated_server: Server, tmp_path: Path) -> AsyncIterator[House]:
    with postgres.fresh_database(migrated_server) as url:
        async with open_nation(url, tmp_path) as opened:
            yield opened


@pytest.mark.behaviour('AU-1', 'AU-16')
async def test_who_signs_up_stands_in_the_nation_with_tags_and_lists(house: House) -> None:
    number = await sign_up(house, lists=['News', 'Educators'], educator=True, lang='he')
    await house.settle()
    [person] = people(house)
    assert (person['email'], person['last_name'], person['external_id']) == (
        'ada@readers.example',
        "O'Brien",
        str(number),
    )
    assert sorted(person['tags']) == ['app user', 'educator']
    assert person['lists'] == ['educators', 'news']
    told = await shown(house, number)
    assert (told['crm_id'], told['state']) == (person['id'], 'WroteSalesforceAppUserUid')
    [push] = await house.rows('select * from push where system = %s', NATION)
    assert (push['wanted'], push['intent']) == (push['done'], None)


async def test_nothing_is_written_twice(house: House) -> None:
    await sign_up(house, lists=['News'])
    await house.settle()
    house.mark()
    await house.settle()
    assert house.calls('PATCH', system=NATION) == []
    assert len(house.world.nationbuilder.jobs.jobs) == 1


async def test_another_address_goes_to_the_same_person(house: House) -> None:
    number = await sign_up(house)
    await house.settle()
    before = (await shown(house, number))['crm_id']
    answer = await house.web.patch(f'/people/{number}/', json={'email': 'Ada.New@readers.example'}, headers=WHO)
    assert answer.status_code == 202
    await house.settle()
    [person] = people(house)
    assert (person['id'], person['email']) == (before, 'ada.new@readers.example')


async def test_who_is_known_already_is_not_made_again(house: House) -> None:
    known = house.world.nationbuilder.add_person(email='Ada@Readers.example', first_name='Ada')
    number = await sign_up(house)
    await house.settle()
    assert [person['id'] for person in people(house)] == [known]
    assert (await shown(house, number))['crm_id'] == known


@pytest.mark.behaviour('AU-4')
async def test_spam_is_deleted_where_nothing_else_hangs_on_it(house: House) -> None:
    number = await sign_up(house, lists=['News'])
    await house.settle()
    await house.web.post(f'/people/{number}/moderation/', json={'action': 'spam'}, headers=WHO)
    await house.settle()
    assert people(house) == []
    assert (await shown(house, number))['crm_id'] is None
    assert house.calls('DELETE', system=NATION)


@pytest.mark.behaviour('AU-4')
async def test_spam_with_a_life_of_its_own_is_shown_to_people_and_kept(house: House) -> None:
    number = await sign_up(house)
    await house.settle()
    [person] = people(house)
    house.world.nationbuilder.add_membership(person['id'], 'Gold')
    await house.web.post(f'/people/{number}/moderation/', json={'action': 'spam'}, headers=WHO)
    await house.settle()
    [person] = people(house)
    assert sorted(person['tags']) == ['app user', 'review: spam']


@pytest.mark.behaviour('AU-5')
async def test_a_review_comes_and_goes_as_a_tag(house: House) -> None:
    number = await sign_up(house)
    await house.settle()
    await house.web.post(f'/people/{number}/moderation/', json={'action': 'review'}, headers=WHO)
    await house.settle()
    assert sorted(people(house)[0]['tags']) == ['app user', 'review']


@pytest.mark.behaviour('AU-16')
async def test_a_job_that_fails_parks_it_with_words(house: House) -> None:
    house.world.nationbuilder.fail_jobs()
    number = await sign_up(house, lists=['News'])
    await house.settle()
    [push] = await house.rows('select * from push where system = %s', NATION)
    assert push['state'] == 'parked'
    assert 'mailing lists' in push['reason']
    assert (await shown(house, number))['crm_id']


async def test_a_job_that_never_ends_parks_it_with_words(house: House) -> None:
    house.world.nationbuilder.stall_jobs()
    await sign_up(house, lists=['News'])
    for _ in range(20):
        await house.settle()
        house.clock.advance(60)
    [push] = await house.rows('select * from push where system = %s', NATION)
    assert (push['state'], 'in vain' in push['reason']) == ('parked', True)


async def test_a_list_that_is_not_there_is_named(house: House) -> None:
    await sign_up(house, lists=['Nowhere'])
    await house.settle()
    [push] = await house.rows('select * from push where system = %s', NATION)
    assert (push['state'], push['detail']['fields']) == ('parked', ['lists'])
    assert 'Nowhere' in push['reason']


async def test_a_subscription_leaves_the_account_of_the_same_address_alone(house: House) -> None:
    number = await sign_up(house, lists=['News'])
    await house.settle()
    body = {'email': 'ada@readers.example', 'lists': ['Educators']}
    answer = await house.web.post('/people/subscriptions/', json=body, headers=WHO)
    assert answer.status_code == 202, answer.text
    await house.settle()
    [person] = people(house)
    assert (person['external_id'], person['first_name']) == (str(number), 'Ada')
    assert person['lists'] == ['educators', 'news']


@pytest.mark.parametrize(
    'kind', ['lost', 'error_after', 'torn', 'page_after', 'nonsense', 'rate_limited', 'error', 'page']
)
async def test_nobody_is_made_twice_whatever_becomes_of_the_answer(house: House, kind: str) -> None:
    house.world.nationbuilder.fail(kind, 2, 'PATCH', '/signups/push')
    number = await sign_up(house, lists=['News'])
    await house.settle()
    [person] = people(house)
    assert person['lists'] == ['news']
    assert (await shown(house, number))['crm_id'] == person['id']


async def test_refused_fields_are_named(house: House) -> None:
    await sign_up(house, first_name='x' * 199, email='ada@readers.example')
    await house.settle()
    number = await sign_up(house, email='bea@readers.example', user_id='b')
    house.world.nationbuilder.add_person(email='taken@readers.example', external_id='999')
    await house.settle()
    await house.web.patch(f'/people/{number}/', json={'email': 'taken@readers.example'}, headers=WHO)
    await house.settle()
    [push] = await house.rows('select * from push where system = %s and record_id = %s', NATION, number)
    assert (push['state'], push['detail']['fields']) == ('parked', ['email'])


@pytest.mark.behaviour('AU-6', 'AU-16')
async def test_sustainers_are_read_to_an_empty_page(house: House) -> None:
    """A full page may be the last one, and every page names a next."""
    numbers = [await sign_up(house, email=f'reader{number}@readers.example') for number in range(2)]
    await house.settle()
    nation = house.world.nationbuilder
    others = nation.add_people(99)
    for person in (*others, (await shown(house, numbers[1]))['crm_id']):
        nation.tag_person(person, 'sustainer')
    house.mark()
    done = await sync_sustainers(house.engine)
    assert (done.read, done.on) == (100, (numbers[1],))
    assert len(house.calls('GET', '/signup_taggings', system=NATION)) == 2
    nation.fail('error', 1, 'GET', '/signup_taggings')
    with pytest.raises(Unreadable, match='to the end'):
        await sync_sustainers(house.engine)


async def test_two_hundred_are_looked_up_in_a_few_requests(house: House) -> None:
    nation = house.world.nationbuilder
    known = nation.add_people(200)
    records = [Record(RecordRef('app_user', number), {'legacy_id': person}) for number, person in enumerate(known, 1)]
    house.mark()
    system = house.engine.systems[NATION]
    request = lookup_request(records, 'legacy_id')
    answer = await system.send(request, None)  # type: ignore[arg-type]
    event = Event(1, NATION, 'read', encode_answer(request, answer), house.clock.now())
    elements = system.observe(event, None)  # type: ignore[arg-type]
    assert [element.lookup.found for element in elements if element.lookup] == [(person,) for person in known]
    assert len(house.calls('GET', '/signups', system=NATION)) == 8


async def test_the_host_sees_the_lists_of_the_nation(house: House) -> None:
    told = (await house.web.get('/people/lists/', headers=WHO)).json()
    assert set(LISTS) <= set(told['lists'])


async def test_many_go_out_without_one_request_too_many(house: House) -> None:
    for number in range(45):
        await sign_up(house, email=f'reader{number}@readers.example', lists=['News'])
    await house.settle()
    assert len(people(house)) == 45
    assert all(person['lists'] == ['news'] for person in people(house))
    assert house.world.nationbuilder.limits.overruns == 0
