"""The desk of an operator."""

from collections.abc import Iterator

import pytest

from tests.cli.desk import World


@pytest.fixture
def world(database_url: str) -> Iterator[World]:
    made = World(database_url)
    yield made
    made.connection.close()
