"""The emulated NationBuilder keeps the vendor's manners, bad ones included, and loses nothing of its own."""

import json
from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from hermes.sandbox.faults import KINDS
from hermes.sandbox.nationbuilder.answers import NONSENSE
from hermes.sandbox.scenarios import demo
from tests.sandbox.nation import MEDIA, Caller, make_world, open_caller, person

ADA = person(first_name='Ada', external_id='u-1')


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with open_caller() as caller:
        yield caller


def people(caller: Caller) -> int:
    return len(caller.nation.store.tables['signups']) - 1


async def test_every_answer_tells_the_limit(caller: Caller) -> None:
    answer = await caller.call('GET', '/signups/me')
    for method, path in (('GET', '/signups'), ('GET', '/signups/99'), ('POST', '/signups'), ('GET', '/nowhere')):
        answer = await caller.call(method, path)
        if path != '/nowhere':
            assert answer.headers['ratelimit-limit'] == '250'
            assert int(answer.headers['ratelimit-reset']) == int(caller.world.clock.now().timestamp()) + 10
    assert answer.json() == {'code': 'not_found', 'message': 'Record not found'}
    caller.tokens = {}
    answer = await caller.call('GET', '/signups')
    assert (answer.status_code, answer.headers['ratelimit-remaining']) == (401, '245')


async def test_the_two_hundred_and_fifty_first_call_in_ten_seconds_waits(caller: Caller) -> None:
    answers = [await caller.call('GET', '/signups/me?fields[signups]=email') for _ in range(251)]
    assert [one.status_code for one in answers] == [200] * 250 + [429]
    last = answers[-1]
    assert last.json() == {'message': 'You have made too many requests. Please try again later.'}
    assert (last.headers['retry-after'], last.headers['ratelimit-remaining']) == ('10', '0')
    assert caller.nation.limits.overruns == 1
    caller.sign_in()  # another token from the same address is no way out
    caller.let_pass(9)
    assert (await caller.call('GET', '/signups/me')).headers['retry-after'] == '1'
    caller.let_pass(1)
    await caller.ok('GET', '/signups/me')


@pytest.mark.parametrize('kind', [kind for kind in KINDS if kind not in ('slow', 'lost')])
async def test_the_next_answer_is_spoilt_and_the_one_after_is_not(caller: Caller, kind: str) -> None:
    caller.nation.act('fail', kind=kind, method='PATCH', path='/push')
    await caller.ok('GET', '/signups/me')
    answer = await caller.call('PATCH', '/signups/push', ADA)
    done = kind in ('error_after', 'torn', 'page_after', 'nonsense')
    assert people(caller) == int(done)
    assert kind in caller.world.calls[-1].note
    match kind:
        case 'rate_limited':
            assert (answer.status_code, answer.headers['retry-after']) == (429, '10')
        case 'unauthorized':
            assert (answer.status_code, answer.json()['code']) == (401, 'unauthorized')
        case 'error' | 'error_after':
            assert (answer.status_code, answer.json()['code']) == (500, 'server_error')
        case 'page' | 'page_after':
            assert (answer.status_code, answer.text[:15]) == (502, '<!DOCTYPE html>')
        case 'torn':
            assert answer.status_code == 201
            with pytest.raises(json.JSONDecodeError):
                answer.json()
        case 'nonsense':
            assert answer.headers['content-type'].startswith(MEDIA)
            assert answer.json() in NONSENSE
    await caller.ok('PATCH', '/signups/push', ADA, 200 if done else 201)
    assert caller.nation.faults.planned == []


async def test_a_lost_answer_was_carried_out(caller: Caller) -> None:
    caller.nation.act('fail', kind='lost', times=2)
    for _ in range(2):
        with pytest.raises(httpx2.ReadError):
            await caller.call('PATCH', '/signups/push', ADA)
    assert people(caller) == 1
    assert [call.status for call in caller.world.calls] == [201, 200]


async def test_a_slow_answer_takes_the_worlds_time(caller: Caller) -> None:
    before = caller.world.clock.now()
    caller.nation.act('fail', kind='slow', slow_s=30)
    await caller.ok('GET', '/signups/me')
    assert (caller.world.clock.now() - before).total_seconds() == 30


async def test_what_was_planned_is_taken_back(caller: Caller) -> None:
    caller.nation.act('fail', kind='error', times=5)
    caller.nation.act('stall_jobs')
    caller.nation.act('mend')
    await caller.ok('GET', '/signups/me')
    with pytest.raises(ValueError, match='a fault is one of'):
        caller.nation.act('fail', kind='flood')
    with pytest.raises(LookupError, match='no act'):
        caller.nation.act('fly')


@pytest.mark.parametrize(
    ('weather', 'status', 'words'),
    [
        ('rate_limited_p', 429, '{"message":"You have made too many requests'),
        ('blocked_p', 403, '<!DOCTYPE html>'),
        ('error_before_p', 500, '{"code":"server_error"'),
        ('error_after_p', 500, '{"code":"server_error"'),
        ('empty_answer_p', 200, ''),
    ],
)
async def test_the_weather_is_the_worlds(caller: Caller, weather: str, status: int, words: str) -> None:
    caller.world.weather.change(**{weather: 1.0})
    answer = await caller.call('PATCH', '/signups/push', ADA)
    assert answer.status_code == status
    assert answer.text.startswith(words)
    assert people(caller) == int(weather in ('error_after_p', 'empty_answer_p'))


async def test_acts_come_by_the_control_too(caller: Caller) -> None:
    async def act(act: str, /, **told: object) -> httpx2.Response:
        return await caller.client.post('/_world/act', json={'system': 'nationbuilder', 'act': act, **told})

    made = (await act('add_person', first_name='Ada', email='ada@example.com')).json()['result']
    assert (await act('tag_person', id=made, tag='sustainer')).status_code == 200
    assert (await act('edit_person', id=made, email='new@example.com')).json()['result']['tags'] == ['sustainer']
    for name, told in (
        ('edit_person', {'id': made, 'email': 'no address'}),
        ('delete_person', {'id': '99'}),
        ('join_list', {'id': made, 'slug': 'none'}),
        ('tag_person', {'who': made}),
        ('add_custom_field', {'name': 'x', 'slug': 'x', 'field_type': 'date'}),
        ('fly', {}),
    ):
        assert (await act(name, **told)).status_code == 422
    state = (await caller.client.get('/_world/state')).json()['nationbuilder']
    assert [one['email'] for one in state['signups'] if one['id'] == made] == ['new@example.com']
    assert state['tags'] == {'sustainer': 1}
    assert (await caller.client.post('/_world/reset')).status_code == 200
    assert people(caller) == 0


async def test_the_log_shows_what_was_asked_and_told(caller: Caller) -> None:
    await caller.ok('PATCH', '/signups/push', ADA, 201)
    [call] = (await caller.client.get('/_world/calls', params={'system': 'nationbuilder'})).json()
    assert (call['method'], call['path'], call['status']) == ('PATCH', '/nationbuilder/api/v2/signups/push', 201)
    assert call['request'] == ADA
    assert call['answer']['data']['attributes']['external_id'] == 'u-1'


async def test_the_nation_survives_a_restart(caller: Caller, tmp_path: Path) -> None:
    nation = caller.nation
    nation.act('add_list', name='News')
    nation.act('add_custom_field', name='Level', slug='level', field_type='number')
    nation.act('add_people', count=20, tags={'sustainer': 3}, lists={'news': 2}, membership='Friend')
    nation.act('fail_jobs')
    nation.act('fail', kind='torn')
    caller.world.snapshot(tmp_path / 'world.json')
    other = make_world(seed=2)
    assert other.restore(tmp_path / 'world.json')
    assert other.dump() == caller.world.dump()
    assert other.nationbuilder.state() == nation.state()
    async with open_caller(other) as again:
        again.tokens = caller.tokens
        other.nationbuilder.act('mend')
        assert await again.ids('/signups?filter[external_id]=person-5') == ['5']
        assert len(await again.ids('/lists/1/signups')) == 10


async def test_a_world_from_before_there_was_a_nation_is_taken_over() -> None:
    old = make_world().dump()
    del old['systems']['nationbuilder']
    world = make_world()
    world.load(old)
    assert len(world.nationbuilder.store.tables['signups']) == 1


async def test_among_ten_thousand_people_everybody_is_found_by_their_key(caller: Caller) -> None:
    caller.nation.act('add_list', name='News')
    caller.nation.act('add_people', count=10_000, tags={'sustainer': 7}, lists={'news': 2}, membership='Friend')
    for number in range(100):
        assert await caller.ids(f'/signups?filter[external_id]=person-{number + 2}') == [str(number + 2)]
        await caller.push(200, external_id=f'person-{number + 2}', note='seen')
    assert len(caller.nation.lists()['News']) == 5_000


def test_an_office_opens_with_a_nation_that_has_lists() -> None:
    world = make_world()
    for _ in range(2):
        demo.bare(world)
    assert list(world.nationbuilder.lists()) == ['Newsletter', 'Newsletter Hebrew', 'Educators', 'Weekly Study']
    assert world.nationbuilder.state()['tags'] == {'sustainer': 0}
