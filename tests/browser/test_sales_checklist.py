"""The checklist of the sales call-booker, item by item, in a real Chromium: with scripts and without, the same happens.

`BROWSER_MATRIX=full` does everything in both ways and in every zone; otherwise each thing is done in one of them.
"""

from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.parse import parse_qs, urlsplit
from urllib.request import urlopen
from zoneinfo import ZoneInfo

import icalendar
import pytest
from playwright.sync_api import Dialog, Route

from tests.browser.conftest import FULL, both_ways, needs_chromium, one_way
from tests.browser.website import INDEX, Visitor, Website, moment
from tests.waiting import PATIENCE_S

pytestmark = needs_chromium
ZONES = {
    'America/Toronto': 'Toronto',
    'Asia/Kolkata': 'India',
    'Pacific/Auckland': 'New Zealand',
    'Australia/Lord_Howe': 'Lord Howe',
    'Asia/Kathmandu': 'Nepal',
}
COUNTRIES = {'GB': 'GBP +44', 'ZA': 'ZAR +27', 'AU': 'AUD +61', 'CA': 'CAD +1', 'DE': 'EUR +49', 'JP': 'USD +81'}
HALF = timedelta(minutes=30)


def ask_first(visitor: Visitor) -> None:
    """From the list to the question whether they know us."""
    visitor.page.goto(INDEX)
    visitor.see('book-a-call').first.click()
    visitor.see('answer-no').wait_for()


def to_form(visitor: Visitor, who: dict[str, Any]) -> datetime:
    visitor.times(who)
    return visitor.choose()


# The list, the question, and the right person


@one_way
@pytest.mark.behaviour('WEB-1', 'WEB-2')
def test_everybody_who_sells_is_there_and_the_button_asks(website: Website, scripts: bool) -> None:
    visitor = website.visit(scripts=scripts)
    visitor.page.goto(INDEX)
    names = [each['name'] for each in website.people]
    assert sorted(visitor.page.locator('[data-testid=card] h2').all_inner_texts()) == sorted(names)
    assert visitor.see('book-a-call').count() == 2
    visitor.press_on(visitor.see('book-a-call').first)
    visitor.see('answer-no').wait_for()
    assert visitor.page.get_by_text('Have you booked a call with us before?').is_visible()


@one_way
@pytest.mark.parametrize('country', list(COUNTRIES) if FULL else ['ZA', 'JP'])
@pytest.mark.behaviour('WEB-3', 'WEB-4', 'WEB-10')
def test_the_country_gives_currency_brackets_and_dial_code(website: Website, scripts: bool, country: str) -> None:
    currency, dial = COUNTRIES[country].split()
    visitor = website.visit(scripts=scripts, country=country)
    ask_first(visitor)
    visitor.see('answer-no').click()
    visitor.step('bracket')
    assert visitor.see('field-currency').input_value() == currency
    assert visitor.see('bracket').count() == 6
    visitor.see('bracket').nth(3).check()
    bracket = visitor.see('bracket').nth(3).get_attribute('value')
    visitor.see('draw').click()
    visitor.step('times')
    assert urlsplit(visitor.page.url).path.startswith(INDEX)
    visitor.choose()
    typed = visitor.typed()
    assert (typed['currency'], typed['bracket'], typed['country']) == (currency, bracket, country)
    assert typed['phone'].strip() == dial


@one_way
@pytest.mark.behaviour('WEB-5')
def test_who_knows_us_chooses_a_person_and_says_their_revenue_later(website: Website, scripts: bool) -> None:
    visitor = website.visit(scripts=scripts)
    ask_first(visitor)
    visitor.see('answer-yes').click()
    visitor.step('choose')
    card = visitor.see('card').filter(has_text=website.people[1]['name'])
    card.get_by_test_id('choose').click()
    visitor.step('times')
    assert website.people[1]['name'] in visitor.see('heading').inner_text()
    visitor.choose()
    assert visitor.typed()['bracket'] == ''
    assert visitor.typed()['currency'] == 'GBP'


# The calendar


@one_way
@pytest.mark.behaviour('WEB-8')
def test_days_and_times_are_those_of_the_persons_calendar(website: Website, scripts: bool) -> None:
    visitor, who = website.visit(scripts=scripts), website.people[0]
    offered = website.starts(who['id'], days=62)
    visitor.times(who)
    zone, by_day = ZoneInfo('Europe/London'), dict[str, list[datetime]]()
    for at in offered:
        by_day.setdefault(at.astimezone(zone).date().isoformat(), []).append(at)
    now = moment(website.world()['now'])
    assert min(offered) >= now + timedelta(hours=2)
    days = [each for each in visitor.see('day').evaluate_all('all => all.map(each => each.dataset.date)') if each]
    month = days[0][:7]
    assert days == [day for day in by_day if day.startswith(month)]
    visitor.page.locator(f'[data-testid=day][data-date="{days[-1]}"]').click()
    visitor.page.locator(f'[data-testid=time][value="{by_day[days[-1]][0]:%Y-%m-%dT%H:%M:%SZ}"]').wait_for()
    shown = visitor.see('time').evaluate_all('all => all.map(each => each.value)')
    assert [moment(each) for each in shown] == by_day[days[-1]]
    assert f'{len(shown)} free time' in visitor.see('times-count').inner_text()


@one_way
@pytest.mark.parametrize('zone', ZONES if FULL else ['America/Toronto'])
@pytest.mark.behaviour('WEB-8', 'WEB-22', 'WEB-23')
def test_one_instant_by_every_clock(website: Website, scripts: bool, zone: str) -> None:
    """Chosen by the clock of another place, shown by it, booked as the one instant that it is."""
    visitor, who = website.visit(scripts=scripts, zone=zone), website.people[0]
    visitor.times(who)
    visitor.show_in(zone)
    assert ZONES[zone] in visitor.see('zone-hint').inner_text()
    assert visitor.see('admin-time').is_visible()
    shown = visitor.see('next-time').nth(2)
    at = moment(shown.get_attribute('value'))
    local = f'{at.astimezone(ZoneInfo(zone)):%H:%M}'
    assert at in website.starts(who['id'])
    assert shown.locator('time').inner_text() == local
    visitor.show_hours('12')
    twelve = visitor.page.locator(f'[data-testid=next-time][value="{at:%Y-%m-%dT%H:%M:%SZ}"] time').inner_text()
    assert twelve.lower().startswith(f'{at.astimezone(ZoneInfo(zone)).hour % 12 or 12}:')
    visitor.show_hours('24')
    assert visitor.choose(at) == at
    assert ZONES[zone] in visitor.see('chosen').inner_text()
    assert local in visitor.see('chosen-time').inner_text()
    visitor.type()
    visitor.submit()
    visitor.step('booked')
    assert visitor.when() == at
    assert local in visitor.see('when').inner_text()
    assert ZONES[zone] in visitor.see('recap').inner_text()
    assert visitor.see('when-there').is_visible()


# The form, and what becomes of it


@both_ways
@pytest.mark.behaviour('WEB-12', 'WEB-23', 'WEB-28')
def test_a_booking_stands_everywhere_as_the_one_instant(website: Website, scripts: bool) -> None:
    """The list of the next free times alone is enough to book."""
    visitor, who = website.visit(scripts=scripts), website.people[0]
    at = visitor.book(who)
    crm = website.in_crm(visitor.email)
    assert {name: len(each) for name, each in crm.items()} == dict.fromkeys(crm, 1)
    [org], [person], [deal], [activity] = (crm[each] for each in ('organizations', 'persons', 'deals', 'activities'))
    assert (org['name'], person['name'], deal['status']) == (visitor.company, 'Lee Adams', 'open')
    assert moment(f'{activity["due_date"]}T{activity["due_time"]}Z') == at
    [event] = website.events(visitor.email)
    assert moment(event['start']['dateTime']) == at
    with urlopen(f'{website.address}{visitor.see("ics").get_attribute("href")}', timeout=PATIENCE_S) as answer:
        in_file: Any = icalendar.Calendar.from_ical(answer.read()).walk('VEVENT')[0]
    assert in_file['DTSTART'].dt == at
    visitor.see('manage').click()
    visitor.step('manage')
    assert visitor.when() == at
    visitor.until('the letter', lambda: bool(website.letters(visitor.email)))
    assert f'{at.astimezone(ZoneInfo("Europe/London")):%H:%M}' in str(website.letters(visitor.email)[0])


@one_way
@pytest.mark.parametrize(
    ('field', 'wrong', 'right'),
    [('name', 'Lee', 'Lee Adams'), ('website', 'no site', 'adams.example'), ('phone', '12', ''), ('email', 'lee@', '')],
)
@pytest.mark.behaviour('WEB-11')
def test_what_is_wrong_is_explained_at_its_field_and_nothing_is_lost(
    website: Website, scripts: bool, field: str, wrong: str, right: str
) -> None:
    visitor = website.visit(scripts=scripts)
    at = to_form(visitor, website.people[0])
    typed = visitor.type(**{field: wrong})
    visitor.submit()
    visitor.see(f'error-{field}').wait_for()
    assert visitor.see('booked').count() == 0
    sentence = visitor.see(f'error-{field}').inner_text()
    link = visitor.see('summary').get_by_role('link')
    assert link.all_inner_texts() == [sentence]
    link.click()
    assert visitor.see(f'field-{field}').evaluate('each => each === document.activeElement')
    assert visitor.see(f'field-{field}').get_attribute('aria-invalid') == 'true'
    described = visitor.see(f'field-{field}').get_attribute('aria-describedby') or ''
    assert visitor.see(f'error-{field}').get_attribute('id') in described.split()
    assert visitor.typed() == typed
    assert visitor.chosen() == at
    if field == 'name':
        visitor.see('field-name').fill(right)
        visitor.submit()
        visitor.step('booked')
        assert visitor.when() == at


@both_ways
@pytest.mark.behaviour('WEB-13')
def test_somebody_was_quicker(website: Website, scripts: bool) -> None:
    """Stolen in spite of the hold: the owner of the calendar puts something there, and the server decides."""
    visitor, who = website.visit(scripts=scripts), website.people[1]
    at = to_form(visitor, who)
    typed = visitor.type()
    website.act('google', 'block', email=who['email'], start=at.isoformat(), end=(at + HALF).isoformat())
    visitor.submit()
    visitor.see('nearest-time').first.wait_for()
    assert 'Somebody else has just taken this time' in visitor.see('refusal').inner_text()
    assert visitor.see('nearest-time').count() == 3
    assert visitor.see('held').count() == 0
    assert visitor.typed() == typed
    other = moment(visitor.see('nearest-time').first.get_attribute('value'))
    visitor.see('nearest-time').first.click()
    visitor.see('refusal').wait_for(state='detached')
    assert (visitor.chosen(), visitor.typed()) == (other, typed)
    visitor.submit()
    visitor.step('booked')
    assert visitor.when() == other != at


@one_way
@pytest.mark.behaviour('WEB-13')
def test_a_time_that_went_while_it_was_looked_at(website: Website, scripts: bool) -> None:
    visitor, who = website.visit(scripts=scripts), website.people[1]
    visitor.times(who)
    gone = moment(visitor.see('next-time').nth(1).get_attribute('value'))
    website.take(who['id'], gone)
    visitor.page.locator(f'[data-testid=next-time][value="{gone:%Y-%m-%dT%H:%M:%SZ}"]').click()
    visitor.see('nearest-time').first.wait_for()
    assert visitor.see('refusal').is_visible()
    visitor.see('nearest-time').first.click()
    visitor.step('form')
    assert visitor.chosen() != gone


@both_ways
@pytest.mark.behaviour('WEB-9', 'WEB-20')
def test_back_to_the_times_keeps_what_was_typed_and_moves_the_hold(website: Website, scripts: bool) -> None:
    visitor, who = website.visit(scripts=scripts), website.people[0]
    first = to_form(visitor, who)
    assert visitor.see('held').is_visible()
    assert first not in website.starts(who['id'])
    typed = visitor.type()
    visitor.see('change-time').click()
    visitor.step('times')
    own = visitor.page.locator(f'[data-testid=next-time][value="{first:%Y-%m-%dT%H:%M:%SZ}"]')
    own.wait_for()
    second = moment(visitor.see('next-time').nth(1).get_attribute('value'))
    assert visitor.choose(second) == second
    assert visitor.typed() == typed
    offered = website.starts(who['id'])
    assert first in offered
    assert second not in offered
    visitor.see('change-time').click()
    visitor.step('times')
    assert visitor.choose(second) == second
    visitor.submit()
    visitor.step('booked')
    assert visitor.when() == second


@one_way
@pytest.mark.behaviour('WEB-21', 'WEB-25')
def test_back_goes_one_step_and_a_reload_stays(website: Website, scripts: bool) -> None:
    visitor, who = website.visit(scripts=scripts), website.people[0]
    asked: list[Dialog] = []
    visitor.page.on('dialog', lambda dialog: asked.append(dialog))
    ask_first(visitor)
    visitor.see('answer-yes').click()
    visitor.step('choose')
    visitor.see('card').filter(has_text=who['name']).get_by_test_id('choose').click()
    visitor.step('times')
    at = visitor.choose()
    visitor.page.reload()
    visitor.step('form')
    assert visitor.chosen() == at
    visitor.see('field-name').fill('Lee Adams')
    visitor.page.go_back()
    visitor.step('times')
    visitor.page.go_forward()
    visitor.step('form')
    assert visitor.chosen() == at
    assert visitor.see('field-name').input_value() == 'Lee Adams'
    visitor.page.go_back()
    visitor.step('times')
    visitor.page.go_back()
    visitor.step('choose')
    assert asked == []


@one_way
@pytest.mark.behaviour('WEB-21')
def test_after_the_booking_a_reload_and_back_book_nothing(website: Website, scripts: bool) -> None:
    visitor, who = website.visit(scripts=scripts), website.people[0]
    at = visitor.book(who)
    visitor.page.reload()
    visitor.step('booked')
    assert visitor.when() == at
    visitor.page.go_back()
    visitor.page.go_forward()
    visitor.step('booked')
    assert len(website.events(visitor.email)) == 1


@one_way
@pytest.mark.behaviour('WEB-30')
def test_a_double_click_and_a_second_tab_make_one_booking(website: Website, scripts: bool) -> None:
    visitor, who = website.visit(scripts=scripts), website.people[0]
    at = to_form(visitor, who)
    visitor.type()
    tab = visitor.context.new_page()
    tab.goto(visitor.page.url)
    second = Visitor(website, visitor.context, tab, scripts, visitor.number)
    second.type()
    visitor.see('book').dblclick(no_wait_after=True)
    visitor.step('booked')
    second.submit()
    second.step('booked')
    assert (visitor.when(), second.when()) == (at, at)
    assert [moment(each['start']['dateTime']) for each in website.events(visitor.email)] == [at]


@one_way
@pytest.mark.behaviour('CB-8', 'WEB-11')
def test_a_calendar_that_is_away_costs_nothing_that_was_typed(website: Website, scripts: bool) -> None:
    visitor, who = website.visit(scripts=scripts), website.people[0]
    at = to_form(visitor, who)
    typed = visitor.type()
    website.act('google', 'set_away', email=who['email'])
    try:
        visitor.submit()
        visitor.see('refusal').wait_for()
        assert 'Nothing was booked' in visitor.see('refusal').inner_text()
        assert visitor.typed() == typed
    finally:
        website.act('google', 'mend')
    visitor.submit()
    visitor.step('booked')
    assert visitor.when() == at


@both_ways
@pytest.mark.parametrize('answer', ['502', 'broken', 'lost'] if FULL else ['502', 'lost'])
@pytest.mark.behaviour('WEB-12', 'WEB-30')
def test_only_a_booking_is_shown_as_one(website: Website, scripts: bool, answer: str) -> None:
    """A page of a proxy, a connection that breaks, an answer that is lost on its way: then the same form again."""
    visitor, who = website.visit(scripts=scripts), website.people[0]
    at = to_form(visitor, who)
    typed = visitor.type()

    def spoil(route: Route) -> None:
        if route.request.method != 'POST':
            route.fallback()
        elif answer == '502':
            route.fulfill(status=502, content_type='text/html', body='<h1>Bad gateway: booked</h1>')
        else:
            if answer == 'lost':
                route.fetch(max_redirects=0)
            route.abort('connectionreset')

    visitor.page.route('**/*', spoil)
    visitor.see('book').click(no_wait_after=True)
    if scripts:
        visitor.see('unsent').wait_for()
    else:
        visitor.page.wait_for_function("!document.querySelector('hermes-booker')")
    assert visitor.see('booked').count() == 0
    visitor.page.unroute('**/*')
    if not scripts:
        visitor.page.go_back()
        visitor.step('form')
    assert visitor.typed() == typed
    visitor.submit()
    visitor.step('booked')
    assert visitor.when() == at
    assert len(website.events(visitor.email)) == 1


# Links, letters and strangers


@one_way
@pytest.mark.behaviour('WEB-31')
def test_who_has_a_booking_gets_the_answer_that_anybody_gets(website: Website, scripts: bool) -> None:
    said = []
    visitor, who = website.visit(scripts=scripts), website.people[1]
    for place in (0, 9):
        visitor.times(who)
        visitor.choose(moment(visitor.see('next-time').nth(place).get_attribute('value')))
        visitor.type()
        visitor.submit()
        visitor.step('booked')
        shown = visitor.page.locator('main').inner_text()
        for own in ('when', 'when-there', 'join'):
            shown = shown.replace(visitor.see(own).inner_text(), '')
        said.append(shown)
        visitor.context.clear_cookies()
        if scripts:
            visitor.page.evaluate('localStorage.clear()')
    assert said[0] == said[1]


@one_way
@pytest.mark.behaviour('WEB-27')
def test_a_booking_is_moved_and_cancelled_by_its_page_alone(website: Website, scripts: bool) -> None:
    visitor, who = website.visit(scripts=scripts), website.people[0]
    at = visitor.book(who)
    visitor.see('manage').click()
    visitor.step('manage')
    address = visitor.page.url
    for _ in range(2):
        visitor.page.goto(address)
    assert visitor.when() == at
    visitor.see('next-time').nth(4).click()
    visitor.see('said').wait_for()
    moved = visitor.when()
    assert moved != at
    visitor.until(
        'the event moved',
        lambda: [moment(each['start']['dateTime']) for each in website.events(visitor.email)] == [moved],
    )
    visitor.see('cancel').click()
    visitor.see('off').wait_for()
    visitor.until('the event is gone', lambda: website.events(visitor.email) == [])
    visitor.page.goto(address)
    assert visitor.see('book-again').is_visible()


@one_way
@pytest.mark.behaviour('WEB-17')
def test_the_keyboard_alone_books_moves_and_cancels(website: Website, scripts: bool) -> None:
    visitor = website.visit(scripts=scripts)
    visitor.page.goto(INDEX)
    visitor.press_on(visitor.see('book-a-call').first)
    visitor.see('answer-no').wait_for()
    visitor.press_on(visitor.see('answer-no'))
    visitor.step('bracket')
    visitor.rest()
    visitor.press_on(visitor.see('bracket').first, 'Space')
    visitor.press_on(visitor.see('draw'))
    visitor.step('times')
    visitor.rest()
    visitor.press_on(visitor.see('next-time').nth(1))
    visitor.step('form')
    for name, value in (('name', 'Lee Adams'), ('email', visitor.email), ('company_name', visitor.company)):
        visitor.press_on(visitor.see(f'field-{name}'), 'End')
        visitor.page.keyboard.type(value)
    visitor.page.keyboard.press('Enter')
    visitor.step('booked')
    at = visitor.when()
    visitor.press_on(visitor.see('manage'))
    visitor.step('manage')
    visitor.press_on(visitor.see('next-time').nth(4))
    visitor.see('said').wait_for()
    assert visitor.when() != at
    visitor.press_on(visitor.see('cancel'))
    visitor.see('off').wait_for()


@pytest.mark.behaviour('WEB-33')
def test_a_narrow_page_without_scripts_cookies_or_storage_books(website: Website) -> None:
    visitor = website.visit(scripts=False, viewport={'width': 320, 'height': 640})
    visitor.page.route('**/*', lambda route: route.continue_(headers={**route.request.headers, 'cookie': ''}))
    visitor.book(website.people[0])
    assert parse_qs(urlsplit(visitor.page.url).query).get('name') is None
    assert datetime.now(UTC) < visitor.when()
