"""One product, one world and one browser for all tests of a module."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from tests.browser.website import Website, chromium, open_website
from tools.chromium import find_chromium

FULL = os.environ.get('BROWSER_MATRIX') == 'full'
WAYS = {False: 'without scripts', True: 'with scripts'}
both_ways = pytest.mark.parametrize('scripts', WAYS, ids=WAYS.get)
one_way = both_ways if FULL else pytest.mark.parametrize('scripts', [False], ids=WAYS.get)
"""Both ways in the full matrix."""
needs_chromium = [
    pytest.mark.skipif(find_chromium() is None, reason='browser: not run, no Chromium'),
    pytest.mark.xdist_group('browser'),
]

SMOKE: Final = {
    'test_booking': set(),
    'test_desk_empty': set(),
    'test_desk_looks': {
        'test_every_page_can_be_read_by_everybody', 'test_the_keyboard_alone_goes_everywhere',
        'test_every_page_works_without_the_script',
    },
    'test_sales_checklist': {
        'test_everybody_who_sells_is_there_and_the_button_asks', 'test_a_booking_stands_everywhere_as_the_one_instant',
        'test_somebody_was_quicker', 'test_only_a_booking_is_shown_as_one',
        'test_the_keyboard_alone_books_moves_and_cancels',
        'test_a_narrow_page_without_scripts_cookies_or_storage_books',
    },
    'test_booker_script': {
        'test_back_goes_one_step_back_with_everything_kept', 'test_the_question_is_a_dialog_that_gives_the_focus_back',
        'test_the_days_are_a_grid_for_the_keyboard', 'test_one_hold_goes_along_and_is_given_back_by_leaving',
        'test_whoever_booked_here_comes_to_their_person_with_every_field', 'test_a_double_click_books_once',
        'test_the_module_is_light_and_asks_nobody_else',
    },
    'test_embed': {
        'test_a_call_is_booked_within_somebody_elses_page', 'test_the_loader_listens_to_its_own_frame_alone',
        'test_who_is_not_allowed_sees_and_hears_nothing', 'test_the_loader_is_light',
    },
}  # fmt: skip
"""What `make test` runs of these modules; of every other one, and in the full matrix, it runs everything."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """A module or a test that is named runs whole."""
    named = [argument for argument in config.args if 'browser' in argument and '.py' in argument]
    left = [] if FULL or named else [item for item in items if not _is_smoke(item)]
    config.hook.pytest_deselected(items=left)
    items[:] = [item for item in items if item not in left]


def _is_smoke(item: pytest.Item) -> bool:
    if item.path.parent != Path(__file__).parent:
        return True
    chosen = SMOKE.get(item.path.stem)
    return chosen is None or item.name.partition('[')[0] in chosen


@pytest.fixture(scope='module')
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    with chromium() as browser, open_website(tmp_path_factory.mktemp('website'), browser) as opened:
        yield opened


@pytest.fixture
def website(product: Website) -> Iterator[Website]:
    """The product, whose visitors leave at the end of a test."""
    yield product
    product.close()
