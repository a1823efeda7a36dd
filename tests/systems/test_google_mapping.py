"""What goes to the calendar: fields of a meeting, read only where they are declared, nothing internal among them."""

from typing import Any

import pytest

from hermes.domain.fields import ABSENT
from hermes.domain.model import Record, RecordRef
from hermes.domain.record_types import ATTRIBUTES
from hermes.ports import Outgoing
from hermes.systems.google_calendar import mapping
from tests.systems.google import REP
from tests.systems.support import Plain

MEETING = {
    'kind': 'sales',
    'uid': 'u-1',
    'start_at': '2026-03-29T09:00:00+00:00',
    'end_at': '2026-03-29T09:30:00+00:00',
    'admin.email': 'Rep@Brightwell.example ',
    'admin.first_name': 'Ada',
    'admin.last_name': 'Bell',
    'admin.timezone': 'Europe/London',
    'contact.email': 'Lead@customer.example',
    'company.estimated_income': 'canary-income',
    'company.pd_org_id': 'canary-organisation',
}


def table() -> dict[str, Outgoing]:
    return {item.key: item for item in mapping.outgoing('meeting', 'Brightwell')}


def computed(**changes: Any) -> dict[str, Any]:
    view = Plain({**MEETING, **changes})
    return {key: item.compute(view) for key, item in table().items()}


@pytest.mark.behaviour('CB-11')
def test_a_new_meeting_as_an_event() -> None:
    found = computed()
    assert found.pop('description').startswith('Thank you for booking a call.\n\nAda Bell will show you Brightwell')
    assert found == {
        'summary': 'Brightwell demo with Ada Bell',
        'start_at': '2026-03-29T09:00:00+00:00',
        'end_at': '2026-03-29T09:30:00+00:00',
        'zone': 'Europe/London',
        'attendees': ['lead@customer.example', REP],
        'guest': 'lead@customer.example',
        'meet': True,
        'uid': 'u-1',
        'sequence': ABSENT,
        'hermes_id': [55],
        'calendar': REP,
    }


@pytest.mark.behaviour('CB-11', 'WEB-19')
def test_the_invitation_speaks_the_language_in_which_was_booked() -> None:
    german = computed(lang='de')
    assert german['summary'] == 'Brightwell-Demo mit Ada Bell'
    assert 'Thank you' not in german['description']
    assert german['description'].count('\n\n') == computed()['description'].count('\n\n')
    for nothing in (None, 'xx'):
        assert computed(lang=nothing) == computed()


@pytest.mark.behaviour('CB-11')
def test_the_title_of_a_support_meeting() -> None:
    assert computed(kind='support')['summary'] == 'Brightwell support meeting with Ada Bell'
    assert computed(**{'admin.first_name': None, 'admin.last_name': ' '})['summary'].endswith('the Brightwell team')


@pytest.mark.behaviour('CB-11')
@pytest.mark.lesson('K-10')
def test_nothing_internal_is_read_for_the_invitation() -> None:
    """What the customer sees is made of the meeting's time and kind, the admin's name and addresses: no more."""
    allowed = {'meeting', 'admin', 'contact'}
    private = {'hermes_id', 'uid', 'guest', 'calendar'}
    for key, item in table().items():
        assert {name.partition('.')[0].lower() for name in item.inputs} <= allowed, key
    told = {key: value for key, value in computed().items() if key not in private}
    body = mapping.encode('create', f'{REP}/abcde', told, {})
    assert 'canary' not in str(body)
    read = {name for item in table().values() for name in item.inputs}
    assert {name for name in read if name.startswith('Contact')} == {'Contact.email'}


def test_every_input_is_declared_and_exists() -> None:
    for item in table().values():
        view = Plain(MEETING)
        item.compute(view)
        declared = {name.partition('.')[2] if name.startswith('Meeting') else name.lower() for name in item.inputs}
        assert view.read - {'id'} <= declared, item.key
        for name in item.inputs:
            kind, _, attribute = name.partition('.')
            assert attribute in ATTRIBUTES[kind.lower()], name


def test_guests_belong_to_people_but_for_the_one_whom_hermes_invited() -> None:
    held = {'shown attendees': ['colleague@customer.example', 'lead@customer.example', REP]}
    assert computed(**held, **{'shown guest': 'lead@customer.example'})['attendees'] == ABSENT
    assert computed(**held, **{'shown guest': 'lead@customer.example', 'contact.email': 'new@customer.example'})[
        'attendees'
    ] == ['colleague@customer.example', 'new@customer.example', REP]
    assert computed(**held, **{'shown guest': 'lead@customer.example', 'contact.email': None})['attendees'] == ABSENT


def test_without_an_address_nobody_is_invited() -> None:
    found = computed(**{'contact.email': None})
    assert (found['attendees'], found['guest']) == ([REP], ABSENT)
    assert computed(**{'admin.email': None, 'contact.email': None})['attendees'] == ABSENT


def test_other_records_are_not_the_calendars() -> None:
    assert mapping.outgoing('deal', 'Brightwell') == []


@pytest.mark.behaviour('CB-22')
def test_the_calendar_is_part_of_the_id() -> None:
    meeting = Record(RecordRef('meeting', 55), {'uid': 'u-1', 'round': 2})
    chosen = mapping.chosen_id(meeting, {'calendar': REP})
    assert chosen == f'{REP}/{mapping.event_id("u-1", 2)}'
    assert mapping.split_id(chosen) == (REP, mapping.event_id('u-1', 2))
    assert mapping.chosen_id(meeting, {}) == ''
