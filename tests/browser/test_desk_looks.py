"""Every page of the desk, looked at: found by its links, in light, dark and forced colours, wide and narrow, with large
text, with the script and without it.

A page that stands in `ROUTES` is tried without anybody adding it here. `BROWSER_MATRIX=full` looks at all of them,
otherwise at some. Pictures go to the folder that SCREENSHOTS names.
"""

import os
import re
from collections.abc import Iterator
from itertools import product
from pathlib import Path
from typing import Any, Final

import pytest
from playwright.sync_api import Page

from hermes.web.desk.routes import ROUTES
from tests.browser import axe
from tests.browser.conftest import FULL, needs_chromium
from tests.browser.desk import (
    Desk,
    Found,
    become_first,
    code_of,
    find_pages,
    happen,
    is_page_of,
    log_in,
    open_desk,
    overflow,
    press_to,
)
from tests.browser.website import chromium

pytestmark = needs_chromium
MEDIA: Final[dict[str, Any]] = {
    'light': {'color_scheme': 'light', 'forced_colors': 'none'},
    'dark': {'color_scheme': 'dark', 'forced_colors': 'none'},
    'forced': {'color_scheme': 'light', 'forced_colors': 'active'},
}
JUDGED: Final = (*product((1280, 320), MEDIA),) if FULL else ((1280, 'light'), (320, 'dark'))
SOME: Final = ('/', '/desk/companies/', '/desk/companies/new/', '/desk/setup/', '/desk/decisions/', '/desk/fields/',
               '/desk/search/?q=Tutors')  # fmt: skip
STARTS: Final = ('/desk/search/?q=Tutors',)
DOORS: Final = ('/init', '/login', '/login/code', '/welcome/{token}')
"""Pages of those whom nobody knows yet: no link of the desk leads there."""
BEHIND: Final = (
    '/desk/decisions/push/{type}/{record}/{system}/', '/desk/privacy/{type}/{id}/',
    '/desk/privacy/receipts/{receipt}/', '/desk/replays/{replay}/',
)  # fmt: skip
"""Pages to which only a form leads, or a push that is stuck: they are not looked at here."""
NEEDS_AXE: Final = 'axe: not run, no package registry'


@pytest.fixture(scope='module')
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk at which something has happened, and the first user of it."""
    with chromium() as browser, open_desk(tmp_path_factory.mktemp('desk'), browser) as (desk, run):
        page = desk.open(known=False)
        become_first(page, code_of(run))
        desk.kept = page.context.storage_state()
        happen(run, browser)
        yield desk
        desk.close()


@pytest.fixture(scope='module')
def found(desk: Desk) -> Found:
    return find_pages(desk.open().context.request, *STARTS)


def wanted(found: Found) -> dict[str, str]:
    """The pages to look at."""
    return {page: address for page, address in found.pages.items() if address and (FULL or page in SOME)}


@pytest.mark.behaviour('ADM-11')
def test_every_page_is_found_by_links_and_every_link_leads_to_one(found: Found) -> None:
    unseen = [
        route.path
        for route in ROUTES
        if route.method == 'GET'
        and route.path not in (*DOORS, *BEHIND)
        and not any(is_page_of(page, route.path) for page in found.pages)
    ]
    assert found.dead == []
    assert unseen == []


@pytest.mark.behaviour('ADM-11')
def test_every_page_can_be_read_by_everybody(desk: Desk, found: Found) -> None:
    """axe finds nothing, nothing is wider than its window, nothing is said to the console."""
    if not axe.source():
        pytest.skip(NEEDS_AXE)
    page, wrong = desk.open(), []
    for name, address in wanted(found).items():
        page.emulate_media(**MEDIA['light'])
        page.set_viewport_size({'width': 1280, 'height': 900})
        page.goto(address)
        wrong += [f'{name}: {each}' for each in looked_at(page, name)]
    assert '\n'.join(wrong) == ''
    assert desk.said == []


def looked_at(page: Page, name: str) -> Iterator[str]:
    """What is wrong with a page as it stands, in every look."""
    if page.locator('h1').count() != 1:
        yield 'not one h1'
    for width, scheme in JUDGED:
        page.emulate_media(**MEDIA[scheme])
        page.set_viewport_size({'width': width, 'height': 900})
        yield from (f'{width} px, {scheme}: {each}' for each in axe.judged(page))
        keep_picture(page, f'{name}-{width}-{scheme}')
    for width in (390, 320):
        page.set_viewport_size({'width': width, 'height': 900})
        yield from (f'wider than {width} px: {each}' for each in overflow(page))
    page.set_viewport_size({'width': 1280, 'height': 900})
    page.evaluate("document.documentElement.style.fontSize = '175%'")
    yield from (f'wide with large text: {each}' for each in overflow(page))


def keep_picture(page: Page, name: str) -> None:
    if folder := os.environ.get('SCREENSHOTS'):
        path = Path(folder) / f'{re.sub("[^a-z0-9]+", "-", name).strip("-")}.png'
        page.screenshot(path=path, full_page=True, animations='disabled')


@pytest.mark.behaviour('ADM-11')
def test_every_page_works_without_the_script(desk: Desk, found: Found) -> None:
    """It is there, it fits, its menu can be opened on a narrow screen, and every form of it says where it goes."""
    page, wrong = desk.open(scripts=False, viewport={'width': 390, 'height': 900}), []
    for name, address in wanted(found).items():
        answer = page.goto(address)
        assert answer is not None
        if answer.status != 200 or not page.locator('main h1').is_visible():
            wrong.append(f'{name}: {answer.status}')
        buttons = page.locator('main button:visible, main input[type=submit]:visible')
        if stray := [each.inner_text() for each in buttons.all() if not each.evaluate('each => each.form')]:
            wrong.append(f'{name}: buttons of no form: {stray}')
        if page.locator('.side a').first.is_visible():
            wrong.append(f'{name}: the menu is in the way')
    page.locator('.side summary').click()
    page.locator('.side').get_by_role('link', name='Companies', exact=True).click()
    page.get_by_role('heading', name='Companies').wait_for()
    assert '\n'.join(wrong) == ''
    assert desk.said == []


@pytest.mark.behaviour('ADM-11')
def test_whoever_is_not_known_is_asked_and_told_what_is_wrong(desk: Desk) -> None:
    page = desk.open(known=False)
    page.goto('/desk/companies/?q=north')
    assert '/login?to=' in page.url
    assert not axe.source() or axe.judged(page) == []
    page.get_by_label('E-mail address').fill('nobody@desk.example')
    page.get_by_label('Password').fill('not the password of anybody')
    page.get_by_role('button', name='Log in').click()
    problems = page.get_by_test_id('problems')
    problems.wait_for()
    assert problems.evaluate('each => each === document.activeElement')
    assert not axe.source() or axe.judged(page) == []
    desk.said.clear()  # A browser tells its console of the status 401.
    log_in(page, '/login?to=/desk/companies/%3Fq%3Dnorth')
    assert page.get_by_label('Search', exact=True).input_value() == 'north'


@pytest.mark.behaviour('ADM-11')
def test_the_keyboard_alone_goes_everywhere(desk: Desk) -> None:
    page = desk.open()
    page.goto('/')
    page.keyboard.press('Tab')
    assert page.evaluate('document.activeElement.className') == 'skip'
    assert page.evaluate('getComputedStyle(document.activeElement).outlineStyle') != 'none'
    page.keyboard.press('Enter')
    page.wait_for_url('**/#main')
    for key, title in (('c', 'Companies'), ('d', 'Needs a decision'), ('o', 'Overview')):
        page.keyboard.press('g')
        page.keyboard.press(key)
        page.get_by_role('heading', name=title, level=1).wait_for()
    page.keyboard.press('?')
    sheet = page.get_by_role('dialog', name='Keyboard shortcuts')
    sheet.wait_for()
    assert 'Companies' in sheet.inner_text()
    assert not axe.source() or axe.judged(page) == []
    page.keyboard.press('Escape')
    sheet.wait_for(state='detached')
    page.keyboard.press('/')
    page.wait_for_function("document.activeElement.id === 'q'")
    page.keyboard.type('Northgate')
    page.keyboard.press('Enter')
    page.get_by_role('heading', name='Northgate').wait_for()
    page.goto('/desk/companies/')
    press_to(page, page.get_by_role('link', name='Northgate Tutors', exact=True).first)
    page.get_by_role('heading', name='Northgate Tutors').wait_for()


@pytest.mark.behaviour('ADM-11')
def test_light_and_dark_are_chosen_and_kept(desk: Desk) -> None:
    page = desk.open(color_scheme='light')
    page.goto('/')
    light = page.evaluate('getComputedStyle(document.documentElement).backgroundColor')
    page.locator('.me summary').click()
    page.get_by_role('button', name='Dark').click()
    assert page.evaluate('getComputedStyle(document.documentElement).backgroundColor') != light
    page.goto('/desk/companies/')
    assert page.evaluate('document.documentElement.dataset.theme') == 'dark'
    assert page.evaluate('getComputedStyle(document.documentElement).backgroundColor') != light


@pytest.mark.behaviour('ADM-11')
def test_a_double_click_acts_once_and_back_shows_what_was_before(desk: Desk) -> None:
    page = desk.open()
    page.goto('/desk/config/push_spacing_s/')
    page.get_by_label('Value').fill('7')
    page.get_by_role('button', name='Save').dblclick()
    page.get_by_test_id('flash').wait_for()
    acts = 'a[href^="/desk/events/"]'
    first = page.get_by_test_id('flash').locator(acts).get_attribute('href')
    page.go_back()
    page.get_by_role('button', name='Save').wait_for()
    assert page.get_by_role('button', name='Save').is_enabled()
    page.get_by_label('Value').fill('8')
    page.get_by_role('button', name='Save').click()
    page.get_by_test_id('flash').wait_for()
    assert page.get_by_test_id('flash').locator(acts).get_attribute('href') != first
