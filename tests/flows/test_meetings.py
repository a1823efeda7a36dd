"""Meetings in the engine: the calendar's event and the CRM's activity follow from a record, and what a person does in
the calendar comes back (CB-7, CB-13, CB-15, CB-22).
"""

from datetime import datetime, timedelta
from typing import Any

import psycopg
import pytest

from hermes.db import events
from hermes.db.reads import lookup, pushes
from hermes.db.reads.blame import read_blame
from hermes.ports import Request, encode_answer
from hermes.systems.google_calendar.inbound import only_ours
from tests.flows.acting import carry_out
from tests.flows.companies import later, sign_up
from tests.flows.house import MARCUS, PRIYA, PRIYA_PD, START, House
from tests.flows.merging import FLINT, assert_replays, named

TEN = START + timedelta(days=2, hours=1)
HALF = timedelta(minutes=30)
FORM = {
    'name': 'Ada Lovelace', 'email': 'ada@ember.example', 'phone': None, 'company_name': 'Ember Tutors',
    'website': None, 'country': 'GB', 'estimated_income': '50-150k', 'currency': 'GBP', 'price_plan': 'payg',
    'utm_source': None, 'utm_campaign': None, 'gclid': None,
}  # fmt: skip


async def admin(house: House, tc2_admin_id: int) -> dict[str, Any]:
    return (await house.rows('select * from admin where tc2_admin_id = %s', tc2_admin_id))[0]


async def book(house: House, start_at: datetime = TEN, who: int = PRIYA, **more: Any) -> int:
    """A sales booking; the meeting's id."""
    told = {
        'act': 'meeting.book', 'kind': 'sales', 'admin': (await admin(house, who))['id'], 'buffer_s': 900,
        'start_at': start_at.isoformat(), 'end_at': (start_at + HALF).isoformat(), 'uid': f'uid-{start_at:%d%H%M}',
        'zone': 'Europe/London', 'form': FORM, 'company': None, 'signed': False, 'bdr': None, **more,
    }  # fmt: skip
    return int((await carry_out(house.engine, told)).outcome['meeting'])


async def act(house: House, what: str, number: int, **more: Any) -> None:
    await carry_out(house.engine, {'act': f'meeting.{what}', 'meeting': number, 'by': 'visitor', **more})


async def meeting(house: House, number: int) -> dict[str, Any]:
    return (await house.rows('select * from meeting where id = %s', number))[0]


async def letters(house: House) -> list[tuple[str, int, str]]:
    rows = await house.rows('select kind, sequence, state from letter order by id')
    return [(row['kind'], row['sequence'], row['state']) for row in rows]


async def taken(house: House) -> list[str]:
    rows = await house.rows('select lower(during) as start from occupancy where meeting_id is not null order by start')
    return [row['start'].isoformat() for row in rows]


def live(house: House, email: str) -> list[Any]:
    """Events in somebody's calendar that are not canceled."""
    return [event for (home, _), event in house.google.events.items() if home == email and event.status != 'cancelled']


async def tell_changes(house: House, email: str) -> None:
    """What a calendar holds, read as a page."""
    google: Any = house.engine.systems['google']
    since = (START - timedelta(days=1)).isoformat()
    request = Request('list', 'event', params={'calendar': email, 'since': since, 'cursor': None})
    answer = await google.send(request, None)
    assert answer.status == 200, answer.body
    answer = type(answer)(**{name: getattr(answer, name) for name in answer.__slots__} | {
        'body': only_ours(answer.body, email)})  # fmt: skip
    async with house.engine.database.transaction() as connection:
        await events.add(connection, 'google', 'page', encode_answer(request, answer), state='new')
    await house.settle()


@pytest.mark.behaviour('CB-7')
async def test_a_booking_stands_in_the_calendar_once(house: House) -> None:
    priya = await admin(house, PRIYA)
    number = await book(house)
    await later(house)
    [event] = live(house, priya['email'])
    shown = house.google.show(event, priya['email'])
    assert shown['extendedProperties']['private']['hermes_id'] == str(number)
    assert shown['start']['dateTime'].startswith('2026-03-04T10:00')
    assert len(house.calls('POST', '/events', 'google')) == 1
    assert await taken(house) == [TEN.isoformat()]
    assert await letters(house) == [('confirmation', 0, 'due'), ('reminder', 1, 'due'), ('reminder', 2, 'due')]
    house.mark()
    await tell_changes(house, priya['email'])
    assert [call.method for call in house.calls(system='google')] == ['GET']
    assert (await meeting(house, number))['sequence'] == 0


@pytest.mark.behaviour('CB-15')
async def test_what_a_person_drags_moves_the_meeting(house: House) -> None:
    priya = await admin(house, PRIYA)
    number = await book(house)
    await later(house)
    [event] = live(house, priya['email'])
    eleven = TEN + timedelta(hours=1)
    house.google.move(priya['email'], event.id, eleven)
    house.mark()
    await tell_changes(house, priya['email'])
    row = await meeting(house, number)
    assert (row['start_at'], row['end_at'], row['sequence']) == (eleven, eleven + HALF, 1)
    assert await taken(house) == [eleven.isoformat()]
    assert ('reminder', 1, 'dropped') in await letters(house)
    assert ('moved', 1, 'due') in await letters(house)
    assert not house.calls('PATCH', system='google'), 'what a person wrote is not written again'
    house.mark()
    await tell_changes(house, priya['email'])
    assert (await meeting(house, number))['sequence'] == 1
    await later(house)
    await act(house, 'move', number, start_at=TEN.isoformat(), end_at=(TEN + HALF).isoformat())
    await later(house)
    [event] = live(house, priya['email'])
    assert house.google.show(event, priya['email'])['start']['dateTime'].startswith('2026-03-04T10:00')
    await tell_changes(house, priya['email'])
    row = await meeting(house, number)
    assert (row['start_at'], row['sequence']) == (TEN, 2)


@pytest.mark.behaviour('VERSION-1')
async def test_two_states_of_one_millisecond_are_read_once_more_and_no_oftener(house: House) -> None:
    priya = await admin(house, PRIYA)
    number = await book(house)
    await later(house)
    [event] = live(house, priya['email'])
    house.google.move(priya['email'], event.id, TEN + timedelta(hours=1))
    await tell_changes(house, priya['email'])
    await act(house, 'move', number, start_at=TEN.isoformat(), end_at=(TEN + HALF).isoformat())
    house.mark()
    await later(house)
    assert len(house.calls('GET', f'/events/{event.id}', 'google')) <= 3
    [event] = live(house, priya['email'])
    shown = house.google.show(event, priya['email'])['start']['dateTime']
    assert (await meeting(house, number))['start_at'].isoformat().startswith(shown[:16]), 'both say the same in the end'


@pytest.mark.behaviour('CB-15')
async def test_what_a_person_deletes_cancels_the_meeting_and_is_not_made_again(house: House) -> None:
    priya = await admin(house, PRIYA)
    number = await book(house)
    await later(house)
    [event] = live(house, priya['email'])
    house.google.delete(priya['email'], event.id)
    house.mark()
    await tell_changes(house, priya['email'])
    row = await meeting(house, number)
    assert (row['status'], row['canceled_by']) == ('canceled', 'calendar')
    assert await taken(house) == []
    assert ('apology', 1, 'due') in await letters(house)
    await later(house, 3600)
    assert not house.calls('POST', '/events', 'google')
    assert live(house, priya['email']) == []


@pytest.mark.behaviour('CB-13')
async def test_a_visitor_moves_and_cancels(house: House) -> None:
    priya = await admin(house, PRIYA)
    number = await book(house)
    await later(house)
    house.mark()
    noon = TEN + timedelta(hours=2)
    await act(house, 'move', number, start_at=noon.isoformat(), end_at=(noon + HALF).isoformat())
    await later(house)
    [event] = live(house, priya['email'])
    assert house.google.show(event, priya['email'])['start']['dateTime'].startswith('2026-03-04T12:00')
    assert len(house.calls('PATCH', '/events', 'google')) == 1
    await act(house, 'cancel', number)
    await later(house)
    assert live(house, priya['email']) == []
    await tell_changes(house, priya['email'])
    row = await meeting(house, number)
    assert (row['status'], row['canceled_by'], row['sequence']) == ('canceled', 'visitor', 2)
    assert ('cancelled', 2, 'due') in await letters(house)
    assert await taken(house) == []


@pytest.mark.behaviour('CB-22')
async def test_another_admin_means_another_calendar(house: House) -> None:
    priya, marcus = await admin(house, PRIYA), await admin(house, MARCUS)
    number = await book(house)
    await later(house)
    before = await meeting(house, number)
    await act(house, 'reassign', number, admin=marcus['id'])
    await later(house)
    assert live(house, priya['email']) == []
    [event] = live(house, marcus['email'])
    await tell_changes(house, priya['email'])
    await tell_changes(house, marcus['email'])
    row = await meeting(house, number)
    assert (row['status'], row['uid'], row['admin_id']) == ('planned', before['uid'], marcus['id'])
    house.google.delete(marcus['email'], event.id)
    await tell_changes(house, marcus['email'])
    assert (await meeting(house, number))['canceled_by'] == 'calendar'


@pytest.mark.behaviour('CB-7')
@pytest.mark.parametrize('with_event', [True, False])
async def test_a_taken_id_is_looked_at_before_anything_else(house: House, with_event: bool) -> None:
    priya = await admin(house, PRIYA)
    house.google.refuse_insert(priya['email'], with_event=with_event, times=1)
    number = await book(house)
    await later(house)
    assert len(live(house, priya['email'])) == 1
    row = await meeting(house, number)
    assert (row['status'], row['round']) == ('planned', 0)


@pytest.mark.behaviour('CB-7')
async def test_lost_answers_make_one_event(house: House) -> None:
    priya = await admin(house, PRIYA)
    await book(house)
    house.world.weather.change(lost_answer_p=0.6, error_after_p=0.2)
    await later(house, 30)
    house.world.weather.change(name='calm')
    await later(house, 600)
    assert len(live(house, priya['email'])) == 1
    [row] = await house.rows("select * from push where record_type = 'meeting' and system = 'google'")
    assert (row['intent'], row['state'], row['wanted']) == (None, 'ready', row['done'])


@pytest.mark.behaviour('CB-7')
async def test_somebody_elses_id_is_left_alone(house: House) -> None:
    priya = await admin(house, PRIYA)
    house.google.refuse_insert(priya['email'], with_event=False, times=9)
    number = await book(house)
    await later(house, 600)
    house.google.mend()
    await later(house, 600)
    assert len(live(house, priya['email'])) == 1
    row = await meeting(house, number)
    assert (row['status'], row['round'] > 0, row['sequence']) == ('planned', True, 0)


@pytest.mark.behaviour('CB-7')
async def test_what_is_refused_for_good_is_canceled_and_its_slot_is_free(house: House) -> None:
    priya = await admin(house, PRIYA)
    number = await book(house, form={**FORM, 'email': 'no address'})
    await later(house, 600)
    row = await meeting(house, number)
    assert (row['status'], row['canceled_by']) == ('canceled', 'refused')
    assert await taken(house) == []
    assert live(house, priya['email']) == []
    assert ('apology', 1, 'due') in await letters(house)
    assert not await house.rows("select 1 from push where system = 'google' and (state <> 'ready' or wanted > done)")


@pytest.mark.behaviour('CB-15')
async def test_a_meeting_dragged_onto_another_is_a_question(house: House) -> None:
    priya = await admin(house, PRIYA)
    number = await book(house)
    other = await book(house, TEN + timedelta(hours=2), uid='other')
    await later(house)
    moving = next(
        one for one in live(house, priya['email']) if one.fields['start']['dateTime'].startswith('2026-03-04T10')
    )
    house.google.move(priya['email'], moving.id, TEN + timedelta(hours=2))
    await tell_changes(house, priya['email'])
    assert (await meeting(house, number))['start_at'] == TEN + timedelta(hours=2)
    [row] = await house.rows('select meeting_id from occupancy')
    assert row['meeting_id'] == other
    [asked] = await house.rows("select * from decision where kind = 'overlap'")
    assert (asked['record_type'], asked['record_id'], asked['state']) == ('meeting', number, 'open')
    await act(house, 'cancel', other)
    await later(house)
    [row] = await house.rows('select meeting_id from occupancy')
    assert row['meeting_id'] == number, 'its time is its own once the other one is gone'
    assert not await house.rows("select * from decision where kind = 'overlap' and state = 'open'")


async def test_a_meeting_that_nothing_happens_to_costs_nothing(house: House) -> None:
    priya = await admin(house, PRIYA)
    await book(house)
    await later(house)
    [company] = await house.rows('select * from company')
    await tell_changes(house, priya['email'])
    house.mark()
    before = await house.rows('select count(*) as n from change')
    [organization] = house.organizations()
    house.pd.act_update('organization', organization['id'], {'name': 'Another name'}, None)
    await later(house)
    await tell_changes(house, priya['email'])
    assert [call.method for call in house.calls(system='google')] == ['GET']
    after = await house.rows('select count(*) as n from change')
    assert after[0]['n'] - before[0]['n'] < 5
    assert company['id']


async def test_a_new_address_of_an_admin_moves_the_event(house: House) -> None:
    """Whoever gets another calendar takes the meetings along (CB-22)."""
    priya, marcus = await admin(house, PRIYA), await admin(house, MARCUS)
    number = await book(house)
    await later(house)
    await house.act('admin.save', fields={'tc2_admin_id': MARCUS, 'email': 'gone@office.example'})
    await house.act('admin.save', fields={'tc2_admin_id': PRIYA, 'email': marcus['email']})
    await later(house)
    assert live(house, priya['email']) == []
    assert len(live(house, marcus['email'])) == 1
    assert (await meeting(house, number))['status'] == 'planned'


async def test_a_meeting_is_told_of_like_any_record(house: House) -> None:
    number = await book(house)
    await later(house)
    with psycopg.connect(house.settings.database_url) as connection:
        found = lookup.find_record(connection, f'meeting:{number}')
        told = read_blame(connection, found.record)
        lines = {line.field: line for line in told.lines}
        assert lines['start_at'].write is not None
        assert lines['start_at'].write.rule == 'CB-1'
        [link] = [link for link in lookup.find_links(connection, found.record) if link['system'] == 'google']
        assert lookup.find_record(connection, f'google:event:{link["remote_id"]}').record == found.record
        assert any(item['record_type'] == 'meeting' for item in pushes.list_pushes(connection)) is False


@pytest.mark.invariant('I14')
async def test_the_folded_log_has_the_same_meetings(house: House, second_url: str) -> None:
    priya, marcus = await admin(house, PRIYA), await admin(house, MARCUS)
    first = await book(house)
    second = await book(house, TEN + timedelta(days=1))
    third = await book(house, TEN + timedelta(days=2))
    await later(house)
    events_of = sorted(live(house, priya['email']), key=lambda one: str(one.fields['start']))
    house.google.move(priya['email'], events_of[0].id, TEN + timedelta(hours=3))
    house.google.delete(priya['email'], events_of[1].id)
    await tell_changes(house, priya['email'])
    await act(house, 'reassign', third, admin=marcus['id'])
    await later(house)
    await act(house, 'cancel', first)
    await later(house)
    assert {(await meeting(house, number))['status'] for number in (first, second)} == {'canceled'}
    await assert_replays(house, second_url)


@pytest.mark.behaviour('PD-MERGE-1')
async def test_a_meeting_goes_along_when_organisations_are_merged(house: House, second_url: str) -> None:
    number = await book(house)
    await later(house)
    sign_up(house, 'Flint Tutors', **FLINT)
    await later(house)
    house.pd.act_merge('organization', named(house, 'Ember Tutors'), named(house, 'Flint Tutors'), PRIYA_PD)
    house.mark()
    await later(house)
    [company] = await house.rows('select id from company where alias_of is null')
    assert (await meeting(house, number))['company_id'] == company['id']
    assert [call.method for call in house.calls(system='google')] == []
    await act(house, 'cancel', number)
    await later(house)
    assert live(house, (await admin(house, PRIYA))['email']) == []
    await assert_replays(house, second_url)
