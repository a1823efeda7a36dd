"""Texts that look the same are the same, for every door and in both directions: no second company, no person twice, no
call for what nobody can see; and nothing invisible goes out.
"""
# ruff: noqa: RUF001 - what looks alike is what this is about

import json
from typing import Any

import pytest

from tests.flows.companies import later, sign_up
from tests.flows.crm import add_organization, add_person, change
from tests.flows.house import PRIYA_PD, House
from tests.flows.visitors import book

NAME = 'Café Ember Tutors'
NAMES = {
    'decomposed': 'Cafe\u0301 Ember Tutors',
    'a zero-width space': 'Café\u200b Ember Tutors',
    'a byte order mark': '\ufeffCafé Ember Tutors',
    'a soft hyphen': 'Café Em\u00adber Tutors',
    'marks of direction': '\u202aCafé Ember Tutors\u202c\u200f',
    'joiners': 'Ca\u200dfé Ember\u200c Tutors',
    'no break': 'Café\u00a0Ember\u202fTutors',
    'full width and capitals': 'ＣＡＦÉ  ember tutors',
}
ADDRESSES = {
    'decomposed': 'Lee@mu\u0308nchen.example',
    'as IDNA says it': 'lee@xn--mnchen-3ya.example',
    'a zero-width space': '\u200blee@münchen.example',
    'a soft hyphen': 'lee@mün\u00adchen.example',
    'full width': 'ｌｅｅ@MÜNCHEN.example',
}
ADDRESS = 'lee@münchen.example'
INVISIBLE = ('\u200b', '\ufeff', '\u00ad', '\u200f', '\u202a', '\u0301', '\u00a0', '\u200d', '\x07')


def sent(house: House) -> str:
    """Everything that was written to the outside, as one text."""
    calls = [call for name in ('pipedrive', 'google', 'tutorcruncher') for call in house.calls(system=name)]
    return json.dumps([call.request for call in calls if call.method != 'GET'], ensure_ascii=False)


async def companies(house: House) -> list[dict[str, Any]]:
    return await house.rows('select * from company where alias_of is null')


@pytest.mark.lesson('M-32')
@pytest.mark.behaviour('MATCH-1', 'MATCH-10')
@pytest.mark.parametrize('written', NAMES.values(), ids=NAMES)
async def test_a_client_is_the_company_that_looks_like_it(house: House, written: str) -> None:
    organization = add_organization(house, written)
    await later(house)
    house.mark()
    sign_up(house, NAME)
    await later(house)
    assert [item['id'] for item in house.organizations()] == [organization]
    assert '"name": "C' not in sent(house)


@pytest.mark.lesson('M-32')
@pytest.mark.behaviour('MATCH-2', 'MATCH-10')
@pytest.mark.parametrize('written', NAMES.values(), ids=NAMES)
async def test_an_organisation_is_the_company_that_looks_like_it(house: House, written: str) -> None:
    await house.act('system.pause', system='pipedrive', reason='nothing is made there meanwhile')
    sign_up(house, written)
    await later(house)
    organization = add_organization(house, NAME)
    await later(house)
    await house.act('system.resume', system='pipedrive')
    await later(house)
    assert [item['id'] for item in house.organizations()] == [organization]
    assert len(await companies(house)) == 1


@pytest.mark.lesson('M-32')
@pytest.mark.behaviour('MATCH-5', 'MATCH-1', 'MATCH-3')
@pytest.mark.parametrize('written', ADDRESSES.values(), ids=ADDRESSES)
async def test_a_visitor_and_a_client_are_whom_their_address_says(house: House, written: str) -> None:
    organization = add_organization(house, 'Called Otherwise')
    person = add_person(house, organization, 'Lee Adams', emails=[{'value': written}])
    await later(house)
    assert (await book(house, email=ADDRESS)).status_code == 200
    sign_up(house, email=ADDRESS, recipients=[{'first_name': 'Lee', 'last_name': 'Adams', 'email': ADDRESS.upper()}])
    await later(house)
    assert [item['id'] for item in house.organizations()] == [organization]
    assert [item['id'] for item in house.persons()] == [person]
    assert [row['email'] for row in await house.rows('select email from contact')] != []


@pytest.mark.lesson('M-32')
@pytest.mark.behaviour('OUT-2')
async def test_nothing_invisible_goes_out_and_no_call_is_made_for_it(house: House) -> None:
    one = sign_up(
        house, 'Cafe\u0301\u200b Ember\u00a0Tutors\u200f', website='https://ember\u00ad.example\ufeff',
        first_name='Sa\u200bm', recipients=[
            {'first_name': 'Sa\u200bm', 'last_name': 'O\u2060kafor', 'email': '\u200bsam@ember.example'},
        ], extra_attrs={'utm_source': 'ne\u00adws\x07'},
    )  # fmt: skip
    await later(house)
    assert not [letter for letter in INVISIBLE if letter in sent(house)]
    [organization], [person] = house.organizations(), house.persons()
    shown = house.custom('organization', organization)
    assert (organization['name'], shown['website'], shown['utm_source']) == (NAME, 'https://ember.example', 'news')
    assert (person['name'], person['emails'][0]['value']) == ('Sam Okafor', 'sam@ember.example')
    assert [deal['title'] for deal in house.deals()] == [NAME]
    house.mark()
    for written in NAMES.values():
        if written.casefold() == written or written.startswith('Ｃ'):
            continue
        house.tc2.edit_client(one.id, name=written)
        await later(house)
    house.tc2.send_snapshot(one.id)
    await later(house)
    assert house.calls() == []


@pytest.mark.lesson('M-32')
@pytest.mark.behaviour('EDIT-1')
async def test_a_person_who_writes_something_invisible_has_edited_nothing(house: House) -> None:
    one = sign_up(house, NAME)
    await later(house)
    [organization] = house.organizations()
    before = await house.rows('select count(*) as n from change')
    house.mark()
    for name in ('Café\u200b Ember Tutors', 'Cafe\u0301 Ember Tutors\ufeff', NAME):
        change(house, 'organization', organization['id'], name=name)
        await later(house)
    assert house.calls() == []
    assert await house.rows('select count(*) as n from change') == before
    house.tc2.edit_client(one.id, name='Ember of Paris')
    await later(house)
    assert [item['name'] for item in house.organizations()] == ['Ember of Paris']


@pytest.mark.lesson('M-32')
async def test_what_stood_there_dirty_before_is_no_edit_and_not_sent_again(house: House) -> None:
    """Values that an older Hermes stored as they came."""
    one = sign_up(house, NAME)
    await later(house)
    dirty = 'Café\u200b Ember Tutors'
    await house.rows(
        "update mirror set runs = replace(runs::text, %s, %s)::jsonb, sent = replace(sent::text, %s, %s)::jsonb "
        'returning 1', NAME, dirty, NAME, dirty,
    )  # fmt: skip
    await house.rows('update company set name = %s returning 1', dirty)
    house.mark()
    [organization] = house.organizations()
    change(house, 'organization', organization['id'], owner_id=PRIYA_PD, label_ids=[])
    house.tc2.send_snapshot(one.id)
    await later(house)
    assert house.calls() == []
    house.tc2.edit_client(one.id, name='Ember of Paris')
    await later(house)
    assert [item['name'] for item in house.organizations()] == ['Ember of Paris']
