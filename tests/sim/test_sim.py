"""A handful of seeds of the simulator with every test run; `python -m tests.sim` does the many."""

from collections.abc import AsyncIterator

import pytest

from hermes.db.server.embedded import Server
from tests import postgres
from tests.sim import erasures, orders, sales_team
from tests.sim.__main__ import judge
from tests.sim.life import Life, live
from tests.sim.testbed import Testbed, open_testbed
from tests.thorough import spread

SEEDS = 15
TEAM_ACTIONS = 150


@pytest.fixture
async def testbed(migrated_server: Server) -> AsyncIterator[Testbed]:
    """A testbed beside its shadow."""
    with postgres.fresh_database(migrated_server) as url, postgres.fresh_database(migrated_server) as shadow:
        async with open_testbed(url, shadow) as opened:
            yield opened


@pytest.mark.invariant('I4', 'I6', 'I7', 'I9', 'I10', 'I11', 'I14', 'I16')
async def test_whatever_happens_everything_comes_to_rest_as_it_should(testbed: Testbed) -> None:
    for seed in spread(range(90_000, 90_000 + SEEDS), 3):
        story, wrong = await judge(testbed, seed, fold=seed % 3 == 0)
        assert wrong == [], '\n'.join([f'seed {seed}', *story.lines])


@pytest.mark.invariant('S10', 'I14', 'I16')
async def test_whoever_was_erased_stays_away_and_the_log_is_folded_without_them(
    testbed: Testbed,
) -> None:
    for seed in spread(range(70_000, 70_000 + SEEDS), 3):
        story = await live(testbed, Life(seed, erasing=0.08))
        assert await erasures.check(testbed) == [], '\n'.join([f'seed {seed}', *story.lines])


@pytest.mark.behaviour('PD-ORDER-1')
@pytest.mark.invariant('I5')
async def test_the_order_of_arrival_does_not_matter(testbed: Testbed) -> None:
    wrong = []
    for seed in spread(range(1, 19), 3):
        wrong += await orders.check(testbed, seed, permutations=3)
    assert wrong == []


@pytest.mark.behaviour('PD-RACE-1', 'PD-GAP-1')
@pytest.mark.invariant('I6', 'I7', 'I8', 'I14', 'I16')
async def test_a_team_at_work_in_a_storm_reverts_no_edit_and_everything_is_equal_afterwards(testbed: Testbed) -> None:
    told, wrong = await sales_team.play(testbed, Life(8), TEAM_ACTIONS)
    assert wrong == [], '\n'.join(told.book.lines)
