"""Merges in the CRM: whatever arrives of the two webhooks, in whichever order, two records become one (PD-MERGE)."""

import json
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from hermes.db.reads.blame import read_blame
from hermes.db.reads.lookup import find_record
from tests.flows.companies import deliver, event, later, notes, quiet, sign_up
from tests.flows.crm import add_deal, add_organization, add_person, change, item, known, shown
from tests.flows.house import PRIYA_PD, House
from tests.flows.merging import assert_one_company, assert_replays, clients, live, merge, named, two_companies


@pytest.mark.behaviour('PD-MERGE-1')
@pytest.mark.lesson('B-5', 'C-2', 'D-6', 'D-7')
async def test_two_organisations_become_one_company_with_everything_of_both(house: House) -> None:
    one, two, loser, survivor = await two_companies(house)
    gone, kept = await known(house, 'organization', loser), await known(house, 'organization', survivor)
    house.mark()
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    await later(house)
    company = await assert_one_company(house, survivor, loser)
    assert (company['id'], company['name'], company['tc2_cligency_id']) == (kept['id'], 'Flint Tutors', two.id)
    assert (len(await live(house, 'contact')), len(await live(house, 'deal'))) == (2, 2)
    assert await clients(house) == {
        str(one.id): (False, 'live', kept['id']),
        str(two.id): (True, 'live', kept['id']),
    }
    assert [row['alias_of'] for row in await house.rows('select * from company where id = %s', gone['id'])] == [
        kept['id']
    ]
    assert len(house.calls('PATCH', 'organizations')) == 1
    house.mark()
    house.tc2.send_all_snapshots()
    await later(house, 10_800)
    house.tc2.send_all_snapshots()
    await later(house)
    assert house.calls() == []
    assert len(house.organizations()) == 1


@pytest.mark.behaviour('PD-MERGE-1', 'FIELD-6')
@pytest.mark.lesson('D-7')
async def test_what_moved_goes_on_under_the_survivor(house: House) -> None:
    one, two, loser, survivor = await two_companies(house)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    await later(house)
    house.mark()
    house.tc2.edit_client(two.id, website='https://both.example')
    house.tc2.edit_recipient(one.id, one.recipients[0].id, first_name='Samuel')
    house.tc2.add_recipient(one.id, 'Late', email='late@ember.example')
    await later(house)
    assert {shown(house, 'deal', deal['id'])['website'] for deal in house.deals()} == {'https://both.example'}
    assert {person['name'] for person in house.persons()} == {'Samuel Okafor', 'Ada Flint', 'Late'}
    assert {person['org_id'] for person in house.persons()} == {survivor}
    add_person(house, survivor, 'Born There')
    await later(house)
    assert len(await live(house, 'company')) == 1
    assert len(await live(house, 'contact')) == 4


@pytest.mark.behaviour('PD-MERGE-1', 'TC-3')
async def test_a_secondary_client_that_is_deleted_takes_only_its_link_with_it(house: House) -> None:
    one, two, loser, survivor = await two_companies(house)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    await later(house)
    house.mark()
    house.tc2.delete(one.id)
    await later(house)
    [company] = await live(house, 'company')
    assert (len(await live(house, 'contact')), house.calls()) == (2, [])
    assert await clients(house) == {
        str(one.id): (False, 'deleted', company['id']),
        str(two.id): (True, 'live', company['id']),
    }


@pytest.mark.behaviour('PD-MERGE-1', 'TC-3')
@pytest.mark.parametrize('merged_first', [True, False])
async def test_with_the_primary_client_gone_the_other_moves_up(house: House, merged_first: bool) -> None:
    one, two, loser, survivor = await two_companies(house)
    acts = [
        lambda: house.pd.act_merge('organization', loser, survivor, PRIYA_PD),
        lambda: house.tc2.delete(two.id),
    ]
    for act in acts if merged_first else reversed(acts):
        act()
        await later(house)
    [company] = await live(house, 'company')
    assert company['tc2_cligency_id'] == one.id
    assert await clients(house) == {
        str(one.id): (True, 'live', company['id']),
        str(two.id): (False, 'deleted', company['id']),
    }
    assert (len(await live(house, 'contact')), len(await live(house, 'deal'))) == (2, 2)
    assert shown(house, 'organization', survivor)['tc2_cligency_url'].endswith(f'/clients/{one.id}/')
    await quiet(house)


@pytest.mark.behaviour('PD-MERGE-1', 'TC-7', 'TC-8', 'TC-5')
async def test_the_rules_look_at_the_primary_client(house: House) -> None:
    one, two, loser, survivor = await two_companies(house)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    await later(house)
    house.mark()
    house.tc2.set_narc(one.id)
    house.tc2.change_status(one.id, 'terminated')
    await later(house)
    assert {deal['status'] for deal in house.deals()} == {'open'}
    assert (len(house.deals()), house.calls()) == (2, [])
    house.tc2.change_status(two.id, 'terminated')
    await later(house)
    assert {deal['status'] for deal in house.deals()} == {'lost'}


@pytest.mark.behaviour('PD-MERGE-1', 'TC-7')
async def test_a_client_that_moves_up_closes_nothing_by_that(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.change_status(client.id, 'terminated')
    survivor = add_organization(house, 'Flint Tutors')
    deal = add_deal(house, survivor)
    await later(house)
    house.pd.act_merge('organization', named(house, 'Ember Tutors'), survivor, PRIYA_PD)
    await later(house)
    [company] = await live(house, 'company')
    assert (company['tc2_status'], company['tc2_cligency_id']) == ('terminated', client.id)
    assert item(house, 'deal', deal)['status'] == 'open'


@pytest.mark.behaviour('PD-MERGE-1', 'TC-16')
async def test_tc2_may_go_on_naming_the_organisation_that_was_merged_away(house: House) -> None:
    one, _, loser, survivor = await two_companies(house)
    house.tc2.set_extra_attr(one.id, 'pipedrive_id', str(loser))
    await later(house)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    await later(house)
    house.mark()
    house.tc2.send_all_snapshots()
    await later(house)
    assert await house.rows("select * from decision where state = 'open'") == []
    await assert_one_company(house, survivor, loser)


@pytest.mark.behaviour('PD-MERGE-1')
@pytest.mark.invariant('I25')
async def test_the_old_ids_lead_to_the_survivor_and_say_so(house: House) -> None:
    _, _, loser, survivor = await two_companies(house)
    gone, kept = await known(house, 'organization', loser), await known(house, 'organization', survivor)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    await later(house)
    with psycopg.connect(house.settings.database_url) as connection:
        for old in (f'company:{gone["id"]}', str(gone['id'])):
            found = find_record(connection, old)
            assert (found.record.id, 'was merged into' in found.notes[0]) == (kept['id'], True)
        remote = find_record(connection, f'pipedrive:organization:{loser}')
        assert (remote.record.id, remote.notes[0]) == (
            kept['id'],
            f'pipedrive:organization:{loser} was merged into pipedrive:organization:{survivor}.',
        )
        [line] = read_blame(connection, remote.record, 'merged').lines
    assert (line.value, line.writes[0].rule) == (gone['id'], 'PD-MERGE-1')
    assert f'organization {loser} was merged into' in await notes(house)


@pytest.mark.behaviour('PD-MERGE-1', 'D-15')
@pytest.mark.lesson('D-3', 'D-4')
@pytest.mark.parametrize('previous', [None, {}, ...])
async def test_a_merge_is_read_from_the_state_of_now_whatever_previous_says(house: House, previous: Any) -> None:
    _, _, loser, survivor = await two_companies(house)
    gone = await known(house, 'organization', loser)
    house.mark()
    body = json.loads(merge(house, 'organization', loser, survivor)['change'].body)
    code = house.code('organization', 'hermes_id')
    assert str(gone['id']) in body['data']['custom_fields'][code]['value']
    body['previous'] = previous
    if previous is ...:
        body['previous'] = {'custom_fields': {code: {'type': 'varchar', 'value': f'{gone["id"]}, 99'}}}
    assert (await house.send_pd(json.dumps(body).encode())).status_code == 200
    await later(house)
    await assert_one_company(house, survivor, loser)


@pytest.mark.behaviour('PD-MERGE-1')
@pytest.mark.lesson('D-8')
async def test_a_person_of_a_merged_organisation_may_name_it_as_a_list(house: House) -> None:
    _, _, loser, survivor = await two_companies(house)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    await later(house)
    [person] = [one for one in house.persons() if one['name'] == 'Sam Okafor']
    change(house, 'person', person['id'], name='Sam Renamed')
    [delivery] = house.world.outbox.take_due()
    body = json.loads(delivery.body)
    body['data']['org_id'] = [survivor]
    assert (await house.send_pd(json.dumps(body).encode())).status_code == 200
    await later(house)
    contact = await known(house, 'person', person['id'])
    assert (contact['last_name'], contact['company_id']) == ('Renamed', (await live(house, 'company'))[0]['id'])


@pytest.mark.behaviour('PD-MERGE-2', 'EDIT-1')
@pytest.mark.parametrize('renamed_first', [True, False])
@pytest.mark.parametrize('arrival', ['as sent', 'backwards', 'without the survivor'])
async def test_a_rename_in_the_second_of_a_merge_stays_a_persons(
    house: House, renamed_first: bool, arrival: str
) -> None:
    """The webhook of the merge names the loser, the one of the rename does not; what the merge joined is nobody's."""
    _, two, loser, survivor = await two_companies(house, website='https://e.example')
    house.tc2.edit_client(two.id, website='https://f.example')
    await later(house)
    acts = [
        lambda: house.pd.act_merge('organization', loser, survivor, PRIYA_PD),
        lambda: change(house, 'organization', survivor, name='By Hand'),
    ]
    changed_at = set()
    for act in reversed(acts) if renamed_first else acts:
        act()
        changed_at.add(item(house, 'organization', survivor)['update_time'])
        house.clock.advance(0.2)
    assert len(changed_at) == 1
    sent = house.world.outbox.take_due()
    for delivery in reversed(sent) if arrival == 'backwards' else sent:
        if arrival != 'without the survivor' or 'merged_from_id' not in json.loads(delivery.body)['meta']:
            assert await house.post(delivery) == 200
            await house.step()
    await later(house)
    house.tc2.send_all_snapshots()
    house.tc2.edit_client(two.id, website='https://new.example')
    await later(house)
    company = await known(house, 'organization', survivor)
    assert (company['name'], item(house, 'organization', survivor)['name']) == ('By Hand', 'By Hand')
    if arrival != 'without the survivor' or renamed_first:
        assert shown(house, 'organization', survivor)['website'] == 'https://new.example'
    await quiet(house)


@pytest.mark.behaviour('PD-MERGE-3')
@pytest.mark.lesson('C-2', 'H-4')
async def test_hermes_id_that_names_another_company_changes_nobody_and_is_shown(house: House) -> None:
    _, _, ember, flint = await two_companies(house)
    one, two = await known(house, 'organization', ember), await known(house, 'organization', flint)
    house.mark()
    change(house, 'organization', flint, name='Flint Renamed', custom={'hermes_id': str(one['id'])})
    await later(house)
    assert (await known(house, 'organization', ember))['name'] == 'Ember Tutors'
    assert (await known(house, 'organization', flint))['id'] == two['id']
    assert (await known(house, 'organization', flint))['name'] == 'Flint Renamed'
    assert item(house, 'organization', ember)['name'] == 'Ember Tutors'
    [decision] = await house.rows("select * from decision where state = 'open'")
    assert (decision['kind'], decision['record_id'], decision['detail']['names']) == (
        'identity',
        two['id'],
        ['company', one['id']],
    )
    assert shown(house, 'organization', flint)['hermes_id'] == str(two['id'])
    assert len(house.calls('PATCH', 'organizations')) == 1
    house.mark()
    change(house, 'organization', flint, name='Flint Again')
    await later(house)
    assert len(await house.rows('select * from decision')) == 1
    assert house.calls('PATCH', 'organizations') == []


@pytest.mark.behaviour('PD-MERGE-1', 'MATCH-3')
async def test_one_whom_only_tc2_knows_is_the_person_whom_only_the_crm_knows(house: House) -> None:
    client = sign_up(house, recipients=[])
    survivor = add_organization(house, 'Flint Tutors')
    person = add_person(house, survivor, 'Kim Known', emails=[{'value': 'kim@flint.example', 'primary': True}])
    await later(house)
    await house.act('system.pause', system='pipedrive')
    house.tc2.add_recipient(client.id, 'Known', 'Kim', email='KIM@flint.example')
    await house.settle()
    house.pd.act_merge('organization', named(house, 'Ember Tutors'), survivor, PRIYA_PD)
    await house.settle()
    await house.act('system.resume', system='pipedrive')
    await later(house)
    assert [one['id'] for one in house.persons()] == [person]
    assert len(await live(house, 'contact')) == 1


@pytest.mark.behaviour('PD-MERGE-1', 'TC-3')
async def test_a_deletion_at_tc2_of_a_client_that_moved_up_buries_the_company(house: House) -> None:
    client = sign_up(house)
    await later(house)
    survivor = add_organization(house, 'Flint Tutors')
    await later(house)
    house.pd.act_merge('organization', named(house, 'Ember Tutors'), survivor, PRIYA_PD)
    await later(house)
    at = house.clock.now() + timedelta(seconds=5)
    house.clock.move_to(at)
    await deliver(house, event({'model': 'Client', 'id': client.id}, 'DELETED_A_CLIENT', at=at))
    await later(house)
    assert await live(house, 'company') == await live(house, 'contact') == []


@pytest.mark.behaviour('PD-MERGE-1', 'PD-MERGE-2')
@pytest.mark.invariant('I14')
async def test_the_log_of_merges_folds_to_the_same_state(house: House, second_url: str) -> None:
    one, two, loser, survivor = await two_companies(house)
    third = add_organization(house, 'Third Tutors')
    person = add_person(house, third, 'Sam Third')
    await later(house)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    await later(house)
    house.tc2.delete(two.id)
    await later(house)
    house.pd.act_merge('person', house.persons()[0]['id'], person, PRIYA_PD)
    house.pd.act_merge('deal', *[deal['id'] for deal in house.deals()], PRIYA_PD)
    await later(house)
    webhooks = merge(house, 'organization', survivor, third)
    plain = json.loads(webhooks['delete'].body)
    del plain['meta']['merged_to_id']
    await house.send_pd(json.dumps(plain).encode())
    await later(house)
    await house.post(webhooks['change'])
    house.tc2.edit_client(one.id, website='https://last.example')
    await later(house)
    assert len(await live(house, 'company')) == len(house.organizations()) == 1
    assert shown(house, 'organization', third)['website'] == 'https://last.example'
    await assert_replays(house, second_url)
