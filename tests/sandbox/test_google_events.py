"""Events of the emulated Google Calendar: what a body may say, what comes back, and what never does twice."""

from typing import Any

import pytest

from tests.sandbox.google import INES, MARCUS, MEET, PRIYA, Caller, body, make_world, open_caller

EVENTS = '/calendars/primary/events'
LEAD = {'email': 'Lead@Visitor.example'}


@pytest.fixture
def caller() -> Caller:
    return open_caller(make_world())


async def test_an_inserted_event_comes_back_as_google_sees_it(caller: Caller) -> None:
    private = {'private': {'hermes_uid': 'u1'}}
    told = body(id='abcde12345', attendees=[LEAD], extendedProperties=private, htmlLink='mine', transparency='opaque')
    caller.user = MARCUS
    made = await caller.ok('POST', EVENTS, told)
    assert made['start'] == {'dateTime': '2026-03-04T05:00:00-05:00', 'timeZone': 'America/New_York'}
    assert made['attendees'] == [{'email': 'lead@visitor.example', 'responseStatus': 'needsAction'}]
    assert made['created'] == '2026-03-02T09:00:00.000Z'
    assert (made['iCalUID'], made['sequence'], made['status']) == ('abcde12345@google.com', 0, 'confirmed')
    assert made['organizer'] == made['creator'] == {'email': MARCUS, 'self': True}
    assert made['reminders'] == {'useDefault': True}
    assert made['extendedProperties'] == private
    assert made['htmlLink'].startswith('https://www.google.com/calendar/event?eid=')
    assert 'transparency' not in made
    assert await caller.ok('GET', f'{EVENTS}/abcde12345') == made


@pytest.mark.parametrize('wrong', ['abcd', 'ABCDE', 'abcdw', 'abc-de', 'a' * 1025, ''])
async def test_only_base32hex_is_an_id(caller: Caller, wrong: str) -> None:
    assert await caller.refused('POST', EVENTS, body(id=wrong)) == (400, 'invalid')


async def test_an_id_is_used_up_for_ever(caller: Caller) -> None:
    await caller.ok('POST', EVENTS, body(id='abcde'))
    assert await caller.refused('POST', EVENTS, body(id='abcde')) == (409, 'duplicate')
    await caller.ok('DELETE', f'{EVENTS}/abcde')
    assert await caller.refused('POST', EVENTS, body(id='abcde')) == (409, 'duplicate')
    assert (await caller.ok('GET', f'{EVENTS}/abcde'))['status'] == 'cancelled'
    assert await caller.refused('DELETE', f'{EVENTS}/abcde') == (410, 'deleted')
    assert await caller.refused('POST', EVENTS, body(id='abcdf', iCalUID='x@y')) == (400, 'invalid')
    caller.user = MARCUS
    await caller.ok('POST', EVENTS, body(id='abcde'))


@pytest.mark.parametrize(
    ('changed', 'reason'),
    [
        ({'end': {'dateTime': '2026-03-04T09:00:00Z'}}, 'timeRangeEmpty'),
        ({'end': None}, 'required'),
        ({'start': {'dateTime': '2026-03-04T10:00:00'}}, 'required'),
        ({'start': {'dateTime': '2026-03-04T10:00:00', 'timeZone': 'Mars/Base'}}, 'invalid'),
        ({'start': {'date': '2026-03-04'}}, 'invalid'),
        ({'attendees': [{'email': 'nobody'}]}, 'invalid'),
        ({'summary': 5}, 'parseError'),
        ({'recurrence': ['RRULE:FREQ=DAILY']}, 'invalid'),
    ],
)
async def test_a_body_that_makes_no_sense_is_refused(caller: Caller, changed: Any, reason: str) -> None:
    assert await caller.refused('POST', EVENTS, body() | changed) == (400, reason)
    assert not caller.world.google.events


async def test_a_patch_merges_objects_and_takes_lists_whole(caller: Caller) -> None:
    told = body(id='abcde', attendees=[LEAD], description='d', extendedProperties={'private': {'a': '1', 'b': '2'}})
    await caller.ok('POST', EVENTS, told)
    changed = {'description': None, 'extendedProperties': {'private': {'a': None, 'c': '3'}}}
    after = await caller.ok('PATCH', f'{EVENTS}/abcde', changed | {'attendees': [{'email': 'other@visitor.example'}]})
    assert 'description' not in after
    assert after['extendedProperties'] == {'private': {'b': '2', 'c': '3'}}
    assert [one['email'] for one in after['attendees']] == ['other@visitor.example']
    assert after['sequence'] == 0
    moved = {'start': {'dateTime': '2026-03-04T11:00:00Z'}, 'end': {'dateTime': '2026-03-04T11:30:00Z'}}
    after = await caller.ok('PATCH', f'{EVENTS}/abcde', moved)
    assert (after['sequence'], after['start']['dateTime']) == (1, '2026-03-04T11:00:00Z')
    assert await caller.refused('PATCH', f'{EVENTS}/abcde', {'start': {'date': '2026-03-04'}}) == (400, 'invalid')


async def test_a_put_forgets_what_it_does_not_name(caller: Caller) -> None:
    await caller.ok('POST', EVENTS, body(id='abcde', attendees=[LEAD], description='d'))
    after = await caller.ok('PUT', f'{EVENTS}/abcde', body(summary='Other'))
    assert 'description' not in after
    assert 'attendees' not in after
    assert await caller.refused('PUT', f'{EVENTS}/abcde', {'summary': 'x'}) == (400, 'required')
    assert await caller.refused('PUT', f'{EVENTS}/unknown', body()) == (404, 'notFound')


async def test_what_changes_nothing_changes_nothing(caller: Caller) -> None:
    made = await caller.ok('POST', EVENTS, body(id='abcde'))
    caller.world.clock.advance(60)  # type: ignore[attr-defined]
    assert await caller.ok('PATCH', f'{EVENTS}/abcde', {'summary': made['summary']}) == made


async def test_if_match_keeps_an_older_version_from_winning(caller: Caller) -> None:
    made = await caller.ok('POST', EVENTS, body(id='abcde'))
    caller.world.google.edit(PRIYA, 'abcde', summary='By hand')
    for method in ('PATCH', 'PUT', 'DELETE'):
        told = None if method == 'DELETE' else body()
        seen = {'if-match': made['etag']}
        assert await caller.refused(method, f'{EVENTS}/abcde', told, headers=seen) == (412, 'conditionNotMet')
    current = (await caller.ok('GET', f'{EVENTS}/abcde'))['etag']
    await caller.ok('PATCH', f'{EVENTS}/abcde', {'summary': 'Mine'}, headers={'if-match': current})


async def test_a_meet_link_is_there_a_moment_later(caller: Caller) -> None:
    ignored = await caller.ok('POST', EVENTS, body(id='aaaaa', conferenceData=MEET))
    assert 'conferenceData' not in ignored
    made = await caller.ok('POST', EVENTS, body(id='abcde', conferenceData=MEET), conferenceDataVersion=1)
    assert made['conferenceData']['createRequest']['status'] == {'statusCode': 'pending'}
    assert 'hangoutLink' not in made
    caller.world.clock.advance(3)  # type: ignore[attr-defined]
    ready = await caller.ok('GET', f'{EVENTS}/abcde')
    assert ready['conferenceData']['createRequest']['status'] == {'statusCode': 'success'}
    assert ready['hangoutLink'] == ready['conferenceData']['entryPoints'][0]['uri']
    again = await caller.ok('PATCH', f'{EVENTS}/abcde', {'conferenceData': MEET}, conferenceDataVersion=1)
    assert again['hangoutLink'] == ready['hangoutLink']
    kept = await caller.ok('PUT', f'{EVENTS}/abcde', body())
    assert kept['hangoutLink'] == ready['hangoutLink']
    gone = await caller.ok('PATCH', f'{EVENTS}/abcde', {'conferenceData': None}, conferenceDataVersion=1)
    assert 'hangoutLink' not in gone


async def test_a_meet_link_may_fail(caller: Caller) -> None:
    caller.world.google.fail_meet()
    await caller.ok('POST', EVENTS, body(id='abcde', conferenceData=MEET), conferenceDataVersion=1)
    caller.world.clock.advance(3)  # type: ignore[attr-defined]
    seen = await caller.ok('GET', f'{EVENTS}/abcde')
    assert seen['conferenceData']['createRequest']['status'] == {'statusCode': 'failure'}


async def test_guests_are_mailed_only_when_asked_for(caller: Caller) -> None:
    await caller.ok('POST', EVENTS, body(id='aaaaa', attendees=[LEAD]))
    assert not caller.world.google.post.sent
    guests = [LEAD, {'email': MARCUS}]
    await caller.ok('POST', EVENTS, body(id='abcde', attendees=guests), sendUpdates='externalOnly')
    later = {'start': {'dateTime': '2026-03-04T12:00:00Z'}, 'end': {'dateTime': '2026-03-04T12:30:00Z'}}
    await caller.ok('PATCH', f'{EVENTS}/abcde', later, sendUpdates='all')
    await caller.ok('PATCH', f'{EVENTS}/abcde', {'attendees': [LEAD]}, sendUpdates='all')
    await caller.ok('DELETE', f'{EVENTS}/abcde', sendUpdates='all')
    told = [(one['to'].partition('@')[0], one['kind'], one['sequence']) for one in caller.world.google.post.sent]
    assert told == [
        ('lead', 'invitation', 0),
        ('lead', 'update', 1),
        ('marcus.hale', 'update', 1),
        ('marcus.hale', 'cancellation', 1),
        ('lead', 'cancellation', 2),
    ]
    assert await caller.refused('POST', EVENTS, body(), sendUpdates='some') == (400, 'invalid')


async def test_a_colleague_sees_an_invitation_and_may_answer_it(caller: Caller) -> None:
    private = {'private': {'a': '1'}}
    guests = [LEAD, {'email': INES}]
    await caller.ok('POST', EVENTS, body(id='abcde', attendees=guests, extendedProperties=private))
    caller.user = INES
    seen = await caller.ok('GET', f'{EVENTS}/abcde')
    assert seen['organizer'] == {'email': PRIYA}
    assert 'extendedProperties' not in seen
    assert (await caller.busy(INES))[INES]['busy']
    assert await caller.refused('PATCH', f'{EVENTS}/abcde', {'summary': 'x'}) == (403, 'forbiddenForNonOrganizer')
    answers = [one | ({'responseStatus': 'declined'} if one['email'] == INES else {}) for one in seen['attendees']]
    await caller.ok('PATCH', f'{EVENTS}/abcde', {'attendees': answers})
    assert not (await caller.busy(INES))[INES]['busy']
    assert (await caller.busy(PRIYA))[PRIYA]['busy']


async def test_a_colleagues_calendar_is_read_and_not_written(caller: Caller) -> None:
    caller.world.google.block(MARCUS, '2026-03-04T10:00:00Z', '2026-03-04T11:00:00Z')
    assert (await caller.ok('GET', f'/calendars/{MARCUS}/events'))['items']
    assert await caller.refused('POST', f'/calendars/{MARCUS}/events', body()) == (403, 'requiredAccessLevel')
    assert await caller.refused('GET', '/calendars/nobody@office.example/events') == (404, 'notFound')


async def test_a_sequence_never_goes_back(caller: Caller) -> None:
    await caller.ok('POST', EVENTS, body(id='abcde', sequence=3))
    assert await caller.refused('PATCH', f'{EVENTS}/abcde', {'sequence': 2}) == (400, 'invalid')
    assert (await caller.ok('PATCH', f'{EVENTS}/abcde', {'sequence': 5}))['sequence'] == 5


async def test_a_next_insert_may_be_refused_with_or_without_an_event(caller: Caller) -> None:
    caller.world.google.refuse_insert(PRIYA)
    assert await caller.refused('POST', EVENTS, body(id='abcde')) == (409, 'duplicate')
    assert await caller.refused('GET', f'{EVENTS}/abcde') == (404, 'notFound')
    await caller.ok('POST', EVENTS, body(id='abcde'))
    caller.world.google.refuse_insert(PRIYA, with_event=True)
    assert await caller.refused('POST', EVENTS, body(id='abcdf')) == (409, 'duplicate')
    assert (await caller.ok('GET', f'{EVENTS}/abcdf'))['status'] == 'confirmed'
