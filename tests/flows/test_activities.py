"""Activities in the CRM: each meeting has one, it follows the meeting, and people may do with it what they like
(OUT-10, PD-ACT-1).
"""

import json
from datetime import timedelta

import pytest

from tests.flows import faults
from tests.flows.activities import NOON, act, activities, booked, booked_with, change, listen, meeting, move
from tests.flows.bookings import TEN, admin, book
from tests.flows.companies import decisions, later, quiet, sign_up
from tests.flows.house import INES, MARCUS, MARCUS_PD, PRIYA_PD, House
from tests.flows.merging import FLINT, assert_replays, named


@pytest.mark.behaviour('OUT-10', 'OUT-3')
@pytest.mark.lesson('I-11', 'F-6')
async def test_a_meeting_stands_in_the_crm(house: House) -> None:
    sent = listen(house, 'POST')
    number = int((await book(house)).outcome['meeting'])
    await house.settle()
    [organization], [person], [deal], [made] = house.organizations(), house.persons(), house.deals(), activities(house)
    assert (made['type'], made['subject']) == ('meeting', 'Demo with Ada Lovelace (Ember Tutors)')
    assert (made['due_date'], made['due_time'], made['duration']) == ('2026-03-03', '10:00:00', '00:30:00')
    assert (made['owner_id'], made['org_id'], made['deal_id']) == (PRIYA_PD, organization['id'], deal['id'])
    assert (made['person_id'], made['participants']) == (person['id'], [{'person_id': person['id'], 'primary': True}])
    assert made['note'].split('<br>') == [
        'Price plan: startup', 'Website: https://ember.example', 'Country: GB', 'Revenue: 50-150k', 'Currency: GBP',
        'Source: news', 'Campaign: spring', "Customer's time zone: Europe/London", f'Hermes meeting {number}',
    ]  # fmt: skip
    order = [call.path.split('/')[-1] for call in house.calls('POST') if call.status == 200]
    assert order == ['organizations', 'persons', 'deals', 'activities']
    assert ['person_id' in body for body in sent] == [False]
    await quiet(house)


@pytest.mark.behaviour('PD-ECHO-1')
@pytest.mark.parametrize('early', [0.0, 1.0])
@pytest.mark.parametrize('notes', [False, True])
async def test_its_own_webhook_changes_nothing_and_calls_nothing(house: House, early: float, notes: bool) -> None:
    house.pd.hooks_tell_notes = notes
    house.world.weather.change(webhook_first_p=early)
    number, _ = await booked(house)
    before = await house.rows('select count(*) as n from change')
    await later(house, 600)
    assert house.calls() == []
    assert await house.rows('select count(*) as n from change') == before
    await move(house, number)
    assert [call.method for call in house.calls()] == ['PATCH']
    await later(house, 600)
    assert [call.method for call in house.calls()] == ['PATCH']
    assert len(activities(house)) == 1
    await quiet(house)


@pytest.mark.behaviour('OUT-10')
async def test_it_follows_the_meeting(house: House) -> None:
    sent = listen(house, 'PATCH')
    number, _ = await booked(house)
    await move(house, number)
    assert sent == [{'due_date': '2026-03-03', 'due_time': '12:00'}]
    await act(house, 'reassign', number, admin=await admin(house, MARCUS))
    [made] = activities(house)
    assert (made['due_time'], made['owner_id']) == ('12:00:00', MARCUS_PD)
    house.mark()
    await act(house, 'cancel', number)
    assert sorted(call.method for call in house.calls()) == ['DELETE', 'PATCH']
    assert activities(house) == []
    await later(house, 3600)
    assert activities(house) == []
    await quiet(house)


async def test_what_was_canceled_before_it_was_made_is_never_made(house: House) -> None:
    number = int((await book(house)).outcome['meeting'])
    await act(house, 'cancel', number)
    assert house.calls('POST', '/activities') == []


@pytest.mark.behaviour('PD-ACT-1')
async def test_what_people_change_is_left_alone_and_moves_nothing(house: House) -> None:
    number, made = await booked(house)
    before = await meeting(house, number)
    edited = {'subject': 'Talk', 'due_date': '2026-03-09', 'due_time': '15:00', 'note': 'Mine', 'done': True}
    change(house, made['id'], **edited, participants=[], owner_id=MARCUS_PD)
    await later(house, 600)
    assert (house.calls(), await meeting(house, number)) == ([], before)
    [runs] = await house.rows("select runs from mirror where type = 'activity'")
    assert [runs['runs'][name][-1][0] for name in ('subject', 'due_at', 'owner_id')] == [
        'Talk', '2026-03-09T15:00', MARCUS_PD,
    ]  # fmt: skip
    await move(house, number)
    [shown] = activities(house)
    assert (shown['due_date'], shown['due_time'], shown['subject']) == ('2026-03-03', '12:00:00', 'Talk')
    assert (shown['owner_id'], shown['note'], shown['done']) == (MARCUS_PD, 'Mine', True)
    await quiet(house)


@pytest.mark.behaviour('PD-ACT-1')
@pytest.mark.parametrize('notes', [False, True])
async def test_what_a_person_deletes_is_not_made_again_and_the_meeting_stays(house: House, notes: bool) -> None:
    house.pd.hooks_tell_notes = notes
    number, made = await booked(house)
    house.pd.act_delete('activity', made['id'], MARCUS_PD)
    await later(house)
    assert (await meeting(house, number))['status'] == 'planned'
    await move(house, number)
    assert (house.calls(), activities(house)) == ([], [])
    house.pd.act_undelete('activity', made['id'], MARCUS_PD)
    await move(house, number, NOON + timedelta(hours=1))
    [shown] = activities(house)
    assert shown['due_time'] == '13:00:00'
    await quiet(house)


@pytest.mark.behaviour('PD-ACT-1')
@pytest.mark.parametrize('days', [1, 31])
@pytest.mark.parametrize('op', ['move', 'cancel'])
async def test_a_deletion_that_nobody_told_of_is_found_when_it_matters(house: House, days: int, op: str) -> None:
    """After thirty days the CRM does not know it any more."""
    number, made = await booked(house, start_at=TEN + timedelta(days=50))
    house.pd.act_webhooks(on=False)
    house.pd.act_delete('activity', made['id'], MARCUS_PD)
    await later(house, days * 86_400)
    house.mark()
    await (move(house, number, NOON + timedelta(days=50)) if op == 'move' else act(house, 'cancel', number))
    await later(house, 90_000)
    assert (activities(house), house.calls('POST'), await decisions(house)) == ([], [], [])
    await quiet(house)


async def test_a_change_that_nobody_told_of_is_not_fought(house: House) -> None:
    number, made = await booked(house)
    house.pd.act_webhooks(on=False)
    change(house, made['id'], subject='Talk', due_date='2026-03-09')
    await later(house, 600)
    house.mark()
    await move(house, number)
    [shown] = activities(house)
    assert (shown['subject'], shown['due_date'], shown['due_time']) == ('Talk', '2026-03-03', '12:00:00')
    assert len(house.calls()) == 1
    await quiet(house)


@pytest.mark.invariant('I9')
async def test_other_peoples_activities_cost_nothing(house: House) -> None:
    number, made = await booked(house)
    before = [await house.rows(f'select count(*) as n from {table}') for table in ('mirror', 'link', 'change', 'push')]
    house.pd.hooks_tell_notes = True
    copied = {name: made[name] for name in ('subject', 'type', 'due_date', 'due_time', 'org_id', 'deal_id', 'note')}
    others = [
        house.pd.act_create('activity', told, MARCUS_PD)['id']
        for told in ({'subject': 'Lunch'}, {'type': 'call', 'org_id': made['org_id'], 'note': 'x'}, copied)
    ]
    await later(house)
    for one in others:
        change(house, one, subject='Changed', note=f'{made["note"]}<br>Hermes meeting 12')
        house.pd.act_delete('activity', one, MARCUS_PD)
    await later(house)
    after = [await house.rows(f'select count(*) as n from {table}') for table in ('mirror', 'link', 'change', 'push')]
    assert (house.calls(), after, await decisions(house)) == ([], before, [])
    await move(house, number)
    assert [call.path.split('/')[-1] for call in house.calls()] == [str(made['id'])]


@pytest.mark.behaviour('OUT-4')
@pytest.mark.invariant('I4')
@pytest.mark.parametrize('fault', [faults.lose_answer, faults.carried_out(502, b'<html>'), faults.carried_out(200)])
@pytest.mark.parametrize('told', ['notes', 'no notes', 'nothing'])
async def test_a_creation_whose_answer_is_lost_is_found_and_never_made_twice(
    house: House, fault: faults.Act, told: str
) -> None:
    house.pd.hooks_tell_notes = told == 'notes'
    house.pd.act_webhooks(on=told != 'nothing')
    house.pd.act_create('activity', {'subject': 'Foreign', 'note': 'Hermes meeting'}, MARCUS_PD)
    broken = faults.on(house)
    broken.add('POST', '/activities', fault)
    began_at = house.clock.now()
    number, made = await booked_with(house)
    assert broken.met == 1
    listings = house.calls('GET', '/activities')
    assert len(listings) == (told != 'notes')
    for listing in listings:
        assert (listing.at - began_at).total_seconds() >= 18
        assert 'updated_since=' in listing.query
    house.mark()
    await move(house, number)
    assert [(call.method, call.path.split('/')[-1]) for call in house.calls()] == [('PATCH', str(made['id']))]
    rows = await house.rows("select remote_id from mirror where type = 'activity'")
    assert [row['remote_id'] for row in rows] == [str(made['id'])]
    await quiet(house)


@pytest.mark.behaviour('OUT-4')
async def test_a_creation_that_never_arrived_is_made_once_after_two_looks(house: House) -> None:
    broken = faults.on(house)
    broken.add('POST', '/activities', faults.lose_request)
    await booked_with(house)
    first, second = house.calls('GET', '/activities')
    assert (second.at - first.at).total_seconds() >= 10
    [made] = house.calls('POST', '/activities')
    assert made.at >= second.at
    await quiet(house)


@pytest.mark.behaviour('OUT-4')
@pytest.mark.parametrize('told', ['notes', 'nothing'])
async def test_found_twice_the_older_is_linked_and_somebody_is_asked(house: House, told: str) -> None:
    house.pd.hooks_tell_notes = told == 'notes'
    house.pd.act_webhooks(on=told == 'notes')
    broken = faults.on(house)
    broken.add('POST', '/activities', faults.carry_out_twice)
    number = int((await book(house)).outcome['meeting'])
    await later(house, 600)
    older, _ = sorted(one['id'] for one in activities(house))
    rows = await house.rows("select remote_id from link where type = 'activity'")
    assert [row['remote_id'] for row in rows] == [str(older)]
    [asked] = await decisions(house)
    assert (asked['kind'], asked['record_id']) == ('duplicate', number)
    house.mark()
    await later(house, 3600)
    assert house.calls() == []
    await quiet(house)


@pytest.mark.behaviour('D-7')
@pytest.mark.lesson('E-32')
async def test_a_support_call_of_somebody_without_an_account(house: House) -> None:
    """D-10: 0 is nobody, and the activity is the company's owner's."""
    await house.act('admin.save', fields={'tc2_admin_id': INES, 'pd_owner_id': 0})
    sign_up(house)
    await later(house)
    house.pd.act_update('deal', house.deals()[0]['id'], {'status': 'won'}, PRIYA_PD)
    await later(house)
    [company] = await house.rows('select id from company')
    form = {'email': 'sam@ember.example', 'name': 'Sam Okafor'}
    _, made = await booked(house, kind='support', who=INES, company=company['id'], signed=True, form=form)
    [organization], [person] = house.organizations(), house.persons()
    assert (made['org_id'], made['person_id'], made['deal_id']) == (organization['id'], person['id'], None)
    assert (made['subject'], made['owner_id']) == ('Support call with Sam Okafor (Ember Tutors)', PRIYA_PD)
    assert len(house.deals()) == 1


@pytest.mark.behaviour('PD-USER-1')
async def test_a_colleague_who_left_owns_no_activity(house: House) -> None:
    house.pd.act_deactivate_user(MARCUS_PD)
    await house.settle()
    number, made = await booked(house)
    await act(house, 'reassign', number, admin=await admin(house, MARCUS))
    assert activities(house)[0]['owner_id'] == made['owner_id'] == PRIYA_PD
    await quiet(house)


@pytest.mark.behaviour('PD-MERGE-1')
@pytest.mark.parametrize('kind', ['organization', 'person', 'deal'])
@pytest.mark.parametrize('ours', ['loser', 'survivor'])
async def test_an_activity_goes_along_with_a_merge_without_a_call(
    house: House, second_url: str, kind: str, ours: str
) -> None:
    number, made = await booked(house)
    sign_up(house, 'Flint Tutors', **FLINT)
    await later(house)
    place = {'organization': 'organizations', 'person': 'persons', 'deal': 'deals'}[kind]
    own = made[{'organization': 'org_id', 'person': 'person_id', 'deal': 'deal_id'}[kind]]
    [other] = [one['id'] for one in getattr(house, place)() if one['id'] != own]
    if kind != 'organization':
        house.pd.act_merge('organization', named(house, 'Flint Tutors'), made['org_id'], PRIYA_PD)
        await later(house)
    loser, survivor = (own, other) if ours == 'loser' else (other, own)
    house.mark()
    house.pd.act_merge(kind, loser, survivor, PRIYA_PD)
    await later(house, 600)
    assert house.calls(path='/activities') == []
    [shown] = activities(house)
    assert shown[{'organization': 'org_id', 'person': 'person_id', 'deal': 'deal_id'}[kind]] == survivor
    sent = listen(house, 'PATCH')
    await move(house, number)
    assert sent == [{'due_date': '2026-03-03', 'due_time': '12:00'}]
    await quiet(house)
    await assert_replays(house, second_url)


@pytest.mark.behaviour('D-2')
async def test_a_new_organisation_takes_the_activity_of_a_new_booking(house: House) -> None:
    number, made = await booked(house)
    house.pd.act_delete('organization', made['org_id'], PRIYA_PD)
    await later(house)
    house.mark()
    await move(house, number)
    assert house.calls() == [], 'nothing goes out for a company that was deleted'
    again = int((await book(house, TEN + timedelta(days=1))).outcome['meeting'])
    await later(house)
    [organization] = house.organizations()
    shown = {one['note'].rpartition(' ')[2]: one for one in activities(house)}
    assert {one['org_id'] for one in shown.values()} == {organization['id']}
    assert (shown[str(number)]['due_time'], shown[str(again)]['due_date']) == ('12:00:00', '2026-03-04')
    await quiet(house)


@pytest.mark.behaviour('D-6', 'TC-8')
async def test_the_mark_takes_the_activities_too(house: House) -> None:
    client = sign_up(house)
    await later(house)
    form = {'email': 'sam@ember.example', 'name': 'Sam Okafor'}
    await booked(house, form=form)
    house.tc2.set_narc(client.id)
    await later(house)
    assert activities(house) == house.organizations() == []
    house.tc2.set_narc(client.id, False)
    await later(house)
    assert len(house.organizations()) == len(activities(house)) == 1
    await quiet(house)


@pytest.mark.behaviour('OUT-6')
async def test_a_refused_activity_is_parked_with_the_field_and_nothing_else_stops(house: House) -> None:
    del house.pd.activity_types['meeting']
    number = int((await book(house)).outcome['meeting'])
    await later(house)
    assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1
    [row] = await house.rows("select * from push where record_type = 'meeting' and system = 'pipedrive'")
    assert row['state'] == 'parked'
    assert 'no activity type meeting' in row['reason']
    assert (await meeting(house, number))['status'] == 'planned'


@pytest.mark.behaviour('OUT-6')
@pytest.mark.parametrize('kind', ['person', 'deal'])
async def test_who_was_deleted_a_moment_ago_is_left_out(house: House, kind: str) -> None:
    _, made = await booked(house)
    house.pd.act_webhooks(on=False)
    house.pd.act_delete(kind, made[f'{kind}_id'], PRIYA_PD)
    number = int((await book(house, NOON)).outcome['meeting'])
    await later(house, 600)
    [second] = [one for one in activities(house) if one['note'].endswith(f'Hermes meeting {number}')]
    assert (second[f'{kind}_id'], second['org_id']) == (None, made['org_id'])
    await quiet(house)


@pytest.mark.lesson('K-10')
async def test_what_is_internal_stands_in_the_note_only(house: House) -> None:
    form = {'estimated_income': '<i>50k</i>', 'website': 'https://ember.example/?a=1&b=2'}
    _, made = await booked(house, form=form)
    assert 'Revenue: &lt;i&gt;50k&lt;/i&gt;' in made['note']
    assert 'https://ember.example/?a=1&amp;b=2' in made['note']
    assert made['public_description'] is None
    [event] = [one for one in house.google.events.values()]
    told = json.dumps(event.fields, default=str)
    assert '50k' not in told
    assert 'startup' not in told


async def test_the_folded_log_has_the_same_activities(house: House, second_url: str) -> None:
    broken = faults.on(house)
    broken.add('POST', '/activities', faults.lose_answer)
    first, made = await booked(house)
    second = int((await book(house, NOON)).outcome['meeting'])
    await later(house)
    change(house, made['id'], subject='Talk', due_date='2026-03-09')
    await later(house)
    await move(house, first, NOON + timedelta(hours=3))
    await act(house, 'cancel', second)
    house.pd.act_delete('activity', made['id'], MARCUS_PD)
    await later(house)
    await assert_replays(house, second_url)
