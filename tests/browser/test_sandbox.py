"""The pages of the emulated world as a person has them: `hermes run`, a real Chromium, a company that travels.

`BROWSER_MATRIX=full` looks at every page in light and dark, wide and narrow, with and without JavaScript; otherwise at
two of those.
"""

import os
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, BrowserContext, Page, sync_playwright

from tests.waiting import PATIENCE_S
from tests.whole.run import Home, Running
from tools.chromium import find_chromium

CHROMIUM = find_chromium()
PAGES = (
    '/', '/pages/tutorcruncher', '/pages/pipedrive', '/pages/google', '/pages/salesforce', '/pages/lists',
    '/pages/nationbuilder', '/pages/nationbuilder/lists',
)  # fmt: skip
WHOLE = list(product(('light', 'dark'), (1300, 390), (True, False)))
LOOKS = WHOLE if os.environ.get('BROWSER_MATRIX') == 'full' else [('light', 1300, True), ('dark', 390, False)]
pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason='browser: not run, no Chromium'),
    pytest.mark.xdist_group('browser'),
]
UNNAMED = """() => [...document.querySelectorAll('input:not([type=hidden]), select, textarea, button')].filter(one =>
    !(one.labels && one.labels.length) && !one.getAttribute('aria-label') && !one.textContent.trim() && !one.title)
    .map(one => one.outerHTML.slice(0, 120))"""


@pytest.fixture(scope='module')
def hermes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    with Home(tmp_path_factory.mktemp('browser')).running() as run:
        run.await_ready()
        run.wait_for('the demo world is in step', lambda: _in_step(run))
        yield run
        run.interrupt()


@pytest.fixture(scope='module')
def browser() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=['--no-sandbox'])
        yield chromium
        chromium.close()


def _in_step(run: Running) -> bool:
    """Everything of the first listings was applied and sent."""
    told = run.home.told('status')
    busy = sum(push[name] for push in told['pushes'] for name in ('due', 'waiting', 'in_flight', 'unknown'))
    return bool(told['proofs'] or told['sweeps']) and busy == 0 and told['events']['new'] == 0


def opened(browser: Browser, scheme: Any = 'light', width: int = 1300, scripts: bool = True) -> BrowserContext:
    context = browser.new_context(
        color_scheme=scheme, viewport={'width': width, 'height': 900}, java_script_enabled=scripts
    )
    context.set_default_timeout(PATIENCE_S * 1000)
    return context


def at(hermes: Running, path: str) -> str:
    return f'http://127.0.0.1:{hermes.home.ports[1]}{path}'


def sign_up(page: Page, hermes: Running, name: str) -> None:
    page.goto(at(hermes, '/pages/tutorcruncher'))
    page.get_by_label('Company', exact=True).fill(name)
    page.get_by_role('button', name='Sign up').click()
    page.get_by_role('heading', name=name).wait_for()


def test_a_company_that_signs_up_stands_in_pipedrive_and_follows(hermes: Running, browser: Browser) -> None:
    page, before = opened(browser).new_page(), len(_writes(hermes))
    sign_up(page, hermes, 'Lantern Tutors')
    page.goto(at(hermes, '/pages/pipedrive?q=Lantern'))
    page.get_by_role('heading', name='Lantern Tutors').wait_for()
    assert [call['method'] for call in _await_writes(hermes, before, 3)] == ['POST', 'POST', 'POST']
    page.goto(at(hermes, '/pages/tutorcruncher'))
    company = page.locator('article', has=page.get_by_role('heading', name='Lantern Tutors'))
    company.get_by_role('button', name='Last webhook').click()
    company.get_by_role('button', name='Pay an invoice').click()
    company.get_by_text('1 paid').wait_for()
    assert [call['method'] for call in _await_writes(hermes, before + 3, 2)] == ['PATCH', 'PATCH']


def test_it_works_without_scripts_and_by_keyboard_alone(hermes: Running, browser: Browser) -> None:
    page = opened(browser, scripts=False).new_page()
    page.goto(at(hermes, '/pages/tutorcruncher'))
    page.get_by_label('Company', exact=True).focus()
    page.keyboard.press('Control+A')
    page.keyboard.type('Keyboard Tutors')
    page.keyboard.press('Enter')
    page.get_by_role('heading', name='Keyboard Tutors').wait_for()


@pytest.mark.parametrize(('scheme', 'width', 'scripts'), LOOKS)
@pytest.mark.parametrize('path', PAGES)
def test_every_page_can_be_looked_at(
    hermes: Running, browser: Browser, path: str, scheme: str, width: int, scripts: bool, tmp_path: Path
) -> None:
    context = opened(browser, scheme, width, scripts)
    page, said, foreign = context.new_page(), [], []
    page.on('console', lambda message: said.append(message.text) if message.type == 'error' else None)
    page.on('pageerror', lambda error: said.append(str(error)))
    page.on('request', lambda request: foreign.append(request.url) if '//127.0.0.1:' not in request.url else None)
    answer = page.goto(at(hermes, path))
    assert answer is not None
    assert answer.status == 200
    page.screenshot(path=tmp_path / 'page.png', full_page=True)
    assert said == foreign == []
    looking = opened(browser, scheme, width).new_page()
    looking.goto(at(hermes, path))
    assert looking.evaluate('document.documentElement.scrollWidth') <= width
    assert looking.evaluate(UNNAMED) == []
    context.close()
    looking.context.close()


def _await_writes(hermes: Running, before: int, count: int) -> list[dict[str, Any]]:
    """The writes to Pipedrive after the first `before`, as soon as there are `count`."""
    hermes.wait_for(f'{count} writes', lambda: len(_writes(hermes)) >= before + count)
    return _writes(hermes)[before:]


def _writes(hermes: Running) -> list[dict[str, Any]]:
    calls = hermes.sandbox('/_world/calls')
    told = calls['calls'] if isinstance(calls, dict) else calls
    return [
        call for call in told if call['method'] in ('POST', 'PATCH', 'DELETE') and 'pipedrive/api/v2' in call['path']
    ]
