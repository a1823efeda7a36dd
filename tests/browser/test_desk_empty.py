"""The desk before anything has happened: every list and page as whoever comes first finds it, with nothing in it."""

from collections.abc import Iterator

import pytest

from tests.browser import axe
from tests.browser.conftest import needs_chromium
from tests.browser.desk import Desk, become_first, code_of, find_pages, open_empty_desk, overflow
from tests.browser.website import chromium

pytestmark = needs_chromium


@pytest.fixture(scope='module')
def desk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Desk]:
    """A desk whose world holds nobody and nothing."""
    folder = tmp_path_factory.mktemp('empty')
    with chromium() as browser, open_empty_desk(folder, browser) as (desk, run):
        page = desk.open(known=False)
        become_first(page, code_of(run))
        desk.kept = page.context.storage_state()
        yield desk
        desk.close()


@pytest.mark.behaviour('ADM-11')
def test_every_page_of_an_empty_database_says_what_would_be_there(desk: Desk) -> None:
    """Every page that a link leads to answers, is accessible, and fits a phone."""
    found = find_pages(desk.open().context.request, '/desk/search/?q=nobody')
    page, wrong = desk.open(viewport={'width': 390, 'height': 844}), []
    for name, address in found.pages.items():
        if address:
            page.goto(address)
            wrong += [f'{name}: wider than 390 px: {each}' for each in overflow(page)]
            wrong += [f'{name}: {each}' for each in (axe.judged(page) if axe.source() else ())]
    assert found.dead == []
    assert '\n'.join(wrong) == ''
    assert desk.said == []
