"""One product, one world and one browser for all tests of a module."""

import os
from collections.abc import Iterator

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


@pytest.fixture(scope='module')
def product(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Website]:
    with chromium() as browser, open_website(tmp_path_factory.mktemp('website'), browser) as opened:
        yield opened


@pytest.fixture
def website(product: Website) -> Iterator[Website]:
    """The product, whose visitors leave at the end of a test."""
    yield product
    product.close()
