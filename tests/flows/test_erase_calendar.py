"""A call of somebody who is erased: its letters, its event in the calendar, its activity in the CRM (S10)."""

from datetime import timedelta
from typing import Any

import pytest

from tests.flows.calendars import TEN, admin, event_of, follow
from tests.flows.dumped import dump, found_in
from tests.flows.house import House
from tests.flows.letters import Post, book, open_post
from tests.flows.test_erase import check, erase

CANARIES = ('Ottoline', 'Marchbanks', 'otto@march.example', '79460958')


async def moved(house: House, email: str) -> None:
    """The admin moves the event, so that the calendar speaks of it once more."""
    start = TEN + timedelta(hours=3)
    house.google.move(email, event_of(house, email), start, start + timedelta(minutes=30))


@pytest.mark.invariant('S10')
async def test_a_call_of_somebody_erased_is_nowhere_and_does_not_come_back(database_url: str) -> None:
    async with open_post(database_url) as post:
        await call_of_somebody(post)


async def call_of_somebody(post: Post) -> None:
    house = post.house
    who: dict[str, Any] = {'name': 'Ottoline Marchbanks', 'email': 'otto@march.example', 'phone': '+442079460958'}
    number = await book(house, **who, company_name='Adams Tuition')
    await post.carry()
    await follow(house)
    assert post.inbox()
    assert len(found_in(dump(house.settings.database_url), CANARIES)) >= len(CANARIES)
    [row] = await house.rows('select contact_id from meeting where id = %s', number)
    priya = (await admin(house))['email']
    told = await erase(house, 'contact', row['contact_id'])
    assert {(one['system'], one['type']) for one in told['held']} >= {('google', 'event'), ('pipedrive', 'activity')}
    assert found_in(dump(house.settings.database_url), CANARIES) == []
    count = len(post.inbox())
    await moved(house, priya)
    await follow(house, 120)
    await post.carry_at(TEN + timedelta(days=1))
    assert len(post.inbox()) == count, 'nobody writes to somebody who was erased'
    assert found_in(dump(house.settings.database_url), CANARIES) == []
    assert check(house, told['receipt']) == []
    assert await house.rows('select * from occupancy where meeting_id is not null') == []
