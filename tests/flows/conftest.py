"""Flows: HTTP in, emulated world out."""

import asyncio
import copy
from collections import Counter
from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from hermes.db.server.embedded import Server
from tests import postgres
from tests.flows import judged
from tests.flows.house import House, open_house

HEARD: Counter[str] = Counter()


@pytest.fixture(scope='session', autouse=True)
def _referee(request: pytest.FixtureRequest) -> Iterator[None]:
    """Where the vendor's documents are at hand, a run fails when they complain about either side."""
    yield
    found, heard = judged.dismiss()
    HEARD.update(heard)
    if hasattr(request.config, 'workeroutput'):
        request.config.workeroutput['referee'] = heard
    assert found == [], f'{len(found)} violations of the document\n' + '\n'.join(found)


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What a worker's judge heard."""
    HEARD.update(getattr(node, 'workeroutput', {}).get('referee', {}))


def pytest_terminal_summary(terminalreporter: Any) -> None:
    if HEARD:
        terminalreporter.write_line(
            f'referee: {HEARD["exchanges"]} exchanges with Pipedrive heard, {HEARD["judged"]} of different shape '
            f'judged, {HEARD["violations"]} against the document'
        )


@pytest.fixture(scope='session')
def connected(migrated_server: Server) -> Iterator[tuple[str, dict[str, Any]]]:
    """A database that has made first contact with an office without companies, and the state of that office: every
    test begins with a copy of both.
    """
    with postgres.fresh_database(migrated_server) as url:
        yield url.rpartition('/')[2].partition('?')[0], asyncio.run(_make_contact(url))


async def _make_contact(url: str) -> dict[str, Any]:
    async with open_house(url) as opened:
        return opened.world.dump()


@pytest.fixture
async def house(migrated_server: Server, connected: tuple[str, dict[str, Any]]) -> AsyncIterator[House]:
    """A connected Hermes beside an office without companies, in calm weather."""
    template, kept = connected
    with postgres.fresh_database(migrated_server, template) as url:
        async with open_house(url, kept=copy.deepcopy(kept)) as opened:
            yield opened


@pytest.fixture
async def fresh_house(database_url: str) -> AsyncIterator[House]:
    """The same, from its first contact on: the world remembers every call."""
    async with open_house(database_url) as opened:
        yield opened


@pytest.fixture
def second_url(migrated_server: Server) -> Iterator[str]:
    """The address of another empty database, to fold a log into."""
    with postgres.fresh_database(migrated_server) as url:
        yield url
