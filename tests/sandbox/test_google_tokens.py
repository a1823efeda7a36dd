"""The service account of the emulated Google: who gets a token, for whom, and for how long."""

from pathlib import Path
from typing import Any

import pytest

from hermes.cli.world import draw_secrets
from hermes.sandbox.google.service_account import FULL, draw_service_account
from tests.sandbox.google import PRIYA, Caller, assertion, make_world, open_caller

EVENTS = '/calendars/primary/events'


@pytest.fixture
def caller() -> Caller:
    return open_caller(make_world())


async def test_a_signed_assertion_becomes_a_token_for_an_hour(caller: Caller) -> None:
    answer = (await caller.ask_token()).json()
    assert set(answer) == {'access_token', 'expires_in', 'token_type'}
    assert (await caller.ok('GET', EVENTS))['summary'] == PRIYA
    caller.world.clock.advance(3590)  # type: ignore[attr-defined]
    await caller.ok('GET', EVENTS)
    caller.world.clock.advance(10)  # type: ignore[attr-defined]
    assert await caller.refused('GET', EVENTS) == (401, 'authError')


@pytest.mark.parametrize(
    ('changed', 'error', 'words'),
    [
        ({'iss': 'other@elsewhere.example'}, 'invalid_grant', 'account not found'),
        ({'aud': 'https://elsewhere.example/token'}, 'invalid_grant', 'audience'),
        ({'sub': 'nobody@office.example'}, 'invalid_grant', 'Invalid email or User ID'),
        ({'exp': 1}, 'invalid_grant', 'short-lived'),
        ({'iat': None}, 'invalid_grant', 'short-lived'),
        ({'scope': ''}, 'invalid_scope', 'scope'),
        ({'scope': 'https://www.googleapis.com/auth/drive'}, 'invalid_scope', 'invalid'),
    ],
)
async def test_a_wrong_claim_is_named(caller: Caller, changed: Any, error: str, words: str) -> None:
    answer = await caller.ask_token(caller.claims(**changed))
    assert answer.status_code == 400
    assert answer.json()['error'] == error
    assert words in answer.json()['error_description']


async def test_only_the_accounts_own_key_signs(caller: Caller) -> None:
    other = draw_service_account()['G_PRIVATE_KEY']
    for told in (assertion(caller.claims(), other), assertion(caller.claims(), alg='none')):
        answer = await caller.ask_token(assertion=told)
        assert (answer.status_code, answer.json()['error']) == (400, 'invalid_grant')
    for told in ('x', 'a.b.c', ''):
        assert (await caller.ask_token(assertion=told)).json()['error'] == 'invalid_grant'
    assert (await caller.ask_token(grant_type='password')).json()['error'] == 'unsupported_grant_type'


async def test_a_world_without_a_key_lets_nobody_in(caller: Caller) -> None:
    caller.world.google.tokens.key = None
    assert (await caller.ask_token()).json()['error'] == 'invalid_grant'


async def test_delegation_and_its_scopes_are_the_offices_to_give(caller: Caller) -> None:
    caller.world.google.delegate(False)
    answer = await caller.ask_token()
    assert (answer.status_code, answer.json()['error']) == (401, 'unauthorized_client')
    caller.world.google.delegate(True)
    caller.world.google.allow_scopes([f'{FULL}.readonly'])
    assert (await caller.ask_token()).json()['error'] == 'unauthorized_client'
    caller.tokens[caller.user] = (await caller.ask_token(caller.claims(scope=f'{FULL}.readonly'))).json()[
        'access_token'
    ]
    await caller.ok('GET', EVENTS)
    assert await caller.refused('POST', EVENTS, {}) == (403, 'insufficientPermissions')


async def test_nobody_is_let_in_without_a_token(caller: Caller) -> None:
    for header in ({}, {'authorization': 'Bearer x'}, {'authorization': 'Basic x'}):
        answer = await caller.client.get(f'/google/calendar/v3{EVENTS}', headers=header)
        assert answer.status_code == 401


async def test_without_delegation_only_a_shared_calendar_and_no_guests(caller: Caller) -> None:
    caller.user = None
    path = f'/calendars/{PRIYA}/events'
    assert await caller.refused('GET', path) == (404, 'notFound')
    caller.world.google.share(PRIYA)
    told = {'start': {'date': '2026-03-04'}, 'end': {'date': '2026-03-05'}}
    await caller.ok('POST', path, told)
    guests = told | {'attendees': [{'email': 'lead@visitor.example'}]}
    assert await caller.refused('POST', path, guests) == (403, 'forbiddenForServiceAccounts')


def test_the_key_is_drawn_once_and_kept_for_its_user_alone(tmp_path: Path) -> None:
    file = tmp_path / 'secrets.json'
    file.write_text('{"TC2_API_KEY": "kept"}')
    drawn = draw_secrets(file)
    assert drawn['G_PRIVATE_KEY'].startswith('-----BEGIN PRIVATE KEY-----')
    assert drawn['G_CLIENT_EMAIL'].endswith('.iam.gserviceaccount.com')
    assert (drawn['TC2_API_KEY'], file.stat().st_mode & 0o777) == ('kept', 0o600)
    assert draw_secrets(file) == drawn


async def test_neither_assertions_nor_tokens_are_kept_among_the_calls(caller: Caller) -> None:
    token = (await caller.ask_token()).json()['access_token']
    told = (await caller.client.get('/_world/calls')).text
    assert token not in told
    assert 'assertion=' not in told
