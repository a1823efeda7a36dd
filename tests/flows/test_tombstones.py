"""Deleted records: what buries them, what revives them, and that nothing older does (D-2, TC-3, PD-ORG-3)."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from tests.flows.companies import client, company, deliver, event, later, notes, sign_up
from tests.flows.house import PRIYA, PRIYA_PD, House


async def buried(house: House) -> dict[str, list[str | None]]:
    """Kinds of tombstones by record type, oldest record first."""
    found = {}
    for table in ('company', 'contact', 'deal'):
        rows = await house.rows(f"select tombstone ->> 'kind' as kind from {table} order by id")
        found[table] = [row['kind'] for row in rows]
    return found


@pytest.mark.behaviour('TC-3', 'D-2')
async def test_a_deleted_client_buries_company_and_contacts_and_leaves_the_crm_alone(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.mark()
    house.tc2.delete(client.id)
    await later(house)
    assert await buried(house) == {'company': ['tc2'], 'contact': ['tc2'], 'deal': [None]}
    assert house.calls() == []
    assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 1


@pytest.mark.behaviour('TC-3')
@pytest.mark.lesson('E-7')
async def test_an_unknown_client_that_is_deleted_is_nothing(house: House) -> None:
    await deliver(house, event({'model': 'Client', 'id': 77}, 'DELETED_A_CLIENT'))
    assert (await buried(house))['company'] == []
    assert 'client 77 is unknown here' in await notes(house)


@pytest.mark.behaviour('TC-3', 'D-2')
@pytest.mark.invariant('I16')
async def test_a_deletion_that_arrives_before_the_creation_wins(house: House) -> None:
    born = house.clock.now()
    house.clock.advance(60)
    await deliver(house, event({'model': 'Client', 'id': 501}, 'DELETED_A_CLIENT', at=house.clock.now()))
    await deliver(house, event(client(501), 'CREATED_A_CLIENT', at=born))
    assert house.calls() == []
    assert (await buried(house))['company'] == []
    house.clock.advance(60)
    await deliver(house, event(client(501), 'RECOVERED_A_CLIENT', at=house.clock.now()))
    assert len(house.organizations()) == len(house.deals()) == 1


@pytest.mark.behaviour('TC-3', 'D-2')
@pytest.mark.invariant('I16')
async def test_nothing_older_revives_a_client(house: House) -> None:
    one = sign_up(house)
    edited = house.clock.now() + timedelta(seconds=30)
    await later(house)
    house.tc2.delete(one.id)
    await later(house)
    house.mark()
    await deliver(house, event(client(one.id, agency={'name': 'Late'}), at=edited))
    await deliver(house, event(client(one.id), 'RECOVERED_A_CLIENT', at=edited))
    await deliver(house, event(client(one.id, agency={'id': 2101, 'name': 'Newer, not recovered'})))
    assert (await buried(house))['company'] == ['tc2']
    assert house.calls() == []


@pytest.mark.behaviour('D-2', 'TC-3')
async def test_recovered_comes_back_with_what_was_under_it(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.delete(client.id)
    await later(house)
    house.tc2.recover(client.id)
    await later(house)
    assert await buried(house) == {'company': [None], 'contact': [None], 'deal': [None]}
    house.mark()
    house.tc2.edit_client(client.id, website='https://back.example')
    await house.settle()
    assert len(house.calls('PATCH', 'organizations')) == 1
    assert house.calls('POST') == []


@pytest.mark.behaviour('D-2')
async def test_a_recovery_that_tells_nothing_has_the_client_fetched(house: House) -> None:
    client = house.tc2.add_client('Quiet Tutors', sales_person=PRIYA, email='q@quiet.example')
    await deliver(house, event({'model': 'Client', 'id': client.id}, 'RECOVERED_A_CLIENT'))
    assert [item['name'] for item in house.organizations()] == ['Quiet Tutors']
    assert len(house.deals()) == 1


@pytest.mark.behaviour('D-2')
@pytest.mark.lesson('B-11')
async def test_a_newer_change_in_the_crm_revives_what_tc2_deleted(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.tc2.delete(client.id)
    await later(house)
    [organization] = house.organizations()
    house.pd.act_update('organization', organization['id'], {'name': 'Still With Us'})
    await house.settle()
    assert await buried(house) == {'company': [None], 'contact': [None], 'deal': [None]}
    assert (await company(house))['name'] == 'Still With Us'
    assert len(house.organizations()) == 1


@pytest.mark.behaviour('D-2', 'TC-3')
@pytest.mark.invariant('I16')
async def test_a_change_in_the_crm_from_before_the_deletion_revives_nobody(house: House) -> None:
    client = sign_up(house)
    await later(house)
    [organization] = house.organizations()
    house.pd.act_update('organization', organization['id'], {'name': 'Before'}, PRIYA_PD)
    held = house.world.outbox.take_due()
    await later(house)
    house.pd.act_update('organization', organization['id'], {'name': 'After'}, PRIYA_PD)
    await later(house)
    house.tc2.delete(client.id)
    await later(house)
    house.mark()
    for delivery in held:
        assert await house.post(delivery) == 200
    await later(house)
    assert await buried(house) == {'company': ['tc2'], 'contact': ['tc2'], 'deal': [None]}
    assert house.calls() == []


@pytest.mark.behaviour('PD-ORG-3', 'D-2')
@pytest.mark.lesson('B-4')
async def test_an_organisation_deleted_in_the_crm_stays_away_from_it(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.pd.act_delete('organization', house.organizations()[0]['id'])
    await later(house)
    assert await buried(house) == {'company': ['crm'], 'contact': ['crm'], 'deal': ['crm']}
    house.mark()
    house.tc2.edit_client(client.id, website='https://silent.example')
    house.tc2.add_recipient(client.id, 'New', email='new@ember.example')
    await later(house, 10_800)
    house.tc2.send_snapshot(client.id)
    await later(house)
    assert house.calls() == []
    assert house.organizations() == []
    kept = await company(house)
    assert (kept['website'], kept['tombstone']['kind']) == ('https://silent.example', 'crm')


@pytest.mark.behaviour('PD-ORG-3', 'D-2', 'PD-OLD-1')
@pytest.mark.invariant('I16')
@pytest.mark.lesson('B-11')
async def test_late_webhooks_of_a_deleted_family_revive_nobody(house: House) -> None:
    sign_up(house)
    await later(house)
    [organization], [person], [deal] = house.organizations(), house.persons(), house.deals()
    house.pd.act_update('organization', organization['id'], {'name': 'Before The End'})
    house.pd.act_update('person', person['id'], {'name': 'Sam Before'})
    house.pd.act_update('deal', deal['id'], {'title': 'Before'})
    held = house.world.outbox.take_due()
    assert len(held) == 3
    house.clock.advance(60)
    house.pd.act_delete('organization', organization['id'])
    await later(house)
    house.mark()
    for delivery in held:
        assert await house.post(delivery) == 200
    await later(house)
    assert await buried(house) == {'company': ['crm'], 'contact': ['crm'], 'deal': ['crm']}
    assert house.calls() == []


@pytest.mark.behaviour('D-2', 'PD-ORG-3')
async def test_an_organisation_taken_out_of_the_bin_comes_back(house: House) -> None:
    sign_up(house)
    await later(house)
    [organization] = house.organizations()
    house.pd.act_delete('organization', organization['id'])
    await later(house)
    house.pd.act_undelete('organization', organization['id'])
    await later(house)
    assert await buried(house) == {'company': [None], 'contact': [None], 'deal': [None]}
    assert (await company(house))['pd_org_id'] == organization['id']
    [deal] = await house.rows('select status from deal')
    assert deal['status'] == 'open'


@pytest.mark.behaviour('PD-ORG-4', 'PD-PER-5', 'PD-DEAL-4')
async def test_deletions_of_unknown_objects_are_nothing(house: House) -> None:
    house.pd.act_webhooks(on=False)
    organization = house.pd.act_create('organization', {'name': 'Nobody'}, PRIYA_PD)
    house.pd.act_webhooks(on=True)
    house.pd.act_delete('organization', organization['id'])
    await house.settle()
    assert await buried(house) == {'company': [], 'contact': [], 'deal': []}
    assert house.calls() == []


@pytest.mark.behaviour('PD-PER-5', 'D-2')
async def test_a_person_deleted_in_the_crm_is_not_made_again(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.pd.act_delete('person', house.persons()[0]['id'])
    await later(house)
    assert await buried(house) == {'company': [None], 'contact': ['crm'], 'deal': [None]}
    house.mark()
    house.tc2.edit_recipient(client.id, client.recipients[0].id, first_name='Samuel')
    await later(house)
    house.tc2.send_snapshot(client.id)
    await later(house)
    assert house.calls() == []
    assert (house.persons(), len(house.deals())) == ([], 1)
    [contact] = await house.rows('select first_name from contact')
    assert contact['first_name'] == 'Samuel'


@pytest.mark.behaviour('PD-DEAL-4', 'TC-6')
@pytest.mark.lesson('B-7', 'B-10')
async def test_a_deal_deleted_in_the_crm_is_not_made_again(house: House) -> None:
    client = sign_up(house)
    await later(house)
    house.pd.act_delete('deal', house.deals()[0]['id'])
    await later(house)
    assert await buried(house) == {'company': [None], 'contact': [None], 'deal': ['crm']}
    assert [row['status'] for row in await house.rows('select status from deal')] == ['deleted']
    house.mark()
    house.tc2.pay_invoice(client.id)
    house.tc2.confirm_email(client.id)
    await later(house)
    assert house.deals() == []
    assert house.calls('POST') == []
    assert {call.path.split('/')[-2] for call in house.calls('PATCH')} == {'organizations'}


@pytest.mark.behaviour('TC-3')
async def test_a_second_client_of_the_agency_is_a_secondary_link_that_goes_alone(house: House) -> None:
    await deliver(house, event(client(501, agency={'id': 2001})))
    house.clock.advance(60)
    await deliver(house, event(client(502, agency={'id': 2001, 'name': 'Ember Second'})))
    links = await house.rows("select remote_id, is_primary, state from link where type = 'client' order by remote_id")
    assert [(row['remote_id'], row['is_primary']) for row in links] == [('501', True), ('502', False)]
    assert len(house.organizations()) == 1
    assert (await company(house))['name'] == 'Ember Tutors'
    house.clock.advance(60)
    house.mark()
    await deliver(house, event({'model': 'Client', 'id': 502}, 'DELETED_A_CLIENT'))
    assert (await buried(house))['company'] == [None]
    assert house.calls() == []
    house.clock.advance(60)
    await deliver(house, event({'model': 'Client', 'id': 501}, 'DELETED_A_CLIENT'))
    assert (await buried(house))['company'] == ['tc2']


@pytest.mark.behaviour('D-2', 'MATCH-1')
@pytest.mark.parametrize(('newer', 'kinds'), [(True, [None]), (False, ['tc2'])])
async def test_an_agency_that_signs_up_again_comes_back(house: House, newer: bool, kinds: list[str | None]) -> None:
    await deliver(house, event(client(501, agency={'id': 2001})))
    before = house.clock.now() + timedelta(seconds=1)
    await later(house, 600)
    await deliver(house, event({'model': 'Client', 'id': 501}, 'DELETED_A_CLIENT', at=house.clock.now()))
    await later(house)
    at = house.clock.now() if newer else before
    await deliver(house, event(client(502, agency={'id': 2001, 'name': 'Ember Again'}), at=at))
    assert (await buried(house))['company'] == kinds
    assert [item['name'] for item in house.organizations()] == ['Ember Again' if newer else 'Ember Tutors']


def told(number: int, at: int, house: House, start: Any) -> dict[str, Any]:
    """The history of one client: created, edited, deleted, recovered, edited, an hour apart."""
    when = start + timedelta(hours=at)
    agency = {'name': f'Name {at}', 'status': 'trial', 'created': '2026-03-01'}
    action = ('CREATED_A_CLIENT', 'EDITED_A_CLIENT', 'DELETED_A_CLIENT', 'RECOVERED_A_CLIENT')[at]
    subject = {'model': 'Client', 'id': number} if action == 'DELETED_A_CLIENT' else client(number, agency=agency)
    return event(subject, action, at=when)


@pytest.mark.behaviour('TC-15', 'TC-3', 'D-2')
@pytest.mark.invariant('I5')
@pytest.mark.parametrize('length', [3, 4])
async def test_every_order_of_a_clients_history_ends_alike(house: House, length: int) -> None:
    start = house.clock.now()
    orders = list(itertools.permutations(range(length)))
    house.clock.advance(5 * 3600)
    for number, order in enumerate(orders):
        for at in order:
            subject = told(800 + number, at, house, start)
            if 'meta_agency' in subject['subject']:
                subject['subject']['meta_agency']['name'] += f' of {number}'
                subject['subject']['paid_recipients'][0]['email'] = f'p{number}@x.example'
                subject['subject']['user']['email'] = None
            await deliver(house, subject)
    await later(house)
    rows = await house.rows(
        "select l.remote_id::int - 800 as number, c.name, c.tombstone ->> 'kind' as kind, "
        '(select count(*) from deal d where d.company_id = c.id) as deals '
        'from link l join company c on c.id = l.record_id '
        "where l.type = 'client' and l.record_type = 'company' order by 1"
    )
    if length == 4:
        assert [(row['number'], row['name'], row['kind'], row['deals']) for row in rows] == [
            (number, f'Name 3 of {number}', None, 1) for number in range(24)
        ]
        assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 24
    else:
        known = {number for number, order in enumerate(orders) if order[0] != 2}
        assert {(row['number'], row['name'], row['kind']) for row in rows} == {
            (number, f'Name 1 of {number}', 'tc2') for number in known
        }
