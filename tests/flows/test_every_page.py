"""Every page of the call-booker in every state, in a made-up language: all of it is in the catalogue (WEB-19)."""

import re
from collections.abc import AsyncIterator
from datetime import timedelta
from pathlib import Path
from typing import Any, Final
from urllib.parse import urlsplit

import pytest

from hermes.kit.languages import MADE_UP, language
from tests.flows.calendars import SIGNING_KEY, follow
from tests.flows.companies import later, sign_up
from tests.flows.house import MARCUS, PRIYA, House, open_house
from tests.flows.spoken import FORM, Reader, book
from tests.flows.visitors import HALF, TEN, admin, hold, link, number
from tools import words

pytestmark = pytest.mark.behaviour('WEB-19')
DAY: Final = timedelta(days=1)
PEOPLE: Final = '[{hermes_admin_id: %s, slug: priya-raman, name: Priya Raman, title: UTC, languages: [fr]}]'
UNSEEN: Final = {
    'We will send you the link before the call.',
}
"""Sentences of pages that need another house: one without a calendar."""


@pytest.fixture
async def house(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    async with open_house(database_url, signing_key=SIGNING_KEY, reps_dir=str(tmp_path), smtp_url='') as opened:
        (tmp_path / 'sales_reps.yml').write_text(PEOPLE % await number(opened))
        yield opened


async def read_lists(reader: Reader) -> None:
    """Who can be met, and how a visitor comes to them."""
    for base in ('', '/embed'):
        await reader.get(f'{base}/book-a-call/')
    await reader.get('/book-a-call/?with=left')
    await reader.get('/book-a-call/question/')
    await reader.get('/book-a-call/choose/')
    for currency in ('GBP', 'ZAR'):
        await reader.get('/book-a-call/revenue/', currency=currency)
    await reader.post('/book-a-call/revenue/', 422, action='draw', currency='GBP')
    await reader.post('/book-a-call/revenue/', 303, action='draw', currency='GBP', bracket='50-150k')
    await reader.get('/book-a-call/nobody/', 404)


async def read_times(reader: Reader, page: str) -> None:
    """Times of a person, in this zone and that, on a day without any, and in a month without any."""
    await reader.get(page)
    await reader.get(page, zone='Asia/Kolkata', clock='12', more='20')
    await reader.get(page, zone='Mars/Olympus', day='2026-03-07')
    await reader.get(page, month='2026-04')
    monday = TEN + 5 * DAY
    reader.house.google.block((await admin(reader.house))['email'], monday + HALF, monday + 20 * HALF)
    reader.house.clock.advance(61)
    await reader.get(page, day=f'{monday:%Y-%m-%d}')
    await hold(reader.house, TEN)
    await reader.post(page, 409, action='hold', start=TEN.isoformat())
    await reader.post(page, 422, action='hold')


async def read_form(reader: Reader, page: str) -> str:
    """The form, what can be wrong with it, a time that is taken meanwhile, and the booking; its path."""
    start = (TEN + DAY).isoformat()
    held = await reader.post(page, 303, action='hold', start=start)
    await reader.get(held.headers['location'])
    wrong: dict[str, Any] = {'name': 'Lee', 'website': 'x', 'phone': '1', 'country': 'X', 'email': 'x', 'currency': 'X'}
    await reader.post(page, 422, start=start, action='book')
    other = await reader.post(page, 422, start=start, action='book', country='DE', phone='+44 ')
    assert 'error-phone' not in other.text, 'a dial code alone is no number that is wrong'
    await reader.post(page, 422, start=start, action='book', **wrong)
    await reader.post(page, start=start, action='refresh', **FORM)
    await reader.post(page, 409, start=TEN.isoformat(), action='book', **FORM)
    reader.house.working = False
    booked = await reader.post(page, 303, start=(TEN + 2 * HALF).isoformat(), action='book', **FORM)
    path = str(booked.headers['location'])
    await reader.get(path)
    reader.house.working = True
    await reader.house.settle(20)
    await reader.get(path)
    return urlsplit(path).path.removesuffix('booked/')


async def read_booking(reader: Reader, path: str) -> None:
    """A booking: moved, not moved, refused, without other times, cancelled by anybody."""
    house = reader.house
    await reader.get(path, zone='Asia/Kolkata')
    start = (TEN + 2 * HALF + 2 * DAY).isoformat()
    await reader.post(path, action='move', start=start)
    await reader.post(path, action='move', start=start)
    house.working = False
    await reader.post(path, action='move', start=(TEN + 3 * HALF + 2 * DAY).isoformat())
    house.working = True
    await follow(house, 60)
    await reader.post(path, 400, action='move', start=(TEN - 30 * DAY).isoformat())
    await reader.post(path, 422, action='move')
    email = (await admin(house))['email']
    house.clock.advance(300)
    house.google.fail_free_busy(email, times=2)
    await reader.get(path)
    await reader.get(f'/book-a-call/{await number(house)}/', 503)
    house.clock.advance(300)
    await reader.post(path, action='cancel')
    await reader.get(f'{path}booked/', 303)
    for at, by in enumerate(('refused', 'calendar', 'admin')):
        booked = await book(house, reader.code, TEN + 2 * DAY + 5 * at * HALF, email=f'{by}@customer.example')
        row = (await house.rows("select id from meeting where status = 'planned'"))[0]
        await house.act('meeting.cancel', meeting=row['id'], by=by)
        await reader.get(urlsplit(booked).path.removesuffix('booked/'))


async def read_support(reader: Reader) -> None:
    """A support call, by a link that is whole, and by links that are none."""
    client = sign_up(reader.house)
    await later(reader.house)
    answer = await link(reader.house, client.id)
    told = urlsplit(answer.json()['link'])
    address = f'{told.path}?{told.query}'
    await reader.get(address)
    await reader.get(address, start=TEN.isoformat())
    await reader.get(told.path, 403)
    await reader.get(address, 403, s='x' * 40)
    reader.house.clock.advance(5 * 86_400)
    await reader.get(address, 403)
    await reader.get('/booking/nothing/', 403)


async def read_what_is_busy(reader: Reader, page: str) -> None:
    """Somebody without a time for weeks, then nobody at all."""
    house = reader.house
    now = house.clock.now()
    house.google.block((await admin(house))['email'], now, now + 30 * DAY)
    await reader.get('/book-a-call/', 200)
    await reader.get(page)
    await reader.get(page, month=f'{now:%Y-%m}')
    house.google.block((await admin(house))['email'], now + 30 * DAY, now + 70 * DAY)
    house.clock.advance(61)
    await reader.get(page)
    for who in (PRIYA, MARCUS):
        await house.act('admin.save', id=await number(house, who), fields={'bookable': False})
    await reader.get('/book-a-call/')


@pytest.mark.parametrize('code', MADE_UP)
async def test_nothing_on_any_page_is_outside_the_catalogue(house: House, code: str) -> None:
    reader = Reader(house, code)
    page = f'/book-a-call/{await number(house)}/'
    await read_lists(reader)
    await read_times(reader, page)
    await read_booking(reader, await read_form(reader, page))
    await read_support(reader)
    await read_what_is_busy(reader, page)
    read = '\n'.join(reader.read)
    unseen = {sentence for sentence in _sentences() if not re.search(_pattern(code, sentence), read)}
    assert unseen == UNSEEN, 'every sentence of every page was read'


def _sentences() -> set[str]:
    """Every sentence of the pages' templates."""
    return {
        form
        for message in words.gather()
        if message.id and any('web/booker/templates' in name for name, _ in message.locations)
        for form in words.forms(message.id)
    }


def _pattern(code: str, sentence: str) -> str:
    told = language(code).gettext(' '.join(sentence.split()))
    return re.sub(r'%\\\(\w+\\\)s', '.*?', re.escape(told))
