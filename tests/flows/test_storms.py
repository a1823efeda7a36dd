"""What a sales team's storm brought to light, each made small (`python -m tests.sim --team`)."""

import pytest

from hermes.db.server.embedded import Server
from tests import postgres
from tests.flows.companies import later, quiet, sign_up
from tests.flows.crm import add_deal, add_organization, add_person, known
from tests.flows.house import PRIYA_PD, House
from tests.flows.listings import HOUR_S, list_all
from tests.flows.merging import assert_replays, live


@pytest.mark.invariant('I16')
@pytest.mark.behaviour('PD-PER-5', 'PD-ORG-3', 'D-2')
@pytest.mark.parametrize('by', ['crm', 'tc2'])
async def test_a_person_deleted_while_the_company_was_does_not_come_back_with_it(house: House, by: str) -> None:
    client = sign_up(house)
    await later(house)
    [organization], [person] = house.organizations(), house.persons()
    if by == 'crm':
        house.pd.act_delete('organization', organization['id'], PRIYA_PD)
    else:
        house.tc2.delete(client.id)
    await later(house)
    house.pd.act_delete('person', person['id'], PRIYA_PD)
    await later(house)
    house.mark()
    if by == 'crm':
        house.pd.act_undelete('organization', organization['id'], PRIYA_PD)
    else:
        house.tc2.recover(client.id)
    await later(house)
    assert len(await live(house, 'company')) == 1
    assert (house.persons(), house.calls('POST')) == ([], [])
    await quiet(house)
    house.pd.act_undelete('person', person['id'], PRIYA_PD)
    await later(house)
    assert [one['id'] for one in house.persons()] == [person['id']]
    assert len(await live(house, 'contact')) == 1


@pytest.mark.behaviour('OUT-5')
async def test_an_object_that_comes_back_after_another_took_its_place_is_a_secondary_one(house: House) -> None:
    sign_up(house)
    await later(house)
    [person] = house.persons()
    house.pd.act_delete('person', person['id'], PRIYA_PD)
    await later(house)
    number = int(house.custom('person', person)['hermes_id'])
    again = add_person(house, house.organizations()[0]['id'], 'Sam Again', custom={'hermes_id': str(number)})
    await later(house)
    assert (await known(house, 'person', again))['id'] == number
    house.pd.act_undelete('person', person['id'], PRIYA_PD)
    await later(house)
    links = await house.rows("select remote_id, is_primary, state from link where type = 'person' order by 1")
    assert sorted((row['is_primary'], row['state']) for row in links) == [(False, 'live'), (True, 'live')]
    assert await house.rows("select id from event where state <> 'done'") == []


@pytest.mark.invariant('I14')
@pytest.mark.behaviour('D-3')
async def test_a_child_that_waited_for_a_parent_of_its_own_batch_is_folded_at_its_place(
    house: House, migrated_server: Server
) -> None:
    organization = add_organization(house)
    add_person(house, organization)
    parent, child = house.world.outbox.take_due()
    for delivery in (child, parent):
        assert await house.post(delivery) == 200
    await later(house)
    [contact] = await live(house, 'contact')
    assert contact['company_id'] == (await known(house, 'organization', organization))['id']
    with postgres.fresh_database(migrated_server) as second:
        await assert_replays(house, second)


@pytest.mark.behaviour('PD-GAP-1', 'OUT-5')
@pytest.mark.invariant('I15')
async def test_a_deal_that_was_merged_in_a_gap_is_found_by_the_night(house: House) -> None:
    organization = add_organization(house)
    kept, lost = add_deal(house, organization, 'Kept'), add_deal(house, organization, 'Lost')
    archived = add_deal(house, organization, 'Archived')
    house.pd.act_update('deal', archived, {'is_archived': True}, PRIYA_PD)
    await later(house)
    house.clock.advance(HOUR_S)
    await list_all(house)
    house.pd.act_webhooks(on=False)
    house.pd.act_merge('deal', lost, kept, PRIYA_PD)
    house.pd.act_webhooks(on=True)
    house.clock.advance(HOUR_S)
    house.mark()
    await list_all(house)
    assert house.calls('GET', f'/deals/{archived}') == []
    [question] = await house.rows("select * from decision where kind = 'merged?' and state = 'open'")
    assert (question['detail']['object'][2], question['detail']['survivor']) == (str(lost), str(kept))
    assert len(await live(house, 'deal')) == 3


@pytest.mark.behaviour('PD-GAP-1', 'PD-MERGE-1')
async def test_a_survivor_that_was_merged_on_is_still_asked_about(house: House) -> None:
    first, second, third = (add_organization(house, f'{name} Tutors') for name in ('First', 'Second', 'Third'))
    for organization in (first, second):
        add_person(house, organization, f'Pat {organization}')
    await later(house)
    house.clock.advance(HOUR_S)
    await list_all(house)
    house.pd.act_webhooks(on=False)
    for loser, survivor in ((first, second), (second, third)):
        house.clock.advance(60)
        house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    house.pd.act_webhooks(on=True)
    house.clock.advance(HOUR_S)
    await list_all(house)
    asked = await house.rows("select * from decision where kind = 'merged?' and state = 'open' order by id")
    assert len(asked) == 2
    for question, into in zip(asked, ({str(first): second, str(second): third}[one['detail']['object'][2]]
                                      for one in asked), strict=True):  # fmt: skip
        await house.act('decision.settle', decision=question['id'], choice='accept', value=str(into))
    await later(house)
    [company] = await live(house, 'company')
    assert company['pd_org_id'] == third
