"""Flows: HTTP in, emulated world out."""

from collections.abc import AsyncIterator

import pytest

from tests.flows.house import House, open_house


@pytest.fixture
async def house(database_url: str) -> AsyncIterator[House]:
    """A connected Hermes beside an office without companies, in calm weather."""
    async with open_house(database_url) as opened:
        yield opened
