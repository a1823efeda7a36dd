"""Google's own Python client walks every endpoint of the emulated calendar over a real socket.

Each answer is judged by the discovery document that the client brings along; the documents of other vendors are not
needed.
"""

import asyncio
import json
import random
from collections.abc import Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from typing import Any

import httpx2
import pytest
import pytest_asyncio
from google.oauth2 import service_account
from googleapiclient.discovery import build  # type: ignore[import-untyped]
from googleapiclient.errors import HttpError  # type: ignore[import-untyped]
from googleapiclient.http import HttpRequest  # type: ignore[import-untyped]

from hermes.kit.clock import SystemClock
from hermes.sandbox.app import SandboxTransport, create_app
from hermes.sandbox.google.service_account import CLIENT_EMAIL, FULL, draw_service_account
from hermes.sandbox.scenarios import demo
from hermes.sandbox.world import Secrets, World
from tests.flows.calendar_judge import Heard
from tests.referee import discovery
from tests.sandbox.google import SANDBOX, make_world
from tests.sandbox.google import Caller as SandboxCaller

PRIYA, MARCUS, INES = 'priya.raman@office.example', 'marcus.hale@office.example', 'ines.duarte@office.example'
SERVICE_ACCOUNT = draw_service_account()
MEET = {'createRequest': {'requestId': 'r1', 'conferenceSolutionKey': {'type': 'hangoutsMeet'}}}
Json = dict[str, Any]


@pytest_asyncio.fixture
async def world() -> World:
    secrets = Secrets('tc2-key', 'pd-key', 'hook-user', 'hook-password', SERVICE_ACCOUNT['G_PRIVATE_KEY'])
    world = World(SystemClock(), random.Random(7), 'http://127.0.0.1:9', secrets)
    demo.build(world)
    return world


class Caller:
    """The client, speaking for one person, and what the document had against what it heard."""

    def __init__(self, url: str, user: str | None = PRIYA, key: str = SERVICE_ACCOUNT['G_PRIVATE_KEY']) -> None:
        self.found: list[str] = []
        self.heard: set[tuple[str, int]] = set()
        told = {
            'type': 'service_account',
            'client_email': CLIENT_EMAIL,
            'private_key': key,
            'private_key_id': SERVICE_ACCOUNT['G_PRIVATE_KEY_ID'],
            'token_uri': f'{url}/google/token',
        }
        self.credentials = service_account.Credentials.from_service_account_info(told, scopes=[FULL], subject=user)
        self.api = build(
            'calendar',
            'v3',
            credentials=self.credentials,
            client_options={'api_endpoint': f'{url}/google/calendar/v3/'},
            static_discovery=True,
            requestBuilder=self._request,
        )

    def _request(self, http: Any, postproc: Callable[..., Any], *args: Any, **more: Any) -> HttpRequest:
        def hear(response: Any, content: bytes) -> Any:
            self._hear(more['methodId'], response.status, content)
            return postproc(response, content)

        return HttpRequest(http, hear, *args, **more)

    def _hear(self, method_id: str, status: int, content: bytes) -> None:
        method = next(one for one in discovery.methods() if one.id == method_id)
        self.heard.add((method_id.removeprefix('calendar.'), status))
        self.found += [f'{method_id}: {one}' for one in discovery.judge_answer(method, status, content)]

    def refused(self, request: Any, status: int, reason: str) -> None:
        with pytest.raises(HttpError) as caught:
            request.execute()
        error = caught.value
        self._hear(request.methodId, error.status_code, error.content)
        told = json.loads(error.content)['error']
        assert (error.status_code, told['errors'][0]['reason']) == (status, reason)

    def close(self) -> None:
        self.api.close()

    @property
    def events(self) -> Any:
        return self.api.events()


def body(**more: Any) -> Json:
    start = (datetime.now(UTC) + timedelta(days=3)).replace(microsecond=0)
    edges = {'start': {'dateTime': start.isoformat()}, 'end': {'dateTime': (start + timedelta(minutes=30)).isoformat()}}
    return {'summary': 'Call', **edges, **more}


async def test_googles_own_client_walks_every_endpoint(sandbox_url: str, world: World) -> None:
    caller, other = Caller(sandbox_url), Caller(sandbox_url, MARCUS)
    with closing(caller), closing(other):
        await walk(caller, other, world)
    assert caller.found + other.found == []
    walked = {name for name, status in caller.heard if status < 300}
    verbs = ('insert', 'get', 'patch', 'update', 'delete', 'list', 'watch')
    assert walked >= {*(f'events.{verb}' for verb in verbs), 'freebusy.query', 'channels.stop', 'calendars.get'}


async def walk(caller: Caller, other: Caller, world: World) -> None:
    await asyncio.to_thread(walk_writes, caller)
    await asyncio.to_thread(walk_lists, caller, world)
    await asyncio.to_thread(walk_free_busy, caller, world)
    await asyncio.to_thread(walk_channels, caller)
    await asyncio.to_thread(walk_refusals, caller, other, world)


def walk_writes(caller: Caller) -> None:
    private = {'private': {'hermes_uid': 'u1'}, 'shared': {'x': '1'}}
    guests = [{'email': 'lead@visitor.example', 'displayName': 'Lee', 'optional': True}, {'email': INES}]
    more = {'location': 'Online', 'visibility': 'private', 'guestsCanInviteOthers': False, 'colorId': '5'}
    source = {'source': {'title': 'Hermes', 'url': 'https://hermes.example/'}}
    told = body(id='abcde12345', attendees=guests, extendedProperties=private, conferenceData=MEET, **more, **source)
    made = caller.events.insert(
        calendarId=PRIYA, body=told, conferenceDataVersion=1, sendUpdates='all', maxAttendees=1
    ).execute()
    assert made['conferenceData']['createRequest']['status']['statusCode'] == 'pending'
    place = {'calendarId': 'primary', 'eventId': made['id']}
    caller.events.get(**place, timeZone='Asia/Tokyo').execute()
    reminders = {'reminders': {'useDefault': False, 'overrides': [{'method': 'popup', 'minutes': 5}]}}
    caller.events.patch(**place, body=reminders | {'transparency': 'transparent'}).execute()
    caller.events.update(**place, body=body(attendees=guests), sendUpdates='externalOnly').execute()
    whole_day = {'start': {'date': '2026-05-01'}, 'end': {'date': '2026-05-02'}, 'summary': 'Day off'}
    caller.events.insert(calendarId='primary', body=whole_day).execute()
    assert caller.events.delete(**place, sendUpdates='all').execute() == ''
    assert caller.events.get(**place).execute()['status'] == 'cancelled'


def walk_lists(caller: Caller, world: World) -> None:
    request, seen = caller.events.list(calendarId='primary', maxResults=7), 0
    answer: Json = {}
    while request is not None:
        answer = request.execute()
        seen += len(answer['items'])
        request = caller.events.list_next(request, answer)
    assert seen > 40
    first = next(one for one in world.google.visible(PRIYA) if not one.is_cancelled)
    world.google.delete(PRIYA, first.id)
    changed = caller.events.list(calendarId='primary', syncToken=answer['nextSyncToken']).execute()
    # A conference that was asked for is there some time later, and its event has changed then.
    others = [(one['id'], one['status']) for one in changed['items'] if one['id'] != 'abcde12345']
    assert others == [(first.id, 'cancelled')]
    now = datetime.now(UTC).isoformat()
    caller.events.list(calendarId='primary', singleEvents=True, orderBy='startTime', timeMin=now).execute()
    caller.events.list(calendarId='primary', showDeleted=True, privateExtendedProperty=['a=b']).execute()
    caller.api.calendars().get(calendarId='primary').execute()


def walk_free_busy(caller: Caller, world: World) -> None:
    now = datetime.now(UTC)
    world.google.fail_free_busy(INES)
    told = {'timeMin': now.isoformat(), 'timeMax': (now + timedelta(days=7)).isoformat(), 'timeZone': 'Europe/London'}
    ids = [{'id': one} for one in (PRIYA, MARCUS, INES, 'nobody@office.example')]
    answer = caller.api.freebusy().query(body=told | {'items': ids}).execute()
    assert answer['calendars'][PRIYA]['busy']
    assert [answer['calendars'][one['id']]['errors'][0]['reason'] for one in ids[2:]] == ['internalError', 'notFound']


def walk_channels(caller: Caller) -> None:
    ends = int((datetime.now(UTC) + timedelta(days=2)).timestamp() * 1000)
    told = {'id': 'c1', 'type': 'web_hook', 'address': 'http://127.0.0.1:9/x', 'token': 't', 'expiration': str(ends)}
    channel = caller.events.watch(calendarId='primary', body=told).execute()
    assert int(channel['expiration']) // 1000 == ends // 1000
    known = {'id': 'c1', 'resourceId': channel['resourceId']}
    caller.api.channels().stop(body=known).execute()
    caller.refused(caller.api.channels().stop(body=known), 404, 'notFound')


def walk_refusals(caller: Caller, other: Caller, world: World) -> None:
    place = {'calendarId': 'primary', 'eventId': 'abcde12345'}
    caller.refused(caller.events.delete(**place), 410, 'deleted')
    caller.refused(caller.events.insert(calendarId='primary', body=body(id='abcde12345')), 409, 'duplicate')
    caller.refused(caller.events.insert(calendarId='primary', body=body(id='not one')), 400, 'invalid')
    caller.refused(caller.events.get(calendarId='primary', eventId='unknown'), 404, 'notFound')
    caller.refused(caller.events.list(calendarId='primary', orderBy='startTime'), 400, 'badRequest')
    other.refused(other.events.insert(calendarId=PRIYA, body=body()), 403, 'requiredAccessLevel')
    patch = caller.events.patch(**place, body={'summary': 'x'})
    patch.headers['If-Match'] = '"old"'
    caller.refused(patch, 412, 'conditionNotMet')
    token = caller.events.list(calendarId='primary').execute().get('nextSyncToken')
    world.google.expire_sync_tokens()
    caller.refused(caller.events.list(calendarId='primary', syncToken=token), 410, 'fullSyncRequired')
    world.google.set_away(PRIYA)
    caller.refused(caller.events.get(**place), 503, 'backendError')
    world.google.mend()
    for change in ({'rate_limited_p': 1.0}, {'error_before_p': 1.0}):
        world.weather.change(**change)
        with pytest.raises(HttpError):
            caller.events.get(**place).execute()
        world.weather.change(name='calm')


async def test_googles_own_client_signs_in_again_when_its_token_is_void(sandbox_url: str, world: World) -> None:
    caller = Caller(sandbox_url)

    def call_twice() -> None:
        caller.events.list(calendarId='primary').execute()
        assert world.google.expire_tokens() == 1
        caller.events.list(calendarId='primary').execute()

    with closing(caller):
        await asyncio.to_thread(call_twice)
    assert ('events.list', 401) not in caller.heard


async def test_the_listener_of_the_flows_hears_both_sides() -> None:
    """A call with a word that the document does not know, and the sandbox's answer to it."""
    world = make_world()
    wire = SandboxTransport(create_app(world))
    wire.inner = heard = Heard(wire.inner)
    async with httpx2.AsyncClient(transport=wire, base_url=SANDBOX) as client:
        caller = SandboxCaller(world, client)
        await caller.ok('GET', '/calendars/primary/events', maxResults=5)
        await caller.refused('POST', '/calendars/primary/events', {'start': {'date': '2026-03-04'}, 'summary': 'x'})
        assert [one.rpartition(': ')[2] for one in heard.violations] == ['end is missing']
        await caller.ok('GET', '/calendars/primary/events', colour='5')
    assert heard.violations[1].endswith('unknown parameter colour')


def test_the_judge_sees_what_the_document_does_not_name() -> None:
    event = {'kind': 'calendar#event', 'start': {'dateTime': '2026-03-04T10:00:00Z'}}
    assert discovery.complaints('Event', event) == []
    assert discovery.complaints('Event', event | {'colour': '5'})
    assert discovery.complaints('Event', event | {'created': '2026-03-04 10:00'})
    assert discovery.complaints('Event', event | {'sequence': '1'})
    path = f'{discovery.ROOT}calendars/{PRIYA}/events'
    told = json.dumps(body()).encode()
    answer = json.dumps(event).encode()
    assert discovery.judge('POST', path, 'sendUpdates=all', told, 200, answer) == []
    assert discovery.judge('POST', path, 'sendUpdates=some', told, 200, answer)
    assert discovery.judge('POST', path, 'colour=5', told, 200, answer)
    assert discovery.judge('POST', path, '', b'{"summary": "x"}', 200, answer)
    assert discovery.judge('POST', f'{path}/x/y', '', told, 200, answer)
    assert discovery.judge('GET', path, '', b'', 500, b'{"error": "x"}')
