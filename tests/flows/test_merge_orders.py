"""The two webhooks of a merge: in either order, twice, only one of them, late, after a deletion (PD-MERGE-2, I5)."""

import json

import pytest

from tests.flows.companies import later, quiet, sign_up
from tests.flows.crm import add_deal, add_organization, add_person, change, known, shown
from tests.flows.house import PRIYA_PD, House
from tests.flows.merging import ORDERS, assert_one_company, clients, live, merge, named, two_companies
from tests.thorough import spread


@pytest.mark.behaviour('PD-MERGE-2', 'PD-ORDER-1', 'EDIT-1', 'D-15')
@pytest.mark.lesson('D-1', 'D-5')
@pytest.mark.parametrize('order', spread(ORDERS, 2), ids='-'.join)
@pytest.mark.parametrize('older_first', [True, False])
async def test_either_order_twice_or_only_one_of_the_two_ends_alike(
    house: House, order: tuple[str, ...], older_first: bool
) -> None:
    _, two, ember, flint = await two_companies(house, extra_attrs={'utm_source': 'ads'}, website='https://e.example')
    loser, survivor = (ember, flint) if older_first else (flint, ember)
    house.tc2.edit_client(two.id, website='https://f.example')
    await later(house)
    house.mark()
    webhooks = merge(house, 'organization', loser, survivor)
    assert ', ' in shown(house, 'organization', survivor)['website']
    for action in order:
        assert await house.post(webhooks[action]) == 200
        house.clock.advance(0.3)
        await house.step()
    await later(house)
    company = await assert_one_company(house, survivor, loser)
    site = 'https://e.example' if survivor == ember else 'https://f.example'
    assert (company['website'], shown(house, 'organization', survivor)['website']) == (site, site)
    assert len(house.calls('PATCH', 'organizations')) == 1
    [client] = [number for number, link in (await clients(house)).items() if link[0]]
    house.mark()
    house.tc2.edit_client(int(client), website='https://new.example')
    await later(house)
    assert shown(house, 'organization', survivor)['website'] == 'https://new.example'


@pytest.mark.behaviour('PD-MERGE-2')
@pytest.mark.lesson('D-2')
@pytest.mark.parametrize('knows_survivor', [True, False])
async def test_a_plain_deletion_is_taken_back_when_it_turns_out_to_be_a_merge(
    house: House, knows_survivor: bool
) -> None:
    client = sign_up(house)
    await later(house)
    loser = named(house, 'Ember Tutors')
    house.pd.act_webhooks(on=knows_survivor)
    survivor = add_organization(house, 'Flint Tutors')
    await later(house)
    house.pd.act_webhooks(on=True)
    webhooks = merge(house, 'organization', loser, survivor)
    house.mark()
    plain = json.loads(webhooks['delete'].body)
    del plain['meta']['merged_to_id']
    assert (await house.send_pd(json.dumps(plain).encode())).status_code == 200
    await house.settle()
    assert len(await live(house, 'company')) == knows_survivor
    assert await live(house, 'deal') == []
    house.clock.advance(60)
    assert await house.post(webhooks['change']) == 200
    await later(house)
    company = await assert_one_company(house, survivor, loser)
    assert company['tc2_cligency_id'] == client.id
    [deal] = await live(house, 'deal')
    assert deal['status'] == house.deals()[0]['status'] == 'open'


@pytest.mark.behaviour('PD-MERGE-1')
@pytest.mark.lesson('B-5')
@pytest.mark.parametrize('order', ORDERS[:4], ids='-'.join)
async def test_a_survivor_that_hermes_does_not_know_becomes_the_losers_record(
    house: House, order: tuple[str, ...]
) -> None:
    client = sign_up(house)
    await later(house)
    loser = named(house, 'Ember Tutors')
    before = await known(house, 'organization', loser)
    house.pd.act_webhooks(on=False)
    survivor = add_organization(house, 'Flint Tutors')
    house.pd.act_webhooks(on=True)
    house.clock.advance(60)
    webhooks = merge(house, 'organization', loser, survivor)
    house.mark()
    for action in order:
        assert await house.post(webhooks[action]) == 200
        await later(house)
    company = await assert_one_company(house, survivor, loser)
    assert company['id'] == before['id']
    house.tc2.send_snapshot(client.id)
    await later(house)
    assert [one['id'] for one in house.organizations()] == [survivor]
    assert house.calls('POST') == []


@pytest.mark.behaviour('PD-MERGE-1')
@pytest.mark.parametrize('order', ORDERS[:4], ids='-'.join)
async def test_no_hermes_id_is_needed_to_know_the_survivor(house: House, order: tuple[str, ...]) -> None:
    await house.act('system.pause', system='pipedrive')
    loser = add_organization(house, 'Ember Tutors')
    await house.settle()
    before = await known(house, 'organization', loser)
    house.pd.act_webhooks(on=False)
    survivor = add_organization(house, 'Flint Tutors')
    house.pd.act_webhooks(on=True)
    house.clock.advance(60)
    webhooks = merge(house, 'organization', loser, survivor)
    for action in order:
        assert await house.post(webhooks[action]) == 200
        await house.settle()
    await house.act('system.resume', system='pipedrive')
    await later(house)
    assert (await known(house, 'organization', survivor))['id'] == before['id']
    assert len(await house.rows('select 1 from company')) == 1
    assert shown(house, 'organization', survivor)['hermes_id'] == str(before['id'])


@pytest.mark.behaviour('PD-MERGE-1')
@pytest.mark.parametrize('order', ORDERS[:2], ids='-'.join)
async def test_a_loser_that_hermes_does_not_know_is_the_survivors_from_now_on(
    house: House, order: tuple[str, ...]
) -> None:
    sign_up(house)
    await later(house)
    survivor = named(house, 'Ember Tutors')
    loser = add_organization(house, 'Never Heard Of')
    person = add_person(house, loser, 'Pat Never')
    late = house.world.outbox.take_due()
    house.clock.advance(60)
    webhooks = merge(house, 'organization', loser, survivor)
    for action in order:
        assert await house.post(webhooks[action]) == 200
    await later(house)
    house.mark()
    for delivery in late:
        assert await house.post(delivery) == 200
    await later(house)
    [company] = await live(house, 'company')
    assert (await known(house, 'person', person))['company_id'] == company['id']
    assert [one['id'] for one in house.organizations()] == [survivor]
    assert house.calls('POST') == []


@pytest.mark.behaviour('PD-MERGE-1')
@pytest.mark.lesson('B-5')
@pytest.mark.parametrize('told', [True, False])
async def test_a_creation_that_was_merged_before_its_answer_came_is_not_made_again(house: House, told: bool) -> None:
    survivor = add_organization(house, 'Flint Tutors')
    await later(house)
    sign_up(house)
    while not house.calls('POST', 'organizations'):
        house.world.weather.change(lost_answer_p=1.0)
        if not await house.step():
            house.clock.advance(1)
    house.world.weather.change(name='calm')
    early = house.world.outbox.take_due()
    webhooks = merge(house, 'organization', named(house, 'Ember Tutors'), survivor)
    for delivery in (webhooks['delete'], webhooks['change'], *(early if told else ())):
        assert await house.post(delivery) == 200
    await later(house, 600)
    [company] = await live(house, 'company')
    assert company['tc2_cligency_id'] is not None
    assert [one['id'] for one in house.organizations()] == [survivor]
    assert len(house.calls('POST', 'organizations')) == 1


@pytest.mark.behaviour('PD-MERGE-1', 'PD-ORDER-1')
@pytest.mark.lesson('D-3')
@pytest.mark.parametrize('backwards', [False, True])
async def test_a_chain_of_merges_ends_at_the_last_survivor(house: House, backwards: bool) -> None:
    one, _, first, second = await two_companies(house)
    third = add_organization(house, 'Third Tutors')
    add_deal(house, third, 'Third deal')
    await later(house)
    house.mark()
    steps = [*merge(house, 'organization', first, second).values()]
    house.clock.advance(30)
    steps += merge(house, 'organization', second, third).values()
    for delivery in reversed(steps) if backwards else steps:
        assert await house.post(delivery) == 200
        await house.step()
    await later(house)
    [company] = await live(house, 'company')
    assert (company['pd_org_id'], len(await live(house, 'contact')), len(await live(house, 'deal'))) == (third, 2, 3)
    assert {row['company_id'] for row in await live(house, 'deal')} == {company['id']}
    found = await clients(house)
    assert [link[2] for link in found.values()] == [company['id']] * 2
    assert [link[0] for link in found.values()].count(True) == 1
    assert shown(house, 'organization', third)['hermes_id'] == str(company['id'])
    assert house.calls('POST') == []
    house.clock.advance(60)
    house.tc2.edit_recipient(one.id, one.recipients[0].id, first_name='Samuel')
    await later(house)
    assert 'Samuel Okafor' in {person['name'] for person in house.persons()}
    await quiet(house)


@pytest.mark.behaviour('PD-MERGE-1')
@pytest.mark.parametrize('order', spread(ORDERS[:4], 3), ids='-'.join)
async def test_two_persons_become_one_contact(house: House, order: tuple[str, ...]) -> None:
    client = sign_up(house)
    await later(house)
    [organization], [loser], [deal] = house.organizations(), house.persons(), house.deals()
    elsewhere = add_organization(house, 'Elsewhere')
    survivor = add_person(house, elsewhere, 'Sam Elsewhere')
    await later(house)
    kept = await known(house, 'person', survivor)
    house.mark()
    webhooks = merge(house, 'person', loser['id'], survivor)
    for action in order:
        assert await house.post(webhooks[action]) == 200
        await later(house)
    [contact] = await live(house, 'contact')
    assert (contact['id'], contact['company_id']) == (kept['id'], kept['company_id'])
    assert (await known(house, 'deal', deal['id']))['contact_id'] == kept['id']
    assert shown(house, 'person', survivor)['hermes_id'] == str(kept['id'])
    assert (await known(house, 'organization', organization['id']))['id'] != kept['company_id']
    links = await house.rows("select record_id from link where type = 'recipient'")
    assert [row['record_id'] for row in links] == [kept['id']]
    house.tc2.send_snapshot(client.id)
    await later(house)
    assert house.calls('POST') == []
    assert [one['id'] for one in house.persons()] == [survivor]
    await quiet(house)


@pytest.mark.behaviour('PD-MERGE-1', 'TC-6')
@pytest.mark.parametrize('order', spread(ORDERS[:4], 3), ids='-'.join)
async def test_two_deals_become_one(house: House, order: tuple[str, ...]) -> None:
    client = sign_up(house)
    await later(house)
    [organization], [loser] = house.organizations(), house.deals()
    survivor = add_deal(house, organization['id'], 'By hand')
    await later(house)
    kept = await known(house, 'deal', survivor)
    house.mark()
    webhooks = merge(house, 'deal', loser['id'], survivor)
    for action in order:
        assert await house.post(webhooks[action]) == 200
        await later(house)
    [deal] = await live(house, 'deal')
    assert (deal['id'], deal['title']) == (kept['id'], 'By hand')
    assert shown(house, 'deal', survivor)['hermes_id'] == str(kept['id'])
    house.tc2.pay_invoice(client.id)
    await later(house)
    assert house.calls('POST') == []
    assert shown(house, 'deal', survivor)['paid_invoice_count'] == 1
    await quiet(house)


@pytest.mark.behaviour('PD-MERGE-1', 'D-2')
@pytest.mark.parametrize('order', spread(ORDERS[:4], 3), ids='-'.join)
@pytest.mark.parametrize('dead', ['loser', 'survivor', 'both'])
async def test_a_company_that_tc2_deleted_lives_on_in_the_other(
    house: House, order: tuple[str, ...], dead: str
) -> None:
    one, two, loser, survivor = await two_companies(house)
    for client in {'loser': [one], 'survivor': [two], 'both': [one, two]}[dead]:
        house.tc2.delete(client.id)
    await later(house)
    house.mark()
    webhooks = merge(house, 'organization', loser, survivor)
    for action in order:
        assert await house.post(webhooks[action]) == 200
        await later(house)
    alive = await live(house, 'company')
    assert (len(alive), len(await live(house, 'contact'))) == ((0, 0) if dead == 'both' else (1, 2))
    if dead == 'both':
        assert house.calls('PATCH') == house.calls('POST') == []
        house.tc2.recover(two.id)
        await later(house)
        assert (len(await live(house, 'company')), len(await live(house, 'contact'))) == (1, 2)
    else:
        await assert_one_company(house, survivor, loser)


@pytest.mark.behaviour('PD-MERGE-2', 'PD-ORG-3', 'PD-ORDER-1')
@pytest.mark.invariant('I16')
@pytest.mark.parametrize('late', [True, False])
async def test_a_survivor_that_was_deleted_afterwards_stays_deleted(house: House, late: bool) -> None:
    one, _, loser, survivor = await two_companies(house)
    webhooks = merge(house, 'organization', loser, survivor)
    house.clock.advance(60)
    house.pd.act_delete('organization', survivor)
    [deletion] = house.world.outbox.take_due()
    steps = [*webhooks.values(), deletion]
    for delivery in reversed(steps) if late else steps:
        assert await house.post(delivery) == 200
        await house.step()
    await later(house)
    house.mark()
    house.tc2.send_all_snapshots()
    house.tc2.edit_client(one.id, website='https://still.example')
    await later(house, 10_800)
    assert [await live(house, table) for table in ('company', 'contact', 'deal')] == [[], [], []]
    assert (house.calls(), house.organizations()) == ([], [])


@pytest.mark.behaviour('PD-MERGE-1', 'PD-OLD-1')
@pytest.mark.lesson('D-2', 'D-7')
async def test_whatever_is_told_of_the_loser_later_lands_on_the_survivor(house: House) -> None:
    _, _, loser, survivor = await two_companies(house)
    change(house, 'organization', loser, name='Late Name')
    house.pd.act_create('person', {'name': 'Late Person', 'org_id': loser}, PRIYA_PD)
    held = house.world.outbox.take_due()
    house.clock.advance(60)
    house.pd.act_merge('organization', loser, survivor, PRIYA_PD)
    await later(house)
    house.mark()
    for delivery in held:
        assert await house.post(delivery) == 200
    await later(house)
    company = await assert_one_company(house, survivor, loser)
    assert company['name'] == 'Flint Tutors'
    assert len(await live(house, 'contact')) == 3
    body = json.loads(held[1].body)
    body['data']['id'] = body['meta']['entity_id'] = 9_001
    assert body['data']['org_id'] == loser
    assert (await house.send_pd(json.dumps(body).encode())).status_code == 200
    await later(house)
    assert (await known(house, 'person', 9_001))['company_id'] == company['id']


@pytest.mark.behaviour('PD-MERGE-2', 'D-2')
async def test_the_tombstone_of_a_person_that_was_merged_is_taken_back(house: House) -> None:
    sign_up(house)
    await later(house)
    [organization], [loser] = house.organizations(), house.persons()
    survivor = add_person(house, organization['id'], 'Sam Twice')
    await later(house)
    webhooks = merge(house, 'person', loser['id'], survivor)
    plain = json.loads(webhooks['delete'].body)
    del plain['meta']['merged_to_id']
    await house.send_pd(json.dumps(plain).encode())
    await later(house)
    await house.post(webhooks['change'])
    await later(house)
    [contact] = await live(house, 'contact')
    [deal] = await live(house, 'deal')
    assert deal['contact_id'] == contact['id'] == (await known(house, 'person', survivor))['id']


@pytest.mark.behaviour('PD-MERGE-1')
async def test_merges_that_lead_in_a_circle_change_nothing(house: House) -> None:
    _, _, loser, survivor = await two_companies(house)
    webhooks = merge(house, 'organization', loser, survivor)
    for delivery in webhooks.values():
        await house.post(delivery)
    await later(house)
    body = json.loads(webhooks['delete'].body)
    body['meta'] |= {'entity_id': str(survivor), 'merged_to_id': str(loser), 'id': 'another'}
    house.mark()
    assert (await house.send_pd(json.dumps(body).encode())).status_code == 200
    await later(house)
    await assert_one_company(house, survivor, loser)
