"""Bookings as acts, without the website: what the flows of records share."""

from datetime import datetime, timedelta
from typing import Any

from hermes.sync.acts.commands import Done
from tests.flows.acting import carry_out
from tests.flows.house import PRIYA, START, House

FORM = {
    'name': 'Ada Lovelace', 'email': 'ada@ember.example', 'phone': '+442079460011', 'company_name': 'Ember Tutors',
    'website': 'https://ember.example', 'country': 'GB', 'estimated_income': '50-150k', 'currency': 'GBP',
    'price_plan': 'startup', 'utm_source': 'news', 'utm_campaign': 'spring', 'gclid': None,
}  # fmt: skip
TEN = START + timedelta(days=1, hours=1)
HALF = timedelta(minutes=30)


async def admin(house: House, tc2_admin_id: int) -> int:
    [row] = await house.rows('select id from admin where tc2_admin_id = %s', tc2_admin_id)
    return int(row['id'])


async def booking(house: House, start_at: datetime = TEN, who: int = PRIYA, **more: Any) -> dict[str, Any]:
    """The act of a sales booking."""
    form = {**FORM, **more.pop('form', {})}
    told = {'act': 'meeting.book', 'kind': 'sales', 'admin': await admin(house, who), 'buffer_s': 900}
    times = {'start_at': start_at.isoformat(), 'end_at': (start_at + HALF).isoformat()}
    uid = f'uid-{start_at:%d%H%M}-{who}-{form["email"]}'
    rest = {'uid': uid, 'zone': 'Europe/London', 'company': None, 'signed': False, 'bdr': None}
    return {**told, **times, **rest, 'form': form, **more}


async def book(house: House, start_at: datetime = TEN, key: bytes | None = None, **more: Any) -> Done:
    return await carry_out(house.engine, await booking(house, start_at, **more), dedupe_key=key)
