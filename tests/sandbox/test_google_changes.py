"""How the emulated Google Calendar tells what changed: lists, sync tokens, free/busy and channels."""

from datetime import timedelta
from typing import Any

import pytest

from hermes.sandbox.outbox import Delivery
from tests.sandbox.google import INES, MARCUS, MEET, PRIYA, START, Caller, body, make_world, open_caller

EVENTS = '/calendars/primary/events'
ADDRESS = 'http://127.0.0.1:8000/google/callback/'


@pytest.fixture
def caller() -> Caller:
    return open_caller(make_world())


def block(caller: Caller, hour: int, email: str = PRIYA, **more: Any) -> str:
    at = START + timedelta(days=2, hours=hour - 9)
    event_id: str = caller.world.google.block(email, at, at + timedelta(minutes=30), f'at {hour}', **more).id
    return event_id


async def test_a_list_has_windows_order_and_pages(caller: Caller) -> None:
    made = [block(caller, hour) for hour in (15, 9, 12, 10)]
    caller.world.google.delete(PRIYA, made[2])
    order = {'singleEvents': 'true', 'orderBy': 'startTime'}
    listed = await caller.ok('GET', EVENTS, **order)
    assert [one['summary'] for one in listed['items']] == ['at 9', 'at 10', 'at 15']
    assert 'nextSyncToken' not in listed
    window = {'timeMin': '2026-03-04T09:30:00Z', 'timeMax': '2026-03-04T15:00:00Z'}
    listed = await caller.ok('GET', EVENTS, **window, showDeleted='true', **order)
    assert [one['summary'] for one in listed['items']] == ['at 10', 'at 12']
    seen, page = [], await caller.ok('GET', EVENTS, maxResults=2)
    assert 'nextSyncToken' not in page
    while 'nextPageToken' in page:
        seen += page['items']
        page = await caller.ok('GET', EVENTS, maxResults=2, pageToken=page['nextPageToken'])
    assert {one['id'] for one in seen + page['items']} == {made[0], made[1], made[3]}
    assert 'nextSyncToken' in page


@pytest.mark.parametrize(
    ('asked', 'reason'),
    [
        ({'orderBy': 'startTime'}, 'badRequest'),
        ({'orderBy': 'name'}, 'invalid'),
        ({'timeMin': '2026-03-04'}, 'badRequest'),
        ({'timeMin': '2026-03-05T00:00:00Z', 'timeMax': '2026-03-04T00:00:00Z'}, 'timeRangeEmpty'),
        ({'maxResults': '0'}, 'invalid'),
        ({'pageToken': 'x'}, 'invalid'),
        ({'syncToken': 'x'}, 'invalid'),
        ({'timeZone': 'Mars/Base'}, 'invalid'),
        ({'privateExtendedProperty': 'x'}, 'invalid'),
    ],
)
async def test_a_query_that_makes_no_sense_is_refused(caller: Caller, asked: Any, reason: str) -> None:
    block(caller, 9)
    assert await caller.refused('GET', EVENTS, **asked) == (400, reason)


async def test_private_properties_find_an_event(caller: Caller) -> None:
    for event_id, uid in (('aaaaa', 'u1'), ('bbbbb', 'u2')):
        await caller.ok('POST', EVENTS, body(id=event_id, extendedProperties={'private': {'uid': uid, 'x': '1'}}))
    found = await caller.ok('GET', EVENTS, privateExtendedProperty=['uid=u2', 'x=1'])
    assert [one['id'] for one in found['items']] == ['bbbbb']


async def test_a_sync_token_tells_what_changed_and_only_that(caller: Caller) -> None:
    made = [block(caller, hour) for hour in (9, 10, 11)]
    token = (await caller.ok('GET', EVENTS))['nextSyncToken']
    assert await caller.changes(token) == ([], token)
    caller.world.google.delete(PRIYA, made[0])
    caller.world.google.move(PRIYA, made[1], '2026-03-05T10:00:00Z')
    block(caller, 9, MARCUS)
    changed, later = await caller.changes(token)
    assert sorted(changed) == sorted([(made[0], 'cancelled'), (made[1], 'confirmed')])
    assert (await caller.changes(later))[0] == []


async def test_what_changes_while_pages_are_read_is_not_lost(caller: Caller) -> None:
    made = sorted(block(caller, hour) for hour in (9, 10, 11, 12))
    first = await caller.ok('GET', EVENTS, maxResults=2)
    caller.world.google.edit(PRIYA, made[0], summary='Changed')
    caller.world.google.delete(PRIYA, made[1])
    second = await caller.ok('GET', EVENTS, maxResults=2, pageToken=first['nextPageToken'])
    assert [one['id'] for one in first['items'] + second['items']] == made
    changed, _ = await caller.changes(second['nextSyncToken'])
    assert sorted(changed) == [(made[0], 'confirmed'), (made[1], 'cancelled')]


@pytest.mark.parametrize('name', ['orderBy', 'timeMin', 'timeMax', 'updatedMin', 'q', 'privateExtendedProperty'])
async def test_a_sync_token_stands_alone(caller: Caller, name: str) -> None:
    token = (await caller.ok('GET', EVENTS))['nextSyncToken']
    value = {'orderBy': 'updated', 'q': 'x', 'privateExtendedProperty': 'a=b'}.get(name, '2026-03-02T00:00:00Z')
    assert (await caller.refused('GET', EVENTS, syncToken=token, **{name: value}))[0] == 400
    assert (await caller.refused('GET', EVENTS, syncToken=token, showDeleted='false'))[0] == 400


async def test_an_old_sync_token_asks_for_a_full_sync(caller: Caller) -> None:
    token = (await caller.ok('GET', EVENTS))['nextSyncToken']
    caller.world.google.expire_sync_tokens(MARCUS)
    await caller.changes(token)
    caller.world.google.expire_sync_tokens(PRIYA)
    assert await caller.refused('GET', EVENTS, syncToken=token) == (410, 'fullSyncRequired')
    token = (await caller.ok('GET', EVENTS))['nextSyncToken']
    caller.world.clock.advance(8 * 86400)  # type: ignore[attr-defined]
    caller.tokens.clear()
    assert await caller.refused('GET', EVENTS, syncToken=token) == (410, 'fullSyncRequired')
    assert await caller.refused('GET', EVENTS, updatedMin='2026-01-01T00:00:00Z') == (410, 'updatedMinTooLongAgo')


async def test_free_busy_merges_and_leaves_out_what_does_not_block(caller: Caller) -> None:
    block(caller, 9, free=True)
    caller.world.google.delete(PRIYA, block(caller, 10))
    for start, end in (('11:00', '12:00'), ('11:30', '12:30'), ('12:30', '13:00'), ('15:00', '16:00')):
        caller.world.google.block(PRIYA, f'2026-03-04T{start}:00Z', f'2026-03-04T{end}:00Z')
    invited = caller.world.google.invite(PRIYA, 'a@far.example', '2026-03-04T18:00:00Z', '2026-03-04T19:00:00Z', 'Fair')
    caller.world.google.respond(PRIYA, invited.id, 'declined')
    busy = (await caller.busy(PRIYA, start='2026-03-04T00:00:00Z', end='2026-03-04T15:30:00Z'))[PRIYA]['busy']
    assert busy == [
        {'start': '2026-03-04T11:00:00Z', 'end': '2026-03-04T13:00:00Z'},
        {'start': '2026-03-04T15:00:00Z', 'end': '2026-03-04T15:30:00Z'},
    ]
    assert not (await caller.busy(PRIYA, start='2026-03-04T13:00:00Z', end='2026-03-04T15:00:00Z'))[PRIYA]['busy']


async def test_a_whole_day_is_a_day_of_its_owner(caller: Caller) -> None:
    caller.world.google.block(MARCUS, '2026-03-04', '2026-03-05', 'Day off')
    assert (await caller.busy(MARCUS))[MARCUS]['busy'] == [
        {'start': '2026-03-04T05:00:00Z', 'end': '2026-03-05T05:00:00Z'}
    ]


async def test_what_goes_wrong_with_one_calendar_is_said_inside_of_a_200(caller: Caller) -> None:
    block(caller, 9)
    caller.world.google.fail_free_busy(PRIYA)
    caller.world.google.set_away(MARCUS)
    told = await caller.busy(PRIYA, MARCUS, 'nobody@office.example', INES)
    reasons = {name: [one['reason'] for one in found.get('errors', [])] for name, found in told.items()}
    unknown = {'nobody@office.example': ['notFound']}
    assert reasons == {PRIYA: ['internalError'], MARCUS: ['internalError'], INES: []} | unknown
    assert (await caller.busy(PRIYA))[PRIYA]['busy']
    assert await caller.refused('GET', f'/calendars/{MARCUS}/events') == (503, 'backendError')
    caller.world.google.mend()
    assert (await caller.busy(MARCUS))[MARCUS] == {'busy': []}
    backwards = {'timeMin': '2026-03-05T00:00:00Z', 'timeMax': '2026-03-04T00:00:00Z'}
    assert await caller.refused('POST', '/freeBusy', backwards) == (400, 'timeRangeEmpty')


async def test_a_slow_calendar_takes_its_time(caller: Caller) -> None:
    caller.world.google.set_slow(PRIYA)
    await caller.busy(PRIYA, MARCUS)
    assert caller.world.clock.now() == START + timedelta(seconds=8)
    await caller.ok('GET', f'/calendars/{PRIYA}/events')
    assert caller.world.clock.now() == START + timedelta(seconds=16)
    await caller.busy(MARCUS)
    assert caller.world.clock.now() == START + timedelta(seconds=16)


class Door:
    """Where messages arrive."""

    def __init__(self, *answers: int | None) -> None:
        self.answers = list(answers)
        self.got: list[Delivery] = []

    async def post(self, delivery: Delivery) -> int | None:
        self.got.append(delivery)
        return self.answers.pop(0) if self.answers else 200

    @property
    def states(self) -> list[tuple[str, str]]:
        heads = [one.headers for one in self.got]
        return [(one['X-Goog-Resource-State'], one['X-Goog-Message-Number']) for one in heads]


async def test_a_channel_says_sync_and_then_that_something_is_there(caller: Caller) -> None:
    told = {'id': 'c1', 'type': 'web_hook', 'address': ADDRESS, 'token': 'secret'}
    channel = await caller.ok('POST', f'{EVENTS}/watch', told)
    assert (channel['kind'], channel['token']) == ('api#channel', 'secret')
    assert int(channel['expiration']) == int((START + timedelta(days=7)).timestamp()) * 1000
    block(caller, 9)
    block(caller, 9, MARCUS)
    door = Door()
    await caller.world.outbox.deliver_due(door.post)
    assert door.states == [('sync', '1'), ('exists', '2')]
    assert [one.body for one in door.got] == [b'', b'']
    head = door.got[0].headers
    assert head['X-Goog-Channel-ID'] == 'c1'
    assert head['X-Goog-Channel-Token'] == 'secret'
    assert head['X-Goog-Channel-Expiration'] == 'Mon, 09 Mar 2026 09:00:00 GMT'
    assert head['X-Goog-Resource-ID'] == channel['resourceId']
    assert await caller.refused('POST', f'{EVENTS}/watch', told) == (400, 'channelIdNotUnique')
    known = {'id': 'c1', 'resourceId': channel['resourceId']}
    assert await caller.refused('POST', '/channels/stop', known | {'resourceId': 'x'}) == (404, 'notFound')
    await caller.ok('POST', '/channels/stop', known)
    block(caller, 10)
    assert not caller.world.outbox.waiting


async def test_a_meet_link_that_is_made_later_is_told_later(caller: Caller) -> None:
    await caller.ok('POST', f'{EVENTS}/watch', {'id': 'c1', 'type': 'web_hook', 'address': ADDRESS})
    await caller.ok('POST', EVENTS, body(id='abcde', conferenceData=MEET), conferenceDataVersion=1)
    token = (await caller.ok('GET', EVENTS))['nextSyncToken']
    door = Door()
    await caller.world.outbox.deliver_due(door.post)
    assert len(door.got) == 2
    caller.world.clock.move_to(caller.world.outbox.next_due_at())  # type: ignore[attr-defined]
    await caller.world.outbox.deliver_due(door.post)
    assert door.states[-1] == ('exists', '3')
    assert (await caller.changes(token))[0] == [('abcde', 'confirmed')]


async def test_a_channel_ends(caller: Caller) -> None:
    told = {'id': 'c1', 'type': 'web_hook', 'address': ADDRESS, 'params': {'ttl': '60'}}
    await caller.ok('POST', f'{EVENTS}/watch', told)
    await caller.ok('POST', f'{EVENTS}/watch', told | {'id': 'c2', 'params': {}})
    door = Door()
    await caller.world.outbox.deliver_due(door.post)
    caller.world.clock.advance(60)  # type: ignore[attr-defined]
    block(caller, 9)
    assert [one.info['channel'] for one in caller.world.outbox.waiting] == ['c2']
    assert caller.world.google.lapse_watches(PRIYA) == 1
    caller.world.outbox.clear()
    block(caller, 10)
    assert not caller.world.outbox.waiting


async def test_a_message_is_repeated_after_a_servers_error_only(caller: Caller) -> None:
    await caller.ok('POST', f'{EVENTS}/watch', {'id': 'c1', 'type': 'web_hook', 'address': ADDRESS})
    door = Door(503, None, 404)
    for _ in range(5):
        await caller.world.outbox.deliver_due(door.post)
        if (due_at := caller.world.outbox.next_due_at()) is not None:
            caller.world.clock.move_to(due_at)  # type: ignore[attr-defined]
    assert door.states == [('sync', '1')] * 3


@pytest.mark.parametrize(
    ('address', 'wanted'),
    [
        ('http://far.example/x', (400, 'push.webhookUrlNotHttps')),
        ('https://far.example/x', (401, 'push.webhookUrlUnauthorized')),
        ('', (400, 'required')),
    ],
)
async def test_a_channel_leads_to_this_machine_only(caller: Caller, address: str, wanted: tuple[int, str]) -> None:
    told = {'id': 'c1', 'type': 'web_hook', 'address': address}
    assert await caller.refused('POST', f'{EVENTS}/watch', told) == wanted


async def test_a_channel_has_a_short_id_and_a_known_kind(caller: Caller) -> None:
    told = {'id': 'c' * 65, 'type': 'web_hook', 'address': ADDRESS}
    assert await caller.refused('POST', f'{EVENTS}/watch', told) == (400, 'invalid')
    assert (await caller.refused('POST', f'{EVENTS}/watch', told | {'id': 'c', 'type': 'post'}))[0] == 400
    past = told | {'id': 'c', 'expiration': 1}
    assert await caller.refused('POST', f'{EVENTS}/watch', past) == (400, 'invalid')


async def test_a_caller_that_asks_too_often_is_told_so(caller: Caller) -> None:
    for _ in range(600):
        await caller.ok('GET', '/calendars/primary')
    assert await caller.refused('GET', EVENTS) == (403, 'userRateLimitExceeded')
    caller.world.clock.advance(60)  # type: ignore[attr-defined]
    await caller.ok('GET', EVENTS)


async def test_the_weather_speaks_as_google_does(caller: Caller) -> None:
    await caller.ok('GET', EVENTS)
    caller.world.weather.change(rate_limited_p=1.0)
    seen = {await caller.refused('GET', EVENTS) for _ in range(20)}
    limits = {(403, 'userRateLimitExceeded'), (403, 'rateLimitExceeded'), (429, 'rateLimitExceeded')}
    assert seen == limits
    caller.world.weather.change(rate_limited_p=0.0, blocked_p=1.0)
    page = await caller.call('GET', EVENTS)
    assert (page.status_code, page.headers['content-type'].partition(';')[0]) == (502, 'text/html')
    caller.world.weather.change(blocked_p=0.0, error_after_p=1.0)
    assert (await caller.refused('POST', EVENTS, body(id='abcde')))[1] == 'backendError'
    caller.world.weather.change(error_after_p=0.0)
    assert (await caller.ok('GET', f'{EVENTS}/abcde'))['status'] == 'confirmed'


async def test_the_calendars_survive_a_restart(caller: Caller) -> None:
    world = caller.world
    await caller.ok('POST', f'{EVENTS}/watch', {'id': 'c1', 'type': 'web_hook', 'address': ADDRESS})
    guests = [{'email': 'lead@visitor.example'}]
    told = body(id='abcde', conferenceData=MEET, attendees=guests)
    await caller.ok('POST', EVENTS, told, conferenceDataVersion=1, sendUpdates='all')
    token = (await caller.ok('GET', EVENTS))['nextSyncToken']
    world.google.set_slow(MARCUS)
    kept = world.dump()
    other = make_world()
    other.load(kept)
    assert other.google.state() == world.google.state()
    again = open_caller(other)
    assert (await again.changes(token))[0] == []
    assert other.google.delete(PRIYA, 'abcde').sequence == 1
    assert [one['kind'] for one in other.google.post.sent] == ['invitation', 'cancellation']


async def test_a_person_acts_through_the_control_api_too(caller: Caller) -> None:
    told = {'system': 'google', 'act': 'block', 'email': PRIYA, 'start': '2026-03-04T10:00:00Z'}
    made = await caller.client.post('/_world/act', json=told | {'end': '2026-03-04T11:00:00Z', 'summary': 'Mine'})
    event_id = made.json()['result']['id']
    move = {'system': 'google', 'act': 'move', 'email': PRIYA, 'event_id': event_id, 'start': '2026-03-05T10:00:00Z'}
    moved = (await caller.client.post('/_world/act', json=move)).json()['result']
    assert (moved['end']['dateTime'], moved['sequence']) == ('2026-03-05T11:00:00Z', 1)
    for wrong in ({'act': 'fly'}, {'act': 'move', 'email': PRIYA, 'event_id': 'x', 'start': '2026-03-05T10:00:00Z'}):
        assert (await caller.client.post('/_world/act', json={'system': 'google', **wrong})).status_code == 422
    state = (await caller.client.get('/_world/state')).json()['google']
    assert [one['summary'] for one in state['calendars'][PRIYA]['events']] == ['Mine']
    await caller.client.post('/_world/reset')
    assert not caller.world.google.people
