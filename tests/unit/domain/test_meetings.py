"""Meetings in the pure core: slots, letters, what the calendar may overrule, and what goes out."""

from dataclasses import replace
from datetime import datetime, timedelta
from itertools import permutations
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain import meeting
from hermes.domain.applied import Applied
from hermes.domain.apply import apply
from hermes.domain.graph import Graph
from hermes.domain.history import send, settle
from hermes.domain.meeting import Due, Slot, book, letters, rearrange, slot, text_of
from hermes.domain.model import Element, Intent, Observation, Record, RecordRef, RemoteRef, Value, Version
from hermes.domain.plan import Create, Delete, Noop, Plan, Update, Wait, plan
from hermes.domain.remote_merges import unite
from hermes.parts.roles import CALENDAR, CRM
from tests.thorough import examples
from tests.unit.domain.meetings import (
    ACTIVITY,
    ACTIVITY_TABLE,
    ADA,
    BOOKED_S,
    EVENT,
    EVENT_TABLE,
    HALF,
    NOW,
    PERSON,
    TEN,
    context,
)
from tests.unit.domain.office import COMPANY, ORG, graph_of, mirror_of, sight


def booked(**more: Value) -> tuple[Graph, RecordRef]:
    """A planned meeting of Ada with Priya; the company and the contact stand in the CRM."""
    graph = graph_of(
        Record(COMPANY, {'name': 'Ember'}, company_id=COMPANY.id),
        Record(ADA, {'email': 'ada@ember.example', 'company_id': COMPANY.id}, company_id=COMPANY.id),
        mirror_of(ORG, COMPANY, sight(ORG, 5, name='Ember')),
        mirror_of(PERSON, ADA, sight(PERSON, 5, email='ada@ember.example')),
    )
    fields = {
        'contact_id': ADA.id, 'admin_id': 1, 'uid': 'u1', 'kind': 'sales', 'start_at': text_of(TEN),
        'end_at': text_of(TEN + HALF), 'buffer_s': 900, **more,
    }  # fmt: skip
    ref, lines = book(graph, fields, COMPANY.id, 'CB-1', context())
    assert lines[0].field == 'born'
    return graph, ref


def made(**more: Value) -> tuple[Graph, RecordRef]:
    """A booked meeting whose event was made by Hermes at version 100."""
    graph, ref = booked(**more)
    start, end = (graph.records[ref].fields[name] for name in ('start_at', 'end_at'))
    told = {'start_at': start, 'end_at': end, 'hermes_id': [ref.id], 'uid': 'u1'}
    opened = Intent('open', 'create', 50, RemoteRef(CALENDAR, 'event', EVENT.remote_id), ref, told, NOW)
    apply(graph, Element(intent=opened), context())
    answer = Observation(EVENT, 'state', Version(BOOKED_S, 1), told, 'answer', record=ref, intent=50)
    apply(graph, Element((answer,)), context())
    apply(graph, Element(intent=replace(opened, state='done')), context())
    assert graph.mirrors[EVENT].record == ref
    assert graph.mirrors[EVENT].ours
    return graph, ref


def seen(seconds: int, kind: Any = 'state', **fields: Value) -> Observation:
    return Observation(EVENT, kind, Version(BOOKED_S + seconds, 5), fields, 'page')


def at(start: datetime) -> dict[str, Value]:
    return {'start_at': text_of(start), 'end_at': text_of(start + HALF)}


def observe(graph: Graph, *told: Observation) -> Applied:
    done = Applied()
    for one in told:
        meeting.observe(graph, one, context(), done)
    return done


def test_a_slot_is_the_time_with_its_buffer_while_it_is_planned() -> None:
    graph, ref = booked()
    assert slot(graph.records[ref]) == Slot(1, TEN, TEN + HALF + timedelta(minutes=15))
    rearrange(graph, ref, {'status': 'canceled', 'canceled_by': 'visitor'}, 'CB-13', context())
    assert slot(graph.records[ref]) is None
    assert slot(None) is None


def test_letters_of_a_life() -> None:
    graph, ref = booked()
    first = graph.records[ref]
    assert letters(None, first, NOW) == [
        Due('confirmation', 0, NOW),
        Due('reminder', 1, TEN - timedelta(hours=24)),
        Due('reminder', 2, TEN - timedelta(hours=1)),
    ]
    assert letters(first, replace(first, company_id=5), NOW) == []
    rearrange(graph, ref, at(NOW + timedelta(hours=2)), 'CB-13', context())
    second = graph.records[ref]
    assert letters(first, second, NOW) == [Due('moved', 1, NOW), Due('reminder', 12, NOW + timedelta(hours=1))]
    rearrange(graph, ref, {'status': 'canceled', 'canceled_by': 'visitor'}, 'CB-13', context())
    third = graph.records[ref]
    assert letters(second, third, NOW) == [Due('cancelled', 2, NOW)]
    assert letters(third, third, NOW) == []
    assert letters(second, third, TEN) == [], 'nobody is told of what is over'
    for by in ('refused', 'calendar'):
        gone = replace(third, fields={**third.fields, 'canceled_by': by})
        assert letters(second, gone, NOW) == [Due('apology', 2, NOW)]


def test_what_a_person_drags_moves_the_meeting_once() -> None:
    graph, ref = made()
    later = seen(60, **at(TEN + timedelta(hours=1)))
    done = observe(graph, later)
    assert {change.field for change in done.changes} == {'start_at', 'end_at', 'sequence'}
    assert {change.rule for change in done.changes} == {'CB-15'}
    fields = graph.records[ref].fields
    assert (fields['start_at'], fields['sequence']) == (text_of(TEN + timedelta(hours=1)), 1)
    assert observe(graph, later).changes == []


@pytest.mark.parametrize('touch', [{'summary': 'Mine'}, {'description': None}])
def test_other_edits_in_the_calendar_move_nothing(touch: dict[str, Value]) -> None:
    graph, _ = made()
    assert observe(graph, seen(60, **at(TEN), **touch)).changes == []


def test_our_own_writing_comes_back_as_nothing() -> None:
    graph, ref = made()
    noon = TEN + timedelta(hours=2)
    rearrange(graph, ref, at(noon), 'CB-13', context())
    assert graph.records[ref].fields['sequence'] == 1
    graph.put_mirror(send(graph.mirrors[EVENT], at(noon), NOW + timedelta(seconds=30), 60))
    assert observe(graph, seen(31, **at(noon))).changes == [], 'the notification is faster than the answer'
    graph.put_mirror(settle(graph.mirrors[EVENT], 60, Version(BOOKED_S + 31, 5)))
    assert observe(graph, seen(31, **at(noon)), seen(90, **at(noon))).changes == []


def test_what_was_done_in_the_calendar_before_an_act_does_not_take_it_back() -> None:
    graph, ref = made()
    observe(graph, seen(60, **at(TEN + timedelta(hours=1))))
    rearrange(graph, ref, at(TEN + timedelta(hours=3)), 'CB-13', context())
    assert observe(graph, seen(61, summary='x', **at(TEN + timedelta(hours=1)))).changes == []
    assert graph.records[ref].fields['start_at'] == text_of(TEN + timedelta(hours=3))
    observe(graph, seen(90, **at(TEN + timedelta(hours=4))))
    assert graph.records[ref].fields['start_at'] == text_of(TEN + timedelta(hours=4))


def test_nonsense_in_the_calendar_moves_nothing() -> None:
    graph, ref = made()
    before = graph.records[ref]
    backwards = {'start_at': text_of(TEN + HALF), 'end_at': text_of(TEN)}
    for fields in (backwards, {'start_at': None, 'end_at': None}, {'start_at': 'soon', 'end_at': 'later'}):
        observe(graph, seen(60, **fields))
    assert graph.records[ref].fields == before.fields


def test_what_a_person_deletes_is_canceled_and_may_come_back() -> None:
    graph, ref = made()
    observe(graph, seen(60, 'deleted'))
    fields = graph.records[ref].fields
    assert (fields['status'], fields['canceled_by'], fields['sequence']) == ('canceled', 'calendar', 1)
    assert isinstance(plan_event(graph, ref), Noop)
    assert letters(graph.before[ref], graph.records[ref], NOW) == []
    observe(graph, seen(120, **at(TEN)))
    fields = graph.records[ref].fields
    assert (fields['status'], fields.get('canceled_by'), fields['sequence']) == ('planned', None, 2)
    assert graph.primary(ref, CALENDAR) is not None
    observe(graph, seen(180, 'deleted'))
    fields = graph.records[ref].fields
    assert (fields['status'], fields['sequence']) == ('canceled', 3)


def test_what_takes_place_after_all_has_a_letter_and_reminders_of_its_own() -> None:
    graph, ref = made()
    observe(graph, seen(60, 'deleted'))
    off = graph.records[ref]
    observe(graph, seen(120, **at(TEN)))
    assert letters(off, graph.records[ref], NOW) == [
        Due('restored', 2, NOW),
        Due('reminder', 21, TEN - timedelta(hours=24)),
        Due('reminder', 22, TEN - timedelta(hours=1)),
    ]


@pytest.mark.parametrize('kind', ['missing', 'state'])
def test_an_event_that_is_not_there_any_more_was_deleted(kind: Any) -> None:
    graph, ref = made()
    observe(graph, replace(seen(60, kind, status='cancelled'), origin='read'))
    assert graph.records[ref].fields['canceled_by'] == 'calendar'


def test_our_own_deletion_cancels_nothing_of_another_calendar() -> None:
    graph, ref = made()
    rearrange(graph, ref, {'admin_id': 2, 'round': 1}, 'CB-22', context())
    assert plan_event(graph, ref) == Delete(graph.mirrors[EVENT])
    gone = Intent('open', 'delete', 70, EVENT, ref, {}, NOW)
    apply(graph, Element(intent=gone), context())
    observe(graph, replace(seen(60, 'deleted'), origin='answer', intent=70))
    assert graph.records[ref].fields['status'] == 'planned'
    assert isinstance(plan_event(graph, ref), Create)
    rearrange(graph, ref, {'admin_id': 1, 'round': 2}, 'CB-22', context())
    observe(graph, seen(61, 'deleted'))
    assert graph.records[ref].fields['status'] == 'planned', 'back again, and the calendar tells of the old event'
    assert isinstance(plan_event(graph, ref), Create)


def test_what_a_person_deleted_in_one_calendar_before_it_came_back_there_cancels_nothing() -> None:
    graph, ref = made()
    rearrange(graph, ref, {'admin_id': 2, 'round': 1}, 'CB-22', context())
    observe(graph, seen(60, 'deleted'))
    assert graph.records[ref].fields['status'] == 'planned', 'it belongs into the other calendar by now'
    rearrange(graph, ref, {'admin_id': 1, 'round': 2}, 'CB-22', context())
    assert isinstance(plan_event(graph, ref), Create)
    observe(graph, seen(60, 'deleted'))
    assert graph.records[ref].fields['status'] == 'planned'


def test_copies_and_strangers_are_none_of_ours() -> None:
    graph, ref = made()
    copy = replace(seen(60, hermes_id=[ref.id], uid='u1', **at(TEN)), ref=EVENT._replace(remote_id='x/copy'))
    alien = replace(copy, fields={'hermes_id': [99], **at(TEN)})
    other = replace(copy, fields={'hermes_id': [ref.id], 'uid': 'another'})
    thrown_away = replace(copy, kind='deleted', fields={}, record=ref)
    for one in (copy, alien, other, thrown_away):
        done = observe(graph, one)
        assert done.notes == ['ignored: event x/copy is none of ours']
        assert one.ref not in graph.mirrors


STEPS = st.lists(
    st.tuples(st.integers(min_value=1, max_value=6), st.sampled_from(['state', 'state', 'deleted'])),
    min_size=1, max_size=4, unique_by=lambda step: step,
)  # fmt: skip


@pytest.mark.invariant('I5')
@settings(deadline=None, max_examples=examples(40))
@given(STEPS)
def test_the_order_of_sightings_does_not_matter(steps: list[tuple[int, Any]]) -> None:
    told = [
        seen(10 * place, kind, **(at(TEN + timedelta(hours=hours)) if kind == 'state' else {}))
        for place, (hours, kind) in enumerate(steps, 1)
    ]
    ends = set()
    for order in permutations(told):
        graph, ref = made()
        observe(graph, *order, *order[:1])
        ends.add(str(sorted(graph.records[ref].fields.items())))
    assert len(ends) == 1


@pytest.mark.lesson('M-21')
@settings(deadline=None, max_examples=examples(40))
@given(STEPS)
def test_sequence_never_falls_and_rises_with_all_that_is_told(steps: list[tuple[int, Any]]) -> None:
    told = [
        seen(10 * place, kind, **(at(TEN + timedelta(hours=hours)) if kind == 'state' else {}))
        for place, (hours, kind) in enumerate(steps, 1)
    ]
    for order in permutations(told):
        graph, ref = made()
        for one in order:
            before = graph.records[ref].fields
            observe(graph, one)
            after = graph.records[ref].fields
            is_new = any(before.get(name) != after.get(name) for name in ('start_at', 'end_at', 'status'))
            assert after['sequence'] - before['sequence'] >= is_new


def plan_event(graph: Graph, ref: RecordRef, now: datetime = NOW) -> Plan:
    return plan(graph, graph.records[ref], EVENT_TABLE, replace(context(), now=now), CALENDAR)


def plan_activity(graph: Graph, ref: RecordRef, now: datetime = NOW) -> Plan:
    return plan(graph, graph.records[ref], ACTIVITY_TABLE, replace(context(), now=now), CRM)


def test_an_event_is_made_while_the_meeting_is_to_come() -> None:
    graph, ref = booked()
    needed = plan_event(graph, ref)
    assert isinstance(needed, Create)
    assert needed.fields['hermes_id'] == [ref.id]
    assert isinstance(plan_event(graph, ref, TEN + HALF), Noop)


def test_an_event_is_changed_where_we_have_something_new() -> None:
    graph, ref = made()
    assert isinstance(plan_event(graph, ref), Update), 'its title was never told'
    graph.put_mirror(send(graph.mirrors[EVENT], {'summary': 'priya@office.example'}, NOW, 61))
    observe(graph, seen(60, summary='A title of a person', **at(TEN)))
    assert isinstance(plan_event(graph, ref), Noop)
    noon = TEN + timedelta(hours=2)
    rearrange(graph, ref, at(noon), 'CB-13', context())
    assert plan_event(graph, ref) == Update(graph.mirrors[EVENT], at(noon))
    observe(graph, seen(90, **at(noon + timedelta(hours=1))))
    assert isinstance(plan_event(graph, ref), Noop), 'a person said it last'
    rearrange(graph, ref, at(noon), 'CB-13', context())
    assert plan_event(graph, ref) == Update(graph.mirrors[EVENT], at(noon))


def test_a_canceled_meeting_takes_its_invitation_back_whatever_became_of_the_company() -> None:
    graph, ref = made()
    rearrange(graph, ref, {'status': 'canceled', 'canceled_by': 'visitor'}, 'CB-13', context())
    assert plan_event(graph, ref) == Delete(graph.mirrors[EVENT])
    graph.put_record(replace(graph.records[COMPANY], fields={'narc': True}))
    assert plan_event(graph, ref) == Delete(graph.mirrors[EVENT])


def noted(*sent: tuple[str, Value]) -> tuple[Graph, RecordRef]:
    """A meeting whose activity Hermes made."""
    graph, ref = booked()
    mirror = mirror_of(ACTIVITY, ref, sight(ACTIVITY, 10, **dict(sent)), ours=True)
    graph.put_mirror(send(mirror, dict(sent), NOW, 5))
    return graph, ref


@pytest.mark.behaviour('OUT-10')
def test_an_activity_waits_for_whom_it_names() -> None:
    graph, ref = booked()
    assert isinstance(plan_activity(graph, ref), Create)
    graph.put_mirror(replace(graph.mirrors[PERSON], record=None, primary=False))
    assert plan_activity(graph, ref) == Wait('waits for its person')
    graph.put_mirror(replace(graph.mirrors[ORG], record=None, primary=False))
    assert plan_activity(graph, ref) == Wait('waits for its organization')
    assert isinstance(plan_activity(graph, ref, TEN + timedelta(days=9)), Noop)


@pytest.mark.behaviour('PD-ACT-1')
def test_a_persons_edit_of_an_activity_is_left_alone_until_we_have_something_new() -> None:
    graph, ref = noted(('subject', 'sales'), ('due_at', text_of(TEN)))
    assert isinstance(plan_activity(graph, ref), Noop)
    done = observe(graph, Observation(ACTIVITY, 'state', Version(20, 5), {'subject': 'Mine', 'due_at': 'x'}))
    assert done.changes == []
    assert graph.mirrors[ACTIVITY].current('subject') == 'Mine'
    assert isinstance(plan_activity(graph, ref), Noop)
    rearrange(graph, ref, at(TEN + timedelta(hours=1)), 'CB-13', context())
    assert plan_activity(graph, ref) == Update(graph.mirrors[ACTIVITY], {'due_at': text_of(TEN + timedelta(hours=1))})


@pytest.mark.behaviour('PD-ACT-1')
def test_an_activity_that_a_person_deleted_is_not_made_again_and_moves_nothing() -> None:
    graph, ref = noted(('subject', 'sales'), ('due_at', text_of(TEN)))
    observe(graph, Observation(ACTIVITY, 'deleted', Version(20, 5)))
    assert graph.records[ref].fields['status'] == 'planned'
    assert isinstance(plan_activity(graph, ref), Noop)


def test_a_canceled_meeting_has_no_activity() -> None:
    graph, ref = noted(('subject', 'sales'))
    rearrange(graph, ref, {'status': 'canceled', 'canceled_by': 'visitor'}, 'CB-13', context())
    assert plan_activity(graph, ref) == Delete(graph.mirrors[ACTIVITY])


def test_meetings_move_with_companies_and_people_that_are_merged() -> None:
    graph, ref = booked()
    other, bob = RecordRef('company', 1_001), RecordRef('contact', 2_001)
    graph.put_record(Record(other, {'name': 'Other'}, company_id=other.id))
    graph.put_record(Record(bob, {'company_id': other.id}, company_id=other.id))
    done = Applied()
    unite(graph, graph.records[ADA], graph.records[bob], 'PD-MERGE-1', context(), done)
    assert graph.records[ref].fields['contact_id'] == bob.id
    unite(graph, graph.records[COMPANY], graph.records[other], 'PD-MERGE-1', context(), done)
    moved = graph.records[ref]
    assert (moved.company_id, moved.fields['company_id']) == (other.id, other.id)
    assert [one.ref for one in graph.children(other.id, 'meeting')] == [ref]


def test_a_rename_is_no_news_for_anybody() -> None:
    graph, ref = booked()
    before = graph.records[ref]
    rearrange(graph, ref, {'round': 1}, 'CB-7', context())
    after = graph.records[ref]
    assert (after.fields['round'], after.fields['sequence']) == (1, 0)
    assert letters(before, after, NOW) == []
    assert rearrange(graph, ref, {'round': 1}, 'CB-7', context()) == []
