"""The booking pages as a visitor has them: a browser with the script, and what the API tells beside it."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from urllib.error import HTTPError
from urllib.parse import urlencode
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, BrowserContext, FrameLocator, Page, sync_playwright

from tests.waiting import PATIENCE_S
from tests.whole.run import Running
from tools.chromium import find_chromium

CHROMIUM = find_chromium()
INDEX = '/book-a-call/'
DETAILS = {'name': 'Lee Adams', 'company_name': 'Adams Tuition', 'website': 'example.com'}
NO_STORAGE = """for (const name of ['localStorage', 'sessionStorage']) Object.defineProperty(window, name, {
    get() { throw new DOMException('blocked', 'SecurityError'); } });"""


@contextmanager
def chromium(*flags: str) -> Iterator[Browser]:
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox', *flags])
        yield browser
        browser.close()


def opened(browser: Browser, zone: str = 'Europe/London', locale: str = 'en-GB', width: int = 1100) -> BrowserContext:
    """A visitor: a browser with a memory of its own."""
    context = browser.new_context(timezone_id=zone, locale=locale, viewport={'width': width, 'height': 800})
    context.set_default_timeout(PATIENCE_S * 1000)
    return context


def at(hermes: Running, path: str = INDEX) -> str:
    return f'http://127.0.0.1:{hermes.home.ports[0]}{path}'


def ask(hermes: Running, method: str, path: str, body: Any = None) -> Any:
    """The JSON answer of the booking API; None for an error."""
    data = None if body is None else json.dumps(body).encode()
    request = Request(at(hermes, path), data, {'content-type': 'application/json'}, method=method)
    try:
        with urlopen(request, timeout=PATIENCE_S) as answer:
            return json.load(answer)
    except HTTPError:
        return None


@dataclass(frozen=True)
class Who:
    """A salesperson: by number for the API, by name in addresses."""

    number: int
    slug: str

    def __str__(self) -> str:
        return self.slug


def find_who(hermes: Running) -> Who:
    """A salesperson with a calendar that can be read."""
    drawn = '/choose-roundrobin/sales/?plan=payg&country_code=GB'
    number = int(hermes.wait_for('somebody on duty', lambda: ask(hermes, 'GET', drawn))['id'])
    hermes.wait_for('the calendar', lambda: read_free(hermes, number))
    return Who(number, hermes.wait_for('a name in its address', lambda: _slug(hermes, number)))


def _slug(hermes: Running, number: int) -> str:
    """How the demo's files call somebody; '' before they are read."""
    with urlopen(at(hermes, f'{INDEX}{number}/'), timeout=PATIENCE_S) as answer:
        slug: str = answer.read().decode().partition(f'data-page="{INDEX}')[2].partition('/')[0]
    return '' if slug == str(number) else slug


def free(hermes: Running, who: Who) -> list[str]:
    """When slots start that nobody holds, as '2026-12-03T10:00:00Z'; from the day after tomorrow."""
    return [f'{start[:19]}Z' for start, _ in read_free(hermes, who.number)['slots']]


def read_free(hermes: Running, number: int) -> Any:
    first = datetime.now(UTC) + timedelta(days=2)
    window = {'start_dt': first.isoformat(), 'end_dt': (first + timedelta(days=12)).isoformat()}
    return ask(hermes, 'GET', f'/callbooker/availability/?{urlencode({"admin_id": number, **window})}')


def fill(page: Page | FrameLocator, email: str, **other: str) -> None:
    for name, value in {**DETAILS, 'email': email, **other}.items():
        page.get_by_test_id(f'field-{name}').fill(value)
    page.get_by_test_id('field-country').select_option('GB')
    page.get_by_test_id('field-bracket').select_option(index=1)


def typed(page: Page | FrameLocator) -> dict[str, str]:
    return {name: page.get_by_test_id(f'field-{name}').input_value() for name in (*DETAILS, 'email')}


def focused(page: Page) -> str:
    """What the element with the focus is called in tests."""
    return str(page.evaluate('document.activeElement.dataset.testid ?? document.activeElement.localName'))


def ready(page: Page, hermes: Running, path: str = INDEX) -> Page:
    """The page at `path`, with the script at work and on the visitor's own clock."""
    page.goto(at(hermes, path))
    page.wait_for_url('**zone=**')
    page.locator('main:not([aria-busy])').wait_for()
    return page


def choose(page: Page, start: str) -> None:
    """Choose the day of a time and the time, and come to its form."""
    day = datetime.fromisoformat(start).strftime('%Y-%m-%d')
    while not page.locator(f'a[data-date="{day}"]').count():
        name = page.get_by_test_id('month-name').inner_text()
        page.get_by_test_id('month-after').click()
        page.get_by_test_id('month-name').filter(has_not_text=name).wait_for()
    page.locator(f'a[data-date="{day}"]').click()
    page.locator(f'[data-testid=time][value="{start}"]').click()
    page.get_by_test_id('form').wait_for()
