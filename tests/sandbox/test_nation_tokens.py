"""Tokens of the emulated NationBuilder: a person's consent, codes that work once, refresh tokens that turn."""

from collections.abc import AsyncIterator
from pathlib import Path

import httpx2
import pytest

from hermes.cli.world import draw_secrets
from hermes.kit.signing import basic_auth
from hermes.sandbox.addresses import addresses
from hermes.sandbox.world import Secrets
from tests.sandbox.nation import APP, CALLBACK, HERMES, SANDBOX, Caller, make_world, open_caller

DAY_S = 86_400


@pytest.fixture
async def caller() -> AsyncIterator[Caller]:
    async with open_caller() as caller:
        yield caller


async def test_a_person_allows_and_a_code_becomes_tokens(caller: Caller) -> None:
    page = await caller.ask_consent()
    assert page.status_code == 200
    assert 'hermes-sandbox' in page.text
    assert "form-action 'self' http://127.0.0.1:8000" in page.headers['content-security-policy']
    told = await caller.consent()
    assert told['state'] == 'abc'
    answer = await caller.redeem(told['code'])
    caller.tokens = answer.json()
    assert answer.headers['cache-control'] == 'no-store'
    assert (caller.tokens['token_type'], caller.tokens['expires_in']) == ('Bearer', DAY_S)
    assert caller.tokens['created_at'] == int(caller.world.clock.now().timestamp())
    assert (await caller.call('GET', '/signups/me')).status_code == 200
    assert (await caller.redeem(told['code'])).json()['error'] == 'invalid_grant'


async def test_a_person_refuses(caller: Caller) -> None:
    assert await caller.consent('refuse') == {'error': 'access_denied', 'state': 'abc'}
    assert caller.nation.desk.codes == {}


async def test_without_a_secret_nobody_is_the_app(caller: Caller) -> None:
    caller.nation.desk.client_secret = ''
    answer = await caller.token(grant_type='refresh_token', client_secret='')
    assert answer.json()['error'] == 'invalid_client'


async def test_a_code_lives_ten_minutes_and_belongs_to_its_address(caller: Caller) -> None:
    code = (await caller.consent())['code']
    assert (await caller.redeem(code, f'{HERMES}/elsewhere/')).json()['error'] == 'invalid_grant'
    caller.let_pass(600)
    answer = await caller.redeem(code)
    assert (answer.status_code, answer.json()['error']) == (400, 'invalid_grant')
    assert 'expired' in answer.json()['error_description']


@pytest.mark.parametrize(
    'query',
    [
        {'client_id': 'somebody'},
        {'redirect_uri': 'https://far.example/callback'},
        {'redirect_uri': 'http://127.0.0.1:8000.far.example/'},
        {'redirect_uri': 'javascript:alert(1)'},
        {'redirect_uri': 'http://['},
        {'redirect_uri': ''},
    ],
)
async def test_nobody_is_sent_to_a_strangers_address(caller: Caller, query: dict[str, str]) -> None:
    for answer in (
        await caller.ask_consent(**query),
        await caller.client.post(
            '/nationbuilder/oauth/authorize',
            data={'client_id': APP['client_id'], 'redirect_uri': CALLBACK, 'response_type': 'code'}
            | query
            | {'decision': 'allow'},
        ),
    ):
        assert (answer.status_code, answer.headers.get('location')) == (400, None)
        assert 'registered' in answer.text
    assert caller.nation.desk.codes == {}


async def test_a_registered_address_is_the_only_one(caller: Caller) -> None:
    caller.nation.act('register_callback', redirect_uri=CALLBACK)
    assert (await caller.ask_consent()).status_code == 200
    assert (await caller.ask_consent(redirect_uri=f'{CALLBACK}?more=1')).status_code == 400


async def test_only_the_code_flow_is_known(caller: Caller) -> None:
    answer = await caller.ask_consent(response_type='token')
    assert answer.headers['location'] == f'{CALLBACK}?error=unsupported_response_type&state=abc'


@pytest.mark.parametrize(
    ('form', 'status', 'error'),
    [
        ({'client_secret': 'wrong', 'grant_type': 'refresh_token'}, 401, 'invalid_client'),
        ({'client_id': 'somebody', 'grant_type': 'refresh_token'}, 401, 'invalid_client'),
        ({}, 400, 'invalid_request'),
        ({'grant_type': 'client_credentials'}, 400, 'unsupported_grant_type'),
        ({'grant_type': 'refresh_token'}, 400, 'invalid_grant'),
        ({'grant_type': 'refresh_token', 'refresh_token': 'x'}, 400, 'invalid_grant'),
        ({'grant_type': 'authorization_code', 'code': 'x', 'redirect_uri': CALLBACK}, 400, 'invalid_grant'),
    ],
)
async def test_refusals_are_told_in_the_words_of_oauth(
    caller: Caller, form: dict[str, str], status: int, error: str
) -> None:
    answer = await caller.token(**form)
    assert (answer.status_code, answer.json()['error']) == (status, error)
    assert answer.json()['error_description']


async def test_the_token_endpoint_takes_forms_json_and_basic(caller: Caller) -> None:
    told = {'grant_type': 'refresh_token', 'refresh_token': caller.tokens['refresh_token']}
    answer = await caller.client.post('/nationbuilder/oauth/token', json={**APP, **told})
    told['refresh_token'] = answer.json()['refresh_token']
    headers = {'authorization': basic_auth(APP['client_id'], APP['client_secret'])}
    assert (await caller.client.post('/nationbuilder/oauth/token', data=told, headers=headers)).status_code == 200
    headers = {'authorization': 'Basic a'}
    answer = await caller.client.post('/nationbuilder/oauth/token', data=told, headers=headers)
    assert answer.json()['error'] == 'invalid_client'
    bad = await caller.client.post(
        '/nationbuilder/oauth/token', content='[]', headers={'content-type': 'application/json'}
    )
    assert bad.json()['error'] == 'invalid_request'


async def test_an_access_token_lives_a_day(caller: Caller) -> None:
    caller.let_pass(DAY_S - 1)
    await caller.ok('GET', '/signups/me')
    caller.let_pass(1)
    assert await caller.refused('GET', '/signups/me') == (401, 'unauthorized')
    caller.tokens = (await caller.refresh(caller.tokens['refresh_token'])).json()
    await caller.ok('GET', '/signups/me')


async def test_a_refresh_token_turns_with_every_use(caller: Caller) -> None:
    first = caller.tokens
    second = (await caller.refresh(first['refresh_token'])).json()
    assert second['refresh_token'] != first['refresh_token']
    assert (await caller.refresh(first['refresh_token'])).json()['error'] == 'invalid_grant'
    await caller.ok('GET', '/signups/me')  # the old access token keeps its day
    caller.nation.act('manners', ends_access=True)
    assert (await caller.refresh(second['refresh_token'])).status_code == 200
    assert await caller.refused('GET', '/signups/me') == (401, 'unauthorized')


async def test_a_lost_answer_to_a_refresh_kills_the_grant(caller: Caller) -> None:
    caller.nation.act('fail', kind='lost', path='/oauth/token')
    with pytest.raises(httpx2.ReadError):
        await caller.refresh(caller.tokens['refresh_token'])
    assert (await caller.refresh(caller.tokens['refresh_token'])).json()['error'] == 'invalid_grant'


async def test_a_legacy_token_is_traded_in_once(caller: Caller) -> None:
    legacy = caller.nation.act('give_legacy_token')
    caller.tokens = {'access_token': legacy}
    assert await caller.refused('GET', '/signups/me') == (401, 'unauthorized')
    caller.let_pass(400 * DAY_S)
    caller.tokens = (await caller.refresh(legacy)).json()
    await caller.ok('GET', '/signups/me')
    assert (await caller.refresh(legacy)).json()['error'] == 'invalid_grant'
    assert (await caller.refresh(caller.tokens['refresh_token'])).status_code == 200


async def test_a_consent_that_is_taken_back_opens_nothing(caller: Caller) -> None:
    assert caller.nation.act('revoke_tokens') == 1
    assert await caller.refused('GET', '/signups/me') == (401, 'unauthorized')
    assert (await caller.refresh(caller.tokens['refresh_token'])).json()['error'] == 'invalid_grant'


async def test_aged_access_tokens_are_renewed(caller: Caller) -> None:
    assert caller.nation.act('expire_tokens') == 1
    assert await caller.refused('GET', '/signups/me') == (401, 'unauthorized')
    caller.tokens = (await caller.refresh(caller.tokens['refresh_token'])).json()
    await caller.ok('GET', '/signups/me')


async def test_a_sandboxed_hermes_is_told_where_to_sign_in_and_with_what(tmp_path: Path) -> None:
    drawn = draw_secrets(tmp_path / 'secrets.json')
    told, world = addresses(SANDBOX) | drawn, make_world()
    world.secrets = Secrets('tk', 'pk', 'hook', 'password', nb_client_secret=drawn['NATIONBUILDER_CLIENT_SECRET'])
    world.raise_systems()
    async with open_caller(world) as caller:
        form = {'client_id': told['NATIONBUILDER_CLIENT_ID'], 'client_secret': told['NATIONBUILDER_CLIENT_SECRET']}
        form |= {'grant_type': 'refresh_token', 'refresh_token': caller.tokens['refresh_token']}
        address = f'{told["NATIONBUILDER_BASE_URL"]}/oauth/token'
        assert (await caller.client.post(address, data=form)).status_code == 200
        assert caller.nation.slug == told['NATIONBUILDER_SLUG']


async def test_no_token_stands_in_the_log_nor_in_the_state(caller: Caller) -> None:
    told = await caller.consent()
    tokens = [caller.tokens, (await caller.redeem(told['code'])).json()]
    tokens.append((await caller.refresh(tokens[-1]['refresh_token'])).json())
    seen = (await caller.client.get('/_world/calls')).text + (await caller.client.get('/_world/state')).text
    for pair in tokens:
        assert pair['access_token'] not in seen
        assert pair['refresh_token'] not in seen
    assert '(a grant)' in seen
