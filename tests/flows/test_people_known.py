"""Whoever is known is recognised: by every address and every phone that stands somewhere, however it is written
(MATCH-1, MATCH-3, MATCH-5).
"""
# ruff: noqa: RUF001 - what looks alike is what this is about

from datetime import timedelta
from typing import Any

import psycopg
import pytest

from hermes.db.reads import search
from tests.flows.companies import client, decisions, deliver, event, later, sign_up
from tests.flows.crm import add_organization, add_person, change
from tests.flows.house import House
from tests.flows.visitors import TEN, book, link

IN_BRITAIN = {'address': {'value': 'United Kingdom', 'country': 'United Kingdom'}}
WRITTEN = [
    '020 7946 0011',
    '+44 (0)20 7946 0011',
    '0044 20 7946 0011',
    '(020) 7946-0011',
    '020 7946 0011 ext. 5',
    '٠٢٠ ٧٩٤٦ ٠٠١١',
    '\u202a+44 20 7946 0011\u202c',
]
SECOND = [{'value': 'lee@work.example', 'primary': True}, {'value': 'Lee@Home.example'}]


async def outcome(house: House, **more: Any) -> dict[str, Any]:
    """What became of a booking."""
    answer = await book(house, **more)
    assert answer.status_code == 200, answer.text
    [row] = await house.rows("select outcome -> 0 as told from event where kind = 'act' and source = 'website' "
                             'order by id desc limit 1')  # fmt: skip
    return dict(row['told'])


async def company_of(house: House, organization: int) -> int:
    [row] = await house.rows('select id from company where pd_org_id = %s', organization)
    return int(row['id'])


@pytest.mark.lesson('M-30')
@pytest.mark.behaviour('MATCH-5', 'MATCH-10')
@pytest.mark.parametrize('where', [{}, IN_BRITAIN], ids=['no country', 'in Britain'])
@pytest.mark.parametrize('written', WRITTEN)
async def test_a_visitor_is_recognised_by_the_phone_in_the_crm(
    house: House, written: str, where: dict[str, Any]
) -> None:
    organization = add_organization(house, 'Called Otherwise', **where)
    add_person(house, organization, phones=[{'value': '0161 496 0000', 'primary': True}, {'value': written}])
    await later(house)
    told = await outcome(house, phone='020 7946 0011')
    assert (told['rule'], told['company']) == ('MATCH-5 phone', await company_of(house, organization))


@pytest.mark.lesson('M-30')
@pytest.mark.behaviour('MATCH-5', 'MATCH-10')
@pytest.mark.parametrize('told', [{'phone': '0207 946 0011'}, {'phone': '0161 496 0000', 'mobile': '020 7946 0011'}])
async def test_a_visitor_is_recognised_by_the_phones_in_tutorcruncher(house: House, told: dict[str, str]) -> None:
    user = {'email': 'owner@ember.example', 'first_name': 'Sam', 'last_name': 'Okafor', **told}
    await deliver(house, event(client(501, user=user)))
    await later(house)
    found = await outcome(house, phone='+44 20 7946 0011')
    assert found['rule'] == 'MATCH-5 phone'


@pytest.mark.lesson('M-30')
@pytest.mark.behaviour('MATCH-5', 'MATCH-10')
@pytest.mark.parametrize('written', ['07700 900123', '(0044) 7700 900123', '07700 900 123 / 020 7946 0011'])
async def test_a_phone_that_cannot_be_read_is_recognised_as_it_was_typed(house: House, written: str) -> None:
    """It is kept for people only, as it came: a number that nobody has given out yet, or two of them."""
    organization = add_organization(house, 'Called Otherwise')
    add_person(house, organization, phones=[{'value': '07700 900123'}])
    await later(house)
    told = await outcome(house, phone=written)
    assert (told['rule'], told['company']) == ('MATCH-5 phone', await company_of(house, organization))


@pytest.mark.lesson('M-30')
async def test_the_keys_follow_the_country_the_phones_and_the_company(house: House) -> None:
    """A number that a person writes in the CRM is one of the country that is known of the company then."""
    organization = add_organization(house, 'Ember Tutors')
    person = add_person(house, organization, phones=[{'value': '020 7946 0011'}])
    await later(house)
    [row] = await house.rows('select phone, phone_keys from contact')
    assert (row['phone'], row['phone_keys']) == ('020 7946 0011', ['02079460011'])
    await deliver(house, event(client(501)))
    await later(house)
    [row] = await house.rows('select phone, phone_keys from contact where phone is not null')
    assert (row['phone'], '+442079460011' in row['phone_keys']) == ('020 7946 0011', True)
    change(house, 'person', person, phones=[{'value': '020 7946 0022'}])
    await later(house)
    [row] = await house.rows('select phone_keys from contact where phone is not null')
    assert ('+442079460022' in row['phone_keys'], '+442079460011' in row['phone_keys']) == (True, False)
    france = add_organization(house, 'Brasa', address={'value': 'France', 'country': 'France'})
    change(house, 'person', person, org_id=france)
    await later(house)
    [row] = await house.rows('select phone_keys from contact where phone is not null')
    assert '+442079460022' not in row['phone_keys']


@pytest.mark.lesson('M-71')
@pytest.mark.behaviour('MATCH-1', 'MATCH-10')
@pytest.mark.parametrize('where', [{}, IN_BRITAIN], ids=['no country', 'in Britain'])
async def test_a_client_is_the_one_company_with_its_phone(house: House, where: dict[str, Any]) -> None:
    organization = add_organization(house, 'Called Otherwise', **where)
    add_person(house, organization, phones=[{'value': '+44 (0)161 496 0000'}, {'value': '020 7946 0011'}])
    await later(house)
    user = {'email': 'owner@ember.example', 'phone': None, 'mobile': '+44 20 7946 0011'}
    await deliver(house, event(client(501, user=user)))
    await later(house)
    assert [item['id'] for item in house.organizations()] == [organization]
    [row] = await house.rows("select rule from change where field = 'tutorcruncher link' and record_type = 'company'")
    assert row['rule'] == 'MATCH-1 phone'


@pytest.mark.lesson('M-71')
@pytest.mark.behaviour('MATCH-1', 'MATCH-7')
async def test_a_phone_of_several_companies_is_a_question_and_one_of_a_linked_company_is_nobodys(house: House) -> None:
    for name in ('One', 'Two'):
        add_person(house, add_organization(house, name), phones=[{'value': '020 7946 0011'}])
    await later(house)
    user = {'email': 'owner@ember.example', 'phone': '020 7946 0011'}
    await deliver(house, event(client(501, user=user)))
    await later(house)
    [asked] = await decisions(house)
    assert (asked['kind'], asked['detail']['rule'], len(asked['detail']['candidates'])) == ('match', 'MATCH-1 phone', 2)
    await house.act('decision.settle', decision=asked['id'], choice='separate')
    await later(house)
    assert len(house.organizations()) == 3
    switchboard = {'email': 'owner@brook.example', 'phone': '0161 496 0000'}
    for number in (502, 503):
        told = client(number, user=switchboard, agency={'name': f'Agency {number}'}, paid_recipients=[])
        await deliver(house, event(told))
        await later(house)
    assert len(house.organizations()) == 5


@pytest.mark.lesson('M-31')
@pytest.mark.behaviour('MATCH-5', 'MATCH-10')
async def test_a_visitor_is_recognised_by_every_address(house: House) -> None:
    organization = add_organization(house, 'Called Otherwise')
    person = add_person(house, organization, 'Lee Adams', emails=SECOND)
    await later(house)
    told = await outcome(house, email='lee@home.example')
    assert (told['rule'], told['company']) == ('MATCH-5 e-mail', await company_of(house, organization))
    await later(house)
    assert [item['id'] for item in house.persons()] == [person]
    assert [(one['value'], one['primary']) for one in house.persons()[0]['emails']] == [
        ('lee@work.example', True),
        ('Lee@Home.example', False),
    ]


@pytest.mark.lesson('M-31')
@pytest.mark.behaviour('CB-3')
async def test_nobody_has_two_calls_at_once_by_two_addresses(house: House) -> None:
    add_person(house, add_organization(house), 'Lee Adams', emails=SECOND)
    await later(house)
    assert (await book(house, email='lee@home.example')).status_code == 200
    again = await book(house, TEN + timedelta(hours=1), email='lee@work.example')
    assert again.status_code == 409
    assert len(await house.rows('select 1 from meeting')) == 1


@pytest.mark.lesson('M-31')
@pytest.mark.behaviour('MATCH-1', 'MATCH-3')
async def test_a_client_and_its_recipient_are_known_by_every_address(house: House) -> None:
    organization = add_organization(house, 'Called Otherwise')
    person = add_person(house, organization, 'Lee Adams', emails=SECOND)
    await later(house)
    sign_up(house, email=None, recipients=[{'first_name': 'L', 'last_name': 'Adams', 'email': 'lee@home.example'}])
    await later(house)
    assert [item['id'] for item in house.organizations()] == [organization]
    assert [item['id'] for item in house.persons()] == [person]
    assert len(await house.rows('select 1 from contact')) == 1


@pytest.mark.lesson('M-31')
@pytest.mark.behaviour('MATCH-3')
async def test_a_person_of_the_crm_is_the_recipient_whose_address_is_one_of_several(house: House) -> None:
    await house.act('system.pause', system='pipedrive', reason='nothing is made there meanwhile')
    sign_up(house)
    await later(house)
    emails = [{'value': 'sam@home.example', 'primary': True}, {'value': 'SAM@ember.example'}]
    person = add_person(house, add_organization(house, 'Ember Tutors'), 'Sam O', emails=emails)
    await later(house)
    await house.act('system.resume', system='pipedrive')
    await later(house)
    assert [item['id'] for item in house.persons()] == [person]
    assert len(await house.rows('select 1 from contact')) == 1


@pytest.mark.lesson('M-31')
@pytest.mark.behaviour('CB-2', 'CB-17')
async def test_a_support_caller_is_known_by_every_address(house: House) -> None:
    one = sign_up(house)
    await later(house)
    [person] = house.persons()
    change(house, 'person', person['id'], emails=[*person['emails'], {'value': 'sam@home.example'}])
    await later(house)
    told = (await link(house, one.id)).json()['link']
    query = dict(part.split('=') for part in told.partition('?')[2].split('&'))
    form = {'name': 'Sam Okafor', 'email': 'sam@home.example', 'meeting_dt': TEN.isoformat(), **query}
    answer = await house.web.post('/callbooker/support/book/', json=form)
    assert answer.status_code == 200, answer.text
    await later(house)
    assert [item['id'] for item in house.persons()] == [person['id']]


@pytest.mark.lesson('M-31')
@pytest.mark.behaviour('D-6')
async def test_a_person_shared_by_a_second_address_is_not_deleted_with_the_mark(house: House) -> None:
    one = sign_up(house)
    other = add_organization(house, 'Brook Tutors')
    add_person(
        house, other, 'Sam O', emails=[{'value': 'sam@brook.example', 'primary': True}, {'value': 'sam@ember.example'}]
    )
    await later(house)
    count = len(house.organizations())
    house.tc2.set_narc(one.id)
    await later(house)
    assert len(house.organizations()) == count
    assert [item['kind'] for item in await decisions(house)] == ['narc']


@pytest.mark.lesson('M-31', 'M-30')
async def test_an_operator_finds_somebody_by_every_address_and_phone(house: House) -> None:
    organization = add_organization(house, 'Café Ember')
    phones = [{'value': '0161 496 0000', 'primary': True}, {'value': '+44 (0)20 7946 0011'}]
    add_person(house, organization, 'Lee Adams', emails=SECOND, phones=phones)
    await later(house)
    with psycopg.connect(house.settings.database_url) as connection:
        for text, where in (('LEE@home.example', 'e-mail'), ('020 7946 0011', 'phone'), ('ＣＡＦÉ  ember', 'name')):
            [found] = search.search(connection, text)
            assert where in found['hits'], text
