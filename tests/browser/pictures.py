"""The pictures of the booking pages and of the desk in `docs/images`, taken anew: `make screenshots`.

A browser's clock goes some minutes ahead, so that a page says "5 minutes ago" of everything, however long it took.
"""

import sys
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Final

from playwright.sync_api import Browser, Page, ViewportSize

from tests.browser.desk import become_first, code_of, happen, open_desk
from tests.browser.states import states
from tests.browser.website import chromium, open_website

FOLDER: Final = Path(__file__).parents[2] / 'docs' / 'images'
WANTED: Final = ('index', 'times', 'form', 'booked')
SIZE: Final[ViewportSize] = {'width': 1280, 'height': 800}
NARROW: Final[ViewportSize] = {'width': 390, 'height': 780}
AHEAD: Final = timedelta(minutes=5)


def main() -> int:
    """Go through a booking and through a day at the desk, and look at some of it."""
    with tempfile.TemporaryDirectory() as folder, chromium() as browser:
        take_bookings(Path(folder) / 'website', browser)
        take_desk(Path(folder) / 'desk', browser)
    return 0


def take_bookings(folder: Path, browser: Browser) -> None:
    folder.mkdir()
    with open_website(folder, browser) as website:
        visitor = website.visit(scripts=True, viewport=SIZE, color_scheme='light', reduced_motion='reduce')
        for state in states(visitor, website.people[0]):
            if state in WANTED:
                take(visitor.page, f'booking-{state}', whole=True)
            if state == WANTED[-1]:
                break
        website.close()


def take_desk(folder: Path, browser: Browser) -> None:
    folder.mkdir()
    with open_desk(folder, browser) as (desk, run):
        first = desk.open(known=False)
        become_first(first, code_of(run))
        desk.kept = first.context.storage_state()
        happen(run, browser)
        page = desk.open(viewport=SIZE, color_scheme='light')
        page.clock.set_fixed_time(datetime.now(UTC) + AHEAD)
        for name in desk_pages(page):
            take(page, f'desk-{name}')
        page.set_viewport_size(NARROW)
        page.emulate_media(color_scheme='dark')
        for name, address in (('home', '/'), ('bookings', '/desk/bookings/')):
            page.goto(address)
            take(page, f'desk-{name}-narrow')
        desk.close()


def desk_pages(page: Page) -> Iterator[str]:
    """The name of each page of the desk that is shown, while it is on the screen."""
    page.goto('/')
    yield 'home'
    page.goto('/desk/setup/')
    yield 'checklist'
    page.goto('/desk/companies/')
    yield 'companies'
    follow(page, 'Northgate Tutors')
    follow(page, 'Edit')
    page.get_by_label('Website', exact=True).fill('https://northgate-tutors.example')
    press(page, 'See what it would change')
    yield 'what-if'
    press(page, 'Apply it')
    yield 'record'
    follow(page, 'website')
    yield 'value'
    page.goto('/desk/events/?source=tutorcruncher&kind=webhook')
    yield 'events'
    page.get_by_test_id('rows').get_by_role('link').first.click()
    page.goto('/desk/events/?subject=meeting.book')
    page.get_by_test_id('rows').get_by_role('link').first.click()
    yield 'event'
    page.goto('/desk/events/?kind=webhook')
    press(page, 'Replay all')
    yield 'replay'
    page.goto('/desk/decisions/?kind=identity')
    follow(page, 'Flint Tutors')
    yield 'decision'
    page.goto('/desk/health/')
    yield 'health'
    page.goto('/desk/privacy/')
    page.get_by_label('Who').fill('Hannah Price')
    press(page, 'Find them')
    page.get_by_role('link', name='Export or erase').click()
    yield 'privacy'


def follow(page: Page, name: str) -> None:
    page.get_by_role('main').get_by_role('link', name=name, exact=True).first.click()
    page.wait_for_load_state()


def press(page: Page, name: str) -> None:
    page.get_by_role('button', name=name).click()
    page.wait_for_load_state()


def take(page: Page, name: str, *, whole: bool = False) -> None:
    """`whole`: also what stands below the window."""
    path = FOLDER / f'{name}.png'
    page.screenshot(path=path, full_page=whole, animations='disabled')
    print(f'{path.relative_to(FOLDER.parents[1])}: {path.stat().st_size / 1024:.0f} KB')


if __name__ == '__main__':
    sys.exit(main())
