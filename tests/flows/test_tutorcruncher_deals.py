"""Deals that TutorCruncher makes and closes: once, and never against the CRM's people (TC-5 to TC-7, D-8)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.flows.companies import client, company, deliver, event, later, sign_up
from tests.flows.house import MARCUS, PRIYA_PD, START, House


@pytest.mark.behaviour('TC-5')
@pytest.mark.parametrize(
    ('fields', 'made'),
    [
        ({}, 1),
        ({'status': 'trial'}, 1),
        ({'status': 'active'}, 0),
        ({'status': 'terminated'}, 0),
        ({'paid_invoice_count': 1}, 0),
        ({'created': START - timedelta(days=89)}, 1),
        ({'created': START - timedelta(days=90)}, 0),
        ({'created': START - timedelta(days=89), 'created_as_epoch': True}, 1),
        ({'created': START - timedelta(days=91), 'created_as_epoch': True}, 0),
        ({'omitted': {'meta_agency.created'}}, 0),
        ({'sales_person': None}, 0),
        ({'narc': True}, 0),
        ({'narc': None}, 1),
        ({'recipients': []}, 1),
    ],
)
async def test_who_gets_a_deal(house: House, fields: dict[str, Any], made: int) -> None:
    sign_up(house, **fields)
    await later(house)
    assert len(house.deals()) == len(await house.rows('select id from deal')) == made


@pytest.mark.behaviour('TC-5')
@pytest.mark.parametrize(('plan', 'pipeline'), [('payg', 'PAYG'), ('startup', 'STARTUP'), ('enterprise', 'ENTERPRISE')])
async def test_the_deal_enters_the_pipeline_of_its_plan(house: House, plan: str, pipeline: str) -> None:
    people = [{'first_name': name, 'last_name': 'Okafor', 'email': f'{name}@ember.example'} for name in ('ada', 'bo')]
    sign_up(house, plan=plan, recipients=people)
    await later(house)
    [deal] = house.deals()
    state = house.pd.state()
    names = {item['id']: item['name'] for item in (*state['pipelines'],)}
    stages = {item['id']: item['name'] for item in state['stages']}
    assert (names[deal['pipeline_id']], stages[deal['stage_id']]) == (pipeline, f'{pipeline} - Contacted')
    assert (deal['title'], deal['owner_id'], deal['status']) == ('Ember Tutors', PRIYA_PD, 'open')
    first = next(item for item in house.persons() if item['name'].startswith('ada'))
    assert deal['person_id'] == first['id']


@pytest.mark.behaviour('TC-5', 'D-8')
async def test_a_pipeline_that_was_deleted_takes_no_new_deal(house: House) -> None:
    payg = next(item for item in house.pd.state()['pipelines'] if item['name'] == 'PAYG')
    house.pd.act_delete('pipeline', payg['id'])
    await later(house)
    sign_up(house)
    await later(house)
    assert (len(house.organizations()), house.deals()) == (1, [])
    [decision] = await house.rows("select detail from decision where kind = 'no-pipeline'")
    assert 'payg_pipeline_id' in decision['detail']['reason']


@pytest.mark.behaviour('TC-6')
@pytest.mark.lesson('B-6', 'B-7', 'B-8')
@pytest.mark.parametrize('closed', ['won', 'lost'])
async def test_a_closed_deal_is_never_reopened_nor_followed_by_another(house: House, closed: str) -> None:
    client = sign_up(house)
    await later(house)
    [deal] = house.deals()
    house.pd.act_update('deal', deal['id'], {'status': closed}, PRIYA_PD)
    await later(house)
    house.mark()
    house.tc2.confirm_email(client.id)
    house.tc2.edit_client(client.id, name='Renamed', plan='startup')
    house.tc2.set_admins(client.id, sales_person=MARCUS)
    await later(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    [after] = house.deals()
    assert (after['id'], after['status'], after['title']) == (deal['id'], closed, 'Ember Tutors')
    assert house.calls('POST') == []
    assert house.calls(path='/deals/') == []


@pytest.mark.behaviour('TC-6', 'OUT-11')
async def test_an_open_deal_keeps_what_the_crm_owns(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.mark()
    house.tc2.edit_client(client.id, name='Renamed', plan='startup')
    house.tc2.set_admins(client.id, sales_person=MARCUS)
    await later(house)
    for call in house.calls('PATCH', '/deals/'):
        assert set(call.request) == {'custom_fields'}
    [deal] = house.deals()
    assert (deal['title'], deal['owner_id']) == ('Ember Tutors', PRIYA_PD)


@pytest.mark.behaviour('TC-7')
@pytest.mark.parametrize('paying', [False, True])
async def test_a_terminated_company_loses_its_open_deals_in_the_crm_too(house: House, paying: bool) -> None:
    client = sign_up(house)
    await later(house)
    house.pd.act_create('deal', {'title': 'Second', 'org_id': house.organizations()[0]['id']}, PRIYA_PD)
    house.pd.act_create('deal', {'title': 'Won', 'org_id': house.organizations()[0]['id'], 'status': 'won'}, PRIYA_PD)
    if paying:
        house.tc2.pay_invoice(client.id)
    await later(house)
    house.tc2.terminate(client.id)
    await later(house)
    assert {item['title']: item['status'] for item in house.deals()} == {
        'Ember Tutors': 'lost',
        'Second': 'lost',
        'Won': 'won',
    }
    assert sorted(row['status'] for row in await house.rows('select status from deal')) == ['lost', 'lost', 'won']


@pytest.mark.behaviour('TC-7')
async def test_a_person_who_reopens_a_deal_afterwards_stays_in_charge(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.terminate(client.id)
    await later(house)
    [deal] = house.deals()
    house.pd.act_update('deal', deal['id'], {'status': 'open'}, PRIYA_PD)
    await later(house)
    house.mark()
    for _ in range(3):
        house.tc2.send_snapshot(client.id)
        house.tc2.edit_client(client.id, website=f'https://{house.clock.now().timestamp()}.example')
        await later(house, 10_800)
    [deal] = house.deals()
    assert deal['status'] == 'open'
    assert [row['status'] for row in await house.rows('select status from deal')] == ['open']
    assert all('status' not in call.request for call in house.calls('PATCH'))


@pytest.mark.behaviour('TC-7')
async def test_terminated_a_second_time_closes_again(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.terminate(client.id)
    await later(house)
    house.pd.act_update('deal', house.deals()[0]['id'], {'status': 'open'}, PRIYA_PD)
    house.tc2.change_status(client.id, 'active')
    await later(house)
    assert house.deals()[0]['status'] == 'open'
    house.tc2.terminate(client.id)
    await later(house)
    assert house.deals()[0]['status'] == 'lost'


@pytest.mark.behaviour('TC-7', 'TC-15')
async def test_an_old_termination_that_arrives_late_closes_nothing(house: House) -> None:
    old = house.clock.now()
    house.clock.advance(600)
    await deliver(house, event(client(501)))
    house.mark()
    await deliver(house, event(client(501, agency={'status': 'terminated'}), 'TERMINATED_AGENCY', at=old))
    assert [item['status'] for item in house.deals()] == ['open']
    assert house.calls() == []
    assert (await company(house))['tc2_status'] == 'trial'
