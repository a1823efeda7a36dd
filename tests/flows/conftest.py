"""Flows: HTTP in, emulated world out."""

from collections.abc import AsyncIterator, Iterator

import pytest

from tests.flows import judged
from tests.flows.house import House, open_house


@pytest.fixture(scope='session', autouse=True)
def _referee() -> Iterator[None]:
    """A run through the referee fails when it complained about either side."""
    yield
    found = judged.dismiss()
    assert found == [], '\n'.join(found)


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """A connected Hermes beside an office without companies, in calm weather."""
    async with open_house(database_url) as opened:
        yield opened
