"""The page behind a booking's link, in a real Chromium without scripts: moved and canceled by the keyboard alone."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

import pytest
from playwright.sync_api import Locator, Page, sync_playwright

from tests.waiting import PATIENCE_S
from tests.whole.run import Home, Running
from tools.chromium import find_chromium

CHROMIUM = find_chromium()
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason='browser: not run, no Chromium'),
    pytest.mark.xdist_group('browser'),
]
FORM = {
    'name': 'Lee Adams', 'email': 'lee@customer.example', 'company_name': 'Adams Tuition', 'country': 'GB',
    'estimated_income': '50-150k', 'currency': 'GBP', 'price_plan': 'payg', 'zone': 'Pacific/Auckland',
}  # fmt: skip


@pytest.fixture
def hermes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Home(tmp_path_factory.mktemp('booking')).running() as run:
        run.await_ready()
        yield run
        run.interrupt()


@pytest.fixture
def page() -> Iterator[Page]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        context = chromium.new_context(viewport={'width': 320, 'height': 700}, java_script_enabled=False)
        context.set_default_timeout(PATIENCE_S * 1000)
        yield context.new_page()
        chromium.close()


def ask(hermes: Running, path: str, body: Any = None) -> Any:
    """The JSON answer, None for an error."""
    request = Request(
        f'http://127.0.0.1:{hermes.home.ports[0]}{path}',
        data=None if body is None else json.dumps(body).encode(),
        headers={'Content-Type': 'application/json'},
    )
    try:
        with urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)
    except HTTPError:
        return None


def book(hermes: Running) -> str:
    """Book a call in the demo world; the address of its page."""
    whom = hermes.wait_for(
        'somebody is on duty', lambda: ask(hermes, '/choose-roundrobin/sales/?plan=payg&country_code=GB')
    )
    first = datetime.now(UTC) + timedelta(days=1)
    window = {'start_dt': first.isoformat(), 'end_dt': (first + timedelta(days=7)).isoformat()}
    query = urlencode({'admin_id': whom['id'], **window})
    free = hermes.wait_for('the calendar', lambda: ask(hermes, f'/callbooker/availability/?{query}'))['slots']
    told = ask(hermes, '/callbooker/sales/book/', {**FORM, 'admin_id': whom['id'], 'meeting_dt': free[0][0]})
    return str(told['manage'])


def press_on(page: Page, what: Locator) -> None:
    """Tab from the page's start to something, and press Enter on it."""
    for _ in range(200):
        page.keyboard.press('Tab')
        if what.evaluate('each => each === document.activeElement'):
            page.keyboard.press('Enter')
            return
    raise AssertionError(f'the keyboard does not reach {what}')


def test_a_booking_is_moved_and_canceled_by_keyboard_without_scripts(hermes: Running, page: Page) -> None:
    page.goto(book(hermes))
    before = page.get_by_test_id('when').get_attribute('datetime')
    assert 'Pacific/Auckland' in page.get_by_test_id('recap').inner_text()
    press_on(page, page.get_by_test_id('next-time').nth(3))
    page.get_by_text('Your call was moved').wait_for()
    assert page.get_by_test_id('when').get_attribute('datetime') != before
    press_on(page, page.get_by_test_id('cancel'))
    page.get_by_text('This call is cancelled, as you asked.').wait_for()
    assert page.get_by_role('button').count() == page.locator('select').count() == 0
