"""The booking pages as a visitor has them, in a real Chromium, beside the whole world that they lead to.

`Website` is a product that runs, with its emulated world; `Visitor` is one person at it, from an address of their own,
with a clock and a country, and with or without scripts: what they do is the same, and so is what they find.
"""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import partial
from itertools import count
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.parse import parse_qs, urlencode, urlsplit
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, BrowserContext, Locator, Page, sync_playwright

from tests.waiting import PATIENCE_S, wait_for
from tests.whole.run import Home, Running
from tools.chromium import find_chromium

NUMBERS = count(1)
INDEX = '/book-a-call/'
CLIENTS = {'Northgate Tutors': 101}
TYPED = {'name': 'Lee Adams', 'website': 'adams.example'}
Json = dict[str, Any]


def moment(told: str | None) -> datetime:
    """A time as a page or a system writes it."""
    return datetime.fromisoformat((told or '').replace('Z', '+00:00'))


@dataclass
class Website:
    """Hermes as it runs, and who can be booked there."""

    run: Running
    browser: Browser
    people: list[Json]
    """Who sells."""
    inside: list[BrowserContext] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f'http://127.0.0.1:{self.run.home.ports[0]}'

    def ask(self, path: str, body: Any = None, **headers: str) -> tuple[int, Any]:
        """Status and JSON of an answer of the API."""
        request = Request(
            f'{self.address}{path}',
            data=None if body is None else json.dumps(body).encode(),
            headers={'Content-Type': 'application/json', 'X-Forwarded-For': own_address(), **headers},
        )
        try:
            with urlopen(request, timeout=PATIENCE_S) as answer:
                return answer.status, json.load(answer)
        except HTTPError as error:
            return error.code, json.loads(error.read() or 'null')

    def act(self, system: str, act: str, **told: Any) -> Any:
        """What somebody does in the emulated world."""
        return self.run.sandbox('/_world/act', {'system': system, 'act': act, **told})['result']

    def world(self) -> Json:
        """The emulated world as it is now."""
        return dict(self.run.sandbox('/_world/state'))

    def support_link(self, helper: str, client: str = 'Northgate Tutors') -> str:
        """Where a support link leads, that somebody makes in TutorCruncher for a client."""
        secrets = json.loads((self.run.home.data / 'sandbox' / 'secrets.json').read_text())
        [admin] = [each for each in self.run.home.told('admins', 'list') if each['name'] == helper]
        query = urlencode({'tc2_admin_id': admin['tc2_admin_id'], 'tc2_cligency_id': CLIENTS[client]})
        path = f'/callbooker/support-link/generate/tc2/?{query}'
        status, told = self.ask(path, Authorization=f'Token {secrets["TC2_API_KEY"]}')
        assert status == 200, told
        return str(told['link'])

    def starts(self, who: int, days: int = 30) -> list[datetime]:
        """Every time on offer."""
        now = moment(self.world()['now'])
        window = {'start_dt': now.isoformat(), 'end_dt': (now + timedelta(days=days)).isoformat()}
        status, told = self.ask(f'/callbooker/availability/?{urlencode({"admin_id": who, **window})}')
        assert status == 200, told
        return [moment(slot[0]) for slot in told['slots']]

    def take(self, who: int, at: datetime) -> str:
        """Somebody else books a time; the address of their booking."""
        number = next(NUMBERS)
        form = {
            'admin_id': who, 'name': 'Robin Quick', 'email': f'robin{number}@quick.example', 'currency': 'GBP',
            'company_name': f'Quick Tuition {number}', 'country': 'GB', 'estimated_income': '50-150k',
            'price_plan': 'payg', 'meeting_dt': at.isoformat(),
        }  # fmt: skip
        status, told = self.ask('/callbooker/sales/book/', form)
        assert status == 200, told
        return str(told['manage'])

    def events(self, email: str) -> list[Json]:
        """Events of every calendar that somebody of that address is invited to."""
        calendars = self.world()['google']['calendars'].values()
        return [
            event
            for calendar in calendars
            for event in calendar['events']
            if event['status'] != 'cancelled' and email in [each['email'] for each in event.get('attendees', ())]
        ]

    def letters(self, email: str) -> list[Json]:
        """Letters that somebody got."""
        return [each for each in self.world()['mailbox']['letters'] if email in each['to']]

    def in_crm(self, email: str) -> Json:
        """What the CRM holds of somebody, once everything of their booking has arrived there."""

        def look() -> Json | None:
            crm = self.world()['pipedrive']
            persons = [each for each in crm['persons'] if email in [mail['value'] for mail in each['emails']]]
            if not persons:
                return None
            org = persons[0]['org_id']
            deals = [each for each in crm['deals'] if each['org_id'] == org and not each['is_deleted']]
            activities = [each for each in crm['activities'] if each['org_id'] == org and not each['is_deleted']]
            if not (deals and activities):
                return None
            found = {'persons': persons, 'deals': deals, 'activities': activities}
            return {**found, 'organizations': [each for each in crm['organizations'] if each['id'] == org]}

        return wait_for(f'{email} in the CRM', lambda: look() or {}, self.run.said)

    def visit(
        self, *, scripts: bool, zone: str = 'Europe/London', country: str = 'GB', judged: bool = False, **more: Any
    ) -> 'Visitor':
        """Somebody new comes along. `judged`: by axe, which is a script itself: without scripts, ours does not load."""
        context = self.browser.new_context(
            java_script_enabled=scripts or judged, timezone_id=zone, base_url=self.address,
            extra_http_headers={'CF-IPCountry': country, 'X-Forwarded-For': own_address()},
            **{'locale': 'en-GB', 'viewport': {'width': 1280, 'height': 900}, **more},
        )  # fmt: skip
        context.set_default_timeout(PATIENCE_S * 1000)
        self.inside.append(context)
        if judged and not scripts:
            context.route('**/static/booker.js*', lambda route: route.abort())
        return Visitor(self, context, context.new_page(), scripts, next(NUMBERS))

    def close(self) -> None:
        """Every visitor leaves."""
        while self.inside:
            self.inside.pop().close()


@contextmanager
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=find_chromium(), args=['--no-sandbox'])
        yield found
        found.close()


@contextmanager
def open_website(folder: Path, browser: Browser) -> Iterator[Website]:
    """A product behind a proxy on this machine, so that every visitor comes from an address of their own."""
    home = Home(folder, variables={'TRUSTED_PROXIES': '127.0.0.1'})
    with home.running() as run:
        run.await_ready()
        admins = run.wait_for('everybody is known', lambda: home.told('admins', 'list'))
        website = Website(run, browser, [each for each in admins if each['roles'] == 'sales'])
        for each in website.people:
            run.wait_for('a calendar can be read', partial(website.starts, each['id']))
        yield website
        run.interrupt()


def own_address() -> str:
    """An address from which nobody has come yet."""
    number = next(NUMBERS)
    return f'203.0.{number // 250}.{number % 250 + 1}'


@dataclass
class Visitor:
    """One person and their browser."""

    website: Website
    context: BrowserContext
    page: Page
    scripts: bool
    number: int

    @property
    def email(self) -> str:
        return f'lee{self.number}@customer.example'

    @property
    def company(self) -> str:
        return f'Adams Tuition {self.number}'

    def see(self, name: str) -> Locator:
        """What has a test id."""
        return self.page.get_by_test_id(name)

    def step(self, name: str) -> None:
        """Wait until the page of a step is there."""
        self.page.locator(f'hermes-booker[data-step={name}]').wait_for()

    def times(self, who: Json, **query: Any) -> None:
        """To somebody's times."""
        self.page.goto(f'{INDEX}{who["id"]}/?{urlencode(query)}')
        self.step('times')
        self.see('next-time').first.wait_for()
        if self.scripts:
            self.page.wait_for_url('**zone=**')
            self.rest()

    def choose(self, at: datetime | None = None) -> datetime:
        """A time of the list; without one, the first. The time that the form then says."""
        offered = self.see('next-time')
        if at is not None:
            offered = self.page.locator(f'[data-testid=next-time][value="{at:%Y-%m-%dT%H:%M:%SZ}"]')
        offered.first.click()
        self.step('form')
        return self.chosen()

    def chosen(self) -> datetime:
        """The time that the form is for."""
        return moment(self.see('chosen-time').get_attribute('datetime'))

    def when(self) -> datetime:
        """The time of the booking that is shown."""
        return moment(self.see('when').get_attribute('datetime'))

    def type(self, **more: str) -> dict[str, str]:
        """Fill the form in; what stands in it then."""
        told = {
            **TYPED,
            'email': self.email,
            'company_name': self.company,
            'phone': f'+44 20 7946 {1000 + self.number}',
            **more,
        }
        for name, value in told.items():
            self.see(f'field-{name}').fill(value)
        if not self.see('field-bracket').input_value():
            self.see('field-bracket').select_option(index=2)
        return self.typed()

    def typed(self) -> dict[str, str]:
        """Everything that stands in the form."""
        names = ('name', 'email', 'company_name', 'website', 'phone', 'country', 'currency', 'bracket')
        return {name: self.see(f'field-{name}').input_value() for name in names}

    def submit(self) -> None:
        self.see('book').click()

    def book(self, who: Json, **more: str) -> datetime:
        """From somebody's times to the confirmation; the time that was booked."""
        self.times(who)
        self.choose()
        self.type(**more)
        self.submit()
        self.step('booked')
        return self.when()

    def show_in(self, zone: str) -> None:
        """Have times shown by another clock."""
        self.see('zone').select_option(zone)
        self._change('zone', zone)

    def show_hours(self, clock: str) -> None:
        """Have times shown in 12 or 24 hours."""
        self.see('clock').select_option(clock)
        self._change('clock', clock)

    def _change(self, name: str, value: str) -> None:
        if not self.scripts:
            self.see('zone-change').click()
        self.page.wait_for_url(lambda url: parse_qs(urlsplit(url).query).get(name) == [value])
        self.rest()

    def rest(self) -> None:
        """Wait until the script is done with a page."""
        self.page.locator('main:not([aria-busy])').wait_for()

    def press_on(self, what: Locator, key: str = 'Enter') -> None:
        """Tab to something, and press a key on it."""
        for _ in range(400):
            self.page.keyboard.press('Tab')
            if what.evaluate('each => each === document.activeElement'):
                self.page.keyboard.press(key)
                return
        raise AssertionError(f'the keyboard does not reach {what}')

    def until(self, what: str, told: Callable[[], bool]) -> None:
        wait_for(what, told, self.website.run.said)
