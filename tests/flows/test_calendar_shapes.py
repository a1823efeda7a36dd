"""An event that a person turns into what a meeting cannot be: the meeting stays, and people are told (CB-15)."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest

from tests.flows.calendars import HALF, TEN, admin, book, event_of, follow, meeting, open_office
from tests.flows.house import House

DAY = f'{TEN:%Y-%m-%d}'
WHOLE = {'start': {'date': DAY, 'dateTime': None, 'timeZone': None},
         'end': {'date': f'{TEN + timedelta(days=1):%Y-%m-%d}', 'dateTime': None, 'timeZone': None}}  # fmt: skip


@pytest.fixture
async def office(database_url: str) -> AsyncIterator[House]:
    async with open_office(database_url, channels=False) as house:
        yield house


async def asked(house: House) -> list[tuple[str, str]]:
    rows = await house.rows("select state, detail from decision where kind = 'calendar' order by id")
    return [(row['state'], row['detail']['reason']) for row in rows]


@pytest.mark.behaviour('CB-15')
async def test_the_meeting_stays_and_people_are_told(office: House) -> None:
    email = (await admin(office))['email']
    number = await book(office)
    await follow(office)
    office.clock.advance(5)
    office.google.edit(email, event_of(office, email), **WHOLE)
    await follow(office, 61)
    stays = await meeting(office, number)
    assert (stays['status'], stays['start_at'], stays['end_at']) == ('planned', TEN, TEN + HALF)
    assert await office.rows('select 1 from occupancy where meeting_id = %s', number)
    [(state, told)] = await asked(office)
    assert state == 'open'
    assert 'one of whole days' in told


async def test_who_gives_it_its_time_again_has_answered(office: House) -> None:
    email = (await admin(office))['email']
    number = await book(office)
    office.clock.advance(5)
    office.google.edit(email, event_of(office, email), **WHOLE)
    await follow(office, 61)
    office.clock.advance(5)
    office.google.move(email, event_of(office, email), TEN + timedelta(hours=1), TEN + timedelta(hours=1) + HALF)
    await follow(office, 61)
    assert [state for state, _ in await asked(office)] == ['merged']
    assert (await meeting(office, number))['start_at'] == TEN + timedelta(hours=1)


async def test_a_move_of_ours_gives_it_its_time_again(office: House) -> None:
    email = (await admin(office))['email']
    number = await book(office)
    office.clock.advance(5)
    office.google.edit(email, event_of(office, email), **WHOLE)
    await follow(office, 61)
    office.clock.advance(5)
    later = TEN + timedelta(days=1)
    await office.act(
        'meeting.move', meeting=number, start_at=later.isoformat(), end_at=(later + HALF).isoformat(), by='admin'
    )
    await office.settle(20)
    start = office.google.events[email, event_of(office, email)].fields['start']
    assert start.get('date') is None
    assert start['dateTime'].startswith(f'{later:%Y-%m-%d}')
    await follow(office, 61)
    assert [state for state, _ in await asked(office)] == ['merged']
