"""What a name alone is worth: nothing where it names nobody, little where nothing else speaks for it (MATCH-11)."""
# ruff: noqa: RUF001 - what looks alike is a part of what this is about

from datetime import timedelta
from typing import Any

import pytest
from typer.testing import CliRunner

from hermes.cli import app
from hermes.domain.identity import fold_name
from tests.flows.companies import client, decisions, deliver, event, later, sign_up
from tests.flows.crm import add_organization, add_person
from tests.flows.house import House
from tests.flows.visitors import TEN, book

NOBODYS = [
    'N/A', 'n.a.', 'NA', '-', '--', '–', '.', '?', '???', 'x', 'XX', 'xxx', 'none', 'None.', '(none)', 'NULL',
    'nil', 'undefined', 'unknown', 'Unnamed', 'test', 'Testing', 'tbc', 'T.B.D.', 'no company', 'No name',
    'not applicable', 'Self-employed', 'self employed', 'Private', 'Individual', 'me', 'myself', 'Tutor',
    'private tutor', 'company name', 'my company', 'asdf', 'abc', 'aaa', 'AB', '12', '123', '1234', '\u200b',
    '\u00ad-\u200f', 'ｎ／ａ', 'keine', 'aucune', 'ninguno',
]  # fmt: skip
SOMEBODYS = [
    'Ember Tutors', 'EF Tutors', 'IXL', 'A1 Tuition', '3 Rivers', 'N/A Tutors', 'None the Wiser', 'Test Prep Co',
    'Private Tutors Ltd', 'Kip', '学而', 'ثانوية', 'Øre',
]  # fmt: skip


@pytest.mark.lesson('M-26')
@pytest.mark.parametrize('name', NOBODYS)
def test_what_only_fills_the_field_is_nobodys_name(name: str) -> None:
    assert fold_name(name) == ''


@pytest.mark.parametrize('name', SOMEBODYS)
def test_a_name_is_a_name(name: str) -> None:
    assert fold_name(name) != ''


@pytest.mark.lesson('M-26')
@pytest.mark.behaviour('MATCH-5', 'MATCH-11')
@pytest.mark.parametrize('name', ['N/A', '-', 'none', 'X', 'self-employed'])
async def test_strangers_who_give_no_name_share_nothing(house: House, name: str) -> None:
    for place, country in enumerate(['GB', 'GB', 'US']):
        answer = await book(
            house, TEN + timedelta(hours=2 * place), email=f'visitor{place}@place{place}.example', company_name=name,
            country=country,
        )  # fmt: skip
        assert answer.status_code == 200, answer.text
    await later(house)
    assert [item['name'] for item in house.organizations()] == [name] * 3
    assert len({deal['org_id'] for deal in house.deals()}) == 3
    assert await house.rows("select 1 from meeting where extra ? 'flags'") == []


@pytest.mark.lesson('M-26')
@pytest.mark.behaviour('MATCH-1', 'MATCH-2', 'MATCH-11')
@pytest.mark.parametrize('first', ['organisation', 'client'])
async def test_nor_does_a_client_or_an_organisation(house: House, first: str) -> None:
    agency = {'name': 'None', 'country': None}
    if first == 'client':
        await house.act('system.pause', system='pipedrive', reason='nothing is made there meanwhile')
        await deliver(house, event(client(501, agency=agency)))
    add_organization(house, 'none')
    await later(house)
    if first == 'organisation':
        await deliver(house, event(client(501, agency=agency)))
    await later(house)
    assert len(await house.rows('select 1 from company')) == 2


@pytest.mark.lesson('M-26')
@pytest.mark.behaviour('MATCH-3', 'MATCH-11')
async def test_nor_do_people_without_a_name(house: House) -> None:
    await house.act('system.pause', system='pipedrive', reason='nothing is made there meanwhile')
    sign_up(house, recipients=[{'first_name': None, 'last_name': 'Unknown', 'email': None}], email=None)
    await later(house)
    add_person(house, add_organization(house, 'Ember Tutors'), 'unknown')
    await later(house)
    assert len(await house.rows('select 1 from company')) == 1
    assert len(await house.rows('select 1 from contact')) == 2


@pytest.mark.lesson('M-26')
@pytest.mark.behaviour('MATCH-5')
async def test_one_name_in_two_countries_is_two_companies(house: House) -> None:
    for place, country in enumerate(['GB', 'US']):
        await book(house, TEN + timedelta(hours=2 * place), email=f'visitor{place}@place.example', country=country)
    await later(house)
    assert len(house.organizations()) == len(house.deals()) == 2


async def flagged(house: House) -> list[dict[str, Any]]:
    return await house.rows("select id, extra -> 'flags' as flags from meeting where extra ? 'flags' order by id")


@pytest.mark.lesson('M-26')
@pytest.mark.behaviour('MATCH-5', 'MATCH-7')
@pytest.mark.parametrize(
    ('known', 'website', 'asks'),
    [
        ('lee@adams.example', None, False),
        ('Lee@Mail.Adams.example', None, False),
        (None, 'https://www.adams.example/about', False),
        (None, 'adams.example:8443', False),
        ('lee@elsewhere.example', None, True),
        ('lee@elsewhere.example', 'https://adams.example', False),
        (None, 'https://elsewhere.example', True),
        ('lee@notadams.example', None, True),
        (None, None, False),
    ],
)
async def test_a_booking_by_name_is_flagged_and_asked_about_where_the_domain_is_another(
    house: House, known: str | None, website: str | None, *, asks: bool
) -> None:
    organization = add_organization(house, 'Adams Tuition', custom={'website': website} if website else {})
    if known:
        add_person(house, organization, emails=[{'value': known}])
    await later(house)
    answer = await book(house, email='pat@adams.example')
    assert answer.status_code == 200, answer.text
    await later(house)
    [meeting] = await flagged(house)
    assert meeting['flags'] == ['by name only']
    asked = [(item['kind'], item['record_id']) for item in await decisions(house)]
    assert asked == ([('by name only', meeting['id'])] if asks else [])


@pytest.mark.lesson('M-26')
@pytest.mark.behaviour('MATCH-5', 'MATCH-7')
async def test_the_flag_and_the_question_are_shown_with_the_booking(
    house: House, monkeypatch: pytest.MonkeyPatch, tmp_path: Any
) -> None:
    add_person(house, add_organization(house, 'Adams Tuition'), emails=[{'value': 'lee@elsewhere.example'}])
    await later(house)
    await book(house, email='pat@adams.example')
    [meeting] = await flagged(house)
    monkeypatch.setenv('DATABASE_URL', house.settings.database_url)
    monkeypatch.setenv('DATA_DIR', str(tmp_path))
    shown = CliRunner().invoke(app, ['bookings', 'show', str(meeting['id'])]).stdout
    assert 'flagged' in shown
    assert 'another domain' in shown
    [asked] = await decisions(house)
    await house.act('decision.settle', decision=asked['id'], choice='keep')
    assert await decisions(house) == []
    assert 'another domain' not in CliRunner().invoke(app, ['bookings', 'show', str(meeting['id'])]).stdout
