"""A bell says what there is to do: the loops of a worker that do something else are not woken (decision 0003)."""

import asyncio
from collections.abc import Awaitable
from datetime import timedelta

from hermes.db import bells, events, mirrors
from hermes.db.pool import Notice, listen
from hermes.domain.model import RemoteRef
from hermes.sync.ingest import ingest_due, ingest_step
from hermes.sync.push import look
from hermes.sync.sweep import open_sweep
from hermes.sync.worker import Worker
from tests.flows import bookings, calendars
from tests.flows.companies import later, sign_up
from tests.flows.house import House

END = 'end_of_test'
LONG_S = 30.0


async def rung(house: House, act: Awaitable[object]) -> set[str]:
    """The bells that ring while something is done."""
    return {notice.channel for notice in await heard(house, act)}


async def heard(house: House, act: Awaitable[object]) -> set[Notice]:
    """The same, with their payloads."""
    told: set[Notice] = set()
    async with asyncio.timeout(LONG_S):
        async for notice in listen(house.settings.database_url, [*bells.ALL, END]):
            if notice.channel == END:
                break
            if notice.channel:
                told.add(notice)
                continue
            await act
            async with house.engine.database.transaction() as connection:
                await bells.ring(connection, END)
    return told


async def test_a_booking_wakes_who_sends_and_who_writes_letters(house: House) -> None:
    assert await rung(house, bookings.book(house)) == {bells.PUSH, bells.ERRAND}


async def test_what_is_sent_wakes_no_one_else(house: House) -> None:
    await calendars.book(house)
    sign_up(house)
    assert await rung(house, later(house)) == {bells.EVENT, bells.PUSH}


async def test_a_listing_and_a_reading_wake_who_does_them(house: House) -> None:
    async def list_deals() -> None:
        async with house.engine.database.transaction() as connection:
            await open_sweep(connection, 'pipedrive', 'deal', 'full')

    async def read_deals() -> None:
        async with house.engine.database.transaction() as connection:
            rows = await (await connection.execute("select remote_id from mirror where type = 'deal'")).fetchall()
            await mirrors.ask(connection, [RemoteRef('pipedrive', 'deal', row['remote_id']) for row in rows])

    await calendars.book(house)
    assert await rung(house, list_deals()) == {bells.ERRAND}
    assert await rung(house, read_deals()) == {bells.READING}


async def test_who_takes_the_last_thing_that_is_due_knows_it(house: House) -> None:
    """Nobody looks once more in vain."""
    for number in range(3):
        sign_up(house, name=f'Tutors {number}')
    await house.world.outbox.deliver_due(house.post)
    await ingest_step(house.engine)
    taken = [await look(house.engine, 0) for _ in range(4)]
    assert [bool(claimed) for claimed, _ in taken] == [True, True, True, False]
    assert [rest_s for _, rest_s in taken[:3]] == [0.0, 0.0, None]


async def test_what_waited_for_an_object_is_woken_by_it(house: House) -> None:
    """It goes on at once, not after a second."""
    async with house.engine.database.transaction() as connection:
        for reason in ('for something', 'for something else'):
            event = await events.add(connection, 'pipedrive', 'page', b'{}', state='new')
            await events.postpone(connection, event.id, house.clock.now() + timedelta(hours=1), reason)

    async def finish(told: str) -> None:
        async with house.engine.database.transaction() as connection:
            event = await events.add(connection, 'pipedrive', 'page', b'{}')
            await events.finish(connection, [(event.id, [])], told=[told])

    assert await rung(house, finish('for nothing')) == set()
    assert await rung(house, finish('for something')) == {bells.EVENT}
    [row] = await house.rows("select reason from event where state = 'waiting' and due_at <= %s", house.clock.now())
    assert row['reason'] == 'for something'


async def test_who_applies_the_last_thing_that_came_in_knows_it(house: House) -> None:
    for number in range(3):
        sign_up(house, name=f'Tutors {number}')
    await house.world.outbox.deliver_due(house.post)
    assert await ingest_due(house.engine) == (3, False)
    assert await ingest_due(house.engine) == (0, False)


async def test_a_graph_that_is_pushed_is_looked_for_when_it_is_free(house: House) -> None:
    """The bell names the graph: the worker that has it under way looks again once it is done, and not before."""
    told = await heard(house, bookings.book(house))
    [company] = await house.rows('select id from company')
    mine, other = f'{company["id"]} pipedrive', f'{company["id"]} google'
    assert {Notice(bells.PUSH, mine), Notice(bells.PUSH, other)} <= told
    worker = Worker(house.engine)
    worker.under_way.add(mine)
    worker.heed(Notice(bells.PUSH, mine))
    assert not worker.pushed.rung.is_set()
    worker.heed(Notice(bells.PUSH, other))
    assert worker.pushed.rung.is_set()
    worker.pushed.rung.clear()
    worker.free(mine)
    assert worker.pushed.rung.is_set()
