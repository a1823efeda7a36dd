"""Web and workers are killed with -9 while sign-ups arrive: nothing acknowledged is lost, nothing is made twice."""

from pathlib import Path

import pytest

from tests.chaos.kill9 import run
from tests.chaos.testbed import open_testbed


@pytest.mark.invariant('I1', 'I4')
def test_nothing_acknowledged_is_lost_and_nothing_is_made_twice(database_url: str, tmp_path: Path) -> None:
    with open_testbed(database_url, tmp_path) as testbed:
        outcome = run(testbed, seed=9, sign_ups=32, kills=6, duration_s=8.0)
    assert outcome.wrong() == []
    assert outcome.acked == 32
