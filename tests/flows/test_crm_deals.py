"""Deals that people make, change, move, close and delete in the CRM (PD-DEAL, MATCH-4, OUT-11, FIELD-6)."""

from typing import Any

import pytest

from tests.flows import faults
from tests.flows.companies import later, notes, quiet, sign_up
from tests.flows.crm import (
    SITE,
    add_deal,
    add_organization,
    add_person,
    admin,
    change,
    item,
    known,
    linked,
    shown,
    stage,
    writes,
)
from tests.flows.house import MARCUS_PD, PRIYA_PD, House


async def named(house: House, table: str, number: int | None) -> str | None:
    rows = await house.rows(f'select name from {table} where id = %s', number)
    return rows[0]['name'] if rows else None


@pytest.mark.behaviour('PD-DEAL-1', 'OUT-11')
async def test_a_known_deal_follows_and_nothing_is_written(house: House) -> None:
    sign_up(house)
    await later(house)
    [deal] = house.deals()
    house.mark()
    to = stage(house, 'STARTUP - Demo done')
    change(house, 'deal', deal['id'], title='Renamed', owner_id=MARCUS_PD, stage_id=to['id'])
    await later(house)
    ours = await known(house, 'deal', deal['id'])
    assert (ours['title'], ours['admin_id']) == ('Renamed', await admin(house, MARCUS_PD))
    assert await named(house, 'pipeline', ours['pipeline_id']) == 'STARTUP'
    assert await named(house, 'stage', ours['stage_id']) == 'STARTUP - Demo done'
    assert writes(house) == []
    assert len(await house.rows('select 1 from deal')) == 1
    await quiet(house)


@pytest.mark.behaviour('PD-DEAL-2', 'OUT-12', 'FIELD-6')
async def test_an_unknown_deal_is_created_and_gets_what_its_company_says(house: House) -> None:
    number = add_organization(house, custom={'website': SITE})
    person = add_person(house, number)
    await later(house)
    house.mark()
    deal = add_deal(house, number, person_id=person)
    await later(house)
    ours = await known(house, 'deal', deal)
    assert (ours['title'], ours['status']) == ('Brook rollout', 'open')
    assert ours['company_id'] == (await known(house, 'organization', number))['id']
    assert ours['contact_id'] == (await known(house, 'person', person))['id']
    assert ours['admin_id'] == await admin(house, PRIYA_PD)
    assert await named(house, 'stage', ours['stage_id']) == 'PAYG - Contacted'
    assert set(writes(house)) == {('PATCH', f'deals/{deal}')}
    custom = shown(house, 'deal', deal)
    assert (custom['hermes_id'], custom['website']) == (str(ours['id']), SITE)
    assert all(set(call.request) == {'custom_fields'} for call in house.calls('PATCH'))
    await quiet(house)


@pytest.mark.behaviour('PD-DEAL-2', 'D-3')
@pytest.mark.lesson('B-1')
async def test_an_unknown_organisation_is_fetched_for_its_deal(house: House) -> None:
    house.pd.act_webhooks(on=False)
    number = add_organization(house)
    house.pd.act_webhooks(on=True)
    house.clock.advance(30)
    deal = add_deal(house, number)
    await later(house)
    company = await known(house, 'organization', number)
    assert (await known(house, 'deal', deal))['company_id'] == company['id']
    await quiet(house)


@pytest.mark.behaviour('D-3')
@pytest.mark.lesson('B-1')
async def test_while_the_crm_cannot_answer_the_deal_waits_and_is_not_dropped(house: House) -> None:
    house.pd.act_webhooks(on=False)
    number = add_organization(house)
    house.pd.act_webhooks(on=True)
    house.clock.advance(30)
    broken = faults.on(house)
    broken.add('GET', '/organizations', faults.lose_request, 3)
    deal = add_deal(house, number)
    await house.settle(5)
    assert await linked(house, 'deal', deal) is None
    [event] = await house.rows("select reason from event where state = 'waiting'")
    assert f'organization {number}' in event['reason']
    await house.settle(600)
    assert (await known(house, 'deal', deal))['company_id'] == (await known(house, 'organization', number))['id']
    assert await house.rows("select 1 from event where state <> 'done'") == []


@pytest.mark.behaviour('D-3')
async def test_a_deal_of_an_organisation_that_does_not_exist_is_ignored_with_that_reason(house: House) -> None:
    house.pd.act_webhooks(on=False)
    number = add_organization(house)
    house.pd.act_delete('organization', number, PRIYA_PD)
    house.pd.tables['organization'].pop(number)
    house.pd.act_webhooks(on=True)
    other = add_organization(house, 'Other')
    deal = add_deal(house, other)
    held = [one for one in house.world.outbox.take_due() if b'"entity":"deal"' in one.body]
    await house.send_pd(held[0].body.replace(f'"org_id":{other}'.encode(), f'"org_id":{number}'.encode()))
    await later(house)
    assert await linked(house, 'deal', deal) is None
    assert f'its organization {number} does not exist' in await notes(house)
    assert await house.rows("select 1 from event where state <> 'done'") == []


@pytest.mark.behaviour('PD-DEAL-2')
@pytest.mark.parametrize('exists', [True, False])
async def test_an_unknown_pipeline_and_stage_are_fetched_and_blank_if_there_are_none(
    house: House, exists: bool
) -> None:
    house.pd.act_webhooks(on=False)
    actor = house.pd.actor()
    pipeline = house.pd.create('pipeline', {'name': 'PARTNERS'}, actor)['id']
    new = house.pd.create('stage', {'name': 'PARTNERS - New', 'pipeline_id': pipeline}, actor)['id']
    house.pd.act_webhooks(on=True)
    house.clock.advance(30)
    number = add_organization(house)
    deal = add_deal(house, number, stage_id=new)
    if not exists:
        house.pd.tables['stage'].pop(new)
        house.pd.tables['pipeline'].pop(pipeline)
    await later(house)
    ours = await known(house, 'deal', deal)
    expected = ('PARTNERS', 'PARTNERS - New') if exists else (None, None)
    assert (
        await named(house, 'pipeline', ours['pipeline_id']),
        await named(house, 'stage', ours['stage_id']),
    ) == expected
    assert {call.path.rsplit('/', 2)[1] for call in house.calls('GET') if call.path.endswith(f'/{new}')} >= {'stages'}
    house.mark()
    change(house, 'deal', deal, title='Again')
    await later(house)
    assert [call for call in house.calls('GET') if 'stages' in call.path or 'pipelines' in call.path] == []
    await quiet(house)


@pytest.mark.behaviour('PD-DEAL-2')
async def test_the_person_of_a_deal_is_filled_in_as_soon_as_it_is_known(house: House) -> None:
    number = add_organization(house)
    stranger = add_person(house, None, 'No Organisation')
    late = add_person(house, number, 'Late Person')
    held = [one for one in house.world.outbox.take_due() if b'"entity":"organization"' in one.body]
    for delivery in held:
        await house.post(delivery)
    one, two = add_deal(house, number, person_id=stranger), add_deal(house, number, 'Two', person_id=late)
    await house.settle(0)
    assert (await known(house, 'deal', one))['contact_id'] is None
    assert (await known(house, 'deal', two))['contact_id'] is None
    house.clock.advance(30)
    change(house, 'person', late, name='Late Comer')
    await later(house)
    assert (await known(house, 'deal', two))['contact_id'] == (await known(house, 'person', late))['id']
    assert (await known(house, 'deal', one))['contact_id'] is None
    assert item(house, 'deal', one)['person_id'] == stranger
    await quiet(house)


@pytest.mark.behaviour('PD-DEAL-3')
async def test_an_unknown_deal_without_an_organisation_is_ignored(house: House) -> None:
    deal = add_deal(house, None)
    await later(house)
    assert await linked(house, 'deal', deal) is None
    assert 'ignored: deal without an organisation' in await notes(house)
    assert house.calls() == []


@pytest.mark.behaviour('PD-DEAL-4')
@pytest.mark.lesson('B-10', 'H-6')
async def test_a_deleted_deal_takes_nothing_with_it_and_is_made_by_nobody(house: House) -> None:
    number = add_organization(house)
    person = add_person(house, number)
    deal = add_deal(house, number, person_id=person)
    await later(house)
    house.mark()
    house.pd.act_delete('deal', deal, PRIYA_PD)
    await later(house)
    gone = await known(house, 'deal', deal)
    assert (gone['tombstone']['kind'], gone['status']) == ('crm', 'deleted')
    assert (await known(house, 'organization', number))['tombstone'] is None
    assert (await known(house, 'person', person))['tombstone'] is None
    change(house, 'organization', number, custom={'website': SITE})
    await later(house)
    assert house.deals() == []
    assert writes(house) == []


@pytest.mark.behaviour('PD-DEAL-5')
@pytest.mark.lesson('B-6', 'B-7', 'B-8', 'B-9')
@pytest.mark.parametrize('closed', ['won', 'lost'])
async def test_hermes_follows_a_closed_deal_and_never_opens_it(house: House, closed: str) -> None:
    client = sign_up(house)
    await later(house)
    [deal] = house.deals()
    change(house, 'deal', deal['id'], status=closed)
    await later(house)
    assert (await known(house, 'deal', deal['id']))['status'] == closed
    house.mark()
    house.tc2.edit_client(client.id, website=SITE)
    await later(house)
    assert [one['status'] for one in house.deals()] == [closed]
    house.tc2.pay_invoice(client.id)
    await later(house)
    assert [one['status'] for one in house.deals()] == [closed]
    assert {path.split('/')[0] for _, path in writes(house)} == {'organizations'}
    change(house, 'deal', deal['id'], status='open')
    await later(house)
    assert (await known(house, 'deal', deal['id']))['status'] == 'open'
    assert shown(house, 'deal', deal['id'])['paid_invoice_count'] == 1
    assert [one['status'] for one in house.deals()] == ['open']
    await quiet(house)


@pytest.mark.behaviour('PD-DEAL-5')
@pytest.mark.lesson('B-8')
async def test_a_close_that_nobody_told_us_of_is_not_undone(house: House) -> None:
    client = sign_up(house)
    await later(house)
    [deal] = house.deals()
    house.pd.act_webhooks(on=False)
    change(house, 'deal', deal['id'], status='lost')
    house.pd.act_webhooks(on=True)
    house.tc2.pay_invoice(client.id)
    await later(house)
    assert [one['status'] for one in house.deals()] == ['lost']
    assert (await known(house, 'deal', deal['id']))['status'] == 'lost'
    assert all('status' not in call.request for call in house.calls('PATCH'))


@pytest.mark.behaviour('PD-DEAL-7', 'FIELD-6')
@pytest.mark.lesson('E-33')
@pytest.mark.parametrize('target_known', [True, False])
async def test_a_deal_that_moves_follows_and_shows_its_new_companys_fields(house: House, target_known: bool) -> None:
    one = add_organization(house, 'One', custom={'website': f'{SITE}/one'})
    deal = add_deal(house, one)
    await later(house)
    house.pd.act_webhooks(on=target_known)
    two = add_organization(house, 'Two', custom={'website': f'{SITE}/two'})
    house.pd.act_webhooks(on=True)
    await later(house)
    assert shown(house, 'deal', deal)['website'] == f'{SITE}/one'
    change(house, 'deal', deal, org_id=two)
    await later(house)
    assert (await known(house, 'deal', deal))['company_id'] == (await known(house, 'organization', two))['id']
    assert item(house, 'deal', deal)['org_id'] == two
    assert shown(house, 'deal', deal)['website'] == f'{SITE}/two'
    await quiet(house)


@pytest.mark.behaviour('MATCH-4', 'D-4')
@pytest.mark.parametrize('case', ['same pipeline', 'other pipeline', 'hermes_id'])
async def test_a_deal_made_by_hand_is_the_one_open_deal_of_its_pipeline(house: House, case: str) -> None:
    await house.act('system.pause', system='pipedrive')
    sign_up(house, recipients=[])
    await house.settle()
    number = add_organization(house, 'Ember Tutors')
    [ours] = await house.rows('select id from deal')
    name = 'PAYG - Negotiation' if case == 'same pipeline' else 'STARTUP - New'
    custom: dict[str, Any] = {'custom': {'hermes_id': str(ours['id'])}} if case == 'hermes_id' else {}
    deal = add_deal(house, number, stage_id=stage(house, name)['id'], **custom)
    await house.settle()
    await house.act('system.resume', system='pipedrive')
    await later(house)
    same = case != 'other pipeline'
    assert len(house.deals()) == len(await house.rows('select 1 from deal')) == (1 if same else 2)
    assert ((await known(house, 'deal', deal))['id'] == ours['id']) is same
    assert item(house, 'deal', deal)['stage_id'] == stage(house, name)['id']
    await quiet(house)


@pytest.mark.lesson('C-4')
@pytest.mark.behaviour('FIELD-3', 'FIELD-2')
async def test_an_inherited_field_that_somebody_edits_is_put_back_once_and_rewrites_nobody(house: House) -> None:
    number = add_organization(house, custom={'website': SITE})
    one, two = add_deal(house, number, 'One'), add_deal(house, number, 'Two')
    await later(house)
    house.mark()
    change(house, 'deal', one, custom={'website': 'https://edited.example'})
    await later(house)
    assert writes(house) == [('PATCH', f'deals/{one}')]
    assert shown(house, 'deal', one)['website'] == shown(house, 'deal', two)['website'] == SITE
    assert shown(house, 'organization', number)['website'] == SITE
    assert (await known(house, 'organization', number))['website'] == SITE
    await quiet(house)


@pytest.mark.behaviour('OUT-11')
@pytest.mark.lesson('B-6')
async def test_what_the_crm_owns_of_a_deal_is_in_no_update(house: House) -> None:
    client = sign_up(house)
    await later(house)
    [made] = house.calls('POST', 'deals')
    assert {'owner_id', 'pipeline_id', 'stage_id', 'title', 'org_id'} <= set(made.request)
    [deal] = house.deals()
    house.pd.act_webhooks(on=False)
    values: dict[str, Any] = {'owner_id': MARCUS_PD, 'stage_id': stage(house, 'PAYG - New')['id'], 'title': 'Mine'}
    change(house, 'deal', deal['id'], **values)
    house.pd.act_webhooks(on=True)
    house.mark()
    house.tc2.set_admins(client.id, sales_person=12)
    house.tc2.edit_client(client.id, name='Renamed At TC2', website=SITE)
    await later(house)
    assert [set(call.request) for call in house.calls('PATCH', 'deals')] == [{'custom_fields'}]
    after = item(house, 'deal', deal['id'])
    assert {key: after[key] for key in values} == values
