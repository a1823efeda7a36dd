"""Hermes as a person has it."""

from pathlib import Path

import pytest

from tests.whole.run import Home


@pytest.fixture
def home(tmp_path: Path) -> Home:
    """An empty folder with ports of its own."""
    return Home(tmp_path)
