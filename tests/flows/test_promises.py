"""A call that was promised to a visitor: it stands whatever becomes of the company, and nothing promises what is not
going to be done (CB-7, D-6, PD-ORG-3).
"""

from datetime import timedelta
from typing import Any
from urllib.parse import urlsplit

import psycopg
import pytest
from psycopg.rows import dict_row

from hermes.db import housekeeping
from hermes.db.reads import meetings
from tests.flows.companies import client, decisions, deliver, event, later, settle
from tests.flows.house import PRIYA, PRIYA_PD, TOM, House
from tests.flows.merging import assert_replays
from tests.flows.visitors import HALF, TEN, admin, book, link, live, uid_of

JSON = {'Accept': 'application/json'}
NOON = TEN + timedelta(hours=2)


async def of_a_customer(house: House, **more: Any) -> dict[str, Any]:
    """A booking by somebody of a company that TutorCruncher knows."""
    await deliver(house, event(client(501), at=house.clock.now()))
    answer = await book(house, email='sam@ember.example', company_name='Ember Tutors', **more)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def mark(house: House, narc: bool = True) -> None:
    """TutorCruncher says that it is not a real customer, or that it is one after all."""
    house.clock.advance(60)
    await deliver(house, event(client(501, agency={'narc': narc}), at=house.clock.now()))


async def delete_organization(house: House) -> None:
    [organization] = house.organizations()
    house.pd.act_delete('organization', organization['id'], PRIYA_PD)
    await later(house)


async def change(house: House, told: dict[str, Any], **what: Any) -> dict[str, Any]:
    """The visitor uses the link."""
    house.clock.advance(10)
    answer = await house.web.post(urlsplit(told['manage']).path, data=what, headers=JSON)
    assert answer.status_code == 200, answer.text
    return answer.json()


async def row(house: House, told: dict[str, Any]) -> dict[str, Any]:
    return (await house.rows('select * from meeting where uid = %s', uid_of(told)))[0]


async def starts(house: House, tc2_admin_id: int = PRIYA) -> list[str]:
    """When the calls of an admin begin, as the calendar shows them."""
    return [one['start']['dateTime'][:16] for one in live(house, (await admin(house, tc2_admin_id))['email'])]


@pytest.mark.behaviour('CB-7', 'D-6')
@pytest.mark.lesson('M-60')
@pytest.mark.parametrize('kind', ['sales', 'support'])
async def test_who_is_no_real_customer_and_books_is_met_all_the_same(house: House, second_url: str, kind: str) -> None:
    await deliver(house, event(client(501, agency={'narc': True}), at=house.clock.now()))
    house.mark()
    if kind == 'sales':
        answer = await book(house, email='sam@ember.example')
    else:
        query = urlsplit((await link(house, 501)).json()['link']).query
        given = dict(part.split('=') for part in query.split('&'))
        form = {'name': 'Sam Okafor', 'email': 'sam@ember.example', 'meeting_dt': TEN.isoformat(), **given}
        answer = await house.web.post('/callbooker/support/book/', json=form)
    assert answer.status_code == 200, answer.text
    assert answer.json()['invitation'] == 'sent'
    assert await starts(house, PRIYA if kind == 'sales' else TOM) == ['2026-03-04T10:00']
    told = answer.json()
    assert (await row(house, told))['extra']['flags'] == ['its company is marked as not a real customer']
    [asked] = await decisions(house)
    assert (asked['kind'], asked['record_id']) == ('promised', (await row(house, told))['id'])
    assert house.organizations() == house.persons() == house.deals() == []
    assert [call.method for call in house.calls() if call.method != 'GET'] == []
    await assert_replays(house, second_url)


@pytest.mark.behaviour('CB-7')
@pytest.mark.lesson('M-60')
@pytest.mark.parametrize('blow', ['mark', 'deleted in the CRM', 'deleted in TutorCruncher'])
async def test_the_calendar_follows_a_call_whatever_becomes_of_its_company(
    house: House, second_url: str, blow: str
) -> None:
    told = await of_a_customer(house)
    await later(house)
    if blow == 'mark':
        await mark(house)
    elif blow == 'deleted in the CRM':
        await delete_organization(house)
    else:
        await deliver(house, event(client(501), 'DELETED_A_CLIENT', at=house.clock.now()))
    await later(house)
    assert await starts(house) == ['2026-03-04T10:00']
    house.mark()
    moved = await change(house, told, action='move', start=NOON.isoformat())
    assert (moved['invitation'], await starts(house)) == ('sent', ['2026-03-04T12:00'])
    assert [call.method for call in house.calls() if call.method != 'GET'] == [], 'the CRM is told nothing'
    canceled = await change(house, told, action='cancel')
    assert (canceled['state'], await starts(house)) == ('canceled', [])
    await assert_replays(house, second_url)


@pytest.mark.behaviour('CB-7')
@pytest.mark.lesson('M-60')
async def test_sent_is_said_only_when_the_calendar_holds_it(house: House) -> None:
    told = await of_a_customer(house)
    await later(house)
    await delete_organization(house)
    house.working = False
    moved = await change(house, told, action='move', start=NOON.isoformat())
    assert moved['invitation'] == 'follows'
    await house.settle()
    shown = await house.web.get(urlsplit(told['manage']).path, headers=JSON)
    assert (shown.json()['invitation'], await starts(house)) == ('sent', ['2026-03-04T12:00'])


@pytest.mark.behaviour('CB-7', 'TC-8')
@pytest.mark.lesson('M-60')
async def test_a_doubt_is_asked_about_once_and_ends_with_its_reason(house: House) -> None:
    told = await of_a_customer(house)
    await later(house)
    await mark(house)
    [asked] = await decisions(house)
    assert asked['kind'] == 'promised'
    number = (await row(house, told))['id']
    with psycopg.connect(house.settings.database_url, row_factory=dict_row) as connection:
        found = meetings.read_meeting(connection, number)
    assert found['flags'] == ['its company is marked as not a real customer']
    assert [one['id'] for one in found['decisions']] == [asked['id']]
    await mark(house)
    assert [one['id'] for one in await decisions(house)] == [asked['id']]
    await mark(house, narc=False)
    assert await decisions(house) == []
    assert 'flags' not in (await row(house, told))['extra']
    await later(house, 600)
    assert [one['type'] for one in house.pd.state()['activities'] if not one['is_deleted']] == ['meeting']
    await mark(house)
    [again] = await decisions(house)
    assert again['id'] > asked['id']
    await settle(house, 'keep')
    await mark(house)
    assert await decisions(house) == []
    assert await starts(house) == ['2026-03-04T10:00']


@pytest.mark.behaviour('PD-ORG-3')
@pytest.mark.lesson('M-66')
async def test_past_calls_go_with_their_organisation_and_a_future_one_is_a_question(
    house: House, second_url: str
) -> None:
    past = await of_a_customer(house)
    house.clock.move_to(TEN + HALF)
    coming = await book(house, TEN + timedelta(days=1), email='sam@ember.example')
    await later(house)
    await delete_organization(house)
    assert [(await row(house, one))['tombstone'] is None for one in (past, coming.json())] == [False, True]
    assert '2026-03-05T10:00' in await starts(house)
    [asked] = await decisions(house)
    assert (asked['kind'], asked['record_id']) == ('promised', (await row(house, coming.json()))['id'])
    assert asked['detail']['reason'] == 'its company was deleted in the CRM'
    house.mark()
    await settle(house, 'cancel')
    gone = await row(house, coming.json())
    assert (gone['status'], gone['canceled_by']) == ('canceled', 'admin')
    assert '2026-03-05T10:00' not in await starts(house)
    [letter] = await house.rows("select * from letter where kind = 'cancelled'")
    assert (letter['meeting_id'], letter['state']) == (gone['id'], 'due')
    assert [call.method for call in house.calls() if call.method != 'GET'] == []
    assert await decisions(house) == []
    await assert_replays(house, second_url)


@pytest.mark.behaviour('D-2', 'PD-ORG-3')
@pytest.mark.lesson('M-66')
async def test_with_the_organisation_its_past_calls_come_back(house: House) -> None:
    told = await of_a_customer(house)
    house.clock.move_to(TEN + HALF)
    await later(house)
    await delete_organization(house)
    [organization] = [one for one in house.pd.state()['organizations'] if one['is_deleted']]
    house.pd.act_undelete('organization', organization['id'], PRIYA_PD)
    await later(house)
    assert (await row(house, told))['tombstone'] is None


@pytest.mark.lesson('M-60')
async def test_nobody_is_asked_about_a_call_that_is_over(house: House) -> None:
    await of_a_customer(house)
    await later(house)
    await mark(house)
    assert await housekeeping.close_over(house.engine.database) == 0
    house.clock.move_to(TEN + HALF)
    assert await housekeeping.close_over(house.engine.database) == 1
    assert await decisions(house) == []
