"""Organisations that people make and change in the CRM (PD-ORG, MATCH-2, D-12 from its side)."""

import json
from typing import Any

import pytest

from tests.flows.companies import decisions, later, notes, quiet, sign_up
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
    writes,
)
from tests.flows.house import MARCUS_PD, PRIYA_PD, House


@pytest.mark.behaviour('PD-ORG-1', 'FIELD-2', 'FIELD-6')
@pytest.mark.lesson('B-3')
async def test_what_people_change_at_a_known_organisation_follows_and_reaches_its_deal(house: House) -> None:
    client = sign_up(house, website='https://ember.example', extra_attrs={'estimated_monthly_income': '100'})
    await later(house)
    [organization], [deal] = house.organizations(), house.deals()
    house.mark()
    custom = {'website': SITE, 'estimated_income': '900', 'bdr_person_id': MARCUS_PD}
    change(house, 'organization', organization['id'], name='Ember & Co', owner_id=MARCUS_PD, custom=custom)
    await later(house)
    company = await known(house, 'organization', organization['id'])
    marcus = await admin(house, MARCUS_PD)
    assert (company['name'], company['website'], company['estimated_income']) == ('Ember & Co', SITE, '900')
    assert (company['sales_person_id'], company['bdr_person_id']) == (marcus, marcus)
    assert company['pd_org_id'] == organization['id']
    inherited = shown(house, 'deal', deal['id'])
    assert (inherited['website'], inherited['bdr_person_id']) == (SITE, MARCUS_PD)
    assert writes(house) == [('PATCH', f'deals/{deal["id"]}')]
    house.tc2.add_recipient(client.id, 'New', 'Noa', email='noa@ember.example')
    await later(house)
    assert {person['name'] for person in house.persons()} == {'Sam Okafor', 'Noa New'}
    await quiet(house)


@pytest.mark.behaviour('PD-ORG-2', 'OUT-12')
async def test_an_unknown_organisation_becomes_a_company_and_gets_only_its_hermes_id(house: House) -> None:
    house.mark()
    number = add_organization(house, owner_id=MARCUS_PD, address={'value': 'Lyon, France', 'country': 'France'},
                              custom={'website': SITE})  # fmt: skip
    await later(house)
    company = await known(house, 'organization', number)
    assert (company['name'], company['website'], company['country']) == ('Brook Tutors', SITE, 'FR')
    assert company['sales_person_id'] == await admin(house, MARCUS_PD)
    assert company['pd_org_id'] == number
    [call] = house.calls('PATCH')
    assert writes(house) == [('PATCH', f'organizations/{number}')]
    assert set(call.request) == {'custom_fields'}
    assert shown(house, 'organization', number)['hermes_id'] == str(company['id'])
    assert house.deals() == house.persons() == []
    await quiet(house)


@pytest.mark.behaviour('PD-ORG-2', 'D-21')
@pytest.mark.lesson('H-1')
@pytest.mark.parametrize('with_default', [True, False])
async def test_an_owner_who_is_no_admin_is_replaced_by_the_default_with_a_warning(
    house: House, with_default: bool
) -> None:
    stranger = house.pd.add_user('Una Known', 'una@office.example')
    priya = await admin(house, PRIYA_PD)
    if with_default:
        await house.set('default_sales_person_id', priya)
    number = add_organization(house, owner_id=stranger)
    await later(house)
    company = await known(house, 'organization', number)
    assert company['sales_person_id'] == (priya if with_default else None)
    assert str(stranger) in await notes(house)
    assert item(house, 'organization', number)['owner_id'] == stranger
    assert all('owner_id' not in call.request for call in house.calls('PATCH'))
    change(house, 'organization', number, owner_id=MARCUS_PD)
    await later(house)
    assert (await known(house, 'organization', number))['sales_person_id'] == await admin(house, MARCUS_PD)
    await quiet(house)


@pytest.mark.behaviour('PD-ORG-4')
async def test_an_unknown_organisation_that_is_deleted_is_nothing(house: House) -> None:
    house.pd.act_webhooks(on=False)
    number = add_organization(house)
    house.pd.act_webhooks(on=True)
    house.pd.act_delete('organization', number, PRIYA_PD)
    await later(house)
    assert await linked(house, 'organization', number) is None
    assert 'unknown here' in await notes(house)
    assert house.calls() == []


@pytest.mark.behaviour('PD-ORG-3')
@pytest.mark.lesson('B-4')
async def test_a_deleted_organisation_takes_contacts_and_deals_with_it_and_nothing_is_written(house: House) -> None:
    number = add_organization(house)
    person, deal = add_person(house, number), add_deal(house, number)
    await later(house)
    house.mark()
    house.pd.act_delete('organization', number, PRIYA_PD)
    await later(house)
    for kind, remote in (('organization', number), ('person', person), ('deal', deal)):
        assert (await known(house, kind, remote))['tombstone']['kind'] == 'crm'
    change(house, 'person', person, name='Ana Later')
    await later(house)
    assert (await known(house, 'person', person))['tombstone']['kind'] == 'crm'
    assert house.calls() == []
    assert house.calls(system='tutorcruncher') == []


@pytest.mark.behaviour('MATCH-2', 'D-4')
@pytest.mark.lesson('H-11')
async def test_an_organisation_of_a_new_sign_ups_name_is_that_company(house: House) -> None:
    """The company stands here and is not sent yet; somebody makes the organisation by hand."""
    await house.act('system.pause', system='pipedrive')
    sign_up(house, recipients=[])
    await house.settle()
    number = add_organization(house, '  ember   TUTORS')
    await house.settle()
    await house.act('system.resume', system='pipedrive')
    await later(house)
    assert [one['id'] for one in house.organizations()] == [number]
    [company] = await house.rows('select id, name from company')
    assert shown(house, 'organization', number)['hermes_id'] == str(company['id'])
    lines = await house.rows("select rule from change where field = 'pipedrive link' and record_type = 'company'")
    assert [line['rule'] for line in lines] == ['MATCH-2 name']
    await quiet(house)


@pytest.mark.behaviour('MATCH-2')
@pytest.mark.parametrize('linked_already', [True, False])
async def test_the_client_in_the_url_names_the_company_unless_it_has_an_organisation(
    house: House, linked_already: bool
) -> None:
    if not linked_already:
        await house.act('system.pause', system='pipedrive')
    client = sign_up(house, recipients=[])
    await house.settle()
    url = f'https://app.tutorcruncher.com/clients/{client.id}/'
    number = add_organization(house, 'Made By Hand', custom={'tc2_cligency_url': url})
    await house.settle()
    await house.act('system.resume', system='pipedrive')
    await later(house)
    companies = await house.rows('select id from company order by id')
    assert len(companies) == len(house.organizations()) == 1 + linked_already
    assert (await known(house, 'organization', number))['id'] == companies[-1]['id']
    await quiet(house)


@pytest.mark.behaviour('MATCH-2')
async def test_the_link_stands_above_what_hermes_id_says(house: House) -> None:
    one, two = add_organization(house, 'One'), add_organization(house, 'Two')
    await later(house)
    first, second = await known(house, 'organization', one), await known(house, 'organization', two)
    change(house, 'organization', two, name='Two Renamed', custom={'hermes_id': str(first['id'])})
    await later(house)
    assert (await known(house, 'organization', one))['name'] == 'One'
    assert (await known(house, 'organization', two))['name'] == 'Two Renamed'
    assert shown(house, 'organization', two)['hermes_id'] == str(second['id'])
    assert len(await house.rows('select 1 from company')) == 2


@pytest.mark.behaviour('D-12')
@pytest.mark.lesson('E-9', 'E-13')
async def test_absent_null_and_a_value_from_the_crm(house: House) -> None:
    sign_up(house, website='https://ember.example', extra_attrs={'estimated_monthly_income': '100', 'currency': 'GBP'})
    await later(house)
    [organization] = house.organizations()
    number = organization['id']
    change(house, 'organization', number, custom={'estimated_income': '900'})
    await later(house)
    house.mark()
    await raw(house, number, {'name': 'Ember Tuition', 'owner_id': None, 'address': None}, {})
    company = await known(house, 'organization', number)
    assert (company['name'], company['website'], company['estimated_income']) == (
        'Ember Tuition', 'https://ember.example', '900'
    )  # fmt: skip
    assert (company['country'], company['sales_person_id']) == ('GB', await admin(house, PRIYA_PD))
    house.clock.advance(5)
    null = {house.code('organization', name): None for name in ('estimated_income', 'support_person_id')}
    await raw(house, number, {'name': 'Ember Tuition'}, null)
    company = await known(house, 'organization', number)
    assert (company['estimated_income'], company['website']) == (None, 'https://ember.example')


async def raw(house: House, number: int, data: dict[str, Any], custom: dict[str, Any]) -> None:
    """A delivery about an organisation that says no more than this."""
    at = house.clock.now()
    meta = {
        'action': 'change', 'entity': 'organization', 'entity_id': str(number), 'id': f'x-{at.timestamp()}',
        'timestamp': at.isoformat(timespec='milliseconds').replace('+00:00', 'Z'), 'change_source': 'app',
    }  # fmt: skip
    told = {'meta': meta, 'data': {'id': number, **data, 'custom_fields': custom}, 'previous': None}
    assert (await house.send_pd(json.dumps(told).encode())).status_code == 200
    await house.settle(0)


@pytest.mark.lesson('E-10', 'E-30')
async def test_a_change_that_tells_only_its_id_changes_nothing(house: House) -> None:
    number = add_organization(house, custom={'website': SITE})
    await later(house)
    before = await known(house, 'organization', number)
    house.mark()
    await raw(house, number, {}, {})
    assert await known(house, 'organization', number) == before
    assert await house.rows("select 1 from event where state <> 'done'") == []
    assert house.calls() == []


@pytest.mark.lesson('E-31', 'E-12')
async def test_a_text_of_any_length_is_kept_whole(house: House) -> None:
    long, name = 'x' * 4000, 'Brook ' * 40 + 'End'
    number = add_organization(house, name, custom={'website': long})
    await later(house)
    company = await known(house, 'organization', number)
    assert (company['website'], company['name']) == (long, name)
    house.mark()
    await later(house)
    assert house.calls() == []
    assert await decisions(house) == []


@pytest.mark.behaviour('PD-ORG-1', 'D-21')
@pytest.mark.lesson('H-7')
async def test_an_owner_who_is_no_admin_is_not_overwritten(house: House) -> None:
    client = sign_up(house)
    await later(house)
    [organization] = house.organizations()
    stranger = house.pd.add_user('Una Known', 'una@office.example')
    change(house, 'organization', organization['id'], owner_id=stranger)
    await later(house)
    house.mark()
    house.tc2.edit_client(client.id, website=SITE)
    await later(house)
    assert item(house, 'organization', organization['id'])['owner_id'] == stranger
    assert (await known(house, 'organization', organization['id']))['sales_person_id'] == await admin(house, PRIYA_PD)
    assert f'CRM user {stranger} is no admin here' in await notes(house)
    assert all('owner_id' not in call.request for call in house.calls('PATCH'))
    change(house, 'organization', organization['id'], owner_id=MARCUS_PD)
    await later(house)
    assert (await known(house, 'organization', organization['id']))['sales_person_id'] == await admin(house, MARCUS_PD)
    await quiet(house)
