"""How it went is written down every five minutes, and is there as points over any stretch of time (ADM-7)."""

from datetime import datetime, timedelta

import psycopg
import pytest

from hermes.db import figures
from hermes.db.reads import figures as shown
from hermes.domain.errors import Refused
from hermes.domain.lags import BOUNDS, percentile
from tests.flows.companies import later, sign_up
from tests.flows.house import House

HOUR = timedelta(hours=1)


async def written(house: House) -> datetime:
    """The last whole five minutes are written; the time then."""
    house.clock.advance(300)
    await figures.keep(house.engine.database)
    return house.clock.now()


@pytest.mark.behaviour('ADM-7')
async def test_every_hop_of_a_sign_up_is_told_in_its_five_minutes(house: House) -> None:
    sign_up(house)
    house.clock.advance(3)
    await later(house)
    now = await written(house)
    with psycopg.connect(house.engine.database.url) as connection:
        lags = {(lag.system, lag.hop): lag for lag in shown.read_lags(connection, now - HOUR, now + HOUR)}
        calls = shown.read_calls(connection, now - HOUR, now + HOUR)
        spent = shown.read_tokens(connection, now - HOUR, now + HOUR)
        queue = shown.read_queue(connection, now - HOUR, now + HOUR)
    assert lags.keys() >= {('tutorcruncher', 'merged'), ('pipedrive', 'sent'), ('pipedrive', 'confirmed')}
    assert lags['tutorcruncher', 'merged'].whole.count >= 1
    [ledger] = await house.rows("select count(*) as n, sum(tokens)::int as tokens from call where system = 'pipedrive'")
    assert sum(each.total for each in calls if each.system == 'pipedrive') == ledger['n']
    assert sum(each.total for each in spent if each.system == 'pipedrive') == ledger['tokens']
    assert {each.kind for each in queue} >= {'events', 'parked events', 'decisions'}


@pytest.mark.behaviour('ADM-7')
async def test_writing_figures_again_changes_none_and_a_gap_is_filled(house: House) -> None:
    sign_up(house)
    await later(house)
    now = await written(house)
    before = await house.rows("select * from figure where name <> 'queue' order by name, at, system, kind")
    assert before
    async with house.engine.database.transaction() as connection:
        await figures.write(connection, now - 2 * HOUR, now)
    again = await house.rows("select * from figure where name <> 'queue' order by name, at, system, kind")
    assert [row for row in again if row in before] == before
    assert await figures.keep(house.engine.database) == 0
    sign_up(house, name='Brook Tutors', email='b@brook.example')
    await later(house, 7200)
    assert await figures.keep(house.engine.database) >= 24
    merged = await house.rows(
        "select sum(n.value::int) as n from figure, jsonb_each_text(counts) n where name = 'lag' and kind = 'merged' "
        "and system = 'tutorcruncher'"
    )
    assert merged[0]['n'] == 2


def test_a_percentile_lies_between_the_bounds_of_what_was_counted() -> None:
    assert percentile({}, 0.5) is None
    assert percentile({0: 10}, 0.5) == pytest.approx(BOUNDS[0] / 2)
    assert (percentile({3: 99, 10: 1}, 0.95) or 0) < BOUNDS[3]
    assert BOUNDS[9] <= (percentile({3: 90, 10: 10}, 0.95) or 0) <= BOUNDS[10]
    assert percentile({len(BOUNDS): 1}, 0.99) == BOUNDS[-1]


def test_a_plot_has_so_many_points_at_the_most() -> None:
    now = datetime.fromisoformat('2026-03-02T09:00Z')
    assert shown.step_of(now, now + HOUR) == timedelta(minutes=5)
    month = shown.step_of(now, now + timedelta(days=30))
    assert timedelta(days=30) / month <= shown.POINTS
    with pytest.raises(Refused):
        shown.step_of(now, now)
