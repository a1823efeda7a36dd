"""The calls to Salesforce as they leave, and its token; the vendor is played."""

import asyncio
import base64
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qs, quote

import pytest

from hermes.domain.errors import Ambiguous, AuthBroken, RateLimited, Reaction, Rejected, Retry
from hermes.domain.model import Lookup, RecordRef
from hermes.ports import Answer, Request
from hermes.systems.salesforce.limits import read_usage
from hermes.systems.salesforce.system import Salesforce
from hermes.systems.salesforce.token import is_home
from tests.systems.people_conformance import Reply, Vendor, asked, changed, event, new, together
from tests.systems.salesforce import (
    BASE,
    DATA,
    ORGANISATION,
    SECRET,
    TOKEN,
    build,
    done,
    error,
    identity,
    rows,
    sign_in,
    vendor,
)
from tests.systems.support import CATALOGUE

NO_BODY: Reply = (204, b'')
USERS, EMAILS = f'{DATA}/sobjects/Sefaria_App_User__c', f'{DATA}/sobjects/Sefaria_App_Email__c'
EXPIRED: Reply = (401, [error('INVALID_SESSION_ID', 'Session expired or invalid')])


async def send(request: Request, *answers: Reply, **options: Any) -> tuple[Salesforce, Answer, Vendor]:
    played = vendor(*answers, **options)
    system = build(played)
    answer = await system.send(request, CATALOGUE)
    await system.aclose()
    return system, answer, played


def reaction(system: Salesforce, request: Request, answer: Answer) -> Reaction | None:
    try:
        system.judge(request, answer, CATALOGUE)
    except Reaction as raised:
        return raised
    return None


def bodiless(request: Request) -> dict[str, Any]:
    return {name: value for name, value in request.fields.items() if name != 'external_id'}


@pytest.mark.behaviour('AU-15')
async def test_somebody_alone_is_made_under_our_own_number() -> None:
    request = together(new(17))
    _, _, played = await send(request, (201, done(request.items[0], 1)))
    [call] = played.calls
    assert (call.method, call.path) == ('PATCH', f'{USERS}/Hermes_Id__c/17')
    assert call.json == {
        'Email__c': '17-adaobi.nwosu@school.example', 'First_Name__c': 'Adaobi', 'Last_Name__c': "O'Nwosu-Brien",
        'Language__c': 'en', 'Is_Educator__c': True, 'Mailing_Lists__c': 'Educators;Newsletter',
    }  # fmt: skip
    assert call.headers['authorization'] == f'Bearer {TOKEN}'
    [asked_] = played.signed_in
    assert asked_.headers['authorization'] == f'Basic {base64.b64encode(f"client-1:{SECRET}".encode()).decode()}'
    assert asked_.body == b'grant_type=client_credentials'


@pytest.mark.behaviour('AU-15')
async def test_many_are_made_in_one_call() -> None:
    request = together(new(1), new(2))
    _, _, played = await send(request, (200, [done(item, n) for n, item in enumerate(request.items, 1)]))
    [call] = played.calls
    assert (call.method, call.path) == ('PATCH', f'{DATA}/composite/sobjects/Sefaria_App_User__c/Hermes_Id__c')
    assert call.json['allOrNone'] is False
    first, second = call.json['records']
    assert first['attributes'] == {'type': 'Sefaria_App_User__c'}
    assert [first['Hermes_Id__c'], second['Hermes_Id__c']] == ['1', '2']


async def test_who_is_known_is_changed_by_id_and_gets_our_number() -> None:
    request = together(changed(11, identity(1)), changed(12, identity(2)[:15]))
    system, answer, played = await send(request, (200, [done(item, n) for n, item in enumerate(request.items, 1)]))
    [call] = played.calls
    assert (call.method, call.path) == ('PATCH', f'{DATA}/composite/sobjects')
    told = [(each['id'], each['Hermes_Id__c'], each['Email__c'][:6]) for each in call.json['records']]
    assert told == [(identity(1), '11', '11-new'), (identity(2), '12', '12-new')]
    elements = system.observe(event(request, answer), CATALOGUE)
    assert [seen.ref.remote_id for each in elements for seen in each.observations] == [identity(1), identity(2)]


async def test_what_an_old_api_answers_to_a_change_is_asked_for() -> None:
    """204 has no body: the id is read by the same key."""
    request = together(new(3))
    system, answer, played = await send(request, NO_BODY, (200, {'Id': identity(3)}))
    assert [call.method for call in played.calls] == ['PATCH', 'GET']
    assert played.calls[1].path == f'{USERS}/Hermes_Id__c/3'
    assert reaction(system, request, answer) is None
    [element] = system.observe(event(request, answer), CATALOGUE)
    assert element.observations[0].ref.remote_id == identity(3)
    system, answer, _ = await send(request, NO_BODY, (503, b''))
    assert isinstance(reaction(system, request, answer), Ambiguous)


@pytest.mark.behaviour('AU-15')
async def test_several_under_one_key_are_for_a_person() -> None:
    request = together(new(3))
    system, answer, played = await send(request, (300, [f'{USERS}/{identity(1)[:15]}', f'{USERS}/{identity(2)}']))
    assert isinstance(reaction(system, request, answer), Ambiguous)
    assert len(played.calls) == 1
    [element] = system.observe(event(request, answer), CATALOGUE)
    assert element.lookup == Lookup(RecordRef('app_user', 3), 'salesforce', (identity(1), identity(2)), 'external_id')
    system, answer, _ = await send(request, (300, b'<html>'))
    assert isinstance(reaction(system, request, answer), Retry)
    assert not system.observe(event(request, answer), CATALOGUE)


async def test_the_name_of_a_list_that_would_part_the_field_keeps_nobody_else_back() -> None:
    wrong = Request('create', 'app_user', fields={'email': 'a@b.example', 'lists': ['a;b']}, record=new(1).record)
    system, answer, played = await send(together(wrong))
    assert (answer.sent, played.calls) == (False, [])
    assert isinstance(reaction(system, together(wrong), answer), Rejected)


@pytest.mark.behaviour('AU-10')
async def test_two_hundred_by_their_legacy_id_are_one_call() -> None:
    keys = [{'record': ['app_user', n], 'legacy_id': str(1_000_000 + n)} for n in range(200)]
    request = Request('lookup', 'app_user', params={'keys': keys, 'by': 'legacy_id'})
    system, answer, played = await send(request, rows())
    assert len(played.calls) == 1
    assert [element.lookup for element in system.observe(event(request, answer), CATALOGUE)][7] == Lookup(
        RecordRef('app_user', 7), 'salesforce', (), 'legacy_id'
    )


@pytest.mark.parametrize('letter', ['x', "'", 'ש', '\\', '\U0001f9d1'])
async def test_no_address_is_longer_than_is_taken(letter: str) -> None:
    keys = [
        {'record': ['app_user', n], 'external_id': str(n), 'legacy_id': str(n), 'email': f'{letter * 60}{n}@b.example'}
        for n in range(200)
    ]
    request = Request('lookup', 'app_user', params={'keys': keys, 'by': ''})
    found = rows({'Id': identity(1), 'Hermes_Id__c': '5'})
    system, answer, played = await send(request, found)
    assert reaction(system, request, answer) is None
    assert len(played.calls) > 1
    assert max(len(f'{BASE}{call.path}?{call.query}') for call in played.calls) < 16_000
    asked_for = ''.join(parse_qs(call.query)['q'][0] for call in played.calls)
    assert all(f"'{n}'" in asked_for for n in range(200))
    lookups = [element.lookup for element in system.observe(event(request, answer), CATALOGUE)]
    assert len(lookups) == 200
    assert [each.record.id for each in lookups if each and each.found] == [5]


@pytest.mark.parametrize(
    ('value', 'literal'),
    [
        ("O'Brien", "'O\\'Brien'"),
        ('a\\', "'a\\\\'"),
        ("\\' OR Name LIKE '%", "'\\\\\\' OR Name LIKE \\'%'"),
        ('say "x"', '\'say \\"x\\"\''),
        ('two\nlines\r\t', "'two\\nlines'"),
        ('\x01דג', "'\\u0001דג'"),
    ],
)
async def test_no_value_ends_its_literal(value: str, literal: str) -> None:
    keys = [{'record': ['app_user', 1], 'external_id': '1', 'legacy_id': value, 'email': None}]
    request = Request('lookup', 'app_user', params={'keys': keys, 'by': ''})
    _, _, played = await send(request, rows())
    [call] = played.calls
    question = parse_qs(call.query)['q'][0]
    assert question.endswith(f"WHERE Hermes_Id__c IN ('1') OR Legacy_Id__c IN ({literal})")


async def test_a_key_of_nobody_asks_nothing() -> None:
    keys = [{'record': ['app_user', 1], 'external_id': '', 'legacy_id': None, 'email': 'x' * 300}]
    request = Request('lookup', 'app_user', params={'keys': keys, 'by': ''})
    system, answer, played = await send(request)
    assert played.calls == []
    assert reaction(system, request, answer) is None
    [element] = system.observe(event(request, answer), CATALOGUE)
    assert element.lookup == Lookup(RecordRef('app_user', 1), 'salesforce', (), '')


async def test_a_look_up_is_read_to_its_end() -> None:
    more = f'{DATA}/query/01gxx00000AbCdE-2000'
    first = rows({'Id': identity(1), 'Hermes_Id__c': '1'}, total=2, more=more)
    request = asked(1, 2)
    system, answer, played = await send(request, first, rows({'Id': identity(2), 'Hermes_Id__c': '2'}, total=2))
    assert [call.path for call in played.calls] == [f'{DATA}/query', more]
    told = [element.lookup for element in system.observe(event(request, answer), CATALOGUE)]
    assert [each.found for each in told if each] == [(identity(1),), (identity(2),)]


@pytest.mark.parametrize(
    'answers',
    [
        [rows({'Id': identity(1)}, total=2)],
        [rows({'Id': identity(1)}, total=2, more='https://elsewhere.example/services/data/v64.0/query/01g-1')],
        [rows({'Id': identity(1)}, total=2, more='/services/data/v64.0/query/../../../secret')],
        [rows({'Id': identity(1)}, total=9, more=f'{DATA}/query/01g-1')],
        [rows({'Id': 'a0U5f0000000001AAB'})],
        [rows({'Name': 'no id'})],
        [(200, {'totalSize': 1, 'done': False, 'records': [{'Id': identity(1)}]})],
        [(200, {'done': True, 'records': []})],
        [rows({'Id': identity(1)}, total=2, more=f'{DATA}/query/01g-1'), (500, b'')],
    ],
)
async def test_a_look_up_that_is_not_whole_says_nothing_of_anybody(answers: list[Reply]) -> None:
    request = asked(1, 2)
    system, answer, played = await send(request, *answers)
    assert isinstance(reaction(system, request, answer), Retry)
    assert not system.observe(event(request, answer), CATALOGUE)
    assert all(call.path.startswith(f'{DATA}/query') and '..' not in call.path for call in played.calls)


@pytest.mark.behaviour('AU-6')
async def test_an_incomplete_listing_of_sustainers_is_none() -> None:
    request = Request('sustainers', 'app_user')
    whole = rows({'Id': identity(1), 'Is_Sustainer__c': True}, {'Id': identity(2), 'Is_Sustainer__c': None})
    system, answer, _ = await send(request, whole)
    assert reaction(system, request, answer) is None
    assert system.sustainers(answer) == {identity(1): True, identity(2): False}
    assert system.next_cursor(answer) is None
    system, answer, _ = await send(request, rows({'Id': identity(1), 'Is_Sustainer__c': True}, total=2))
    assert isinstance(reaction(system, request, answer), Retry)


@pytest.mark.behaviour('AU-6')
async def test_a_listing_goes_on_where_it_was_left() -> None:
    place = f'{DATA}/query/01g-2000'
    request = Request('sustainers', 'app_user', params={'cursor': f'2000:{place}'})
    system, answer, played = await send(request, rows({'Id': identity(1), 'Is_Sustainer__c': True}, total=2001))
    assert [call.path for call in played.calls] == [place]
    assert reaction(system, request, answer) is None
    assert system.next_cursor(answer) is None


async def test_the_lists_are_what_can_be_chosen() -> None:
    choices = [{'value': 'Weekly', 'active': True}, {'value': 'Old', 'active': False}, {'label': 'no value'}, 7]
    told = {'fields': [{'name': 'Mailing_Lists__c', 'type': 'multipicklist', 'picklistValues': choices}, 'rubbish']}
    system, answer, _ = await send(Request('lists'), (200, told))
    assert system.lists(answer) == ['Weekly']


async def test_an_ended_session_is_begun_again_once() -> None:
    request = together(new(1))
    system, answer, played = await send(request, EXPIRED, (201, done(request.items[0], 1)))
    assert reaction(system, request, answer) is None
    assert (len(played.signed_in), len(played.calls)) == (2, 2)
    system, answer, played = await send(request, EXPIRED)
    assert isinstance(reaction(system, request, answer), AuthBroken)
    assert (len(played.signed_in), len(played.calls)) == (2, 2)


async def test_one_token_for_all_who_ask_at_once() -> None:
    request = together(new(1))
    played = vendor((201, done(request.items[0], 1)))
    system = build(played)
    answers = await asyncio.gather(*(system.send(request, CATALOGUE) for _ in range(8)))
    assert [answer.status for answer in answers] == [201] * 8
    assert (len(played.signed_in), len(played.calls)) == (1, 8)
    await system.aclose()


@pytest.mark.parametrize(
    ('reply', 'expected'),
    [
        ((400, {'error': 'invalid_grant', 'error_description': 'no client credentials user enabled'}), AuthBroken),
        ((401, {'error': 'invalid_client'}), AuthBroken),
        ((404, b'<html>'), AuthBroken),
        ((302, b''), AuthBroken),
        ((503, b'<html>'), Retry),
        ((429, b''), Retry),
        ((200, b'{"access_token"'), Retry),
        ((200, {'access_token': 7, 'instance_url': BASE}), Retry),
        ((200, {'access_token': 'two\r\nlines', 'instance_url': BASE}), Retry),
        ((200, {'access_token': TOKEN, 'instance_url': 'https://my.salesforce.com.evil.example'}), AuthBroken),
        ((200, {'access_token': TOKEN, 'instance_url': 'http://brightwell.my.salesforce.com'}), AuthBroken),
        ((200, {'access_token': TOKEN}), AuthBroken),
    ],
)  # fmt: skip
async def test_there_is_no_token(reply: Reply, expected: type[Reaction]) -> None:
    played = vendor((200, b'{}'))
    played.sign_in = lambda call: reply if sign_in(call) else None
    system = build(played)
    request = together(new(1))
    answer = await system.send(request, CATALOGUE)
    raised = reaction(system, request, answer)
    await system.aclose()
    assert type(raised) is expected
    assert played.calls == []
    assert 'error_description' not in str(raised)
    assert 'evil' not in str(raised)


@pytest.mark.parametrize(
    ('instance', 'base', 'expected'),
    [
        (BASE, BASE, True),
        ('https://emea12.salesforce.com', BASE, True),
        ('https://emea12.salesforce.com:8443', BASE, False),
        ('https://salesforce.com.evil.example', BASE, False),
        ('https://evilsalesforce.com', BASE, False),
        ('https://user@emea12.salesforce.com', BASE, False),
        ('http://127.0.0.1:8100/salesforce', BASE, False),
        ('http://127.0.0.1:8100/salesforce', 'http://localhost:8100/salesforce', True),
        ('https://emea12.salesforce.com', 'http://127.0.0.1:8100/salesforce', False),
        ('https://crm.brightwell.example', 'https://crm.brightwell.example', True),
        ('https://crm.brightwell.example:1', 'https://crm.brightwell.example', False),
        ('javascript:alert(1)', BASE, False),
        ('https://[::1', BASE, False),
        ('', BASE, False),
    ],
)
def test_where_a_token_may_go(instance: str, base: str, expected: bool) -> None:
    assert is_home(instance, base) is expected


async def test_an_organisation_is_who_let_us_in() -> None:
    system, answer, played = await send(Request('me'), (200, {'sobjects': f'{DATA}/sobjects'}))
    assert played.calls[0].path == f'{DATA}/'
    assert system.identity(answer) == f'Salesforce organisation {ORGANISATION}'


async def test_how_much_is_spent_is_kept() -> None:
    _, answer, _ = await send(Request('me'), (200, {}), headers={'Sforce-Limit-Info': 'api-usage=18/5000'})
    assert answer.headers['sforce-limit-info'] == 'api-usage=18/5000'


@pytest.mark.parametrize(
    ('told', 'expected'),
    [
        ('api-usage=18/5000', (18, 5000)),
        ('api-usage=25/5000; per-app-api-usage=17/250(appName=sample-connected-app)', (25, 5000)),
        ('api-usage=1/0', None),
        ('api-usage=²/5000', None),
        ('per-app-api-usage=17/250', None),
        ('', None),
    ],
)
def test_what_an_answer_says_of_the_day(told: str, expected: tuple[int, int] | None) -> None:
    assert read_usage({'sforce-limit-info': told}) == expected


async def test_a_spent_day_waits() -> None:
    request = together(new(1), new(2))
    spent = error('REQUEST_LIMIT_EXCEEDED', 'TotalRequests Limit exceeded.', key='statusCode')
    told = [done(request.items[0], 1), {'success': False, 'errors': [spent]}]
    system, answer, _ = await send(request, (200, told))
    first, second = system.verdicts(request, answer)
    assert first is None
    assert isinstance(second, RateLimited)
    assert answer.ended_at is not None
    assert second.daily
    assert second.until - answer.ended_at == timedelta(minutes=30)


def test_where_people_look_at_an_object() -> None:
    system = build(vendor())
    assert system.page('app_user', identity(1)) == f'{BASE}/{identity(1)}'
    assert system.page('app_user', quote("x' y")) == ''
