"""Somebody who left the domain: their calendar is closed, everybody else's works on (CB-7, OUT-7)."""

from collections.abc import AsyncIterator
from typing import Any

import pytest

from tests.flows.calendars import admin, book, event_of, follow, followed, meeting, open_office
from tests.flows.house import House

STATE = "select paused, reason from system_state where system = 'google'"


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[House]:
    """A Hermes without a public address: calendars are asked every minute."""
    async with open_office(database_url, channels=False) as house:
        yield house


async def email_of(house: House) -> str:
    return str((await admin(house))['email'])


async def pushed(house: House, number: int) -> dict[str, Any]:
    [row] = await house.rows(
        "select * from push where record_type = 'meeting' and record_id = %s and system = 'google'", number
    )
    return row


async def wait(house: House, seconds: float) -> None:
    house.clock.advance(seconds)
    await house.settle(4)


@pytest.mark.behaviour('OUT-7')
@pytest.mark.parametrize('signed_in', [True, False])
async def test_who_left_takes_nobody_along(office: House, signed_in: bool) -> None:
    """With a token from before Google answers 401, without one it gives none; the other calendars are read on."""
    email = await email_of(office)
    await follow(office)
    office.google.leave(email)
    if not signed_in:
        office.google.expire_tokens()
    await follow(office, 61)
    assert [row for row in await office.rows(STATE) if row['paused']] == []
    assert 'its owner left' in (await followed(office, email))['problem']
    others = await office.rows('select problem, synced_at from followed_calendar where calendar <> %s', email)
    assert others
    assert {row['problem'] for row in others} == {''}
    assert min(row['synced_at'] for row in others) >= office.clock.now()


@pytest.mark.behaviour('CB-7')
async def test_a_booking_with_somebody_who_left_is_canceled_after_three_tries(office: House) -> None:
    email = await email_of(office)
    await follow(office)
    office.google.leave(email)
    number = await book(office)
    assert (await meeting(office, number))['status'] == 'planned'
    assert 'its owner left' in (await pushed(office, number))['reason']
    await wait(office, 45)
    assert (await meeting(office, number))['status'] == 'planned'
    await wait(office, 85)
    gone = await meeting(office, number)
    assert (gone['status'], gone['canceled_by']) == ('canceled', 'refused')
    assert await office.rows('select 1 from occupancy where meeting_id = %s', number) == []
    letters = await office.rows('select kind from letter where meeting_id = %s order by id', number)
    assert 'apology' in {row['kind'] for row in letters}
    assert [row for row in await office.rows(STATE) if row['paused']] == []


@pytest.mark.behaviour('CB-7')
async def test_somebody_who_is_back_in_time_gets_the_event(office: House) -> None:
    email = await email_of(office)
    person = office.google.people[email]
    await follow(office)
    office.google.leave(email)
    number = await book(office)
    office.google.people[email] = person
    await wait(office, 45)
    assert (await meeting(office, number))['status'] == 'planned'
    assert event_of(office, email)


async def test_a_change_in_a_closed_calendar_is_put_aside_with_a_plain_sentence(office: House) -> None:
    email = await email_of(office)
    number = await book(office)
    office.google.leave(email)
    await office.act('meeting.cancel', meeting=number, by='admin')
    for seconds in (6, 45, 85):
        await wait(office, seconds)
    put_aside = await pushed(office, number)
    assert put_aside['state'] == 'parked'
    assert put_aside['reason'].startswith('Google gives Hermes no access to this calendar: its owner left')


@pytest.mark.behaviour('OUT-7')
async def test_an_account_that_may_act_for_nobody_is_paused_and_cancels_nothing(office: House) -> None:
    await follow(office)
    office.google.delegate(on=False)
    number = await book(office)
    await wait(office, 200)
    [state] = await office.rows(STATE)
    assert state['paused']
    assert (await meeting(office, number))['status'] == 'planned'
    office.google.delegate()
    await follow(office, 61)
    await wait(office, 5)
    assert event_of(office, await email_of(office))
