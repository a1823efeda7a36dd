"""What Google says, as observations: only of events that Hermes made, in canonical fields."""

import json
from typing import Any

import pytest

from hermes.domain.errors import Unparseable
from hermes.domain.fields import Catalogue
from hermes.domain.model import SETTLED, UNSETTLED, Element, Event, Observation, RecordRef, RemoteRef, Version
from hermes.ports import Answer, Op, Request, encode_answer
from hermes.systems.google_calendar import inbound
from hermes.systems.google_calendar.system import GoogleCalendar
from tests.systems.google import EVENT, REP, account
from tests.systems.support import ARRIVED, fixture

SYSTEM = GoogleCalendar(account('none'), brand='Brightwell')
REF = RemoteRef('google', 'event', f'{REP}/{EVENT}')
DATE = 'Mon, 02 Mar 2026 09:30:06 GMT'
DATE_S = 1772443806


def told(op: Op, body: Any, status: int | None = 200, *, kind: str = 'answer', date: str = DATE) -> tuple[Element, ...]:
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    request = Request(op, 'event', '' if op == 'list' else REF.remote_id, params={'calendar': REP})
    answer = Answer(status, raw, {'date': date}, ARRIVED, ARRIVED)
    return tuple(SYSTEM.observe(Event(1, 'google', kind, encode_answer(request, answer), ARRIVED), Catalogue()))


def one(elements: tuple[Element, ...]) -> Observation:
    (element,) = elements
    (seen,) = element.observations
    return seen


def event(**changes: Any) -> Any:
    return {**fixture('google_calendar', 'event'), **changes}


@pytest.mark.behaviour('VERSION-1')
def test_an_event_in_canonical_fields_with_the_version_that_it_says_itself() -> None:
    seen = one(told('create', event()))
    assert (seen.ref, seen.kind, seen.origin, seen.by_api) == (REF, 'state', 'answer', True)
    assert seen.version == Version(1772443804, 1772443804567)
    assert seen.fields == {
        'calendar': REP,
        'summary': 'Brightwell demo with Ada Bell',
        'description': 'Thank you for booking a call.',
        'status': 'confirmed',
        'shape': 'call',
        'start_at': '2026-03-29T09:00:00+00:00',
        'end_at': '2026-03-29T09:30:00+00:00',
        'zone': 'Europe/London',
        'attendees': ['lead@customer.example', REP],
        'guests': {
            'lead@customer.example': {'displayName': 'Lee Adams', 'responseStatus': 'tentative'},
            REP: {'responseStatus': 'accepted'},
        },
        'meet': True,
        'meet_url': 'https://meet.google.com/abc-defg-hij',
        'hermes_id': [55],
        'uid': 'u-1',
        'guest': 'lead@customer.example',
        'answer': 'tentative',
        'sequence': 0,
    }


@pytest.mark.behaviour('CB-15')
def test_on_a_page_only_what_hermes_made_counts() -> None:
    page = fixture('google_calendar', 'page')
    page['items'] = [fixture('google_calendar', name) for name in ('event_of_a_person', 'event', 'event_canceled')]
    foreign, ours, canceled = told('list', page, kind='page')
    assert foreign == Element(ignored='an event that Hermes did not make')
    assert (ours.observations[0].kind, ours.observations[0].origin) == ('state', 'page')
    assert ours.observations[0].ref == REF
    assert canceled.observations[0].kind == 'deleted'
    assert canceled.observations[0].record == RecordRef('meeting', 55)
    assert canceled.observations[0].version > ours.observations[0].version


@pytest.mark.behaviour('CB-15')
def test_of_a_canceled_event_the_id_is_enough() -> None:
    seen = one(told('read', fixture('google_calendar', 'event_canceled_bare'), kind='read'))
    assert (seen.kind, seen.ref, seen.version, seen.fields) == ('deleted', REF, Version(DATE_S, UNSETTLED), {})
    (element,) = told('read', {'id': '7cf3k2q0v8u5m1a9s4d6g8h0j2', 'status': 'cancelled'}, kind='read')
    assert element.ignored


def test_a_guests_copy_is_not_the_event() -> None:
    organizer = {'email': 'other@brightwell.example'}
    (element,) = told('list', {'items': [event(organizer=organizer)]}, kind='page')
    assert element.ignored
    (element,) = told('list', {'items': [event(organizer={**organizer, 'self': True})]}, kind='page')
    assert element.observations


@pytest.mark.parametrize('status', [404, 410])
def test_what_a_read_does_not_find_is_missing_and_what_a_deletion_does_not_find_is_deleted(status: int) -> None:
    missing = one(told('read', {'error': {}}, status, kind='read'))
    assert (missing.kind, missing.version) == ('missing', Version(DATE_S, UNSETTLED))
    deleted = one(told('delete', {'error': {}}, status))
    assert (deleted.kind, deleted.version, deleted.by_api) == ('deleted', Version(DATE_S, SETTLED), True)


def test_a_deletion_is_newer_than_what_was_written_in_the_same_second() -> None:
    written = one(told('create', event(updated='2026-03-02T09:30:06.999Z')))
    deleted = one(told('delete', b'', 204))
    assert deleted.version > written.version


@pytest.mark.behaviour('CB-15')
@pytest.mark.parametrize(
    ('told', 'shape'),
    [
        ({'start': {'date': '2026-03-29'}, 'end': {'date': '2026-03-30'}}, 'days'),
        ({'start': {'date': None, 'dateTime': '2026-03-29T09:00:00Z'}}, 'call'),
        ({'recurrence': ['RRULE:FREQ=WEEKLY']}, 'series'),
    ],
)
def test_what_a_meeting_cannot_be_is_told_apart(told: dict[str, Any], shape: str) -> None:
    assert inbound.read_event(event(**told), REP)['shape'] == shape


@pytest.mark.parametrize(
    ('op', 'status', 'body'),
    [
        ('create', 409, {}),
        ('create', None, b''),
        ('update', 500, b'<html>'),
        ('create', 200, b''),
        ('delete', 503, b''),
    ],
)
def test_what_was_not_done_says_nothing(op: Op, status: int | None, body: Any) -> None:
    assert told(op, body, status) == ()


def test_a_time_from_the_future_is_not_believed() -> None:
    assert one(told('read', event(updated='2031-01-01T00:00:00Z'), kind='read')).version == Version(DATE_S, UNSETTLED)


@pytest.mark.parametrize(
    ('start', 'expected'),
    [
        ({'dateTime': '2026-03-29T09:00:00Z'}, '2026-03-29T09:00:00+00:00'),
        ({'dateTime': '2026-10-25T01:30:00', 'timeZone': 'Europe/London'}, '2026-10-25T00:30:00+00:00'),
        ({'dateTime': '2026-03-29T18:00:00.500+09:00', 'timeZone': 'Asia/Tokyo'}, '2026-03-29T09:00:00+00:00'),
        ({'date': '2026-03-29'}, None),
        ({'dateTime': '2026-03-29T10:00:00'}, None),
        ({'dateTime': '2026-03-29T10:00:00', 'timeZone': '../etc'}, None),
        ({'dateTime': 'soon'}, None),
        ('soon', None),
    ],
)
def test_moments_are_read_in_their_own_zone_and_whole_days_say_none(start: Any, expected: str | None) -> None:
    assert inbound.read_event(event(start=start), REP).get('start_at') == expected


@pytest.mark.parametrize(
    ('held', 'link', 'expected'),
    [
        ({'createRequest': {'status': {'statusCode': 'pending'}}}, None, (True, None)),
        ({'createRequest': {'status': {'statusCode': 'failure'}}}, None, (False, None)),
        ({'entryPoints': [{'entryPointType': 'video', 'uri': 'https://m'}]}, None, (True, 'https://m')),
        (None, 'https://m', (True, 'https://m')),
        (None, None, (False, None)),
    ],
)
def test_a_link_is_made_a_moment_later(held: Any, link: Any, expected: Any) -> None:
    fields = inbound.read_event(event(conferenceData=held, hangoutLink=link), REP)
    assert (fields['meet'], fields['meet_url']) == expected


def test_a_notification_says_nothing_by_itself() -> None:
    (element,) = SYSTEM.observe(Event(1, 'google', 'webhook', b'', ARRIVED, {'x-goog-channel-id': 'c'}), Catalogue())
    assert 'the calendar is read' in element.ignored


@pytest.mark.parametrize('body', [b'<html>', b'[]', b'{"items": {}}'])
def test_an_unreadable_page_is_said_to_be_one(body: bytes) -> None:
    with pytest.raises(Unparseable):
        told('list', body, kind='page')


@pytest.mark.parametrize('item', [None, {}, {'id': 5}, 'x'])
def test_an_event_without_an_id_is_put_aside(item: Any) -> None:
    (element,) = told('list', {'items': [item]}, kind='page')
    assert element.unparseable


def test_a_page_that_cannot_be_read_is_kept_as_it_is() -> None:
    assert inbound.only_ours(b'<html>', REP) == b'<html>'
