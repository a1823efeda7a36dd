"""What the flows about followed calendars share: a booking, and a follower that is turned by hand."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import parse_qsl

from hermes.sync.calendars import follow_step
from tests.flows.acting import carry_out
from tests.flows.house import PRIYA, START, House, open_house
from tests.flows.house import SIGNING_KEY as SIGNING_KEY

TEN = START + timedelta(days=2, hours=1)
HALF = timedelta(minutes=30)
FORM = {
    'name': 'Lee Adams', 'email': 'lee@customer.example', 'phone': None, 'company_name': 'Adams Tuition',
    'website': None, 'country': 'GB', 'estimated_income': '50-150k', 'currency': 'GBP', 'price_plan': 'payg',
    'utm_source': None, 'utm_campaign': None, 'gclid': None,
}  # fmt: skip


@asynccontextmanager
async def open_office(database_url: str, *, channels: bool = True, **settings: Any) -> AsyncIterator[House]:
    """A house that follows calendars. `channels`: Google can reach it."""
    keys = {'signing_key': SIGNING_KEY if channels else ''}
    async with open_house(database_url, **{**keys, **settings}) as house:
        yield house


async def admin(house: House, tc2_admin_id: int = PRIYA) -> dict[str, Any]:
    return (await house.rows('select * from admin where tc2_admin_id = %s', tc2_admin_id))[0]


async def book(house: House, start_at: datetime = TEN, **more: Any) -> int:
    """A sales booking with Priya, carried into the calendar; the meeting's id."""
    told = {
        'act': 'meeting.book', 'kind': 'sales', 'admin': (await admin(house))['id'], 'buffer_s': 900,
        'start_at': start_at.isoformat(), 'end_at': (start_at + HALF).isoformat(), 'uid': f'uid-{start_at:%d%H%M}',
        'zone': 'Europe/London', 'form': FORM, 'company': None, 'signed': False, 'bdr': None, **more,
    }  # fmt: skip
    number = int((await carry_out(house.engine, told)).outcome['meeting'])
    await house.settle(20)
    return number


async def follow(house: House, after_s: float = 0) -> None:
    """Let time pass, then read whatever calendar is due, and carry what was found to its end."""
    house.clock.advance(after_s)
    for _ in range(50):
        busy = [await follow_step(engine) for engine in house.engines]
        await house.settle(4)
        if not any(busy):
            return
    raise AssertionError('the calendars do not come to rest')


async def meeting(house: House, number: int) -> dict[str, Any]:
    return (await house.rows('select * from meeting where id = %s', number))[0]


async def followed(house: House, email: str) -> dict[str, Any]:
    return (await house.rows('select * from followed_calendar where calendar = %s', email))[0]


def event_of(house: House, email: str) -> str:
    """The id of the only event of ours in a calendar."""
    [found] = [key for (home, key), event in house.google.events.items() if home == email and len(key) == 52]
    return str(found)


def channels_of(house: House, email: str) -> list[Any]:
    """The live channels of a calendar."""
    now = house.clock.now()
    return [one for one in house.google.channels.live.values() if one.calendar == email and one.expires_at > now]


def listings(house: House, email: str) -> list[dict[str, Any]]:
    """The query of every listing of a calendar since the mark."""
    found = house.calls('GET', '/events', 'google')
    return [dict(parse_qsl(call.query)) for call in found if email in call.path and call.path.endswith('/events')]
