"""The calls to Google as they leave, each judged by Google's own client and discovery document."""

import asyncio
import base64
import json
import re
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from google.auth import jwt

from hermes.domain.errors import AuthBroken, Retry, StrangeOwner, Unreadable
from hermes.domain.fields import Catalogue
from hermes.kit.clock import ManualClock
from hermes.ports import Answer, Request
from hermes.systems.google_calendar import mapping
from hermes.systems.google_calendar.system import GoogleCalendar
from tests.systems.google import EVENT, REP, ROOT, Vendor, account, calendar, judge, private_key

NONE = Catalogue()
START = datetime(2026, 3, 29, 9, 0, tzinfo=UTC)
BIRTH = {
    'summary': 'Brightwell demo with Ada Bell',
    'description': 'Thank you.',
    'start_at': '2026-03-29T09:00:00+00:00',
    'end_at': '2026-03-29T09:30:00+00:00',
    'zone': 'Europe/London',
    'attendees': ['lead@customer.example', REP],
    'guest': 'lead@customer.example',
    'meet': True,
    'uid': 'u-1',
    'hermes_id': [55],
    'calendar': REP,
}
REMOTE = f'{REP}/{EVENT}'
WINDOW = {'since': '2026-03-01T00:00:00+00:00', 'until': '2026-05-01T00:00:00+00:00'}
CHANNEL = {
    'calendar': REP, 'id': 'channel-1', 'address': 'https://hermes.example/google/callback/', 'token': 'canary',
    'until': '2026-03-09T00:00:00+00:00',
}  # fmt: skip
REQUESTS = [
    Request('create', 'event', REMOTE, BIRTH),
    Request('update', 'event', REMOTE, {'start_at': BIRTH['start_at'], 'end_at': BIRTH['end_at']}, {'zone': 'UTC'}),
    Request('update', 'event', REMOTE, {'attendees': [REP], 'guest': 'new@customer.example'}),
    Request('delete', 'event', REMOTE),
    Request('read', 'event', REMOTE),
    Request('list', 'event', params={'calendar': REP, **WINDOW}),
    Request('list', 'event', params={'calendar': REP, 'sync_token': 'CPDAlvWDx70CEPDAlvWDx70CGAU=', 'cursor': 'p2'}),
    Request('add_webhook', 'event', fields=CHANNEL),
    Request('drop_webhook', 'event', fields={'calendar': REP, 'id': 'channel-1', 'resource_id': 'r-1'}),
]


async def sent(request: Request, vendor: Vendor | None = None, **options: Any) -> tuple[Answer, Vendor]:
    vendor = vendor or Vendor()
    system = calendar(vendor, **options)
    answer = await system.send(request, NONE)
    await system.aclose()
    return answer, vendor


@pytest.mark.behaviour('CB-11')
@pytest.mark.parametrize('request_', REQUESTS, ids=lambda one: f'{one.op}')
async def test_googles_own_client_would_have_made_the_same_request(request_: Request) -> None:
    _, vendor = await sent(request_)
    (call,) = vendor.calls
    assert judge(call.method, call.url, call.body) == []


@pytest.mark.parametrize(
    ('method', 'url', 'body'),
    [
        ('POST', '/calendar/v3/calendars/a/events?sendUpdate=all', {}),
        ('POST', '/calendar/v3/calendars/a/events?sendUpdates=everybody', {}),
        ('POST', '/calendar/v3/calendars/a/events?sendNotifications=true', {}),
        ('POST', '/calendar/v3/calendars/a/events', {'attendees': 'x'}),
        ('POST', '/calendar/v3/calendars/a/events', {'start': {'dateTime': '2026-03-02T10:00:00'}}),
        ('POST', '/calendar/v3/calendars/a/events', {'titel': 'x'}),
        ('DELETE', '/calendar/v3/calendars/a/events/b', {}),
        ('PUT', '/calendar/v3/freeBusy', {}),
    ],
)
def test_the_judge_is_not_asleep(method: str, url: str, body: Any) -> None:
    assert judge(method, url, body)


@pytest.mark.behaviour('CB-7', 'CB-11')
async def test_a_creation_asks_for_everything_at_once() -> None:
    _, vendor = await sent(REQUESTS[0])
    (call,) = vendor.calls
    place = '/calendar/v3/calendars/rep%40brightwell.example/events'
    assert (call.method, call.url) == ('POST', f'{place}?sendUpdates=all&conferenceDataVersion=1')
    assert call.body == {
        'id': EVENT,
        'summary': 'Brightwell demo with Ada Bell',
        'description': 'Thank you.',
        'start': {'dateTime': '2026-03-29T09:00:00Z', 'timeZone': 'Europe/London'},
        'end': {'dateTime': '2026-03-29T09:30:00Z', 'timeZone': 'Europe/London'},
        'attendees': [{'email': 'lead@customer.example'}, {'email': REP, 'responseStatus': 'accepted'}],
        'reminders': {'useDefault': True},
        'extendedProperties': {
            'private': {'hermes_id': '55', 'hermes_uid': 'u-1', 'hermes_guest': 'lead@customer.example'}
        },
        'conferenceData': {
            'createRequest': {'requestId': EVENT, 'conferenceSolutionKey': {'type': 'hangoutsMeet'}}
        },
    }  # fmt: skip


async def test_a_change_says_only_what_differs_and_the_whole_list_of_guests() -> None:
    _, vendor = await sent(
        Request(
            'update',
            'event',
            REMOTE,
            {'attendees': ['colleague@customer.example', REP]},
            {'guests': {REP: {'responseStatus': 'accepted', 'optional': True}}, 'calendar': REP, 'zone': 'Asia/Tokyo'},
        )
    )
    (call,) = vendor.calls
    assert call.method == 'PATCH'
    assert call.body == {
        'attendees': [
            {'email': 'colleague@customer.example'},
            {'email': REP, 'responseStatus': 'accepted', 'optional': True},
        ]
    }


@pytest.mark.behaviour('CB-7')
def test_the_id_of_an_event_is_the_same_for_every_try_and_another_in_every_round() -> None:
    first = mapping.event_id('u-1', 0)
    assert first == mapping.event_id('u-1', 0)
    assert re.fullmatch('[0-9a-v]{52}', first)
    assert mapping.is_chosen(first)
    assert len({first, mapping.event_id('u-1', 1), mapping.event_id('u-2', 0)}) == 3


async def test_the_assertion_speaks_for_the_owner_of_the_calendar() -> None:
    clock = ManualClock(START)
    _, vendor = await sent(REQUESTS[4], clock=clock)
    (assertion,) = vendor.assertions
    claims = {**jwt.decode(assertion, verify=False)}
    head = json.loads(base64.urlsafe_b64decode(assertion.split('.')[0] + '=='))
    assert head == {'typ': 'JWT', 'alg': 'RS256', 'kid': 'key-1'}
    assert claims.pop('exp') - claims['iat'] == 3600
    assert claims == {
        'iss': 'hermes@project.iam.example',
        'sub': REP,
        'aud': f'{ROOT}/token',
        'scope': 'https://www.googleapis.com/auth/calendar',
        'iat': int(clock.now().timestamp()),
    }
    assert vendor.calls[0].headers['authorization'] == 'Bearer canary-token-1'


async def test_a_token_is_fetched_once_for_each_owner_and_again_a_minute_before_its_end() -> None:
    clock, vendor = ManualClock(START), Vendor(delay_s=0.01)
    system = calendar(vendor, clock=clock)
    other = Request('read', 'event', f'other@brightwell.example/{EVENT}')
    await asyncio.gather(*(system.send(REQUESTS[4], NONE) for _ in range(5)), system.send(other, NONE))
    assert len(vendor.assertions) == 2
    clock.advance(3599 - 61)
    await system.send(REQUESTS[4], NONE)
    assert len(vendor.assertions) == 2
    clock.advance(1)
    await system.send(REQUESTS[4], NONE)
    assert len(vendor.assertions) == 3
    await system.aclose()


async def test_a_refused_token_is_exchanged_once() -> None:
    answer, vendor = await sent(REQUESTS[4], Vendor([(401, {}), (200, {'id': EVENT})]))
    assert (answer.status, len(vendor.calls), len(vendor.assertions)) == (200, 2, 2)
    answer, vendor = await sent(REQUESTS[4], Vendor([(401, {})]))
    assert (answer.status, len(vendor.calls), len(vendor.assertions)) == (403, 2, 2)
    with pytest.raises(StrangeOwner):
        calendar(vendor).judge(REQUESTS[4], answer, NONE)


REFUSED = (400, {'error': 'invalid_grant', 'error_description': 'Invalid email or User ID'})


@pytest.mark.parametrize(
    ('given', 'reaction'),
    [
        ([REFUSED], StrangeOwner),
        ([REFUSED, REFUSED], AuthBroken),
        ([REFUSED, (503, b'<html>')], Retry),
        ([(401, {'error': 'unauthorized_client'})], AuthBroken),
        ([(401, {'error': 'invalid_client'})], AuthBroken),
        ([(503, b'<html>')], Retry),
        ([(200, b'')], Retry),
        ([(200, {'access_token': ''})], Retry),
    ],
)
async def test_without_a_token_nothing_leaves(given: list[tuple[int, Any]], reaction: type[Exception]) -> None:
    """Whose fault a refused token is, the account's own token tells: another owner's calendar may well be open."""
    answer, vendor = await sent(REQUESTS[0], Vendor(tokens=[*given]))
    assert (answer.sent, vendor.calls) == (False, [])
    with pytest.raises(reaction) as told:
        calendar(vendor).judge(REQUESTS[0], answer, NONE)
    assert type(told.value) is reaction


async def test_the_account_signs_in_for_itself_without_an_owner() -> None:
    _, vendor = await sent(REQUESTS[0], Vendor(tokens=[REFUSED]))
    owners = [jwt.decode(each, verify=False).get('sub') for each in vendor.assertions]
    assert owners == [REP, None]


async def test_a_token_that_cannot_be_exchanged_just_now_concerns_nobody() -> None:
    """The cached one is refused while Google gives no new ones: it is tried again, and nothing is paused."""
    vendor = Vendor([(200, {'id': EVENT}), (401, {})])
    system = calendar(vendor)
    await system.send(REQUESTS[4], NONE)
    vendor.tokens.append((503, b'<html>'))
    answer = await system.send(REQUESTS[4], NONE)
    with pytest.raises(Retry):
        system.judge(REQUESTS[4], answer, NONE)
    await system.aclose()


@pytest.mark.invariant('S8')
async def test_neither_key_nor_token_stands_in_anything_that_is_shown() -> None:
    answer, _ = await sent(REQUESTS[0], account=account('-----BEGIN PRIVATE KEY-----\ncanary-key\n'))
    system = calendar(Vendor(), account=account())
    shown = f'{answer!r} {account()!r} {system!r} {vars(system)!r} {system._client._tokens!r}'
    assert (answer.status, answer.sent) == (401, False)
    assert 'canary' not in shown
    assert private_key()[40:80] not in shown
    await system.aclose()


async def test_a_private_key_on_one_line_is_understood() -> None:
    answer, _ = await sent(REQUESTS[4], account=account(private_key().replace('\n', '\\n')))
    assert answer.status == 200


@pytest.mark.parametrize('remote_id', ['', 'no-calendar', '/x', 'x/'])
async def test_what_has_no_place_is_not_sent(remote_id: str) -> None:
    answer, vendor = await sent(Request('read', 'event', remote_id))
    assert (answer.status, answer.sent, vendor.calls) == (None, False, [])


@pytest.mark.invariant('S4')
async def test_the_name_of_a_calendar_leads_nowhere_else() -> None:
    _, vendor = await sent(Request('read', 'event', f'../../evil?x=1#/{EVENT}'))
    (call,) = vendor.calls
    assert call.url == f'/calendar/v3/calendars/..%2F..%2Fevil%3Fx%3D1%23/events/{EVENT}'


async def test_a_slow_answer_is_none() -> None:
    answer, _ = await sent(REQUESTS[0], Vendor(delay_s=0.5), timeout_s=0.75)
    assert (answer.status, answer.sent) == (None, True)


async def test_other_peoples_events_are_taken_off_a_page_before_it_is_kept() -> None:
    private = {'id': 'x1', 'summary': 'Dentist', 'status': 'confirmed'}
    ours = {'id': EVENT, 'status': 'confirmed', 'extendedProperties': {'private': {'hermes_id': '55'}}}
    page = {'items': [private, ours], 'nextSyncToken': 't', 'summary': REP, 'defaultReminders': []}
    answer, _ = await sent(REQUESTS[5], Vendor([(200, page)]))
    assert json.loads(answer.body) == {'items': [ours], 'nextSyncToken': 't', 'left_out': 1}
    assert b'Dentist' not in answer.body


class TestBusy:
    """CB-8: never "everything is free"."""

    async def ask(self, *answers: tuple[int, Any], vendor: Vendor | None = None) -> list[tuple[datetime, datetime]]:
        vendor = vendor or Vendor(list(answers))
        system: GoogleCalendar = calendar(vendor)
        try:
            return await system.busy(REP, START, START + timedelta(days=1))
        finally:
            await system.aclose()
            for call in vendor.calls:
                assert judge(call.method, call.url, call.body) == []

    @pytest.mark.behaviour('CB-8')
    async def test_taken_times_come_in_order_and_in_utc(self) -> None:
        taken = [
            {'start': '2026-03-29T14:00:00+02:00', 'end': '2026-03-29T15:00:00+02:00'},
            {'start': '2026-03-29T09:00:00Z', 'end': '2026-03-29T09:30:00Z'},
        ]
        found = await self.ask((200, {'calendars': {REP: {'busy': taken}}}))
        assert found == [
            (START, START + timedelta(minutes=30)),
            (START + timedelta(hours=3), START + timedelta(hours=4)),
        ]

    @pytest.mark.behaviour('CB-8')
    @pytest.mark.parametrize(
        'answer',
        [
            (200, {'calendars': {REP: {'errors': [{'domain': 'global', 'reason': 'notFound'}], 'busy': []}}}),
            (200, {'calendars': {}}),
            (200, {'calendars': {'other@brightwell.example': {'busy': []}}}),
            (200, {'calendars': {REP: {}}}),
            (200, {'calendars': {REP: {'busy': [{'start': 'soon'}]}}}),
            (200, {}),
            (200, b''),
            (200, b'<html>'),
            (403, {}),
            (500, {}),
            (401, {}),
        ],
    )
    async def test_silence_is_never_free_time(self, answer: tuple[int, Any]) -> None:
        with pytest.raises(Unreadable):
            await self.ask(answer)

    @pytest.mark.behaviour('CB-8')
    async def test_a_calendar_that_takes_too_long_is_no_free_time(self) -> None:
        vendor = Vendor([(200, {'calendars': {REP: {'busy': []}}})], delay_s=0.3)
        system = calendar(vendor, busy_s=0.4)
        with pytest.raises(Unreadable):
            await system.busy(REP, START, START + timedelta(days=1))
        await system.aclose()

    @pytest.mark.behaviour('CB-8')
    async def test_a_token_that_is_refused_is_no_free_time(self) -> None:
        with pytest.raises(Unreadable):
            await self.ask(vendor=Vendor(tokens=[(400, {'error': 'invalid_grant'})]))
