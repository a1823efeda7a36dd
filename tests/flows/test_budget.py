"""The shared budget: never a call too many, whoever makes it; no connection is held while one is made (I8, OUT-14)."""

import asyncio
from datetime import datetime, timedelta
from typing import Any

import httpx2
import pytest

from hermes.db import budget
from hermes.sync.push import push_step
from tests.flows.companies import quiet, sign_up
from tests.flows.house import PRIYA_PD, House, open_house


async def rush(house: House, turns: int = 400) -> None:
    """All engines at once, again and again, the clock moving only when nobody has anything to do."""
    for _ in range(turns):
        busy = await house.step()
        worked = await asyncio.gather(*(push_step(engine) for engine in house.engines))
        if not busy and not any(worked):
            due_at = await house.next_due_at()
            if due_at is None:
                return
            house.clock.move_to(max(due_at, house.clock.now()))
    raise AssertionError('it does not come to rest')


@pytest.mark.invariant('I8')
@pytest.mark.behaviour('OUT-14')
@pytest.mark.lesson('F-1', 'F-11', 'A-4')
async def test_four_engines_never_overrun_the_burst_window(database_url: str) -> None:
    async with open_house(database_url, workers=4) as house:
        house.pd.act_set_plan('lite')
        await house.rows('update budget set burst_limit = 20 where system = %s returning 1', 'pipedrive')
        for number in range(25):
            email = f'sam{number}@ember.example'
            sign_up(
                house, f'Tutors {number}', recipients=[{'first_name': 'Sam', 'last_name': f'O{number}', 'email': email}]
            )
        await rush(house)
        await house.settle()
        assert len(house.organizations()) == len(house.persons()) == len(house.deals()) == 25
        state = house.pd.state()
        assert (state['overruns'], state['daily_overruns'], state['blocks']) == (0, 0, 0)
        assert len(house.calls('POST')) == 75
        times = sorted(call.at for call in house.calls('POST'))
        crowded = max(sum(1 for at in times if 0 <= (at - start).total_seconds() < 2) for start in times)
        assert crowded > 10
        await quiet(house)


@pytest.mark.invariant('I8')
@pytest.mark.behaviour('OUT-8')
async def test_the_day_is_never_overspent_and_the_rest_goes_out_tomorrow(house: House) -> None:
    await house.rows(
        "update budget set day = hermes_now()::date, spent = 0, hours = '{}', daily_limit = 40 "
        "where system = 'pipedrive' returning 1"
    )
    for number in range(10):
        sign_up(house, f'Tutors {number}', recipients=[])
    await house.settle(3600)
    made = len(house.calls('POST'))
    assert 0 < made <= 8
    [push] = await house.rows("select reason from push where wanted > done and state = 'ready' limit 1")
    assert 'daily budget of 40 tokens' in push['reason'] or 'waits' in push['reason']
    await house.rows("update budget set daily_limit = 100000 where system = 'pipedrive' returning 1")
    await house.settle(2 * 86_400)
    assert len(house.organizations()) == 10


@pytest.mark.invariant('I8')
@pytest.mark.behaviour('OUT-8')
async def test_nothing_is_overspent_although_the_days_of_the_remote_begin_at_another_hour(house: House) -> None:
    house.clock.move_to(house.clock.now().replace(hour=22, minute=30))
    ledger = house.pd.ledger
    house.pd.act_create('organization', {'name': 'Before'}, PRIYA_PD)
    await house.settle()
    await house.rows(
        "update budget set hours = '{}', spent = 0, daily_limit = 100 where system = 'pipedrive' returning 1"
    )
    ledger.spent = ledger.daily_budget - 100
    for number in range(30):
        sign_up(house, f'Tutors {number}', recipients=[], status='live')
    await house.settle(3 * 3600)
    assert 10 <= len(house.organizations()) - 1 <= 20
    assert house.pd.state()['daily_overruns'] == 0
    await house.settle(3 * 86_400)
    assert (len(house.organizations()), house.pd.state()['daily_overruns']) == (31, 0)


class Skewed:
    """A machine whose clock is wrong by some seconds."""

    def __init__(self, clock: Any, seconds: float) -> None:
        self.clock, self.skew = clock, timedelta(seconds=seconds)

    def now(self) -> datetime:
        moment: datetime = self.clock.now() + self.skew
        return moment

    def monotonic(self) -> float:
        return float(self.clock.monotonic())

    async def sleep(self, duration_s: float) -> None:
        await self.clock.sleep(duration_s)


@pytest.mark.invariant('I8')
@pytest.mark.behaviour('OUT-14')
async def test_workers_whose_clocks_are_wrong_overrun_nothing(database_url: str) -> None:
    async with open_house(database_url, workers=4) as house:
        house.pd.act_set_plan('lite')
        await house.rows("update budget set burst_limit = 20 where system = 'pipedrive' returning 1")
        for engine, seconds in zip(house.engines, (-2, -1, 1, 2), strict=True):
            engine.clock = Skewed(house.clock, seconds)
        for number in range(30):
            sign_up(house, f'Tutors {number}', recipients=[])
        await rush(house)
        await house.settle()
        assert len(house.organizations()) == len(house.deals()) == 30
        state = house.pd.state()
        assert (state['overruns'], state['daily_overruns'], state['blocks']) == (0, 0, 0)
        await quiet(house)


@pytest.mark.invariant('I8')
async def test_room_is_kept_for_the_interactive_lane(house: House) -> None:
    async with house.engine.database.transaction() as connection:
        await connection.execute('delete from reservation')
        granted = {lane: 0 for lane in ('backfill', 'webhook', 'interactive')}
        for lane in granted:
            while (await budget.reserve(connection, 'pipedrive', tokens=1, search=False, lane=lane, deadline_s=8)).id:
                granted[lane] += 1
    assert granted == {'backfill': 20, 'webhook': 16, 'interactive': 4}


class Watch(httpx2.AsyncBaseTransport):
    """Looks, during every call, whether the engine holds a connection of its pool."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, pool: Any) -> None:
        self.inner, self.pool = inner, pool
        self.seen: list[int] = []

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        stats = self.pool.get_stats()
        self.seen.append(stats['pool_size'] - stats['pool_available'])
        return await self.inner.handle_async_request(request)


@pytest.mark.lesson('G-1', 'A-5')
async def test_no_connection_is_held_across_a_call(house: House) -> None:
    watch = Watch(house.transport.inner, house.engine.database._pool)  # type: ignore[attr-defined]
    house.transport.inner = watch  # type: ignore[attr-defined]
    client = sign_up(house)
    await house.settle()
    house.tc2.pay_invoice(client.id)
    house.pd.act_create('organization', {'name': 'Born There'}, PRIYA_PD)
    await house.settle()
    assert len(watch.seen) >= 5
    assert set(watch.seen) == {0}


@pytest.mark.invariant('I4', 'I7')
@pytest.mark.lesson('A-3', 'A-10')
async def test_thirty_sign_ups_in_a_storm_stand_once_each(database_url: str) -> None:
    async with open_house(database_url, weather='storm', seed=7) as house:
        for number in range(30):
            email = f'sam{number}@ember.example'
            sign_up(
                house, f'Tutors {number}', recipients=[{'first_name': 'Sam', 'last_name': f'O{number}', 'email': email}]
            )
        await house.settle(1800)
        house.world.weather.change(name='calm')
        await house.settle(1800)
        for found, name in ((house.organizations(), 'name'), (house.persons(), 'name'), (house.deals(), 'title')):
            assert len(found) == len({item[name] for item in found}) == 30
        await quiet(house)
        house.mark()
        house.tc2.send_all_snapshots()
        await house.settle()
        assert house.calls() == []
