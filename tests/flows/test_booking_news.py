"""Who waits for a booking to reach the calendar is told by the database, and looks again by themselves where it does
not tell.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest

from hermes.booking.news import CalendarNews
from hermes.domain.acts import CancelMeeting
from hermes.sync import bookings
from tests.flows import calendars
from tests.flows.house import House

LONG_S = 60.0
"""Longer than any of this may take: whoever waits so long was not told."""


async def never(duration_s: float) -> None:
    raise AssertionError('nobody looks again while the database tells')


@asynccontextmanager
async def told(house: House) -> AsyncIterator[CalendarNews]:
    news = CalendarNews(house.settings.database_url, never, net_s=LONG_S)
    news.start()
    try:
        async with asyncio.timeout(LONG_S / 2):
            await news.listening.wait()
            yield news
    finally:
        await news.stop()


@pytest.mark.behaviour('CB-7')
async def test_a_visitor_is_told_that_the_calendar_holds_the_call(house: House) -> None:
    async with told(house) as news:
        number = await calendars.book(house)
        with news.of(number) as wait:
            await house.engine.database.execute('update push set wanted = wanted + 1 where record_id = %s', (number,))
            await house.settle()
            await wait(LONG_S)


@pytest.mark.behaviour('CB-7')
async def test_a_visitor_is_told_that_the_calendar_refused_the_call(house: House) -> None:
    number = await calendars.book(house)
    async with told(house) as news:
        with news.of(number) as wait:
            async with house.engine.database.transaction() as connection:
                await bookings.tell(connection, CancelMeeting(number, 'refused', 'It is closed to us.'))
            await house.step()
            await wait(LONG_S)


async def test_who_is_not_told_looks_again() -> None:
    looks: list[float] = []

    async def pause(duration_s: float) -> None:
        looks.append(duration_s)

    with CalendarNews('postgresql://nobody.invalid/none', pause).of(1) as news:
        await news(5)
        await news(0.05)
    assert looks == [0.1, 0.05]
