"""A call is moved to whatever its page offers and to nothing else: it is never in its own way, and all else is."""

import random
import re
from datetime import datetime, timedelta
from html import unescape
from urllib.parse import urlsplit

import pytest

from tests.flows.house import MARCUS, PRIYA, House
from tests.flows.visitors import HALF, TEN, admin, book, hold, number

MINUTE, HOUR, DAY = timedelta(minutes=1), timedelta(hours=1), timedelta(days=1)
GRID = [TEN + day * DAY + n * 45 * MINUTE for day in range(2) for n in range(10)]
OFFERED = re.compile(r'name="start" value="(2026[^"]+)"')
JSON = {'Accept': 'application/json'}


async def booked(house: House, at: datetime = TEN, **more: object) -> str:
    """The path of a booking's page."""
    answer = await book(house, at, **more)  # type: ignore[arg-type]
    assert answer.status_code == 200, answer.text
    return urlsplit(answer.json()['manage']).path


async def offered(house: House, path: str) -> set[datetime]:
    """The times of GRID that the page of a booking offers."""
    page = await house.web.get(f'{path}?more=100')
    assert page.status_code == 200
    assert 'cannot be shown' not in page.text
    return {datetime.fromisoformat(unescape(each)) for each in OFFERED.findall(page.text)} & set(GRID)


async def move(house: House, path: str, at: datetime) -> tuple[int, str]:
    answer = await house.web.post(path, json={'action': 'move', 'start': at.isoformat()}, headers=JSON)
    return answer.status_code, answer.json().get('code', '')


async def accepted(house: House, path: str, home: datetime) -> set[datetime]:
    """The times of GRID to which a booking can be moved; a colleague moves it back from each."""
    [row] = await house.rows('select id from meeting order by id limit 1')
    back = {'start_at': home.isoformat(), 'end_at': (home + HALF).isoformat()}
    found = set()
    for at in GRID:
        status, _ = await move(house, path, at)
        assert status in (200, 400, 409)
        if status == 200:
            found.add(at)
            await house.act('meeting.move', meeting=row['id'], by='admin', **back)
            await house.settle(10)
    return found


@pytest.mark.lesson('M-20')
@pytest.mark.behaviour('CB-13')
@pytest.mark.parametrize(
    ('first', 'last', 'by'),
    [
        (-30, 0, 10),
        (-30, 10, 5),
        (0, 30, 10),
        (-15, 45, 60),
        (20, 60, -10),
        (30, 60, -10),
        (10, 20, 5),
        (-300, 600, 1440),
    ],
)
async def test_an_event_that_touches_a_call_does_not_nail_it_down(house: House, first: int, last: int, by: int) -> None:
    noon = TEN + 2 * HOUR
    path = await booked(house, noon)
    await house.settle()
    house.google.block((await admin(house))['email'], noon + first * MINUTE, noon + last * MINUTE)
    house.clock.advance(61)
    assert await move(house, path, noon + by * MINUTE) == (200, '')


@pytest.mark.lesson('M-20')
async def test_what_overlaps_a_call_still_stands_beside_it(house: House) -> None:
    path = await booked(house, TEN + 45 * MINUTE)
    await house.settle()
    house.google.block((await admin(house))['email'], TEN + 60 * MINUTE, TEN + 130 * MINUTE)
    house.clock.advance(61)
    assert TEN in await offered(house, path)
    assert TEN + 90 * MINUTE not in await offered(house, path)
    assert await move(house, path, TEN + 100 * MINUTE) == (409, 'slot_taken')
    assert await move(house, path, TEN + 30 * MINUTE) == (200, ''), 'its own time, and half an hour before'


@pytest.mark.lesson('M-20')
async def test_a_call_does_not_fill_its_own_day(house: House) -> None:
    await house.act('admin.save', id=await number(house), fields={'daily_cap': 1})
    path = await booked(house)
    assert {at for at in GRID if at.date() == TEN.date()} <= await offered(house, path)
    assert await move(house, path, TEN + 10 * MINUTE) == (200, ''), 'nor is its buffer in its way'


@pytest.mark.lesson('M-20')
async def test_a_call_takes_the_buffer_of_today_with_it(house: House) -> None:
    path = await booked(house)
    await house.act('admin.save', id=await number(house), fields={'meeting_buffer_mins': 0})
    await booked(house, TEN + 90 * MINUTE, email='other@customer.example', company_name='Other')
    assert await move(house, path, TEN + HOUR) == (200, '')
    assert (await house.rows('select buffer_s from meeting order by id'))[0]['buffer_s'] == 0


@pytest.mark.lesson('M-20')
@pytest.mark.behaviour('CB-3')
async def test_no_time_is_offered_too_close_to_another_call_of_the_visitor(house: House) -> None:
    path = await booked(house)
    assert (await book(house, TEN + 6 * HOUR, who=MARCUS)).status_code == 200
    close = {at for at in GRID if abs(at - TEN - 6 * HOUR) < 2 * HOUR}
    assert len(close) == 4
    assert await offered(house, path) == {*GRID} - close == await accepted(house, path, TEN)


@pytest.mark.lesson('M-20')
@pytest.mark.parametrize('seed', range(4))
async def test_the_page_offers_exactly_what_is_accepted(house: House, seed: int) -> None:
    chance, email = random.Random(seed), (await admin(house))['email']
    fields = {'daily_cap': chance.choice([None, 1, 2, 3]), 'meeting_buffer_mins': 15}
    await house.act('admin.save', id=await number(house), fields=fields)
    home = chance.choice(GRID)
    path = await booked(house, home)
    for n, at in enumerate(chance.sample(GRID, 4)):
        own = chance.random() < 0.4
        who = {'who': MARCUS} if own else {'email': f'v{n}@other.example', 'company_name': f'Other {n}'}
        await book(house, at + chance.choice([0, 5, 30]) * MINUTE, **who)
    await house.settle()
    for start in (home, home, chance.choice(GRID)):
        begin = start + chance.randrange(-60, 45, 5) * MINUTE
        house.google.block(email, begin, begin + chance.choice([10, 30, 60, 120]) * MINUTE)
    house.clock.advance(61)
    await hold(house, chance.choice(GRID), who=PRIYA)
    before = await offered(house, path)
    assert before == await accepted(house, path, home)


@pytest.mark.lesson('M-20')
async def test_a_call_that_the_calendar_still_shows_elsewhere_is_not_in_its_own_way(house: House) -> None:
    path = await booked(house)
    await house.settle()
    house.working = False
    assert await move(house, path, TEN + 6 * HOUR) == (200, '')
    assert TEN in await offered(house, path)
    assert await move(house, path, TEN + 10 * MINUTE) == (200, '')
    house.working = True
    await house.settle()


@pytest.mark.lesson('M-20')
async def test_the_same_time_again_is_no_move(house: House) -> None:
    path = await booked(house)
    page = await house.web.post(path, data={'action': 'move', 'start': TEN.isoformat()})
    assert (page.status_code, 'was moved' in page.text, 'stays' in page.text) == (200, False, True)
    assert (await house.rows('select sequence from meeting'))[0]['sequence'] == 0
    assert '10:00</time> <span class="now">(as now)' in page.text
