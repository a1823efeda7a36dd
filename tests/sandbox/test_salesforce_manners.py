"""Signing in at the emulated Salesforce, its allowance, its weather, and what of it survives a restart."""

import json
from collections import Counter
from pathlib import Path
from typing import Any

import httpx2
import pytest

from hermes.cli.world import draw_secrets
from hermes.sandbox.addresses import addresses
from hermes.sandbox.faults import KINDS
from hermes.sandbox.salesforce.errors import NONSENSE
from hermes.sandbox.world import Secrets
from tests.sandbox.salesforce import CLIENT_ID, CLIENT_SECRET, KEY, SANDBOX, USER, Caller, make_world, open_caller

FORM = {'grant_type': 'client_credentials'}
QUERY = f'SELECT Id FROM {USER}'


@pytest.fixture
def caller() -> Caller:
    return open_caller()


async def test_client_credentials_become_a_session(caller: Caller) -> None:
    told = (await caller.sign_in()).json()
    assert set(told) == {'access_token', 'signature', 'scope', 'instance_url', 'id', 'token_type', 'issued_at'}
    assert (told['token_type'], told['instance_url']) == ('Bearer', f'{SANDBOX}/salesforce')
    assert told['issued_at'] == '1772442000000'
    assert told['access_token'].startswith(told['id'].split('/')[-2][:15] + '!')
    answer = await caller.sign_in(None, client_id=CLIENT_ID, client_secret=CLIENT_SECRET)
    assert answer.json()['access_token'] != told['access_token']
    assert await caller.query(QUERY) == []
    caller.root = '/services'
    assert (await caller.sign_in()).json()['instance_url'] == SANDBOX
    assert await caller.query(QUERY) == []


@pytest.mark.parametrize(
    ('auth', 'form', 'status', 'error'),
    [
        (('other', CLIENT_SECRET), {}, 400, 'invalid_client_id'),
        ((CLIENT_ID, 'wrong'), {}, 401, 'invalid_client'),
        ((CLIENT_ID, ''), {}, 401, 'invalid_client'),
        (None, {'client_id': CLIENT_ID, 'client_secret': 'wrong'}, 400, 'invalid_client'),
        (None, {}, 400, 'invalid_client_id'),
        ((CLIENT_ID, CLIENT_SECRET), {'grant_type': 'password'}, 400, 'unsupported_grant_type'),
        ((CLIENT_ID, CLIENT_SECRET), {'grant_type': ''}, 400, 'invalid_request'),
    ],
)
async def test_wrong_credentials_are_refused_in_oauths_words(
    caller: Caller, auth: Any, form: dict[str, str], status: int, error: str
) -> None:
    answer = await caller.sign_in(auth, **form)
    assert answer.status_code == status
    assert (answer.json()['error'], set(answer.json())) == (error, {'error', 'error_description'})


async def test_an_org_without_a_secret_lets_nobody_in(caller: Caller) -> None:
    world = make_world()
    world.secrets = type(world.secrets)('tk', 'pk', 'hook', 'password')
    stranger = open_caller(world)
    assert (await stranger.sign_in((world.secrets.sf_client_id, ''))).status_code == 401
    answer = await stranger.client.post(
        '/salesforce/services/oauth2/token', data=FORM, headers={'authorization': 'Basic !'}
    )
    assert answer.status_code == 400
    assert (await stranger.client.get('/salesforce/services/oauth2/token')).status_code == 400


async def test_a_session_ends_by_rest_or_at_once(caller: Caller) -> None:
    clock: Any = caller.world.clock
    await caller.query(QUERY)
    for _ in range(3):
        clock.advance(7000)
        await caller.query(QUERY)
    clock.advance(7200)
    expired = (401, 'INVALID_SESSION_ID')
    assert await caller.refused('GET', 'query', q=QUERY) == expired
    await caller.sign_in()
    await caller.query(QUERY)
    assert caller.world.salesforce.act('end_sessions') == 1
    assert await caller.refused('GET', 'query', q=QUERY) == expired
    for header in ('', 'Bearer x', f'Basic {caller.token}'):
        answer = await caller.call('GET', 'nowhere', headers={'authorization': header})
        assert (answer.status_code, answer.json()[0]['errorCode']) == expired
    caller.world.salesforce.act('break_things', expire_p=1.0)
    await caller.sign_in()
    assert await caller.refused('GET', 'query', q=QUERY) == expired
    caller.world.salesforce.act('mend')
    await caller.sign_in()
    caller.world.salesforce.act('set_session_life', session_s=60)
    clock.advance(60)
    assert await caller.refused('GET', 'query', q=QUERY) == expired


async def test_each_answer_tells_what_was_used_of_the_day(caller: Caller) -> None:
    crm, clock = caller.world.salesforce, caller.world.clock
    crm.act('set_calls', daily=20, used=17)
    answers = [await caller.call('GET', path) for path in ('limits', 'nowhere', 'limits', 'limits')]
    assert [one.headers['sforce-limit-info'] for one in answers] == [
        f'api-usage={used}/20' for used in (18, 19, 20, 20)
    ]
    assert answers[0].json()['DailyApiRequests'] == {'Max': 20, 'Remaining': 2}
    assert answers[-1].json() == [{'message': 'TotalRequests Limit exceeded.', 'errorCode': 'REQUEST_LIMIT_EXCEEDED'}]
    assert (answers[-1].status_code, crm.state()['calls']['refused']) == (403, 1)
    assert (await caller.client.get('/salesforce/services/data')).status_code == 200
    clock.advance(86_400)  # type: ignore[attr-defined]
    assert (await caller.sign_in()).status_code == 200
    assert (await caller.call('GET', 'limits')).headers['sforce-limit-info'] == 'api-usage=1/20'


async def test_the_calls_are_noted_without_secrets(caller: Caller) -> None:
    for root in ('/salesforce/services', '/services'):
        caller.root = root
        await caller.sign_in()
        await caller.upsert('1', 201 if root != '/services' else 200, Language__c='he')
    told = await caller.client.get('/_world/calls', params={'system': 'salesforce'})
    assert CLIENT_SECRET not in told.text
    assert caller.token not in told.text
    calls = told.json()
    assert [one['method'] for one in calls] == ['POST', 'PATCH'] * 2
    assert (calls[0]['request'], calls[1]['request']) == ('(client credentials)', {'Language__c': 'he'})
    assert calls[1]['answer']['created'] is True


async def test_bad_weather_is_told_as_salesforce_would(caller: Caller) -> None:
    await caller.sign_in()
    weather = caller.world.weather
    weather.change(rate_limited_p=1.0)
    answer = await caller.call('GET', 'limits')
    assert (answer.status_code, answer.json()[0]['errorCode']) == (403, 'REQUEST_LIMIT_EXCEEDED')
    assert 'sforce-limit-info' in answer.headers
    weather.change(rate_limited_p=0.0, blocked_p=1.0)
    answer = await caller.call('GET', 'limits')
    assert (answer.status_code, answer.headers['content-type']) == (503, 'text/html; charset=UTF-8')
    weather.change(blocked_p=0.0, error_before_p=1.0)
    answers = [await caller.call('GET', 'limits') for _ in range(30)]
    kinds = {(one.status_code, one.headers['content-type'].split(';')[0]) for one in answers}
    assert kinds == {(500, 'application/json'), (503, 'application/json'), (503, 'text/html')}
    assert caller.world.salesforce.ledger.used == 0


async def test_an_answer_may_be_lost_torn_or_nonsense_after_the_deed(caller: Caller) -> None:
    await caller.sign_in()
    weather = caller.world.weather
    weather.change(lost_answer_p=1.0)
    with pytest.raises(httpx2.ReadError):
        await caller.upsert('1')
    weather.change(lost_answer_p=0.0, torn_answer_p=1.0)
    path = f'sobjects/{USER}/{KEY}'
    for number in range(2, 12):
        answer = await caller.call('PATCH', f'{path}/{number}', {})
        assert answer.status_code == 201
        assert int(answer.headers['content-length']) == len(answer.content)
        with pytest.raises(ValueError, match=r'.'):
            json.loads(answer.content)
    assert (await caller.call('GET', 'nowhere')).json()[0]['errorCode'] == 'NOT_FOUND'
    weather.change(torn_answer_p=0.0, nonsense_p=1.0)
    answers = [await caller.call('PATCH', f'{path}/{number}', {}) for number in range(12, 32)]
    assert not any(isinstance(one.json(), dict) and 'id' in one.json() for one in answers)
    assert len({one.text for one in answers}) > 3
    weather.change(name='calm')
    assert len(await caller.query(QUERY)) == 31
    notes = Counter(call.note for call in caller.world.calls)
    assert notes['weather: carried out, the answer was torn'] == 10
    assert notes['weather: carried out, answered with nonsense'] == 20


@pytest.mark.parametrize('kind', KINDS)
async def test_the_next_answer_is_spoilt_and_the_one_after_is_not(caller: Caller, kind: str) -> None:
    crm, path = caller.world.salesforce, f'sobjects/{USER}/{KEY}/1'
    await caller.sign_in()
    before = caller.world.clock.now()
    crm.act('fail', kind=kind, method='PATCH', path=KEY, slow_s=30)
    await caller.query(QUERY)
    if kind == 'lost':
        with pytest.raises(httpx2.ReadError):
            await caller.call('PATCH', path, {})
    else:
        answer = await caller.call('PATCH', path, {})
        told = (answer.status_code, answer.headers['content-type'].split(';')[0])
        assert told == {
            'rate_limited': (403, 'application/json'),
            'unauthorized': (401, 'application/json'),
            'error': (500, 'application/json'),
            'error_after': (500, 'application/json'),
            'page': (503, 'text/html'),
            'page_after': (503, 'text/html'),
        }.get(kind, (201, 'application/json'))
        if kind == 'nonsense':
            assert answer.json() in NONSENSE
        if kind == 'torn':
            with pytest.raises(json.JSONDecodeError):
                answer.json()
    assert kind == 'slow' or kind in caller.world.calls[-1].note
    assert (caller.world.clock.now() - before).total_seconds() == (30 if kind == 'slow' else 0)
    done = kind not in ('rate_limited', 'unauthorized', 'error', 'page')
    assert (await caller.call('PATCH', path, {})).status_code == (200 if done else 201)
    assert crm.state()['faults'] == []
    with pytest.raises(ValueError, match='a fault is one of'):
        crm.act('fail', kind='flood')


async def test_the_same_seed_makes_the_same_weather() -> None:
    async def play() -> list[tuple[int, str]]:
        caller = open_caller(make_world('storm'))
        told = []
        for number in range(60):
            try:
                answer = await caller.call('PATCH', f'sobjects/{USER}/{KEY}/{number % 20}', {})
                told.append((answer.status_code, answer.text))
                if answer.status_code == 401:
                    await caller.sign_in()
            except (httpx2.ReadError, KeyError, ValueError) as problem:
                told.append((0, type(problem).__name__))
        return told

    told = await play()
    assert told == await play()
    assert len({status for status, _ in told}) > 3


async def test_the_org_survives_a_restart_and_its_sessions_do_not(caller: Caller, tmp_path: Path) -> None:
    crm = caller.world.salesforce
    await caller.upsert('1', Email__c='ada@people.example', Mailing_Lists__c='Educators')
    await caller.ok('DELETE', f'sobjects/{USER}/{KEY}/1', None, 204)
    crm.set_flow(lag_s=60)
    made = await caller.upsert('2', Email__c='ben@people.example')
    crm.change_field('app_user', KEY, length=12)
    crm.allow_writing('contact')
    crm.set_calls(daily=99)
    crm.break_things(lock_p=0.5)
    crm.fail('error', path='/nowhere')
    before = crm.state()
    caller.world.snapshot(tmp_path / 'world.json')
    later = open_caller(make_world(seed=8))
    assert later.world.restore(tmp_path / 'world.json')
    assert later.world.salesforce.state() == before | {'sessions': 0}
    later.token = caller.token
    assert await later.refused('GET', 'limits') == (401, 'INVALID_SESSION_ID')
    later.world.salesforce.mend()
    await later.sign_in()
    assert later.token[:15] == caller.token[:15]
    later.world.clock.advance(60)  # type: ignore[attr-defined]
    [row] = await later.query(f'SELECT Id, Contact__r.Email FROM {USER}')
    assert (row['Id'], row['Contact__r']['Email']) == (made['id'], 'ben@people.example')
    assert (await later.upsert('3'))['id'] > made['id']
    assert await later.refused('PATCH', f'sobjects/{USER}/{KEY}/{"4" * 13}', {}) == (400, 'STRING_TOO_LONG')


def test_worlds_without_salesforce_are_what_they_were() -> None:
    """The org draws nothing before it is used: its world's chance is that of a world without it."""
    one, other = make_world(), make_world()
    one.salesforce.load_legacy_people(3)
    one.salesforce.state()
    one.dumps()
    assert one.chance.random() == other.chance.random()
    assert one.salesforce.org_id != make_world(seed=8).salesforce.org_id


async def test_a_sandboxed_hermes_is_told_where_to_sign_in_and_with_what(tmp_path: Path) -> None:
    """The secret is drawn once; with it and the settings of the world's addresses, the org lets in."""
    drawn = draw_secrets(tmp_path / 'secrets.json')
    told = addresses(SANDBOX) | drawn
    assert draw_secrets(tmp_path / 'secrets.json') == drawn
    world = make_world()
    world.secrets = Secrets('tk', 'pk', 'hook', 'password', sf_client_secret=told['SALESFORCE_CLIENT_SECRET'])
    answer = await open_caller(world).client.post(
        f'{told["SALESFORCE_BASE_URL"]}/services/oauth2/token',
        data=FORM,
        auth=(told['SALESFORCE_CLIENT_ID'], told['SALESFORCE_CLIENT_SECRET']),
    )
    assert answer.json()['instance_url'] == told['SALESFORCE_BASE_URL']
