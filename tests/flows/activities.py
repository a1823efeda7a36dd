"""Meetings with their activities in the CRM: what the flows about them share."""

from datetime import timedelta
from typing import Any

from tests.flows import faults
from tests.flows.acting import carry_out
from tests.flows.bookings import HALF, TEN, book
from tests.flows.companies import later
from tests.flows.house import MARCUS_PD, House

NOON = TEN + timedelta(hours=2)


def activities(house: House) -> list[dict[str, Any]]:
    """The activities that stand in the emulated Pipedrive."""
    return [item for item in house.pd.state()['activities'] if not item['is_deleted']]


def listen(house: House, method: str) -> list[dict[str, Any]]:
    """The bodies of what Hermes says of activities from here on."""
    heard: list[dict[str, Any]] = []
    faults.on(house).add(method, '/activities', faults.rewrite(heard.append), times=100)
    return heard


async def booked(house: House, **more: Any) -> tuple[int, dict[str, Any]]:
    """A meeting and its activity."""
    number = int((await book(house, **more)).outcome['meeting'])
    await later(house)
    [made] = [one for one in activities(house) if one['note'].endswith(f'Hermes meeting {number}')]
    house.mark()
    return number, made


async def act(house: House, what: str, number: int, **more: Any) -> None:
    await carry_out(house.engine, {'act': f'meeting.{what}', 'meeting': number, 'by': 'visitor', **more})
    await later(house)


async def move(house: House, number: int, at: Any = NOON) -> None:
    await act(house, 'move', number, start_at=at.isoformat(), end_at=(at + HALF).isoformat())


def change(house: House, number: int, **values: Any) -> None:
    house.pd.act_update('activity', number, values, MARCUS_PD)


async def meeting(house: House, number: int) -> dict[str, Any]:
    return (await house.rows('select * from meeting where id = %s', number))[0]


async def booked_with(house: House) -> tuple[int, dict[str, Any]]:
    """A meeting, everything that follows, and its only activity."""
    number = int((await book(house)).outcome['meeting'])
    await later(house, 120)
    [made] = [one for one in activities(house) if one['type'] == 'meeting']
    return number, made
