"""Activities of Pipedrive: what goes out for a meeting, and that all its forms read as the same thing."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.domain.fields import ABSENT
from hermes.domain.model import Observation, RecordRef, RemoteRef
from hermes.ports import Request, decode_answer
from hermes.systems.pipedrive import activities, limits, mapping, notes, objects, rest
from hermes.systems.pipedrive.answers import named_fields
from hermes.systems.pipedrive.system import Pipedrive
from tests.systems.support import CATALOGUE, Plain, answered, fixture, webhook

PIPEDRIVE = Pipedrive('token')
MEETING = {
    'kind': 'sales', 'start_at': '2026-03-04T10:00:00+00:00', 'end_at': '2026-03-04T10:30:00+00:00',
    'zone': 'Europe/London', 'contact.first_name': 'Ada', 'contact.last_name': 'Lopez', 'company.name': 'Ember',
    'company.website': 'https://ember.example', 'company.estimated_income': '50 & <more>',
    'company.price_plan': 'startup',
}  # fmt: skip
REMOTES = {'company_id': '12', 'contact_id': '7', 'deal_id': '91'}


def compute(view: Plain) -> dict[str, Any]:
    """As a plan computes it: what says nothing stays out, the later entry of a key wins."""
    told = ((one.key, one.compute(view)) for one in mapping.outgoing('meeting', CATALOGUE))
    return {key: value for key, value in told if value != ABSENT}


def only(told: Any) -> Observation:
    [element] = PIPEDRIVE.observe(told, CATALOGUE)
    [seen] = element.observations
    return seen


@pytest.mark.behaviour('OUT-10')
@pytest.mark.lesson('I-11')
def test_a_meeting_goes_out() -> None:
    fields = compute(Plain(MEETING, remotes=REMOTES, admins={'admin_id': 31}))
    assert mapping.encode('create', 'activity', fields, {}, CATALOGUE) == {
        'type': 'meeting', 'subject': 'Demo with Ada Lopez (Ember)', 'due_date': '2026-03-04', 'due_time': '10:00',
        'duration': '00:30', 'owner_id': 31, 'org_id': 12, 'deal_id': 91,
        'participants': [{'person_id': 7, 'primary': True}],
        'note': 'Price plan: startup<br>Website: https://ember.example<br>Revenue: 50 &amp; &lt;more&gt;<br>'
        "Customer's time zone: Europe/London<br>Hermes meeting 55",
    }  # fmt: skip


@pytest.mark.parametrize(
    ('told', 'subject'),
    [
        ({'kind': 'support', 'company.name': 'Ember', 'contact.last_name': 'Lopez'}, 'Support call with Lopez (Ember)'),
        ({'kind': 'sales', 'company.name': ' Ember '}, 'Demo with Ember'),
        ({'kind': 'sales', 'company.name': 'Ada', 'contact.first_name': 'Ada'}, 'Demo with Ada'),
        ({'kind': 'sales'}, 'Demo'),
    ],
)
def test_the_subject_says_with_whom(told: dict[str, str], subject: str) -> None:
    assert compute(Plain(told))['subject'] == subject


@pytest.mark.behaviour('D-10')
@pytest.mark.lesson('E-32')
def test_an_admin_without_an_account_leaves_it_to_the_companys_owner() -> None:
    owners = {'company.sales_person_id': 40}
    assert compute(Plain(MEETING, admins=owners))['owner_id'] == 40
    assert compute(Plain(MEETING, admins=owners | {'admin_id': 31}))['owner_id'] == 31
    fields = compute(Plain(MEETING))
    assert 'owner_id' not in fields
    assert 'owner_id' not in mapping.encode('create', 'activity', fields, {}, CATALOGUE)


def test_what_is_substituted_takes_no_marker_along() -> None:
    """D-21 takes whole entries out: neither the owner nor the note may hang on one."""
    table = mapping.outgoing('meeting', CATALOGUE)
    for name in ('Company.price_plan', 'Company.sales_person_id'):
        kept = {one.key for one in table if name not in one.inputs}
        assert kept == {one.key for one in table}


def test_people_keep_what_they_may_change() -> None:
    table = mapping.outgoing('meeting', CATALOGUE)
    assert {one.key for one in table if one.when == 'create'} == {'subject', 'type', 'note', 'hermes_id'}


def test_every_read_is_declared() -> None:
    for one in mapping.outgoing('meeting', CATALOGUE):
        view = Plain(MEETING)
        one.compute(view)
        for name in view.read - {'id'}:
            kind, _, attribute = name.rpartition('.')
            assert f'{kind.title() or "Meeting"}.{attribute}' in one.inputs, (one.key, name)


@pytest.mark.lesson('K-10')
@pytest.mark.parametrize('text', ['a\nHermes meeting 9', 'a<br>Hermes meeting 9', 'a\u2028Hermes meeting 9'])
def test_nobodys_text_is_read_as_markup_or_as_the_marker(text: str) -> None:
    view = Plain({**MEETING, 'company.website': text})
    sent = mapping.encode('create', 'activity', compute(view), {}, CATALOGUE)['note']
    assert '<br>Hermes meeting 9<' not in sent
    assert notes.read(sent)[1] == [55]


@given(st.lists(st.text(st.characters(exclude_categories=('Cs', 'Cc')), min_size=1, max_size=40).map(notes.line)))
def test_a_note_reads_back_equal(lines: list[str]) -> None:
    text = '\n'.join(one for one in lines if one and not one.startswith('Hermes')) or None
    assert notes.read(notes.write(text, 55)) == (text, [55])


@pytest.mark.parametrize(
    'note',
    [
        'Hermes meeting 55',
        '<p>Call <b>first</b></p><p>Hermes meeting 55</p>',
        '<div>Hermes meeting 1</div><div>Hermes&nbsp;meeting 55</div><div><br></div>',
        'Site: x\r\nHermes meeting 55\r\n\r\nA person wrote below',
    ],
)
def test_the_marker_is_found_however_the_note_is_wrapped(note: str) -> None:
    assert notes.read(note)[1] == [55]


@pytest.mark.parametrize(
    'note', ['', 'See Hermes meeting 55', 'Hermes meeting 0', 'Hermes meeting', 'Hermes meeting x']
)
def test_a_note_that_names_no_meeting(note: str) -> None:
    assert notes.read(note)[1] == []


@pytest.mark.behaviour('FIELD-4')
@given(
    st.datetimes().filter(lambda at: at.year > 1999),
    st.integers(1, 99 * 60),
    st.integers(1, 2**53),
    st.lists(st.integers(1, 2**53), max_size=3, unique=True),
)
def test_what_is_written_reads_back_equal(at: Any, minutes: int, number: int, others: list[int]) -> None:
    fields = {
        'subject': 'Demo', 'type': 'meeting', 'due_at': f'{at:%Y-%m-%dT%H:%M}',
        'duration': f'{minutes // 60:02}:{minutes % 60:02}', 'owner_id': number, 'company_id': str(number),
        'deal_id': str(number), 'note': 'Website: a & b', 'hermes_id': [number],
    }  # fmt: skip
    basis = {'participants': [99, *others], 'contact_id': '99'}
    body = mapping.encode('update', 'activity', {**fields, 'contact_id': str(number)}, basis, CATALOGUE)
    assert body['participants'][0] == {'person_id': number, 'primary': True}
    assert {one['person_id'] for one in body['participants']} == {number, *others} - {99} | {number}
    answer = {**body, 'due_time': f'{body["due_time"]}:00', 'duration': f'{body["duration"]}:00', 'person_id': number}
    delivery = {**answer, 'due_time': {'timezone_id': None, 'value': body['due_time']}, 'note': body['note'] + '<br>'}
    for told in (answer, delivery):
        read = objects.read_object('activity', told, CATALOGUE, rest.read)
        assert {key: read[key] for key in fields} == fields
        assert read['contact_id'] == str(number)


def test_a_delivery_and_an_answer_say_the_same() -> None:
    heard = only(webhook('pipedrive', fixture('pipedrive', 'activity_change')))
    read = only(answered('pipedrive', 'read', 'read', 'activity', fixture('pipedrive', 'rest_activity')))
    assert heard.ref == read.ref == RemoteRef('pipedrive', 'activity', '400')
    assert heard.version.seconds == read.version.seconds
    assert heard.fields == {
        'subject': 'Demo with Ada Lopez', 'type': 'meeting', 'due_at': '2026-03-04T10:00', 'duration': '00:30',
        'owner_id': 31, 'company_id': '12', 'contact_id': '7', 'deal_id': '91', 'done': False,
    }  # fmt: skip
    assert read.fields == {
        **heard.fields, 'participants': [7, 8], 'hermes_id': [2000007],
        'note': 'Website: https://ember.example\nRevenue: 50 & more',
    }  # fmt: skip


@pytest.mark.parametrize(
    ('told', 'due_at'),
    [
        ({'due_date': '2026-03-04', 'due_time': None}, '2026-03-04'),
        ({'due_date': '2026-03-04', 'due_time': {'timezone_id': None, 'value': ''}}, '2026-03-04'),
        ({'due_date': '2026-03-04', 'due_time': '9:05'}, '2026-03-04T09:05'),
        ({'due_date': '2026-03-04', 'due_time': '09:05:07'}, '2026-03-04T09:05:07'),
        ({'due_date': None, 'due_time': None}, None),
        ({'due_date': '2026-03-04'}, ...),
        ({'due_date': '2026-03-04', 'due_time': 'noon'}, ...),
        ({'due_date': 'soon', 'due_time': '10:00'}, ...),
    ],
)
def test_when_an_activity_is_due(told: dict[str, Any], due_at: str | None) -> None:
    assert objects.read_object('activity', told, CATALOGUE, rest.read).get('due_at', ...) == due_at


def test_who_was_meant_by_a_deleted_one_is_told_by_its_note() -> None:
    told = fixture('pipedrive', 'activity_change')
    told['meta']['action'], told['data'] = 'delete', None
    told['previous'] = {'id': 400, 'note': 'Hermes meeting 2000007'}
    seen = only(webhook('pipedrive', told))
    assert (seen.kind, seen.record) == ('deleted', RecordRef('meeting', 2000007))


def test_a_refusal_names_our_field() -> None:
    told = {'success': False, 'error': 'Validation failed', 'error_details': [{'field': 'participants.person_id'},
            {'field': 'due_date'}]}  # fmt: skip
    event = answered('pipedrive', 'answer', 'create', 'activity', told, status=400)
    request = Request('create', 'activity', fields={'contact_id': '7', 'due_at': 'x'})
    assert named_fields(request, decode_answer(event.body)[1], CATALOGUE) == ('contact_id', 'due_at')


@pytest.mark.parametrize(('op', 'tokens'), [('create', 5), ('update', 5), ('delete', 3), ('read', 1), ('list', 10)])
def test_what_calls_cost(op: Any, tokens: int) -> None:
    assert limits.cost(Request(op, 'activity', '1')).tokens == tokens


def test_the_activity_is_called_what_the_crm_knows() -> None:
    assert (PIPEDRIVE.types['meeting'], activities.TYPE) == ('activity', 'meeting')
