"""Who a visitor meets: the people of the files, who is free soonest, and whose turn it is (WEB-1, WEB-4, WEB-14,
WEB-29, WEB-32).
"""

import asyncio
import json
import re
from collections.abc import AsyncIterator
from datetime import timedelta
from html import unescape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import httpx2
import pytest
from structlog.testing import capture_logs

from hermes.sandbox.staff import PEOPLE
from hermes.worker import introduce
from tests.flows import faults
from tests.flows.house import MARCUS, PRIYA, TOM, House, open_house
from tests.flows.visitors import TEN, admin, number

DAY = timedelta(days=1)
INDEX, REVENUE = '/book-a-call/', '/book-a-call/revenue/'
CHOSEN = {'action': 'draw', 'currency': 'GBP', 'country': 'GB'}
CARD = re.compile(r'<li class="card" data-testid="card" data-slug="([^"]*)"[^>]*>(.*?)</p>\n</li>', re.DOTALL)
TIME = re.compile(r'<time datetime="([^"]*)">')


@pytest.fixture
async def demo(database_url: str, tmp_path: Path) -> AsyncIterator[House]:
    """The demo's people, each with their entry."""
    async with open_house(database_url, reps_dir=None, data_dir=str(tmp_path)) as house:
        await introduce(house.engine, house.settings)
        yield house


def cards(page: httpx2.Response) -> dict[str, str]:
    """Slug -> card, in order."""
    assert page.status_code == 200
    return dict(CARD.findall(page.text))


async def next_times(house: House) -> dict[str, list[str]]:
    """Slug -> what the index says of their next free times."""
    return {slug: TIME.findall(card) for slug, card in cards(await house.web.get(INDEX)).items()}


async def fill(house: House, who: int, days: float, after: float = 0) -> None:
    """Somebody has no time for so many days."""
    begin = house.clock.now() + timedelta(days=after)
    house.google.block((await admin(house, who))['email'], begin, begin + timedelta(days=days))
    house.clock.advance(61)


async def turns(house: House) -> int:
    return int((await house.rows('select count(*) as n from turn'))[0]['n'])


async def draw(house: House, bracket: str = '0-50k', **more: Any) -> str:
    """Where a bracket leads."""
    answer = await house.web.post(REVENUE, data={**CHOSEN, 'bracket': bracket, **more})
    assert answer.status_code == 303, answer.text
    return urlsplit(answer.headers['location']).path


async def page_of(house: House, who: int) -> str:
    return f'{INDEX}{await number(house, who)}/'


@pytest.mark.behaviour('WEB-1')
async def test_the_demo_shows_its_people_with_pictures_and_words(demo: House) -> None:
    shown = cards(await demo.web.get(INDEX))
    assert list(shown) == ['priya-raman', 'marcus-hale']
    for person in PEOPLE['sales']:
        card = unescape(shown[person['slug']])
        assert all(person[name] in card for name in ('name', 'title', 'description'))
        assert 'data-testid="book-a-call"' in card
        pictures = re.findall(r'/static/people/[0-9a-f]{16}\.png', card)
        assert len(set(pictures)) == 2
        for picture in pictures:
            answer = await demo.web.get(picture)
            assert (answer.status_code, answer.headers['content-type']) == (200, 'image/png')
            assert 'immutable' in answer.headers['cache-control']
            assert 1000 < len(answer.content) < 15_000
    assert (await demo.web.get('/static/people/0123456789abcdef.png')).status_code == 404
    for path in ('/book-a-call/marcus-hale/', f'/book-a-call/{await number(demo, MARCUS)}/'):
        page = await demo.web.get(path)
        assert (page.status_code, 'Larger organisations' in page.text) == (200, True)


async def test_the_demo_never_writes_over_what_a_person_wrote(demo: House) -> None:
    folder = demo.settings.reps_folder
    mine = (folder / 'sales_reps.yml').read_text().replace('Marcus works', 'Marcus dances')
    (folder / 'sales_reps.yml').write_text(mine)
    (folder / 'priya.png').write_bytes((folder / 'ines.png').read_bytes())
    await introduce(demo.engine, demo.settings)
    assert (folder / 'sales_reps.yml').read_text() == mine
    assert (folder / 'priya.png').read_bytes() == (folder / 'ines.png').read_bytes()
    assert 'Marcus dances' in (await demo.web.get(INDEX)).text, 'a change counts at once'


async def test_nothing_is_invented_in_a_folder_that_somebody_named(house: House, tmp_path: Path) -> None:
    await introduce(house.engine, house.settings.model_copy(update={'reps_dir': tmp_path}))
    assert list(tmp_path.iterdir()) == []
    assert set(cards(await house.web.get(INDEX))) == {str(await number(house, who)) for who in (PRIYA, MARCUS)}


async def test_a_wrong_change_keeps_the_people_of_before(demo: House) -> None:
    file = demo.settings.reps_folder / 'sales_reps.yml'
    before = cards(await demo.web.get(INDEX))
    file.write_text(file.read_text().replace('slug: marcus-hale', 'slug: choose'))
    with capture_logs() as said:
        assert list(cards(await demo.web.get(INDEX))) == list(before)
    assert 'slug: must be another one: this is the name of a page' in said[0]['reason']


@pytest.mark.parametrize('name', ['نور <b>حداد</b>', 'दीपा शर्मा', 'Łukasz "Ż" Żak', '李小龍', "Siobhán O'Hara & Co"])
async def test_a_name_of_any_script_is_shown_as_it_is(demo: House, name: str) -> None:
    file = demo.settings.reps_folder / 'sales_reps.yml'
    told = json.dumps(name, ensure_ascii=False)
    file.write_text(f'- hermes_admin_id: {await number(demo, PRIYA)}\n  slug: somebody\n  name: {told}\n')
    card = cards(await demo.web.get(INDEX))['somebody']
    assert '<b>' not in card
    assert name in unescape(card)
    assert 'data-testid="initials"' in card
    page = await demo.web.get('/book-a-call/somebody/')
    assert name in unescape(page.text)
    assert '<b>' not in page.text


@pytest.mark.behaviour('WEB-1')
async def test_who_leaves_while_their_page_is_open_is_told_and_leads_to_the_others(demo: House) -> None:
    path = '/book-a-call/priya-raman/'
    assert (await demo.web.get(path)).status_code == 200
    await demo.act('admin.save', id=await number(demo), fields={'active': False})
    typed = {'action': 'hold', 'start': TEN.isoformat()}
    booking = {**typed, 'action': 'book', 'name': 'Lee Adams', 'email': 'lee@customer.example'}
    for answer in (
        await demo.web.get(path),
        await demo.web.post(path, data=typed),
        await demo.web.post(path, data=booking),
    ):
        assert answer.status_code == 404
        assert 'There is nobody to book here any more' in answer.text
        assert 'href="/book-a-call/"' in answer.text
    assert list(cards(await demo.web.get(INDEX))) == ['marcus-hale']
    assert 'href="/embed/book-a-call/"' in (await demo.web.get(f'/embed{path}')).text


# WEB-29: the next three times of everybody on the list


@pytest.mark.behaviour('WEB-29')
async def test_a_card_says_the_next_three_free_times(demo: House) -> None:
    shown = await next_times(demo)
    assert [len(times) for times in shown.values()] == [3, 3]
    first = shown['priya-raman']
    await fill(demo, PRIYA, 2)
    later = (await next_times(demo))['priya-raman']
    assert later == sorted(later)
    assert min(later) > max(first)


@pytest.mark.behaviour('WEB-29')
async def test_a_calendar_that_cannot_be_read_or_is_full_leaves_its_card_without_times(demo: House) -> None:
    await fill(demo, MARCUS, 30)
    demo.google.set_away((await admin(demo))['email'])
    page = await demo.web.get(INDEX)
    assert {slug: TIME.findall(card) for slug, card in cards(page).items()} == {'priya-raman': [], 'marcus-hale': []}
    assert page.text.count('data-testid="book-a-call"') == 2
    assert 'data-testid="card-times"' not in page.text


@pytest.mark.behaviour('WEB-29')
async def test_a_calendar_that_cannot_be_read_is_asked_once_a_minute_however_many_look(demo: House) -> None:
    demo.google.set_away((await admin(demo))['email'])
    demo.mark()
    for _ in range(5):
        assert (await next_times(demo))['priya-raman'] == []
    assert len(demo.calls('POST', '/freeBusy', 'google')) == 2, 'one question for each of both'
    demo.clock.advance(61)
    await next_times(demo)
    assert len(demo.calls('POST', '/freeBusy', 'google')) == 4


@pytest.mark.behaviour('WEB-29')
async def test_a_slow_calendar_holds_nobody_up_and_is_there_for_the_next_visitor(demo: House) -> None:
    answered = asyncio.Event()

    async def dawdle(send: faults.Send, request: httpx2.Request) -> httpx2.Response:
        await answered.wait()
        return await send(request)

    faults.on(demo).add('POST', '/freeBusy', dawdle, times=2)
    assert await next_times(demo) == {'priya-raman': [], 'marcus-hale': []}
    asked = len(demo.calls('POST', '/freeBusy', 'google'))
    answered.set()
    assert [len(times) for times in (await next_times(demo)).values()] == [3, 3]
    assert len(demo.calls('POST', '/freeBusy', 'google')) == asked + 2, 'nobody asks twice'


def questions() -> set[str]:
    """What is asked at this moment."""
    return {task.get_name() for task in asyncio.all_tasks()} & {'next free times', 'free/busy'}


async def test_no_question_outlives_the_application(database_url: str) -> None:
    async def never(send: faults.Send, request: httpx2.Request) -> httpx2.Response:
        await asyncio.Event().wait()
        return await send(request)

    async with open_house(database_url) as house:
        faults.on(house).add('POST', '/freeBusy', never, times=9)
        await house.web.get(INDEX)
        assert questions() == {'next free times', 'free/busy'}
    assert questions() == set()


# WEB-14: somebody who has few times


@pytest.mark.behaviour('WEB-14')
async def test_who_has_few_times_proposes_a_colleague_and_anyone(house: House) -> None:
    page = await house.web.get(await page_of(house, PRIYA))
    assert 'data-testid="colleague"' not in page.text
    await fill(house, PRIYA, 6)
    page = await house.web.get(await page_of(house, PRIYA))
    assert page.status_code == 200
    assert f'href="{await page_of(house, MARCUS)}"' in page.text
    assert "See Marcus Hale's times" in unescape(page.text)
    assert 'href="/book-a-call/anyone/"' in page.text
    anyone = await house.web.get('/book-a-call/anyone/')
    assert (anyone.status_code, anyone.headers['location']) == (303, await page_of(house, MARCUS))


@pytest.mark.behaviour('WEB-14')
async def test_three_days_with_times_are_enough(house: House) -> None:
    """It is Monday: with Monday to Wednesday taken there are Thursday, Friday and, within the week, no more."""
    await fill(house, PRIYA, 1)
    assert 'data-testid="colleague"' not in (await house.web.get(await page_of(house, PRIYA))).text
    await fill(house, PRIYA, 1, after=1)
    assert 'data-testid="colleague"' not in (await house.web.get(await page_of(house, PRIYA))).text
    await fill(house, PRIYA, 1, after=2)
    assert 'data-testid="colleague"' in (await house.web.get(await page_of(house, PRIYA))).text


@pytest.mark.behaviour('WEB-14')
async def test_the_colleague_of_the_file_goes_first_while_they_have_times(demo: House) -> None:
    """Noor sells, too, and is free before Marcus is, whom Priya's entry names."""
    noor = 15
    await demo.act('admin.save', id=await number(demo, noor), fields={'is_sales_person': True, 'sells_payg': True})
    await fill(demo, PRIYA, 10)
    await fill(demo, MARCUS, 2)
    assert (
        'href="/book-a-call/marcus-hale/" data-testid="colleague-link"'
        in (await demo.web.get('/book-a-call/priya-raman/')).text
    )
    anyone = (await demo.web.get('/book-a-call/anyone/')).headers['location']
    assert anyone == f'/book-a-call/{await number(demo, noor)}/'
    await fill(demo, MARCUS, 30)
    page = await demo.web.get('/book-a-call/priya-raman/')
    assert f'href="/book-a-call/{await number(demo, noor)}/" data-testid="colleague-link"' in page.text


@pytest.mark.behaviour('WEB-14')
async def test_where_a_calendar_cannot_be_read_a_colleague_is_at_hand(house: House) -> None:
    house.google.set_away((await admin(house))['email'])
    page = await house.web.get(await page_of(house, PRIYA))
    assert page.status_code == 503
    assert 'data-testid="retry"' in page.text
    assert f'href="{await page_of(house, MARCUS)}" data-testid="colleague-link"' in page.text
    assert 'has few free times' not in page.text
    anyone = await house.web.get('/book-a-call/anyone/')
    assert anyone.headers['location'] == await page_of(house, MARCUS)


async def test_where_nobody_has_times_nobody_is_proposed(house: House) -> None:
    for who in (PRIYA, MARCUS):
        await fill(house, who, 30)
    assert 'data-testid="colleague"' not in (await house.web.get(await page_of(house, PRIYA))).text
    assert (await house.web.get('/book-a-call/anyone/')).status_code == 303
    for who in (PRIYA, MARCUS):
        await house.act('admin.save', id=await number(house, who), fields={'bookable': False})
    gone = await house.web.get('/book-a-call/anyone/')
    assert (gone.status_code, 'nobody to book' in gone.text) == (404, True)


# WEB-4, WEB-32: whose turn it is


@pytest.mark.behaviour('WEB-32')
async def test_looking_and_prefetching_draw_nobody(house: House) -> None:
    for path in (INDEX, REVENUE, '/book-a-call/question/', '/book-a-call/choose/', '/book-a-call/anyone/'):
        for headers in ({}, {'Purpose': 'prefetch', 'Sec-Purpose': 'prefetch;prerender'}):
            query = {**CHOSEN, 'bracket': '0-50k'}
            await house.web.get(path, params=query, headers=headers)
            await house.web.head(path, params=query, headers=headers)
            await house.web.request('OPTIONS', path, params=query)
    for typed in ({}, {'action': 'refresh', 'currency': 'EUR'}, {'action': 'draw'}, {**CHOSEN, 'bracket': '0-70k'}):
        assert (await house.web.post(REVENUE, data=typed)).status_code in (200, 422)
    assert await turns(house) == 0
    await draw(house)
    assert await turns(house) == 1


@pytest.mark.behaviour('WEB-4')
async def test_a_bracket_leads_to_whoever_sells_its_plan(house: House) -> None:
    assert await draw(house, '0-50k') == await page_of(house, PRIYA)
    assert await draw(house, '50-150k') == await page_of(house, PRIYA)
    assert await draw(house, '3m+') == await page_of(house, MARCUS)
    answer = await house.web.post(REVENUE, data={**CHOSEN, 'bracket': '3m+'})
    assert parse_qs(urlsplit(answer.headers['location']).query) == {
        'bracket': ['3m+'], 'currency': ['GBP'], 'country': ['GB'],
    }  # fmt: skip


@pytest.mark.behaviour('WEB-4')
async def test_where_nobody_can_be_drawn_the_visitor_comes_to_whoever_is_free_first(house: House) -> None:
    await house.act('admin.save', id=await number(house, MARCUS), fields={'sells_enterprise': False})
    await fill(house, PRIYA, 3)
    assert await draw(house, '3m+') == await page_of(house, MARCUS)
    await fill(house, MARCUS, 6)
    assert await draw(house, '3m+') == await page_of(house, PRIYA)
    for who in (PRIYA, MARCUS):
        house.google.set_away((await admin(house, who))['email'])
    house.clock.advance(200)
    assert await draw(house, '3m+') in {await page_of(house, who) for who in (PRIYA, MARCUS)}


@pytest.mark.behaviour('WEB-4')
async def test_a_drawn_person_who_cannot_be_booked_is_passed_over(house: House) -> None:
    """Priya's turn it is, and she has no calendar any more."""
    await house.act('admin.save', id=await number(house, PRIYA), fields={'bookable': False})
    assert await draw(house, '0-50k') == await page_of(house, MARCUS)


@pytest.mark.behaviour('WEB-4')
async def test_while_the_database_is_away_every_page_says_so(house: House) -> None:
    await house.web.get(INDEX)
    assert house.office
    await house.office.engine.database.close()
    for answer in (
        await house.web.get(INDEX),
        await house.web.post(REVENUE, data={**CHOSEN, 'bracket': '0-50k'}),
        await house.web.get('/book-a-call/anyone/'),
        await house.web.get(f'/book-a-call/{TOM}/'),
    ):
        assert answer.status_code == 503
        assert 'Something is being repaired here.' in answer.text
        assert answer.headers['retry-after']
