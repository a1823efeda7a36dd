"""Workers that stand still, die, or meet poison: leases, fences and the five attempts (I11, I12)."""

import asyncio
import contextlib
from collections.abc import AsyncIterator

import pytest

from hermes.db import pushes
from hermes.sync.ingest import ingest_step
from hermes.sync.push import LostLeaseError, push_step
from tests.flows.companies import later, sign_up
from tests.flows.house import House, open_house


@pytest.fixture
async def shared(database_url: str) -> AsyncIterator[House]:
    """Two workers on one database."""
    async with open_house(database_url, workers=2) as opened:
        yield opened


async def stand_still(house: House, where: str, times: int) -> tuple[asyncio.Task[int], asyncio.Event]:
    """Worker 0 begins a push and stands still at the `times`-th `where`; the event lets it go on."""
    go, stopped, count = asyncio.Event(), asyncio.Event(), 0

    async def hook(here: str) -> None:
        nonlocal count
        count += here == where
        if here == where and count == times:
            stopped.set()
            await go.wait()

    house.engines[0].database.hook = hook
    task = asyncio.create_task(push_step(house.engines[0]))
    await stopped.wait()
    house.engines[0].database.hook = None
    return task, go


async def other_worker(house: House) -> None:
    """Everything that is due, by worker 1 alone."""
    for _ in range(60):
        await house.world.outbox.deliver_due(house.post)
        await ingest_step(house.engines[1])
        if not await push_step(house.engines[1]):
            house.clock.advance(1)


@pytest.mark.invariant('I11')
@pytest.mark.parametrize('times', [1, 2])
async def test_a_worker_that_stood_still_overwrites_nothing(shared: House, times: int) -> None:
    """It stops after the claim (1) or with its intent committed (2), for longer than its lease; a newer value is
    written meanwhile.
    """
    client = sign_up(shared)
    await later(shared)
    shared.tc2.edit_client(client.id, website='https://old.example')
    await shared.world.outbox.deliver_due(shared.post)
    await ingest_step(shared.engines[1])
    task, go = await stand_still(shared, 'after commit', times)
    shared.clock.advance(pushes.LEASE_S + 15)
    shared.tc2.edit_client(client.id, website='https://new.example')
    await other_worker(shared)
    go.set()
    with contextlib.suppress(LostLeaseError):
        await task
    [organization] = shared.organizations()
    assert shared.custom('organization', organization)['website'] == 'https://new.example'
    await shared.settle()
    [organization] = shared.organizations()
    assert shared.custom('organization', organization)['website'] == 'https://new.example'


@pytest.mark.invariant('I4', 'I11')
async def test_a_creation_held_up_behind_its_intent_is_not_made_twice(shared: House) -> None:
    sign_up(shared)
    await shared.world.outbox.deliver_due(shared.post)
    await ingest_step(shared.engines[1])
    task, go = await stand_still(shared, 'after commit', 2)
    shared.clock.advance(pushes.LEASE_S + 30)
    await other_worker(shared)
    go.set()
    with contextlib.suppress(LostLeaseError):
        await task
    await shared.settle()
    assert len(shared.organizations()) == len(shared.deals()) == 1


POISON = """
create function refuse() returns trigger language plpgsql as $$ begin raise exception 'poison'; end $$;
create trigger poison before insert on company for each row when (new.name like 'Poison%%') execute function refuse();
"""


@pytest.mark.invariant('I12')
async def test_poison_is_parked_alone_after_five_attempts(house: House) -> None:
    async with house.engine.database.transaction() as connection:
        await connection.execute(POISON.replace('%%', '%'))
    for number in range(40):
        name = 'Poison Tutors' if number == 20 else f'Healthy {number}'
        sign_up(house, name, email=f'owner{number}@h.example', recipients=[])
    await house.settle()
    [parked] = await house.rows("select attempts, reason from event where state = 'parked'")
    assert parked['attempts'] == 5
    assert 'RaiseException' in parked['reason']
    assert len(house.organizations()) == 39
