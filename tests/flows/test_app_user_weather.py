"""App users and a CRM that is dead, slow, wrong or somebody else's: nobody is lost, doubled or kept back."""

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable, Callable
from typing import Any, cast
from urllib.parse import unquote

import httpx2
import psycopg
import pytest

from hermes.parts import assembly
from hermes.people.importing import import_users
from hermes.people.validation import validate
from hermes.sync.push import push_step
from tests.flows.test_host_transaction import manager
from tests.flows.test_salesforce import EMAIL, WHO, People
from tests.flows.test_salesforce import people as people
from tests.thorough import THOROUGH

MANY = 2_000 if THOROUGH else 300


async def stored(people: People, many: int, first: int = 1) -> None:
    """So many who signed up."""
    gate = asyncio.Semaphore(20)

    async def one(number: int) -> None:
        async with gate:
            await people.sign_up(f'reader{number}@readers.example', user_id=f'u-{number}')

    await asyncio.gather(*[one(number) for number in range(first, first + many)])


def standing(people: People) -> list[str]:
    return sorted(row['Email__c'] for row in people.rows())


def everybody(many: int) -> list[str]:
    return sorted(f'reader{number}@readers.example' for number in range(1, many + 1))


async def states(people: People) -> Counter[str]:
    rows = await people.house.rows('select state, count(*) as n from app_user where tombstone is null group by 1')
    return Counter({row['state']: row['n'] for row in rows})


async def nothing_parked(people: People) -> None:
    assert await people.house.rows("select id, reason from event where state in ('parked', 'failed')") == []
    assert await people.pushes() == []


@pytest.mark.behaviour('AU-10', 'AU-15', 'AU-17')
async def test_many_sign_up_while_the_crm_is_dead(people: People) -> None:
    people.house.world.weather.change(error_before_p=1.0)
    await stored(people, MANY)
    await people.house.settle(600)
    assert people.rows() == []
    people.house.world.weather.change(name='calm')
    before = people.calls()
    await people.house.settle(3600)
    assert standing(people) == everybody(MANY)
    assert people.calls() - before <= 4 * (MANY // 200 + 1)
    assert set(await states(people)) == {'WroteSalesforceAppUserUid'}
    await nothing_parked(people)


@pytest.mark.behaviour('AU-15')
@pytest.mark.parametrize(
    'trouble',
    [{'lost_answer_p': 0.5}, {'torn_answer_p': 0.5}, {'nonsense_p': 0.5}, {'empty_answer_p': 0.5},
     {'error_after_p': 0.5}, {'rate_limited_p': 0.5}, {'blocked_p': 0.5}],
    ids=lambda told: next(iter(told)),
)  # fmt: skip
async def test_one_kind_of_bad_weather_loses_and_doubles_nobody(people: People, trouble: dict[str, float]) -> None:
    people.house.world.weather.change(**trouble)
    for first in (1, 11, 21):
        await stored(people, 10, first)
        await people.house.settle(30)
        people.crm.end_sessions()
    people.house.world.weather.change(name='calm')
    people.house.clock.advance(25 * 3600)
    await people.house.settle(7200)
    assert standing(people) == everybody(30)
    await nothing_parked(people)


async def test_locked_rows_are_sent_again_and_keep_nobody_back(people: People) -> None:
    people.crm.break_things(locks=7)
    await stored(people, 20)
    await people.house.settle(3)
    assert len(people.rows()) >= 13
    await people.house.settle(600)
    assert standing(people) == everybody(20)
    await nothing_parked(people)


@pytest.mark.behaviour('AU-3')
async def test_a_subscription_and_an_app_user_of_one_address_are_two_objects(people: People) -> None:
    """Both due at once: each is looked for among its own."""
    people.crm.load_legacy_people(1)
    body = {'email': 'person1@legacy.example', 'lists': ['Newsletter']}
    assert (await people.house.web.post('/people/subscriptions/', json=body, headers=WHO)).status_code == 202
    await people.sign_up('person1@legacy.example')
    await people.house.settle()
    assert (len(people.rows()), len(people.rows(EMAIL))) == (1, 1)
    assert await people.house.rows("select 1 from subscription where state <> 'WroteSalesforceAppUserUid'") == []
    assert await people.house.rows('select 1 from decision') == []
    await nothing_parked(people)


@pytest.mark.behaviour('AU-17')
async def test_a_batch_that_is_refused_as_a_whole_goes_one_by_one(people: People) -> None:
    """Whatever the reason, the look-up and the write alike: it is nobody's but the bad one's."""
    transport: Any = people.house.transport
    inner = transport.inner

    class Refusing(httpx2.AsyncBaseTransport):
        async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
            told = unquote(str(request.url)) + (await request.aread()).decode()
            if 'reader3@' in told:
                body = [{'errorCode': 'MALFORMED_QUERY', 'message': 'no', 'fields': []}]
                return httpx2.Response(400, json=body, request=request)
            return cast(httpx2.Response, await inner.handle_async_request(request))

    transport.inner = Refusing()
    await stored(people, 6)
    await people.house.settle(600)
    assert standing(people) == [email for email in everybody(6) if email != 'reader3@readers.example']
    [(state, reason)] = await people.pushes()
    assert (state, 'MALFORMED_QUERY' in reason) == ('parked', True)
    before = people.calls()
    await people.house.settle(7200)
    assert people.calls() == before


class Meanwhile(httpx2.AsyncBaseTransport):
    """What happens while the answer to the first call of a kind is on its way; put into a house."""

    def __init__(self, people: People, part: str, happens: Callable[[], Awaitable[None]]) -> None:
        transport: Any = people.house.transport
        self.inner, self.part, self.happens, self.done = transport.inner, part, happens, False
        transport.inner = self

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        answer: httpx2.Response = await self.inner.handle_async_request(request)
        if self.part in f'{request.method} {request.url.path}' and not self.done:
            self.done = True
            await self.happens()
        return answer


async def two_workers(people: People) -> None:
    house = people.house
    engine = assembly.build_engine(
        house.settings, clock=house.clock, chance=random.Random(7), transport=house.transport, worker='another'
    )
    await engine.database.open()
    house.engines.append(engine)


@pytest.mark.behaviour('AU-15')
async def test_two_workers_at_once_make_everybody_once(people: People) -> None:
    await two_workers(people)
    await stored(people, 30)
    for _ in range(4):
        await asyncio.gather(*[push_step(engine) for engine in people.house.engines])
    await people.house.settle(600)
    assert standing(people) == everybody(30)
    await nothing_parked(people)


@pytest.mark.behaviour('AU-15')
async def test_an_answer_after_the_lease_was_lost_does_no_harm(people: People) -> None:
    """The first worker's call takes so long that another one takes over, and both answers come."""
    await two_workers(people)
    first, second = people.house.engines
    await stored(people, 5)
    await push_step(first)  # They are looked for.

    async def happens() -> None:
        people.house.clock.advance(120)
        while await push_step(second):
            pass
        people.house.clock.advance(120)
        while await push_step(second):
            pass

    meanwhile = Meanwhile(people, 'composite', happens)
    await push_step(first)
    assert meanwhile.done
    await people.house.settle(600)
    assert standing(people) == everybody(5)
    assert set(await states(people)) == {'WroteSalesforceAppUserUid'}
    await nothing_parked(people)


@pytest.mark.behaviour('AU-13')
async def test_the_target_changes_while_a_batch_is_under_way(people: People) -> None:
    await stored(people, 5)
    await push_step(people.house.engine)

    async def happens() -> None:
        await people.house.act('people.target', target='', phase='interim_target')

    meanwhile = Meanwhile(people, 'composite', happens)
    await push_step(people.house.engine)
    await people.house.settle(600)
    assert meanwhile.done
    assert {row['crm_id'] for row in await people.house.rows('select crm_id from app_user')} == {None}
    await nothing_parked(people)
    await people.house.act('people.target', target='salesforce', phase='interim_target')
    await people.house.settle(600)
    assert standing(people) == everybody(5)
    assert set(await states(people)) == {'WroteSalesforceAppUserUid'}
    await nothing_parked(people)


@pytest.mark.behaviour('AU-13')
async def test_what_waits_for_the_old_target_is_closed(people: People) -> None:
    await stored(people, 3)
    await people.house.act('people.target', target='', phase='interim_target')
    rows = await people.house.rows("select wanted, done, reason from push where system = 'salesforce'")
    assert [(row['wanted'] - row['done'], row['reason']) for row in rows] == [(0, 'target retired')] * 3
    await people.house.settle(600)
    assert people.rows() == []


async def test_another_address_while_the_creation_is_in_flight(people: People) -> None:
    told = await people.sign_up('ada@readers.example')
    await push_step(people.house.engine)

    async def happens() -> None:
        body = {'email': 'new@readers.example'}
        await people.house.web.patch(f'/people/{told["id"]}/', json=body, headers=WHO)

    meanwhile = Meanwhile(people, 'PATCH', happens)
    await people.house.settle(600)
    assert meanwhile.done
    assert standing(people) == ['new@readers.example']
    await nothing_parked(people)


@pytest.mark.behaviour('AU-20')
async def test_deleted_before_it_was_made_is_not_made(people: People) -> None:
    told = await people.sign_up('ada@readers.example')
    spam = await people.sign_up('spam@readers.example')
    await people.house.web.delete(f'/people/{told["id"]}/', headers=WHO)
    await people.house.web.post(f'/people/{spam["id"]}/moderation/', json={'action': 'spam'}, headers=WHO)
    await people.house.settle(600)
    assert people.rows() == []
    await nothing_parked(people)


@pytest.mark.behaviour('AU-2')
async def test_one_address_is_one_app_users_even_at_the_same_moment(people: People) -> None:
    async def one(number: int) -> int:
        body = {'email': 'Ada@readers.example', 'user_id': f'u-{number}'}
        return (await people.house.web.post('/people/', json=body, headers=WHO)).status_code

    told = await asyncio.gather(*[one(number) for number in range(6)])
    assert sorted(told) == [202, 409, 409, 409, 409, 409]
    await people.house.settle()
    assert len(people.rows()) == 1


async def test_the_same_sign_up_at_the_same_moment_is_one_user(people: People) -> None:
    told = await asyncio.gather(*[people.sign_up('ada@readers.example', user_id='u-1') for _ in range(6)])
    assert len({each['id'] for each in told}) == 1
    await people.house.settle()
    assert len(people.rows()) == 1


@pytest.mark.behaviour('AU-2')
async def test_two_app_users_swap_their_addresses(people: People) -> None:
    ada, bea = [await people.sign_up(f'{name}@readers.example', user_id=name) for name in ('ada', 'bea')]
    await people.house.settle()

    async def change(who: dict[str, Any], email: str) -> int:
        answer = await people.house.web.patch(f'/people/{who["id"]}/', json={'email': email}, headers=WHO)
        return answer.status_code

    assert await change(ada, 'bea@readers.example') == 409
    assert await change(ada, 'between@readers.example') == 202
    assert await change(bea, 'ada@readers.example') == 202
    assert await change(ada, 'bea@readers.example') == 202
    await people.house.settle(600)
    by_number = {row['Hermes_Id__c']: row['Email__c'] for row in people.rows()}
    assert by_number == {str(ada['id']): 'bea@readers.example', str(bea['id']): 'ada@readers.example'}


@pytest.mark.behaviour('AU-19')
async def test_a_file_whose_addresses_collide_refuses_only_the_second(people: People) -> None:
    lines = [
        (2, {'email': 'ada@readers.example', 'user_id': 'u-1'}),
        (3, {'email': 'ADA@readers.example', 'user_id': 'u-2'}),
        (4, {'email': 'bea@readers.example', 'user_id': 'u-3'}),
    ]
    for made, known in ((2, 0), (0, 2)):
        done = await import_users(people.house.engine, lines, dry=False, by='Kim')
        assert (done.made, done.known, [number for number, _ in done.refused]) == (made, known, [3])
    assert await people.house.rows("select 1 from person_key where key = 'user:u-2'") == []


@pytest.mark.behaviour('AU-19')
async def test_a_file_that_names_an_object_of_somebody_else_is_a_conflict(people: People) -> None:
    people.crm.load_legacy_people(1)
    [row] = people.rows()
    for number, legacy in ((1, ''), (2, '100002')):
        told = {'email': f'r{number}@x.example', 'user_id': f'u-{number}', 'crm_id': row['Id'], 'legacy_id': legacy}
        done = await import_users(people.house.engine, [(number, told)], dry=False, by='Kim')
        assert done.refused == []
    assert await states(people) == Counter({'WroteSalesforceAppUserUid': 1, 'Conflict': 1})


@pytest.mark.behaviour('AU-14', 'AU-19')
async def test_a_file_may_name_an_object_by_its_short_id(people: People) -> None:
    people.crm.load_legacy_people(1)
    [row] = people.rows()
    told = {'email': 'r1@x.example', 'user_id': 'u-1', 'crm_id': row['Id'][:15]}
    await import_users(people.house.engine, [(2, told)], dry=False, by='Kim')
    await people.house.settle(600)
    assert len(people.rows()) == 1
    assert (await people.shown('host:u-1'))['crm_id'] == row['Id']
    await nothing_parked(people)


@pytest.mark.behaviour('AU-9', 'AU-10')
async def test_two_validations_at_once_park_nothing(people: People) -> None:
    await stored_before(people, 30)
    people.crm.load_legacy_people(28)
    first, second = await asyncio.gather(validate(people.house.engine), validate(people.house.engine))
    assert first.looked == second.looked == 30
    assert await states(people) == Counter({'WroteSalesforceAppUserUid': 28, 'WroteNotFound': 2})
    await people.house.settle(600)
    await nothing_parked(people)


async def stored_before(people: People, many: int) -> None:
    """So many who were there before the target, with the old CRM's ids."""
    lines = [
        (
            number,
            {'email': f'person{number}@legacy.example', 'user_id': f'u-{number}', 'legacy_id': str(100_000 + number)},
        )
        for number in range(1, many + 1)
    ]
    done = await import_users(people.house.engine, lines, dry=False, by='Kim')
    assert (done.made, done.refused) == (many, [])


@pytest.mark.behaviour('AU-17')
async def test_in_plan_mode_and_while_it_is_paused_nothing_leaves(people: People) -> None:
    people.house.engine.push_mode = 'plan'
    told = await people.sign_up('ada@readers.example')
    await people.house.settle(600)
    assert people.calls() == 0
    people.house.engine.push_mode = 'live'
    await people.house.act('system.pause', system='salesforce', reason='a quiet day')
    await people.sign_up('bea@readers.example')
    await people.house.settle(600)
    assert people.calls() == 0
    await people.house.act('system.resume', system='salesforce')
    await people.house.settle(600)
    assert len(people.rows()) == 2
    assert (await people.shown(told['id']))['state'] == 'WroteSalesforceAppUserUid'


@pytest.mark.behaviour('AU-17')
async def test_a_transaction_of_the_host_that_stays_open_holds_nobody_else_up(people: People) -> None:
    """It has the key of somebody whom others name meanwhile."""
    house = people.house
    bea = await people.sign_up('bea@readers.example')
    with psycopg.connect(house.engine.database.url) as open_one, psycopg.connect(house.engine.database.url) as other:
        manager(open_one, house).add_user_to_crm('ada@readers.example', 'Ada', 'Byron')
        manager(other, house).change_user_email(bea['id'], 'ada@readers.example')
        other.commit()
        await people.sign_up('cy@readers.example')
        await asyncio.wait_for(house.settle(60), 20)
        told = await house.web.post('/people/', json={'email': 'ada@readers.example'}, headers=WHO)
        assert (told.status_code, told.json()['code']) == (409, 'busy')
        assert standing(people) == ['ada@readers.example', 'cy@readers.example']
        open_one.commit()
    await house.settle(600)
    assert 'cy@readers.example' in standing(people)
    assert len({row['Email__c'] for row in people.rows()}) == len(people.rows())


@pytest.mark.behaviour('AU-17')
async def test_a_dead_crm_is_left_alone_however_many_come(people: People) -> None:
    people.house.world.weather.change(error_before_p=1.0)
    before = people.calls()
    for number in range(60):
        await stored(people, 1, number + 1)
        await people.house.settle(1)
        people.house.clock.advance(2)
    assert people.calls() - before <= 20, 'not once a sign-up'
    people.house.world.weather.change(name='calm')
    await people.house.settle(600)
    assert standing(people) == everybody(60)
    await nothing_parked(people)


async def test_an_id_of_a_crm_that_is_not_in_force_is_refused(people: People) -> None:
    await people.house.act('people.target', target='', phase='interim_target')
    line = {'email': 'ada@readers.example', 'crm_id': 'a0UgL0000000001UAA'}
    done = await import_users(people.house.engine, [(2, line)], dry=False, by='Kim')
    assert (done.made, done.refused[0][0], 'no CRM in force' in done.refused[0][1]) == (0, 2, True)
    assert await people.house.rows('select 1 from app_user') == []
