"""Which company a TC2 client is (MATCH-1), and that several candidates are never a guess (MATCH-7)."""

from typing import Any

import pytest

from tests.flows.companies import client, decisions, deliver, event, later, sign_up
from tests.flows.crm import in_crm
from tests.flows.house import MARCUS_PD, PRIYA_PD, House


async def companies(house: House) -> list[dict[str, Any]]:
    return await house.rows('select * from company where alias_of is null order by id')


@pytest.mark.behaviour('MATCH-1')
@pytest.mark.lesson('A-7', 'H-11')
async def test_a_known_client_is_its_link_and_makes_no_second_organisation(house: House) -> None:
    one = sign_up(house)
    await later(house)
    house.mark()
    house.tc2.edit_client(one.id, name='Quite Another', email='n@new.example')
    await later(house)
    assert len(await companies(house)) == 1
    assert house.calls('POST') == []


@pytest.mark.behaviour('MATCH-1')
async def test_the_same_agency_is_the_same_company(house: House) -> None:
    await deliver(house, event(client(501, agency={'id': 2001})))
    await later(house)
    await deliver(house, event(client(502, agency={'id': 2001, 'name': 'Other'}, paid_recipients=[])))
    assert len(await companies(house)) == len(house.organizations()) == 1


@pytest.mark.behaviour('MATCH-1')
@pytest.mark.parametrize('where', ['user', 'recipient'])
async def test_the_same_e_mail_is_the_crms_company(house: House, where: str) -> None:
    organization = in_crm(house, 'Called Otherwise', 'Known@Ember.example')
    await later(house)
    if where == 'user':
        sign_up(house, email='known@ember.example', recipients=[{'last_name': 'Other', 'email': 'other@ember.example'}])
    else:
        sign_up(house, email=None, recipients=[{'last_name': 'Known', 'email': 'known@ember.example'}])
    await later(house)
    [found] = await companies(house)
    assert found['pd_org_id'] == organization
    assert [item['id'] for item in house.organizations()] == [organization]
    assert [
        row['rule']
        for row in await house.rows(
            "select rule from change where field = 'tutorcruncher link' and record_type = 'company'"
        )
    ] == ['MATCH-1 e-mail']


@pytest.mark.behaviour('MATCH-1')
async def test_the_same_name_and_country_is_the_crms_company(house: House) -> None:
    organization = in_crm(house, ' EMBER  tutors ', country='United Kingdom')
    elsewhere = in_crm(house, 'Ember Tutors', country='France')
    await later(house)
    sign_up(house)
    await later(house)
    assert sorted(item['id'] for item in house.organizations()) == [organization, elsewhere]
    rows = await house.rows('select pd_org_id from company where tc2_cligency_id is not null')
    assert [row['pd_org_id'] for row in rows] == [organization]


@pytest.mark.behaviour('MATCH-1', 'TC-5')
async def test_a_company_of_the_crm_that_signs_up_is_no_new_company(house: House) -> None:
    organization = in_crm(house, 'Ember Tutors', 'sam@ember.example')
    await later(house)
    house.pd.act_create('deal', {'title': 'By hand', 'org_id': organization}, MARCUS_PD)
    await later(house)
    sign_up(house)
    await later(house)
    assert [item['title'] for item in house.deals()] == ['By hand']
    assert len(house.persons()) == 1


@pytest.mark.behaviour('MATCH-1', 'D-2')
async def test_what_was_deleted_in_the_crm_swallows_no_new_client(house: House) -> None:
    organization = in_crm(house, 'Ember Tutors', 'sam@ember.example', country='United Kingdom')
    await later(house)
    house.pd.act_delete('organization', organization)
    await later(house)
    sign_up(house)
    await later(house)
    [made] = house.organizations()
    assert made['id'] != organization


@pytest.mark.behaviour('MATCH-1')
async def test_empty_keys_match_nobody(house: House) -> None:
    in_crm(house, 'One')
    in_crm(house, 'Two')
    await later(house)
    await deliver(
        house, event(client(501, agency={'name': None, 'id': None, 'country': None}, user=None, paid_recipients=[]))
    )
    await deliver(
        house, event(client(502, agency={'name': 'Named', 'id': None, 'country': None}, user={}, paid_recipients=[]))
    )
    linked = await house.rows("select record_id from link where type = 'client'")
    assert len({row['record_id'] for row in linked}) == len(linked)
    assert sorted(item['name'] for item in house.organizations()) == ['Named', 'One', 'Two']


@pytest.mark.behaviour('MATCH-7', 'MATCH-1')
@pytest.mark.lesson('L-7')
async def test_several_candidates_are_a_decision_and_nothing_is_made_until_then(house: House) -> None:
    first = in_crm(house, 'One', 'sam@ember.example')
    second = in_crm(house, 'Two', 'sam@ember.example')
    await later(house)
    house.mark()
    one = sign_up(house)
    await later(house, 600)
    house.tc2.edit_client(one.id, website='https://x.example')
    await later(house)
    house.tc2.send_snapshot(one.id)
    await later(house)
    assert house.calls() == []
    assert sorted(item['id'] for item in house.organizations()) == [first, second]
    [decision] = await decisions(house)
    assert decision['kind'] == 'match'
    assert len(decision['detail']['candidates']) == 2
    [held] = await house.rows('select state, reason from push where record_id = %s', decision['record_id'])
    assert held['state'] == 'held'
    assert 'MATCH-7' in held['reason']


@pytest.mark.behaviour('MATCH-7')
async def test_a_decision_for_a_company_of_its_own_lets_it_go(house: House) -> None:
    in_crm(house, 'One', 'sam@ember.example')
    in_crm(house, 'Two', 'sam@ember.example')
    await later(house)
    sign_up(house)
    await later(house)
    [decision] = await decisions(house)
    await house.act('decision.settle', decision=decision['id'], choice='separate')
    await later(house)
    assert sorted(item['name'] for item in house.organizations()) == ['Ember Tutors', 'One', 'Two']
    assert await decisions(house) == []
    assert len(house.deals()) == 1


@pytest.mark.behaviour('D-15')
@pytest.mark.lesson('D-1')
async def test_a_list_of_ids_in_hermes_id_is_read_as_a_list(house: House) -> None:
    sign_up(house)
    await later(house)
    [organization] = house.organizations()
    [kept] = await companies(house)
    code = house.code('organization', 'hermes_id')
    house.pd.act_update(
        'organization',
        organization['id'],
        {'name': 'Ember Plus', 'custom_fields': {code: f'{kept["id"]}, 53'}},
        PRIYA_PD,
    )
    await later(house)
    [after] = await companies(house)
    assert (after['id'], after['name']) == (kept['id'], 'Ember Plus')
    [mirror] = await house.rows("select runs -> 'hermes_id' as told from mirror where type = 'organization'")
    assert [kept['id'], 53] in [run[0] if isinstance(run, list) else run['value'] for run in mirror['told']]
