"""Write-back to TutorCruncher (TC2_WRITE_BACK): a push like any other, with a mirror of its own.

What people do in Pipedrive is done in the sandbox; what is judged is what TutorCruncher was sent and holds afterwards.
"""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from hermes.cli.doctor import examine
from hermes.sandbox.scenarios.office import stage_id
from hermes.setup.findings import Finding
from tests.flows.companies import later, sign_up
from tests.flows.house import MARCUS_PD, PRIYA, PRIYA_PD, House, open_house, settings_for
from tests.flows.merging import assert_replays
from tests.flows.write_back import edit, held, pushed, sent, signed_up, writes


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """A connected Hermes that writes back."""
    async with open_house(database_url, tc2_write_back=True) as opened:
        yield opened


@pytest.mark.behaviour('D-1', 'PD-ORG-5', 'PD-DEAL-6')
@pytest.mark.lesson('C-7')
@pytest.mark.invariant('I6')
async def test_a_new_company_is_told_where_it_stands_once_and_then_nothing_moves(house: House) -> None:
    client = sign_up(house)
    await house.settle()
    [organization] = house.organizations()
    assert sent(house) == [
        {
            'pipedrive_id': str(organization['id']),
            'pipedrive_url': f'http://127.0.0.1:8100/pipedrive/organization/{organization["id"]}',
            'pipedrive_deal_stage': 'PAYG - Contacted',
            'pipedrive_pipeline': 'PAYG',
        }
    ]
    assert held(client)['pipedrive_id'] == str(organization['id'])
    await later(house)
    house.mark()
    for _ in range(3):
        house.tc2.send_all_snapshots()
        await later(house)
    assert (writes(house), house.calls()) == ([], [])


@pytest.mark.behaviour('D-1')
async def test_without_the_setting_tutorcruncher_is_only_read(database_url: str) -> None:
    async with open_house(database_url) as house:
        client = sign_up(house)
        await house.settle()
        [deal] = house.deals()
        house.pd.act_move(deal['id'], stage_id(house.world, 'PAYG - Negotiation'), PRIYA_PD)
        edit(house, {'currency': 'EUR'})
        await house.settle()
        assert (writes(house), held(client)) == ([], {})


@pytest.mark.behaviour('SETUP-6')
async def test_doctor_names_the_extra_attributes_that_no_client_shows(house: House) -> None:
    def finding(**more: Any) -> Finding:
        url = house.engine.database.url
        [found] = [each for each in examine(settings_for(url, **more), url) if each.name == 'write-back']
        return found

    assert (finding().state, finding(tc2_write_back=True).state) == ('skipped', 'skipped')
    whole = house.tc2.attributes
    house.tc2.attributes = [each for each in whole if each.machine_name not in ('pipedrive_url', 'pipedrive_pipeline')]
    client = sign_up(house)
    await house.settle()
    found = finding(tc2_write_back=True)
    assert (found.state, 'shows pipedrive_url, pipedrive_pipeline:' in found.said) == ('todo', True)
    assert 'Custom Fields' in found.todo
    assert finding().state == 'skipped'
    await house.act('setting.set', key='tc2_write_back', value=True)
    assert finding().state == 'todo'
    house.tc2.attributes = whole
    house.tc2.edit_client(client.id, website='https://there.example')
    await later(house)
    assert finding(tc2_write_back=True).state == 'ok'


@pytest.mark.behaviour('PD-DEAL-6')
async def test_the_client_shows_the_place_of_the_latest_open_deal(house: House) -> None:
    client = await signed_up(house)
    [first] = house.deals()
    house.pd.act_move(first['id'], stage_id(house.world, 'PAYG - Negotiation'), PRIYA_PD)
    await later(house)
    assert sent(house) == [{'pipedrive_deal_stage': 'PAYG - Negotiation'}]
    place = {'title': 'Second', 'org_id': first['org_id'], 'stage_id': stage_id(house.world, 'STARTUP - New')}
    second = house.pd.act_create('deal', place, PRIYA_PD)
    await later(house)
    assert (held(client)['pipedrive_deal_stage'], held(client)['pipedrive_pipeline']) == ('STARTUP - New', 'STARTUP')
    house.pd.act_update('deal', second['id'], {'status': 'won'}, PRIYA_PD)
    await later(house)
    assert (held(client)['pipedrive_deal_stage'], held(client)['pipedrive_pipeline']) == ('PAYG - Negotiation', 'PAYG')
    house.mark()
    house.pd.act_delete('deal', first['id'], PRIYA_PD)
    await later(house)
    assert sent(house) == [{'pipedrive_deal_stage': None, 'pipedrive_pipeline': None}]
    assert set(held(client)) == {'pipedrive_id', 'pipedrive_url'}


@pytest.mark.behaviour('PD-DEAL-6')
async def test_a_deal_that_moves_to_another_company_is_told_to_both(house: House) -> None:
    client, other = await signed_up(house), await signed_up(house, 'Other Tutors', recipients=[], status='live')
    [deal] = house.deals()
    assert 'pipedrive_pipeline' not in held(other)
    [there] = [item for item in house.organizations() if item['name'] == 'Other Tutors']
    house.pd.act_update('deal', deal['id'], {'org_id': there['id']}, PRIYA_PD)
    await later(house)
    assert held(other)['pipedrive_pipeline'] == 'PAYG'
    assert 'pipedrive_pipeline' not in held(client)


@pytest.mark.behaviour('PD-DEAL-6')
async def test_a_stage_with_another_name_is_told_to_every_client_that_stands_there(house: House) -> None:
    one, two = await signed_up(house), await signed_up(house, 'Other Tutors', recipients=[])
    wanted = stage_id(house.world, 'PAYG - Contacted')
    house.pd.act_update('stage', wanted, {'name': 'PAYG - Reached'}, PRIYA_PD)
    await later(house)
    assert {held(client)['pipedrive_deal_stage'] for client in (one, two)} == {'PAYG - Reached'}


@pytest.mark.behaviour('PD-PER-6')
async def test_persons_are_told_to_nobody_and_an_unknown_company_neither(house: House) -> None:
    await signed_up(house)
    [person] = house.persons()
    house.pd.act_update('person', person['id'], {'name': 'Samuel Okafor'}, PRIYA_PD)
    house.pd.act_create('person', {'name': 'New Person', 'org_id': person['org_id']}, PRIYA_PD)
    house.pd.act_create('organization', {'name': 'Only in the CRM'}, PRIYA_PD)
    house.pd.act_delete('person', person['id'], PRIYA_PD)
    await later(house)
    assert writes(house) == []
    assert await pushed(house) == {'company'}
    assert len(await house.rows('select id from company')) == 2


@pytest.mark.behaviour('PD-ORG-5')
@pytest.mark.lesson('C-7')
@pytest.mark.invariant('I6')
async def test_an_edit_in_the_crm_of_a_bound_field_travels_on_once_and_tc2s_own_do_not(house: House) -> None:
    client = await signed_up(house, extra_attrs={'currency': 'GBP', 'utm_source': 'newsletter'}, gclid='abc')
    before = house.tc2.full(client)
    edit(
        house, {'currency': 'EUR', 'utm_source': 'sales', 'gclid': 'xyz', 'signup_questionnaire': '{}'}, name='Renamed'
    )
    await later(house)
    assert sent(house) == [{'currency': 'EUR'}]
    after = house.tc2.full(client)
    changed = {
        item['machine_name']
        for item, old in zip(after['extra_attrs'], before['extra_attrs'], strict=True)
        if item != old
    }
    assert changed == {'currency'}
    assert {key: value for key, value in after.items() if key != 'extra_attrs'} == {
        key: value for key, value in before.items() if key != 'extra_attrs'
    }
    house.mark()
    house.tc2.send_all_snapshots()
    await later(house)
    assert (writes(house), house.calls()) == ([], [])
    edit(house, {'currency': None})
    await later(house)
    assert sent(house) == [{'currency': None}]
    assert 'currency' not in client.attributes


@pytest.mark.behaviour('PD-ORG-5')
async def test_an_attribute_that_the_account_does_not_have_is_not_sent(house: House) -> None:
    await signed_up(house)
    edit(house, {'website': 'https://new.example'})
    await later(house)
    assert writes(house) == []


@pytest.mark.behaviour('D-21')
async def test_a_substituted_value_is_not_told_as_if_it_were_known(house: House) -> None:
    [marcus] = await house.rows('select id from admin where pd_owner_id = %s', MARCUS_PD)
    await house.set('default_sales_person_id', marcus['id'])
    house.tc2.define_attribute('account_owner', 'Account owner')
    field = {'machine_name': 'account_owner', 'name': 'Account owner', 'field_type': 'fk_field', 'policy': 'follow',
             'linked_object_type': 'Company', 'hermes_field_name': 'sales_person',
             'tc2_machine_name': 'account_owner'}  # fmt: skip
    await house.act('field.save', field=field)
    client = await signed_up(house, sales_person=999)
    assert 'account_owner' not in client.attributes
    edit(house, {}, owner_id=PRIYA_PD)
    await later(house)
    assert client.attributes['account_owner'] == str(PRIYA)


@pytest.mark.lesson('B-12')
@pytest.mark.behaviour('PD-ORG-5')
async def test_what_was_due_when_the_organisation_was_deleted_is_never_sent(house: House) -> None:
    await house.act('system.pause', system='tutorcruncher')
    client = sign_up(house)
    await later(house)
    [organization] = house.organizations()
    house.pd.act_delete('organization', organization['id'], PRIYA_PD)
    await later(house)
    await house.act('system.resume', system='tutorcruncher')
    await later(house)
    assert (writes(house), held(client)) == ([], {})


@pytest.mark.lesson('B-12')
@pytest.mark.behaviour('PD-ORG-5')
async def test_after_a_merge_the_client_is_told_the_survivor(house: House) -> None:
    client = await signed_up(house)
    [loser] = house.organizations()
    survivor = house.pd.act_create('organization', {'name': 'Ember Group'}, PRIYA_PD)
    await later(house)
    house.pd.act_merge('organization', loser['id'], survivor['id'], PRIYA_PD)
    await later(house, 600)
    assert held(client)['pipedrive_id'] == str(survivor['id'])
    assert held(client)['pipedrive_url'].endswith(f'/organization/{survivor["id"]}')


@pytest.mark.behaviour('PD-ORG-5', 'D-6')
async def test_the_mark_leaves_the_client_alone(house: House) -> None:
    client = await signed_up(house)
    house.tc2.set_narc(client.id)
    await later(house)
    assert (house.organizations(), writes(house)) == ([], [])
    assert await house.rows("select 1 from push where system = 'tutorcruncher' and wanted > done") == []
    house.tc2.set_narc(client.id, False)
    await later(house)
    [organization] = house.organizations()
    assert held(client)['pipedrive_id'] == str(organization['id'])


@pytest.mark.behaviour('PD-ORG-5')
async def test_a_secondary_client_gets_nothing(house: House) -> None:
    one, two = await signed_up(house), await signed_up(house, 'Ember Too', recipients=[])
    first, second = sorted(house.organizations(), key=lambda item: item['id'])
    house.pd.act_merge('organization', second['id'], first['id'], PRIYA_PD)
    await later(house, 600)
    before = held(two)
    house.mark()
    place = {'title': 'New', 'org_id': first['id'], 'stage_id': stage_id(house.world, 'ENTERPRISE - New')}
    house.pd.act_create('deal', place, PRIYA_PD)
    await later(house)
    assert held(one)['pipedrive_pipeline'] == 'ENTERPRISE'
    assert held(two) == before


@pytest.mark.invariant('I14')
async def test_the_log_of_a_write_back_folds_to_the_same_state(house: House, second_url: str) -> None:
    client = await signed_up(house, extra_attrs={'currency': 'GBP'})
    house.world.weather.change(lost_answer_p=0.3, error_after_p=0.1)
    edit(house, {'currency': 'EUR'})
    await later(house)
    house.tc2.set_extra_attr(client.id, 'pipedrive_id', '9000')
    house.pd.act_move(house.deals()[0]['id'], stage_id(house.world, 'PAYG - Negotiation'), PRIYA_PD)
    await later(house)
    assert len(writes(house)) >= 2
    await assert_replays(house, second_url)


@pytest.mark.behaviour('D-1')
async def test_it_is_switched_on_and_off_while_hermes_runs(database_url: str) -> None:
    async with open_house(database_url) as house:
        client = sign_up(house)
        await later(house)
        await house.set('tc2_write_back', True)
        house.tc2.send_all_snapshots()
        await later(house)
        assert len(writes(house)) == 1
        await house.set('tc2_write_back', False)
        house.pd.act_update('deal', house.deals()[0]['id'], {'status': 'won'}, PRIYA_PD)
        await later(house)
        assert len(writes(house)) == 1
        assert held(client)['pipedrive_pipeline'] == 'PAYG'
