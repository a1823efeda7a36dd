"""NARC, TC2's mark for "not a real customer": gone from the CRM while it stands, back as new without it (D-6, TC-8)."""

import pytest

from tests.flows.companies import company, decisions, deliver, later, parked, sign_up
from tests.flows.house import PRIYA_PD, House


async def states(house: House) -> dict[str, str | None]:
    """Tombstones by record type."""
    found = {}
    for table in ('company', 'contact', 'deal'):
        for row in await house.rows(f'select tombstone from {table}'):
            found[table] = (row['tombstone'] or {}).get('kind')
    return found


@pytest.mark.behaviour('D-6', 'TC-8')
@pytest.mark.lesson('F-15')
async def test_the_mark_deletes_organisation_persons_and_deals_in_the_crm(house: House) -> None:
    client = sign_up(
        house, recipients=[{'last_name': name, 'email': f'{name}@ember.example'} for name in ('one', 'two', 'three')]
    )
    await later(house)
    assert len(house.persons()) == 3
    house.mark()
    house.tc2.set_narc(client.id)
    await house.settle()
    assert (house.organizations(), house.persons(), house.deals()) == ([], [], [])
    assert [call.method for call in house.calls()] == ['DELETE'] * 5
    [deal] = await house.rows('select status from deal')
    assert deal['status'] == 'lost'
    assert await decisions(house) == []


@pytest.mark.behaviour('D-6')
async def test_our_own_deletion_buries_nothing(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.set_narc(client.id)
    await later(house, 600)
    assert await states(house) == {'company': None, 'contact': None, 'deal': None}


@pytest.mark.behaviour('D-6', 'TC-8')
async def test_nothing_is_pushed_while_the_mark_stands(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.set_narc(client.id)
    await later(house)
    house.mark()
    house.tc2.edit_client(client.id, name='Renamed', website='https://x.example')
    house.tc2.add_recipient(client.id, 'New', email='new@ember.example')
    await later(house)
    house.tc2.send_snapshot(client.id)
    await house.settle()
    assert house.calls() == []
    assert (await company(house))['name'] == 'Renamed'


@pytest.mark.behaviour('D-6', 'TC-5')
async def test_a_company_that_is_marked_from_the_start_never_reaches_the_crm(house: House) -> None:
    sign_up(house, narc=True)
    await house.settle()
    assert house.calls() == []
    assert await house.rows('select id from deal') == []


@pytest.mark.behaviour('TC-8', 'D-6')
async def test_the_mark_taken_back_makes_it_anew_once(house: House) -> None:
    client = sign_up(house)
    await later(house)
    [old] = house.organizations()
    house.tc2.set_narc(client.id)
    await later(house)
    house.tc2.set_narc(client.id, False)
    await later(house)
    house.tc2.send_snapshot(client.id)
    await later(house)
    [organization], [person] = house.organizations(), house.persons()
    assert organization['id'] != old['id']
    assert (organization['name'], person['org_id'], person['name']) == (
        'Ember Tutors',
        organization['id'],
        'Sam Okafor',
    )
    assert (await company(house))['pd_org_id'] == organization['id']
    assert house.custom('organization', organization)['tc2_cligency_url'].endswith(f'/clients/{client.id}/')
    assert house.deals() == []
    assert len(await house.rows('select id from deal')) == 1
    house.mark()
    house.tc2.edit_client(client.id, website='https://again.example')
    await house.settle()
    assert [call.path.rpartition('/')[2] for call in house.calls('PATCH')] == [str(organization['id'])]


@pytest.mark.behaviour('D-6')
@pytest.mark.invariant('S21')
async def test_paid_invoices_keep_it_and_ask_for_a_decision(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.pay_invoice(client.id)
    await later(house)
    house.mark()
    house.tc2.set_narc(client.id)
    await later(house)
    assert house.calls() == []
    assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1
    [decision] = await decisions(house)
    assert (decision['kind'], decision['detail']['reason']) == ('narc', 'it has paid invoices')


@pytest.mark.behaviour('D-6')
@pytest.mark.invariant('S21')
async def test_a_won_deal_keeps_it_and_asks_for_a_decision(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.pd.act_update('deal', house.deals()[0]['id'], {'status': 'won'}, PRIYA_PD)
    await later(house)
    house.mark()
    house.tc2.set_narc(client.id)
    await later(house)
    assert house.calls('DELETE') == []
    assert [item['detail']['reason'] for item in await decisions(house)] == ['it has a won deal']


@pytest.mark.behaviour('D-6')
@pytest.mark.invariant('S21')
async def test_a_person_of_another_company_keeps_it_and_asks_for_a_decision(house: House) -> None:
    sign_up(
        house,
        'Real Tutors',
        email='boss@real.example',
        recipients=[{'last_name': 'Boss', 'email': 'Boss@Real.example'}],
    )
    await later(house)
    client = sign_up(
        house, 'Fake Tutors', email='x@fake.example', recipients=[{'last_name': 'X', 'email': 'x@fake.example'}]
    )
    await later(house)
    house.tc2.add_recipient(client.id, 'Boss', email='boss@real.example')
    await later(house)
    house.mark()
    house.tc2.edit_recipient(client.id, client.recipients[1].id, first_name='Bo')
    await later(house)
    house.tc2.set_narc(client.id)
    await later(house)
    fake = next(item for item in house.organizations() if item['name'] == 'Fake Tutors')
    house.pd.act_update('organization', fake['id'], {'name': 'Fake, Said Sales'})
    await later(house)
    assert house.calls('DELETE') == []
    assert [item['detail']['reason'] for item in await decisions(house)] == [
        'a person of it also belongs to another company'
    ]


@pytest.mark.behaviour('D-6')
async def test_the_mark_that_comes_with_an_unreadable_event_beside_it(house: House) -> None:
    client = sign_up(house)
    await later(house)
    subject = {'model': 'Client', 'id': client.id, 'meta_agency': {'narc': True}}
    await deliver(
        house, {'action': 'EDITED_A_CLIENT', 'subject': subject}, {'action': 'X', 'subject': {'model': 'Client'}}
    )
    assert house.organizations() == []
    assert len(await parked(house)) == 1
