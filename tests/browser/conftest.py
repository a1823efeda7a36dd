"""One product, one world and one browser for all tests of a module."""

import os
from collections.abc import Iterator
from functools import partial

import pytest
from playwright.sync_api import Browser, sync_playwright

from tests.browser.website import Website
from tests.house.run import Home
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
def chromium() -> Iterator[Browser]:
    with sync_playwright() as playwright:
        found = playwright.chromium.launch(executable_path=find_chromium(), args=['--no-sandbox'])
        yield found
        found.close()


@pytest.fixture(scope='module')
def product(tmp_path_factory: pytest.TempPathFactory, chromium: Browser) -> Iterator[Website]:
    """A product behind a proxy on this machine, so that every visitor comes from an address of their own."""
    home = Home(tmp_path_factory.mktemp('website'), variables={'TRUSTED_PROXIES': '127.0.0.1'})
    with home.running() as run:
        run.await_ready()
        admins = run.wait_for('everybody is known', lambda: home.told('admins', 'list'))
        site = Website(run, chromium, [each for each in admins if each['roles'] == 'sales'])
        for each in site.people:
            run.wait_for('a calendar can be read', partial(site.starts, each['id']))
        yield site
        run.interrupt()


@pytest.fixture
def website(product: Website) -> Iterator[Website]:
    """The product, whose visitors leave at the end of a test."""
    yield product
    product.close()
