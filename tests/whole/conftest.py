"""Hermes as a person has it."""

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import psycopg
import pytest

from hermes.db.server.embedded import Server
from tests import postgres
from tests.whole.run import Home
from tools.demo_big.__main__ import build

UNTIL = datetime(2026, 6, 1, 12, tzinfo=UTC)
COMPANIES, EVENTS = 150, 2_500


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty folder with ports of its own."""
    return Home(tmp_path)


@pytest.fixture(scope='session')
def big(migrated_server: Server) -> Iterator[psycopg.Connection[Any]]:
    """A connection to what `make demo-big` makes, at a small size; nobody writes there."""
    with postgres.fresh_database(migrated_server) as url:
        build(url, COMPANIES, EVENTS, 7, UNTIL, lambda text: None)
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute("set timezone = 'UTC'")
            yield connection
