"""The booker's pages by HTTP, as a browser without a script asks for them, with the test's clock."""

import re
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any

import pytest

from tests.flows.house import PRIYA, House, open_house
from tests.flows.visitors import TEN, admin, number

DETAILS = {
    'name': 'Lee Adams', 'email': 'lee@customer.example', 'company_name': 'Adams Tuition', 'website': '',
    'phone': '+44 ', 'country': 'GB', 'currency': 'GBP', 'bracket': '50-150k',
}  # fmt: skip
FIELD = re.compile(r'<input [^>]*name="(\w+)"[^>]*value="([^"]*)"')


def fields(page: str) -> dict[str, str]:
    """What the inputs of a page hold."""
    return {name: unescape(value) for name, value in FIELD.findall(page)}


async def choose(house: House, **more: Any) -> tuple[str, dict[str, str]]:
    """Choose ten o'clock; the form's address and what stands in it."""
    path = f'/book-a-call/{await number(house, PRIYA)}/'
    held = await house.web.post(path, data={'action': 'hold', 'start': TEN.isoformat(), **more})
    assert held.status_code == 303
    page = await house.web.get(held.headers['location'])
    return held.headers['location'], fields(page.text)


@pytest.mark.behaviour('WEB-12')
@pytest.mark.behaviour('WEB-30')
async def test_a_form_that_is_sent_twice_is_one_booking(house: House) -> None:
    address, shown = await choose(house)
    second_tab = fields((await house.web.get(address)).text)
    assert second_tab['key'] == shown['key']
    answers = [await house.web.post(address, data={**shown, **DETAILS, 'action': 'book'}) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [303, 303]
    assert answers[0].headers['location'] == answers[1].headers['location']
    assert len(await house.rows('select id from meeting')) == 1
    booked = await house.web.get(answers[0].headers['location'])
    assert (booked.status_code, 'data-step="booked"' in booked.text) == (200, True)
    assert booked.headers['x-robots-tag'] == 'noindex'


@pytest.mark.behaviour('WEB-13')
async def test_a_time_that_was_taken_meanwhile_loses_nothing_that_was_typed(house: House) -> None:
    address, shown = await choose(house)
    await house.web.post(address.partition('?')[0], data={'action': 'release', 'hold': shown['hold']})
    other = await house.web.post(
        '/callbooker/sales/book/',
        json={**DETAILS, 'email': 'kim@other.example', 'company_name': 'Other', 'phone': None,
              'admin_id': await number(house, PRIYA), 'meeting_dt': TEN.isoformat()},
    )  # fmt: skip
    assert other.status_code == 200, other.text
    gone = await house.web.post(address, data={**shown, **DETAILS, 'action': 'book'})
    assert gone.status_code == 409
    assert fields(gone.text).items() >= {name: DETAILS[name] for name in ('name', 'email', 'company_name')}.items()
    nearest = re.findall(r'name="instead" value="([^"]+)"', gone.text)
    assert len(nearest) == 3
    again = await house.web.post(address, data={**fields(gone.text), **DETAILS, 'instead': nearest[0]})
    assert again.status_code == 200
    assert fields(again.text)['start'] == nearest[0]
    done = await house.web.post(address, data={**fields(again.text), **DETAILS, 'action': 'book'})
    assert done.status_code == 303
    assert 'data-step="booked"' in (await house.web.get(done.headers['location'])).text


@pytest.mark.behaviour('WEB-19')
async def test_a_brand_has_a_style_of_its_own(database_url: str, tmp_path: Path) -> None:
    async with open_house(database_url, reps_dir=str(tmp_path)) as house:
        assert 'brand.css' not in (await house.web.get('/book-a-call/')).text
        style = ':root { --hermes-accent: #7b1e57; }'
        (tmp_path / 'brand.css').write_text(style)
        for path in ('/book-a-call/', '/embed/book-a-call/'):
            address = re.search(r'href="(/static/brand.css[^"]*)"', (await house.web.get(path)).text)
            assert address is not None
            answer = await house.web.get(address[1])
            assert (answer.text, answer.headers['content-type']) == (style, 'text/css; charset=utf-8')
        ours = (await house.web.get('/static/tokens.css')).text
        for name in ('accent', 'on-accent', 'accent-dark', 'on-accent-dark', 'radius', 'font'):
            assert f'var(--hermes-{name}, ' in ours


async def test_enter_in_a_field_books(house: House) -> None:
    address, _ = await choose(house)
    page = (await house.web.get(address)).text
    assert re.search(r'<button[^>]*type="submit"[^>]*>', page)[0].count('value="book"') == 1  # type: ignore[index]


@pytest.mark.behaviour('WEB-12')
@pytest.mark.behaviour('WEB-30')
async def test_a_database_that_goes_away_after_the_booking_does_not_unsay_it(house: House) -> None:
    """The booking stands, its visitor is not told that it does not, and the button sends the same form again."""
    assert house.office
    house.working, house.meanwhile = False, house.office.engine.database.close
    address, shown = await choose(house)
    lost = await house.web.post(address, data={**shown, **DETAILS, 'action': 'book'})
    assert (lost.status_code, 'data-step="problem"' in lost.text) == (503, True)
    assert len(await house.rows('select id from meeting')) == 1
    assert 'Nothing was booked' not in lost.text.partition('</main>')[0]
    again = fields(lost.text)
    assert again.items() >= {'action': 'book', 'key': shown['key'], 'name': DETAILS['name']}.items()


@pytest.mark.behaviour('CB-13')
async def test_a_call_that_cannot_be_moved_just_now_is_not_called_unbooked(house: House) -> None:
    address, shown = await choose(house)
    booked = await house.web.post(address, data={**shown, **DETAILS, 'action': 'book'})
    path = booked.headers['location'].partition('booked/')[0]
    house.google.set_away((await admin(house))['email'])
    house.clock.advance(120)
    moved = await house.web.post(path, data={'action': 'move', 'start': (TEN + timedelta(hours=2)).isoformat()})
    assert moved.status_code == 503
    assert 'Your call stays where it was.' in moved.text
    assert 'Nothing was booked' not in moved.text.partition('</main>')[0]


async def test_a_form_that_says_no_time_is_asked_for_one(house: House) -> None:
    path = f'/book-a-call/{await number(house, PRIYA)}/'
    odd = TEN.replace(second=7).isoformat()
    for sent in ({}, {'action': 'hold'}, {'action': 'hold', 'start': 'soon'}, {'action': 'book', 'start': odd}):
        page = await house.web.post(path, data=sent)
        assert page.status_code == 422
        assert 'Choose a time.' in page.text
        assert page.text.count('data-testid="next-time"') == 10


async def test_a_page_about_a_booking_is_kept_nowhere(house: House) -> None:
    """Back after a cancellation shows that it is cancelled, and nothing of it stays on a shared computer."""
    address, shown = await choose(house)
    booked = (await house.web.post(address, data={**shown, **DETAILS, 'action': 'book'})).headers['location']
    for path in (booked, booked.replace('booked/', ''), f'/embed{booked}'):
        assert (await house.web.get(path)).headers['cache-control'] == 'no-store'
    assert (await house.web.get(address)).headers['cache-control'] == 'private, no-cache'


async def test_a_file_is_kept_for_ever_under_its_own_version_alone(house: House) -> None:
    """While one Hermes takes another's place, each is asked for the other's files."""
    page = (await house.web.get('/book-a-call/')).text
    for address in re.findall(r'"(/static/\w+\.\w+\?v=\w+)"', page):
        assert 'immutable' in (await house.web.get(address)).headers['cache-control']
        other = await house.web.get(f'{address}0')
        assert (other.status_code, other.headers['cache-control']) == (200, 'public, max-age=300')


async def test_another_time_that_is_none_loses_nothing_that_was_typed(house: House) -> None:
    address, shown = await choose(house)
    for odd in ('soon', '9' * 300, '0001-01-01T00:00:00Z'):
        page = await house.web.post(address, data={**shown, **DETAILS, 'instead': odd})
        assert page.status_code == 422
        assert fields(page.text).items() >= {'start': shown['start'], 'name': DETAILS['name']}.items()
