"""The script on top of the booking pages, in a real Chromium: steps and their history, what was typed, holds, keys."""

import gzip
import json
from collections.abc import Iterator
from importlib.resources import files
from typing import Any
from urllib.parse import parse_qs, urlsplit

import altcha
import pytest
from playwright.sync_api import Browser, BrowserContext, Page, Route, expect

from hermes.booking.limits import Limits
from hermes.kit.clock import SystemClock
from tests.browser.booker import (
    CHROMIUM,
    INDEX,
    NO_STORAGE,
    Who,
    ask,
    at,
    choose,
    chromium,
    fill,
    find_who,
    focused,
    free,
    opened,
    ready,
    typed,
)  # fmt: skip
from tests.waiting import PATIENCE_S, wait_for
from tests.whole.run import Home, Running

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason='browser: not run, no Chromium'),
    pytest.mark.xdist_group('browser'),
]
KEY = 'a secret of the tests'
LARGEST = 15_000
"""Bytes of the module, gzipped (WEB-18)."""
expect.set_options(timeout=PATIENCE_S * 1000)


@pytest.fixture(scope='module')
def hermes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Home(tmp_path_factory.mktemp('script')).running() as run:
        run.await_ready()
        yield run
        run.interrupt()


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with chromium() as started:
        yield started


@pytest.fixture(scope='module')
def who(hermes: Running) -> Who:
    """A salesperson with a calendar."""
    return find_who(hermes)


@pytest.fixture
def context(browser: Browser) -> Iterator[BrowserContext]:
    context = opened(browser)
    yield context
    for page in context.pages:
        page.goto('about:blank')
    context.close()


@pytest.fixture
def page(context: BrowserContext) -> Page:
    return context.new_page()


def held(page: Page) -> str:
    return page.locator('hermes-booker').get_attribute('data-hold') or ''


def form_of(page: Page, hermes: Running, who: Who, number: int = 0) -> str:
    """At the form of a free time; when that is."""
    start = free(hermes, who)[number]
    choose(ready(page, hermes, f'{INDEX}{who}/'), start)
    return start


@pytest.mark.behaviour('WEB-9', 'WEB-21', 'WEB-25')
def test_back_goes_one_step_back_with_everything_kept(hermes: Running, who: Who, page: Page) -> None:
    ready(page, hermes, f'{INDEX}choose/')
    before = page.evaluate('history.length')
    page.locator(f'[data-slug="{who}"]').get_by_test_id('choose').click()
    page.get_by_test_id('grid').wait_for()
    assert focused(page) == 'heading'
    start = free(hermes, who)[0]
    choose(page, start)
    assert focused(page) == 'heading'
    assert page.evaluate('history.length') == before + 2, 'one entry a step, however many days were looked at'
    fill(page, 'back@customer.example')
    told = typed(page)
    page.go_back()
    expect(page.locator(f'[data-testid=time][value="{start}"]')).to_be_visible()
    page.go_back()
    expect(page.get_by_test_id('cards')).to_be_visible()
    page.go_forward()
    page.get_by_test_id('grid').wait_for()
    page.go_forward()
    page.get_by_test_id('form').wait_for()
    assert typed(page) == told
    page.reload()
    page.get_by_test_id('form').wait_for()
    expect(page.get_by_test_id('field-email')).to_have_value('back@customer.example')
    assert typed(page) == told
    page.goto(at(hermes, f'{INDEX}{who}/'))
    choose(page, free(hermes, who)[0])
    assert typed(page) == told


@pytest.mark.behaviour('WEB-2')
def test_the_question_is_a_dialog_that_gives_the_focus_back(hermes: Running, who: Who, page: Page) -> None:
    ready(page, hermes)
    button = page.locator(f'[data-slug="{who}"]').get_by_test_id('book-a-call')
    button.focus()
    page.keyboard.press('Enter')
    expect(page.locator('dialog[open]')).to_be_visible()
    for _ in range(6):
        page.keyboard.press('Tab')
        assert page.evaluate(
            'document.activeElement.closest("main > *") === null || !!document.activeElement.closest("dialog")'
        )
    page.keyboard.press('Escape')
    expect(page.locator('dialog[open]')).to_have_count(0)
    expect(button).to_be_focused()
    button.click()
    page.get_by_test_id('answer-no').click()
    page.get_by_test_id('bracket-form').wait_for()
    assert page.url.startswith(at(hermes, f'{INDEX}revenue/'))


@pytest.mark.behaviour('WEB-3', 'WEB-10')
def test_another_currency_shows_its_brackets_at_once(hermes: Running, who: Who, page: Page) -> None:
    ready(page, hermes)
    page.goto(at(hermes, f'{INDEX}revenue/'))
    page.get_by_test_id('bracket').nth(1).check()
    before = page.evaluate('history.length')
    page.get_by_test_id('field-currency').select_option('USD')
    expect(page.get_by_test_id('bracket-form')).to_contain_text('$50,000')
    expect(page.get_by_test_id('bracket').nth(1)).to_be_checked()
    expect(page.get_by_test_id('change-currency')).to_be_hidden()
    assert page.evaluate('history.length') == before
    page.get_by_test_id('bracket').nth(2).focus()
    page.keyboard.press('Space')
    page.keyboard.press('Enter')
    page.get_by_test_id('grid').wait_for()
    page.get_by_test_id('next-time').first.click()
    page.get_by_test_id('form').wait_for()
    assert page.get_by_test_id('field-currency').input_value() == 'USD'
    assert page.get_by_test_id('field-bracket').input_value() == '150-500k'


@pytest.mark.behaviour('WEB-8')
@pytest.mark.parametrize(
    ('zone', 'told', 'locale', 'clock'),
    [
        ('America/Toronto', 'America/Toronto', 'en-US', '12'),
        ('Asia/Calcutta', 'Asia/Kolkata', 'en-GB', '24'),
        ('Pacific/Auckland', 'Pacific/Auckland', 'en-GB', '24'),
    ],
)
def test_times_are_shown_on_the_clock_of_the_browser(
    hermes: Running, browser: Browser, who: Who, zone: str, told: str, locale: str, clock: str
) -> None:
    context = opened(browser, zone, locale)
    page = ready(context.new_page(), hermes, f'{INDEX}{who}/')
    expect(page.get_by_test_id('zone')).to_have_value(told)
    expect(page.get_by_test_id('clock')).to_have_value(clock)
    assert page.evaluate("""() => [...document.querySelectorAll('[data-testid=time] time')].every(time => {
        const [hour, minute] = time.textContent.match(/\\d+/g).map(Number), at = new Date(time.dateTime);
        return minute === at.getMinutes() && hour % 12 === at.getHours() % 12; })""")
    context.close()


@pytest.mark.behaviour('WEB-22')
def test_another_clock_changes_no_instant(hermes: Running, who: Who, page: Page) -> None:
    ready(page, hermes, f'{INDEX}{who}/')
    times = page.locator('[data-testid=next-time]')
    before = times.evaluate_all('all => all.map(one => one.value)')
    page.get_by_test_id('zone').select_option('Pacific/Auckland')
    page.wait_for_url('**zone=Pacific%2FAuckland**')
    page.get_by_test_id('clock').select_option('12')
    page.wait_for_url('**clock=12**')
    assert times.evaluate_all('all => all.map(one => one.value)') == before
    expect(times.first).to_contain_text('m')
    start = times.first.get_attribute('value')
    times.first.click()
    assert page.get_by_test_id('chosen-time').get_attribute('datetime') == start


@pytest.mark.behaviour('WEB-17', 'WEB-28')
def test_the_days_are_a_grid_for_the_keyboard(hermes: Running, who: Who, page: Page) -> None:
    ready(page, hermes, f'{INDEX}{who}/?month=2027-01')
    days = page.locator('.day')
    assert days.evaluate_all('all => all.filter(day => day.tabIndex === 0).length') == 1
    page.locator('[data-date="2027-01-13"]').focus()
    for key, day in (
        ('ArrowRight', '14'), ('ArrowDown', '21'), ('ArrowLeft', '20'), ('ArrowUp', '13'), ('Home', '11'),
        ('End', '17'),
    ):  # fmt: skip
        page.keyboard.press(key)
        expect(page.locator(f'[data-date="2027-01-{day}"]')).to_be_focused()
        assert days.evaluate_all('all => all.filter(day => day.tabIndex === 0).length') == 1
    sunday = page.locator('[data-date="2027-01-17"]')
    assert 'no times' in (sunday.get_attribute('aria-label') or '')
    page.keyboard.press('PageUp')
    expect(page.locator('[data-date="2026-12-17"]')).to_be_focused()
    page.keyboard.press('PageDown')
    expect(page.locator('[data-date="2027-01-17"]')).to_be_focused()


@pytest.mark.behaviour('WEB-20', 'CB-12')
def test_one_hold_goes_along_and_is_given_back_by_leaving(hermes: Running, who: Who, page: Page) -> None:
    first = form_of(page, hermes, who)
    one = held(page)
    assert one
    assert first not in free(hermes, who)
    page.get_by_test_id('change-time').click()
    own = page.locator(f'[data-testid=time][value="{first}"]')
    expect(own).to_be_visible()
    second = free(hermes, who)[0]
    choose(page, second)
    assert held(page) not in ('', one)
    assert first in free(hermes, who)
    assert second not in free(hermes, who)
    page.go_back()
    page.get_by_test_id('grid').wait_for()
    assert second not in free(hermes, who), 'a step back is not leaving'
    page.go_forward()
    page.get_by_test_id('form').wait_for()
    page.goto('about:blank')
    wait_for('the time is free again', lambda: second in free(hermes, who))


@pytest.mark.behaviour('WEB-20', 'WEB-21')
def test_a_reload_takes_the_hold_again(hermes: Running, who: Who, page: Page) -> None:
    start = form_of(page, hermes, who)
    before = held(page)
    page.reload()
    wait_for('another hold', lambda: held(page) not in ('', before))
    assert start not in free(hermes, who)
    assert parse_qs(urlsplit(page.url).query)['hold'] == [held(page)]
    assert page.locator('input[name=hold]').input_value() == held(page)


@pytest.mark.behaviour('WEB-20', 'WEB-24')
def test_a_hold_that_runs_out_is_said_and_taken_again(hermes: Running, who: Who, page: Page) -> None:
    page.clock.install()
    form_of(page, hermes, who)
    before = held(page)
    page.clock.fast_forward(301_000)
    expect(page.get_by_test_id('held')).to_contain_text('no longer kept')
    expect(page.get_by_test_id('book')).to_be_enabled()
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    wait_for('another hold', lambda: held(page) not in ('', before))
    expect(page.get_by_test_id('held')).to_contain_text('is kept')


@pytest.mark.behaviour('WEB-24')
def test_times_are_asked_for_again_without_moving_anything(hermes: Running, who: Who, page: Page) -> None:
    page.clock.install()
    ready(page, hermes, f'{INDEX}{who}/')
    start = page.get_by_test_id('next-time').first.get_attribute('value')
    page.get_by_test_id('next-time').nth(3).focus()
    keeps = page.get_by_test_id('next-time').nth(3).get_attribute('value')
    token = ask(hermes, 'POST', '/callbooker/hold/', {'admin_id': who.number, 'start': start})['hold']
    page.clock.fast_forward(61_000)
    expect(page.locator(f'[data-testid=next-time][value="{start}"]')).to_have_count(0)
    assert page.evaluate('document.activeElement.value') == keeps
    ask(hermes, 'DELETE', f'/callbooker/hold/{token}')
    page.clock.fast_forward(3_000)
    page.evaluate("window.dispatchEvent(new Event('focus'))")
    expect(page.locator(f'[data-testid=next-time][value="{start}"]')).to_have_count(1)


@pytest.mark.behaviour('WEB-12', 'WEB-11')
@pytest.mark.parametrize('how', ['broken', 'proxy', 'other', 'liar', 'silent'])
def test_what_does_not_arrive_is_no_success_and_loses_nothing(hermes: Running, who: Who, page: Page, how: str) -> None:
    page.clock.install()
    form_of(page, hermes, who)
    fill(page, f'{how}@customer.example')
    waiting: list[Route] = []
    told = typed(page)

    def answer(route: Route) -> None:
        if route.request.method != 'POST' or 'action=book' not in (route.request.post_data or ''):
            route.continue_()
        elif how == 'broken':
            route.abort()
        elif how == 'silent':
            waiting.append(route)
        elif how == 'liar':
            body = '<hermes-booker data-step="booked"><main><h1 data-testid="booked">Booked</h1></main></hermes-booker>'
            route.fulfill(status=500, content_type='text/html', body=body)
        else:
            body = '<h1>Bad gateway</h1>'
            route.fulfill(status=502 if how == 'proxy' else 200, content_type='text/html', body=body)

    page.route('**/*', answer)
    page.get_by_test_id('book').click()
    if how == 'silent':
        expect(page.get_by_test_id('book')).to_be_disabled()
        page.clock.fast_forward(21_000)
    expect(page.get_by_test_id('unsent')).to_be_visible()
    expect(page.get_by_test_id('unsent')).to_be_focused()
    assert page.get_by_test_id('booked').count() == 0
    assert typed(page) == told
    page.unroute('**/*')
    page.get_by_test_id('again').click()
    expect(page.get_by_test_id('booked')).to_be_visible()


@pytest.mark.behaviour('WEB-7', 'WEB-11')
def test_a_page_that_cannot_be_had_is_said_with_the_same_act_once_more(hermes: Running, who: Who, page: Page) -> None:
    ready(page, hermes, f'{INDEX}{who}/')
    page.route('**/*day=*', lambda route: route.abort())
    page.locator('a.day').last.click()
    expect(page.get_by_test_id('unread')).to_be_focused()
    page.unroute('**/*day=*')
    page.get_by_test_id('again').click()
    page.wait_for_url('**day=**')
    expect(page.get_by_test_id('unread')).to_have_count(0)


@pytest.mark.behaviour('WEB-7')
def test_a_page_that_takes_long_shows_its_shape(hermes: Running, who: Who, page: Page) -> None:
    ready(page, hermes, f'{INDEX}choose/')
    waiting: list[Route] = []
    page.route(f'**/{who}/*', lambda route: waiting.append(route))
    page.locator(f'[data-slug="{who}"]').get_by_test_id('choose').click()
    expect(page.get_by_test_id('skeleton')).to_be_visible()
    waiting[0].continue_()
    expect(page.get_by_test_id('grid')).to_be_visible()
    expect(page.get_by_test_id('skeleton')).to_have_count(0)


@pytest.mark.behaviour('WEB-11')
def test_what_is_wrong_is_a_list_that_leads_to_the_fields(hermes: Running, who: Who, page: Page) -> None:
    form_of(page, hermes, who)
    fill(page, 'wrong@customer.example', name='Lee', website='no address')
    before = page.evaluate('history.length')
    page.get_by_test_id('book').click()
    expect(page.get_by_test_id('summary')).to_be_focused()
    page.get_by_test_id('summary').get_by_role('link').first.click()
    expect(page.get_by_test_id('field-name')).to_be_focused()
    assert page.evaluate('history.length') == before
    assert typed(page)['website'] == 'no address'
    fill(page, 'wrong@customer.example')
    page.get_by_test_id('field-phone').fill('+44 ')
    page.get_by_test_id('field-country').select_option('FR')
    page.get_by_test_id('field-email').press('Enter')
    expect(page.get_by_test_id('booked')).to_be_visible()


@pytest.mark.behaviour('WEB-13', 'WEB-24')
def test_a_time_that_is_gone_leaves_what_was_typed_and_offers_three(hermes: Running, who: Who, page: Page) -> None:
    start = form_of(page, hermes, who)
    fill(page, 'gone@customer.example')
    told = typed(page)
    ask(hermes, 'DELETE', f'/callbooker/hold/{held(page)}')
    assert ask(hermes, 'POST', '/callbooker/hold/', {'admin_id': who.number, 'start': start})
    page.get_by_test_id('book').click()
    expect(page.get_by_test_id('refusal')).to_be_focused()
    expect(page.get_by_test_id('nearest-time')).to_have_count(3)
    expect(page.get_by_test_id('book')).to_be_enabled()
    assert typed(page) == told
    other = page.get_by_test_id('nearest-time').first.get_attribute('value')
    page.get_by_test_id('nearest-time').first.click()
    expect(page.get_by_test_id('refusal')).to_have_count(0)
    assert page.get_by_test_id('chosen-time').get_attribute('datetime') == other
    assert typed(page) == told
    page.get_by_test_id('book').click()
    expect(page.get_by_test_id('booked')).to_be_visible()


@pytest.mark.behaviour('WEB-30')
def test_a_double_click_books_once(hermes: Running, who: Who, page: Page) -> None:
    form_of(page, hermes, who)
    fill(page, 'double@customer.example')
    sent: list[Any] = []
    page.on('request', lambda request: sent.append(request) if 'action=book' in (request.post_data or '') else None)
    page.get_by_test_id('book').dblclick()
    expect(page.get_by_test_id('booked')).to_be_visible()
    assert len(sent) == 1
    first = page.url.split('?')[0]
    page.go_back()
    page.get_by_test_id('form').wait_for()
    assert typed(page)['email'] == 'double@customer.example'
    page.get_by_test_id('book').click()
    expect(page.get_by_test_id('booked')).to_be_visible()
    assert page.url.split('?')[0] == first, 'the same form is the same booking'


@pytest.mark.behaviour('WEB-6')
def test_whoever_booked_here_comes_to_their_person_with_every_field(
    hermes: Running, who: Who, context: BrowserContext, page: Page
) -> None:
    form_of(page, hermes, who)
    fill(page, 'again@customer.example')
    page.get_by_test_id('book').click()
    expect(page.get_by_test_id('booked')).to_be_visible()
    later = context.new_page()
    later.goto(at(hermes))
    expect(later.get_by_test_id('remembered')).to_be_visible()
    assert f'{INDEX}{who}/' in later.url
    assert 'again%40' not in later.url
    choose(later, free(hermes, who)[0])
    assert typed(later)['email'] == 'again@customer.example'
    assert later.get_by_test_id('field-country').input_value() == 'GB'
    assert later.get_by_test_id('field-bracket').input_value() != ''
    later.get_by_test_id('not-you').click()
    expect(later.get_by_test_id('cards')).to_be_visible()
    assert later.evaluate("localStorage.getItem('hermes-booker')") is None


@pytest.mark.behaviour('WEB-6')
@pytest.mark.parametrize('memory', ['left', 'old', 'other version'])
def test_a_memory_that_is_of_no_use_leads_nowhere(hermes: Running, who: Who, page: Page, memory: str) -> None:
    told = {
        'version': 2 if memory == 'other version' else 1,
        'at': '2020-01-01T00:00:00Z' if memory == 'old' else '2999-01-01T00:00:00Z',
        'slug': 'gone-long-ago' if memory == 'left' else who.slug, 'kind': 'sales', 'fields': {'name': 'Ana Silva'},
    }  # fmt: skip
    page.goto(at(hermes, '/static/booker.css'))
    page.evaluate("told => localStorage.setItem('hermes-booker', told)", json.dumps(told))
    page.goto(at(hermes))
    page.wait_for_url('**zone=**')
    expect(page.get_by_test_id('left')).to_have_count(1 if memory == 'left' else 0)
    page.goto(at(hermes, f'{INDEX}{who}/'))
    choose(page, free(hermes, who)[0])
    expect(page.get_by_test_id('field-name')).to_have_value('Ana Silva' if memory == 'left' else '')


@pytest.mark.behaviour('WEB-25', 'WEB-26')
def test_everything_goes_without_storage(hermes: Running, who: Who, page: Page) -> None:
    page.add_init_script(NO_STORAGE)
    form_of(page, hermes, who)
    fill(page, 'blocked@customer.example')
    page.go_back()
    page.get_by_test_id('grid').wait_for()
    page.go_forward()
    page.get_by_test_id('form').wait_for()
    assert typed(page)['email'] == 'blocked@customer.example'
    page.get_by_test_id('book').click()
    expect(page.get_by_test_id('booked')).to_be_visible()


@pytest.mark.behaviour('CB-18')
def test_a_challenge_is_solved_and_handed_in_with_the_booking(hermes: Running, who: Who, page: Page) -> None:
    form_of(page, hermes, who)
    fill(page, 'proof@customer.example')
    challenge = Limits(KEY, SystemClock()).challenge()
    assert challenge
    proofs: list[str] = []

    def answer(route: Route) -> None:
        sent = parse_qs(route.request.post_data or '')
        if sent.get('action') != ['book'] or 'altcha' in sent:
            proofs.extend(sent.get('altcha', []))
            route.continue_()
            return
        refused = route.fetch(post_data=(route.request.post_data or '').replace('action=book', 'action=refresh'))
        marked = f"<hermes-booker data-challenge='{json.dumps(challenge)}'"
        route.fulfill(status=429, content_type='text/html', body=refused.text().replace('<hermes-booker', marked))

    page.route('**/*', answer)
    page.get_by_test_id('book').click()
    expect(page.get_by_test_id('booked')).to_be_visible()
    assert len(proofs) == 1
    assert altcha.verify_solution(proofs[0], Limits(KEY, SystemClock())._key).verified


def test_light_and_dark_are_remembered(hermes: Running, page: Page) -> None:
    ready(page, hermes)
    paper = page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
    page.get_by_test_id('dark').click()
    expect(page.get_by_test_id('dark')).to_have_attribute('aria-pressed', 'true')
    assert page.evaluate('getComputedStyle(document.documentElement).backgroundColor') != paper
    page.reload()
    expect(page.get_by_test_id('dark')).to_have_attribute('aria-pressed', 'true')


@pytest.mark.behaviour('WEB-18')
def test_the_module_is_light_and_asks_nobody_else(hermes: Running, who: Who, page: Page) -> None:
    module = files('hermes.web.booker').joinpath('static', 'booker.js').read_bytes()
    assert len(gzip.compress(module)) < LARGEST
    foreign: list[str] = []
    said: list[str] = []
    page.on('request', lambda request: foreign.append(request.url))
    page.on('pageerror', lambda error: said.append(str(error)))
    form_of(page, hermes, who)
    assert [url for url in foreign if not url.startswith(at(hermes, '/'))] == said == []


@pytest.mark.behaviour('WEB-33')
def test_without_a_script_nothing_of_it_shows(hermes: Running, browser: Browser, who: Who) -> None:
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(at(hermes, f'{INDEX}{who}/'))
    expect(page.get_by_test_id('dark')).to_be_hidden()
    expect(page.get_by_test_id('zone-change')).to_be_visible()
    context.close()


@pytest.mark.behaviour('WEB-19')
def test_another_language_is_one_step_and_keeps_what_was_typed(hermes: Running, who: Who, page: Page) -> None:
    form_of(page, hermes, who)
    fill(page, 'sprache@customer.example')
    before = page.evaluate('history.length')
    page.get_by_role('link', name='Deutsch').click()
    expect(page.get_by_test_id('dark')).to_have_text('Dunkel')
    assert page.evaluate('document.documentElement.lang') == 'de'
    assert typed(page)['email'] == 'sprache@customer.example'
    assert page.evaluate('history.length') == before
