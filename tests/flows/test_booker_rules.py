"""What the sales checklist asks of the pages where clocks, limits and headers decide: by HTTP, without a script."""

import re
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import urlsplit
from zoneinfo import ZoneInfo

import pytest

from hermes.booking.limits import READS
from tests.flows.house import PRIYA, House, open_house
from tests.flows.test_booker_pages import DETAILS, choose, fields
from tests.flows.visitors import TEN, book, number

TIME = re.compile(r'data-testid="time"[^>]*>\s*<time datetime="([^"]+)">([^<]+)</time>')
FIRST = datetime(2026, 3, 30, 9, tzinfo=UTC)
"""Ten o'clock in London on the first Monday of its summer time."""


async def page_of(house: House, who: int = PRIYA, **query: Any) -> str:
    answer = await house.web.get(f'/book-a-call/{await number(house, who)}/', params=query)
    assert answer.status_code == 200, answer.text
    return answer.text


@pytest.mark.parametrize(
    ('zone', 'day', 'first'),
    [
        # The last weekday before London's clocks go on, and the first one after; Toronto has summer time in both.
        ('America/Toronto', '2026-03-27', '06:00'), ('America/Toronto', '2026-03-30', '05:00'),
        # Auckland's and Lord Howe's clocks go back on 5 April, an hour and half an hour.
        ('Pacific/Auckland', '2026-04-03', '22:00'), ('Pacific/Auckland', '2026-04-06', '21:00'),
        ('Australia/Lord_Howe', '2026-04-03', '20:00'), ('Australia/Lord_Howe', '2026-04-06', '19:30'),
        # Autumn: Auckland's go on on 27 September, Lord Howe's on 4 October, London's back on 25 October, Toronto's on
        # 1 November.
        ('Pacific/Auckland', '2026-09-25', '21:00'), ('Pacific/Auckland', '2026-09-28', '22:00'),
        ('Australia/Lord_Howe', '2026-10-02', '19:30'), ('Australia/Lord_Howe', '2026-10-05', '20:00'),
        ('America/Toronto', '2026-10-30', '06:00'), ('America/Toronto', '2026-11-02', '05:00'),
    ],
)  # fmt: skip
@pytest.mark.behaviour('WEB-8', 'CB-10')
async def test_weeks_in_which_clocks_change(house: House, zone: str, day: str, first: str) -> None:
    """The day begins at ten in London, whatever the clocks of either side do."""
    begins = datetime.fromisoformat(f'{day}T10:00').replace(tzinfo=ZoneInfo('Europe/London'))
    if begins - house.clock.now() > timedelta(days=50):
        house.clock.move_to(begins.astimezone(UTC) - timedelta(days=10))
    page = await page_of(house, zone=zone, clock=24, day=day, lang='en')
    assert dict(TIME.findall(page))[f'{begins.astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}'] == first
    assert f'data-date="{day}" data-testid="day"' in page
    assert zone.replace('_', ' ') in page


@pytest.mark.behaviour('WEB-22')
async def test_a_day_of_the_grid_is_one_of_the_visitors_own(house: House) -> None:
    """Four in the afternoon in London is early in the next morning in Auckland."""
    late = FIRST + timedelta(hours=6)
    own = late.astimezone(ZoneInfo('Pacific/Auckland')).date()
    assert own != late.date()
    page = await page_of(house, zone='Pacific/Auckland', day=own, clock=24)
    assert f'{late:%Y-%m-%dT%H:%M:%SZ}' in [told for told, _ in TIME.findall(page)]


@pytest.mark.behaviour('WEB-20')
async def test_a_hold_that_ran_out_is_no_obstacle_and_none_to_others(house: House) -> None:
    address, shown = await choose(house)
    house.clock.advance(301)
    booked = await house.web.post(address, data={**shown, **DETAILS, 'action': 'book'})
    assert booked.status_code == 303
    other, shown = await choose(house, start=(TEN + timedelta(hours=3)).isoformat())
    house.clock.advance(301)
    taken = await book(house, TEN + timedelta(hours=3), email='kim@other.example', company_name='Other', phone=None)
    assert taken.status_code == 200, taken.text
    typed = {**DETAILS, 'email': 'ray@third.example', 'company_name': 'Third'}
    gone = await house.web.post(other, data={**shown, **typed, 'action': 'book'})
    assert gone.status_code == 409
    assert fields(gone.text).items() >= {name: typed[name] for name in ('name', 'email', 'company_name')}.items()
    assert gone.text.count('data-testid="nearest-time"') == 3


@pytest.mark.behaviour('WEB-11')
async def test_too_many_requests_keep_what_was_sent(database_url: str) -> None:
    async with open_house(database_url, rate_limits=True, secret_key='s' * 40) as house:
        address, shown = await choose(house)
        read = [(await house.web.get('/book-a-call/')).status_code for _ in range(READS)]
        assert read[-1] == 429
        sent = {**shown, **DETAILS, 'action': 'book'}
        refused = await house.web.post(address, data=sent)
        assert refused.status_code == 429
        kept = {name: value for name, value in sent.items() if value}
        assert fields(refused.text).items() >= kept.items()
        assert (await house.rows('select count(*) as n from meeting'))[0]['n'] == 0
        house.clock.advance(61)
        booked = await house.web.post(address, data=fields(refused.text))
        assert booked.status_code == 303


@pytest.mark.behaviour('WEB-27')
async def test_no_link_of_a_booking_acts_by_being_followed(house: House) -> None:
    answer = await book(house)
    path = urlsplit(answer.json()['manage']).path
    asked = {'action': 'cancel', 'start': (TEN + timedelta(days=1)).isoformat()}
    for method in ('GET', 'HEAD'):
        for each in (path, f'{path}/', f'{path}/booked/', f'{path}/invite.ics'):
            for query in ({}, asked, {**asked, 'action': 'move'}):
                told = await house.web.request(method, each, params=query)
                assert told.status_code == 200 or (method, told.status_code) == ('HEAD', 405), each
    assert await house.rows('select status, start_at from meeting') == [{'status': 'planned', 'start_at': TEN}]
    await house.web.post(path, data={'action': 'cancel'})
    used = await house.web.get(f'{path}/booked/', follow_redirects=True)
    assert 'data-testid="book-again"' in used.text
    house.clock.move_to(TEN + timedelta(hours=1))
    over = await house.web.get(path, headers={'accept': 'text/html'})
    assert over.status_code == 403
    assert 'data-testid="back-to-index"' in over.text


@pytest.mark.behaviour('WEB-33')
async def test_what_search_engines_may_list_and_what_not(house: House) -> None:
    who = await number(house)
    index, times = [(await house.web.get(path)) for path in ('/book-a-call/', f'/book-a-call/{who}/')]
    for answer, path in ((index, '/book-a-call/'), (times, '/book-a-call/')):
        assert 'x-robots-tag' not in answer.headers
        assert 'noindex' not in answer.text
        assert re.search(r'<title>[^<]+</title>', answer.text)
        assert re.search(r'<meta name="description" content="[^"]{20,}">', answer.text)
        assert re.search(f'<link rel="canonical" href="{house.settings.hermes_url}{path}', answer.text)
        assert 'itemtype="https://schema.org/Person"' in answer.text
        assert 'itemprop="name"' in answer.text
    booking = urlsplit((await book(house)).json()['manage']).path
    form, _ = await choose(house, start=(TEN + timedelta(hours=3)).isoformat())
    for path in (
        '/book-a-call/question/', '/book-a-call/revenue/', '/embed/book-a-call/', f'/embed/book-a-call/{who}/', form,
        booking, f'{booking}/booked/', '/support-call/1/', '/book-a-call/nobody-here/',
    ):  # fmt: skip
        answer = await house.web.get(path)
        assert answer.headers['x-robots-tag'] == 'noindex', path
        assert 'content="noindex"' in answer.text, path
