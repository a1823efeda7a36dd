"""A company signs up in TutorCruncher and stands in Pipedrive, once (TC-1, TC-5, TC-9, OUT-1 to OUT-3)."""

import pytest

from tests.flows.companies import sign_up
from tests.flows.house import MARCUS, PRIYA_PD, House


@pytest.mark.behaviour('TC-1', 'TC-5', 'OUT-3')
async def test_a_sign_up_becomes_organisation_person_and_deal(house: House) -> None:
    client = sign_up(house)
    await house.settle()
    [organization], [person], [deal] = house.organizations(), house.persons(), house.deals()
    assert (organization['name'], organization['owner_id']) == ('Ember Tutors', PRIYA_PD)
    assert person['name'] == 'Sam Okafor'
    assert person['org_id'] == deal['org_id'] == organization['id']
    assert (deal['title'], deal['status'], deal['person_id']) == ('Ember Tutors', 'open', person['id'])
    shown = house.custom('organization', organization)
    assert shown['tc2_cligency_url'].endswith(f'/clients/{client.id}/')
    assert [call.method for call in house.calls()] == ['POST', 'POST', 'POST']


@pytest.mark.behaviour('OUT-1', 'FIELD-6')
async def test_a_paid_invoice_is_one_patch_each_with_that_field_only(house: House) -> None:
    client = sign_up(house)
    await house.settle()
    house.mark()
    house.tc2.pay_invoice(client.id)
    await house.settle()
    calls = house.calls('PATCH')
    assert [call.path.split('/')[-2] for call in calls] == ['organizations', 'deals']
    for call, kind in zip(calls, ('organization', 'deal'), strict=True):
        assert call.request == {'custom_fields': {house.code(kind, 'paid_invoice_count'): 1}}
    assert len(house.calls()) == 2


@pytest.mark.behaviour('TC-9', 'OUT-2')
@pytest.mark.invariant('I2', 'I3')
async def test_the_same_snapshot_again_costs_nothing(house: House) -> None:
    client = sign_up(house)
    await house.settle()
    house.mark()
    house.tc2.resend_last(100)
    house.tc2.send_snapshot(client.id)
    await house.settle()
    assert house.calls() == []


@pytest.mark.behaviour('TC-10')
async def test_a_field_that_follows_is_pushed(house: House) -> None:
    client = sign_up(house)
    await house.settle()
    house.mark()
    house.tc2.edit_client(client.id, website='https://ember.example')
    house.tc2.set_admins(client.id, sales_person=MARCUS)
    await house.settle()
    [patch] = house.calls('PATCH', 'organizations')
    assert patch.request['custom_fields'] == {house.code('organization', 'website'): 'https://ember.example'}
