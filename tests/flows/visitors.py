"""What the flows of bookings share: a visitor at the website, the people who can be booked, and their calendars."""

import base64
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import urlsplit

import httpx2

from tests.flows.house import PRIYA, START, TOM, House

TEN = START + timedelta(days=2, hours=1)
"""Wednesday 4 March 2026, 10:00 in London."""
HALF = timedelta(minutes=30)
FORM = {
    'name': 'Lee Adams', 'email': 'lee@customer.example', 'company_name': 'Adams Tuition', 'country': 'GB',
    'estimated_income': '50-150k', 'currency': 'GBP', 'price_plan': 'payg',
}  # fmt: skip


async def admin(house: House, tc2_admin_id: int = PRIYA) -> dict[str, Any]:
    return (await house.rows('select * from admin where tc2_admin_id = %s', tc2_admin_id))[0]


async def number(house: House, tc2_admin_id: int = PRIYA) -> int:
    return int((await admin(house, tc2_admin_id))['id'])


async def book(
    house: House, at: datetime = TEN, *, who: int = PRIYA, headers: dict[str, str] | None = None, **more: Any
) -> httpx2.Response:
    """POST a sales booking."""
    form = {**FORM, 'admin_id': await number(house, who), 'meeting_dt': at.isoformat(), **more}
    form = {name: value for name, value in form.items() if value is not ...}
    return await house.web.post('/callbooker/sales/book/', json=form, headers=headers or {})


async def slots(
    house: House, start: datetime = TEN, days: float = 1, *, who: int = PRIYA, **more: Any
) -> httpx2.Response:
    """GET availability."""
    query = {
        'admin_id': await number(house, who),
        'start_dt': start.isoformat(),
        'end_dt': (start + timedelta(days=days)).isoformat(),
        **more,
    }
    return await house.web.get('/callbooker/availability/', params=query)


async def starts(house: House, start: datetime = TEN, days: float = 1, **more: Any) -> list[datetime]:
    answer = await slots(house, start, days, **more)
    assert answer.status_code == 200, answer.text
    return [datetime.fromisoformat(slot[0]) for slot in answer.json()['slots']]


async def hold(house: House, at: datetime = TEN, *, who: int = PRIYA, **more: Any) -> httpx2.Response:
    return await house.web.post(
        '/callbooker/hold/', json={'admin_id': await number(house, who), 'start': at.isoformat(), **more}
    )


async def link(house: House, client: int, *, who: int = TOM, key: str | None = None, **more: Any) -> httpx2.Response:
    """GET a support link, as TutorCruncher does."""
    given = house.settings.tc2_api_key[0].get_secret_value() if key is None else key
    return await house.web.get(
        '/callbooker/support-link/generate/tc2/',
        params={'tc2_admin_id': who, 'tc2_cligency_id': client, **more},
        headers={'Authorization': f'Token {given}'},
    )


async def left(house: House) -> dict[str, int]:
    """How many records there are."""
    names = ('company', 'contact', 'deal', 'meeting')
    rows = await house.rows('select ' + ', '.join(f'(select count(*) from {name}) as {name}' for name in names))
    return dict(rows[0])


def uid_of(told: dict[str, Any]) -> str:
    """The uid of the booking that an answer is about."""
    packed = urlsplit(told['manage']).path.split('/')[2].partition('.')[0]
    return base64.urlsafe_b64decode(packed + '=' * (-len(packed) % 4)).decode()


def live(house: House, email: str) -> list[dict[str, Any]]:
    """Our events in a calendar that are not canceled."""
    found = [event for (home, _), event in house.google.events.items() if home == email and event.status != 'cancelled']
    return [house.google.show(event, email) for event in found]
