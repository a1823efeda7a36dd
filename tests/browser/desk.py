"""The desk as people have it, in a real Chromium, beside the world that it looks after.

`Desk` is a product that runs; `open` is somebody of it at a screen of their own. Pages are found by their links, and
compared with the routes: a page that stands in `ROUTES` and is not found is a page that nobody comes to.
"""

import json
import re
from collections import Counter, deque
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from html import unescape
from pathlib import Path
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode, urljoin, urlsplit
from urllib.request import Request, urlopen

from playwright.sync_api import APIRequestContext, Browser, BrowserContext, Locator, Page
from starlette.routing import compile_path

from hermes.web.desk.routes import ROUTES
from tests.browser.website import Website
from tests.waiting import PATIENCE_S
from tests.whole.run import Home, Running

EMAIL, NAME, PASSWORD = 'ada.byron@desk.example', 'Ada Byron', 'a password of four words'
CODE: Final = re.compile(r'give this code: (\S+)')
LINK: Final = re.compile(r'<a [^>]*?href="([^"#]+)')
PATHS: Final = [(route.path, compile_path(route.path)[0]) for route in ROUTES if route.method == 'GET']
VARIED: Final = ('resource', 'type', 'step', 'system')
"""Parts of an address that make another page of it; of all others one example is looked at."""
ASKED: Final = ('kind', 'answer', 'q')
"""The same of what stands after the question mark."""
EACH: Final = 3
"""So many examples of a page are read for links."""


@dataclass
class Desk:
    """Hermes as it runs, and who is logged in."""

    address: str
    browser: Browser
    said: list[str] = field(default_factory=list)
    """What a browser complained about."""
    inside: list[BrowserContext] = field(default_factory=list)
    kept: Any = None
    """What the browser of whoever logged in first keeps."""

    def open(self, *, scripts: bool = True, known: bool = True, **more: Any) -> Page:
        """A screen. `known`: of whoever logged in."""
        context = self.browser.new_context(
            base_url=self.address, java_script_enabled=scripts, storage_state=self.kept if known else None,
            **{'locale': 'en-GB', 'timezone_id': 'Europe/London', 'viewport': {'width': 1280, 'height': 900},
               'reduced_motion': 'reduce', **more},
        )  # fmt: skip
        context.set_default_timeout(PATIENCE_S * 1000)
        self.inside.append(context)
        page = context.new_page()
        page.on('console', lambda told: self.said.append(f'{page.url}: {told.text}') if told.type == 'error' else None)
        page.on('pageerror', lambda error: self.said.append(f'{page.url}: {error}'))
        return page

    def close(self) -> None:
        """Everybody leaves."""
        while self.inside:
            self.inside.pop().close()


@contextmanager
def open_desk(folder: Path, browser: Browser, *, first: bool = False) -> Iterator[tuple[Desk, Running]]:
    """A product with the demo world, in which nobody has logged in. `first`: before anything was read."""
    home = Home(folder)
    with home.running() as run:
        run.await_ready()
        if not first:
            run.wait_for('the demo world is in step', lambda: is_in_step(run))
        yield Desk(f'http://127.0.0.1:{home.ports[0]}', browser), run
        run.interrupt()


class Alone(Home):
    """The pages alone: no worker, and no world that would fill the database."""

    def run_words(self) -> list[str]:
        return ['web', '--port', str(self.ports[0])]


@contextmanager
def open_empty_desk(folder: Path, browser: Browser) -> Iterator[tuple[Desk, Running]]:
    """A desk at which nothing has happened."""
    home = Alone(folder)
    with home.running() as run:
        run.await_said('Started worker')
        yield Desk(f'http://127.0.0.1:{home.ports[0]}', browser), run
        run.interrupt()


def is_in_step(run: Running) -> bool:
    """Whether everything of the first listings was applied and sent."""
    told = run.home.told('status')
    busy = sum(push[name] for push in told['pushes'] for name in ('due', 'waiting', 'in_flight', 'unknown'))
    return bool(told['proofs'] or told['sweeps']) and busy == 0 and told['events']['new'] == 0


def code_of(run: Running) -> str:
    """The one-time code that the console shows."""
    return run.wait_for('the code of the first user', lambda: CODE.findall(run.said()))[-1]


def become_first(page: Page, code: str) -> None:
    """The first user, at /init."""
    page.goto('/init')
    for label, told in (('Code', code), ('Your name', NAME), ('E-mail address', EMAIL)):
        page.get_by_label(label, exact=True).fill(told)
    for label in ('Password', 'Password again'):
        page.get_by_label(label, exact=True).fill(PASSWORD)
    page.get_by_role('button', name='Make the first user').click()
    page.get_by_role('heading', name='Checklist').wait_for()


def log_in(page: Page, path: str = '/login') -> None:
    page.goto(path)
    page.get_by_label('E-mail address').fill(EMAIL)
    page.get_by_label('Password').fill(PASSWORD)
    page.get_by_role('button', name='Log in').click()
    page.locator('.bar').wait_for()


@dataclass
class Found:
    """An address of every page that links lead to, by what page it is ('': a file); and what leads nowhere."""

    pages: dict[str, str] = field(default_factory=dict)
    dead: list[str] = field(default_factory=list)


def find_pages(asked: APIRequestContext, *starts: str) -> Found:
    """Go by links from page to page, from the first one and `starts`, and look at some examples of each."""
    found = Found()
    read: Counter[str] = Counter()
    waiting, seen = deque(('/', *starts)), {'/', *starts}
    while waiting:
        address = waiting.popleft()
        page = page_of(address)
        if page and read[page] >= EACH:
            continue
        answer = asked.get(address)
        read[page] += 1
        if answer.status != 200 or not page:
            found.dead.append(f'{address}: {answer.status}')
        elif 'text/html' not in answer.headers['content-type']:
            found.pages.setdefault(page, '')
        else:
            found.pages.setdefault(page, address)
            links = (urljoin(address, unescape(told)) for told in LINK.findall(answer.text()))
            new = dict.fromkeys(link for link in links if link.startswith('/') and link not in seen)
            seen.update(new)
            waiting.extend(new)
    return found


def page_of(address: str) -> str:
    """Which page of `ROUTES` an address is of, with the parts that make another one of it; '' for none."""
    told = urlsplit(address)
    for path, pattern in PATHS:
        if parts := pattern.match(told.path):
            for name in VARIED:
                path = path.replace(f'{{{name}}}', parts.groupdict().get(name, ''))
            query = urlencode([pair for pair in parse_qsl(told.query) if pair[0] in ASKED])
            return f'{path}?{query}' if query else path
    return ''


def is_page_of(page: str, path: str) -> bool:
    """Whether a page that was found is one of the route `path`."""
    return bool(compile_path(path)[0].match(urlsplit(page).path.replace('{', '').replace('}', '')))


def overflow(page: Page) -> list[str]:
    """What makes a page wider than its window, if it is."""
    found: list[str] = page.evaluate("""() => document.documentElement.scrollWidth <= innerWidth ? [] : ['something',
        ...[...document.querySelectorAll('body *')].filter(one => one.getBoundingClientRect().right > innerWidth + 1
        && !one.closest('.scroll, pre')).slice(0, 5).map(one => one.outerHTML.slice(0, 90))]""")
    return found


def press_to(page: Page, what: Locator, key: str = 'Enter', back: bool = False) -> None:
    """Tab to something, and press a key on it."""
    for _ in range(300):
        page.keyboard.press('Shift+Tab' if back else 'Tab')
        if what.evaluate('each => each === document.activeElement'):
            page.keyboard.press(key)
            return
    raise AssertionError(f'the keyboard does not reach {what}')


def happen(run: Running, browser: Browser) -> None:
    """What makes work for somebody: a question, an event that cannot be read, a field that is gone from the CRM, a call
    that is booked, and a company that is gone.
    """
    world = Website(run, browser, [each for each in run.home.told('admins', 'list') if each['roles'] == 'sales'])
    who = world.people[0]['id']
    world.take(who, run.wait_for('a free time', lambda: world.starts(who))[0])
    flint = act(run, 'pipedrive', 'create', kind='organization', values={'name': 'Flint Tutors'})['id']
    run.wait_for('Flint Tutors are known', lambda: value_of(run, flint, 'hermes_id'))
    northgate = next(each['id'] for each in organizations(run) if each['name'] == 'Northgate Tutors')
    told = {code_of_field(run, 'hermes_id'): value_of(run, northgate, 'hermes_id')}
    act(run, 'pipedrive', 'update', kind='organization', id=flint, values={'custom_fields': told})
    act(run, 'tutorcruncher', 'delete', client_id=104)
    act(run, 'tutorcruncher', 'raw', payload={'events': 'none'})
    act(run, 'tutorcruncher', 'raw_unsigned', payload={'events': []})
    delete_field(run, 'utm_source')
    run.wait_for('a question', lambda: run.home.told('decisions', 'list'))


def organizations(run: Running) -> list[Any]:
    found: list[Any] = run.sandbox('/_world/state')['pipedrive']['organizations']
    return found


def value_of(run: Running, organization: int, name: str) -> Any:
    """What a custom field of an organisation says in the CRM."""
    [told] = [each for each in organizations(run) if each['id'] == organization]
    return told['custom_fields'].get(code_of_field(run, name))


def act(run: Running, system: str, name: str, **told: Any) -> Any:
    """What somebody does in the emulated world."""
    return run.sandbox('/_world/act', {'system': system, 'act': name, **told})['result']


def code_of_field(run: Running, name: str, kind: str = 'organization') -> str:
    """How the CRM calls a custom field."""
    fields = run.sandbox('/_world/state')['pipedrive']['fields'][kind]
    return str(next(each['field_code'] for each in fields if each['field_name'] == name))


def delete_field(run: Running, name: str) -> None:
    """An admin of the CRM deletes a field of organisations."""
    key = json.loads((run.home.data / 'sandbox' / 'secrets.json').read_text())['PD_API_KEY']
    path = f'/pipedrive/api/v2/organizationFields/{code_of_field(run, name)}'
    request = Request(f'http://127.0.0.1:{run.home.ports[1]}{path}', headers={'x-api-token': key}, method='DELETE')
    with urlopen(request, timeout=PATIENCE_S) as answer:
        assert answer.status == 200
