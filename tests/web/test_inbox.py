"""The inbox under trouble: a bad event among good ones, a database that goes and comes back, a lock that holds
everybody up.
"""

import asyncio
import contextlib
from pathlib import Path

import psycopg
import pytest

from hermes.db.inbox import GROUP_SIZE, Inbox, NewEvent, Unavailable, Unstorable
from hermes.db.schema import upgrade
from hermes.db.server import embedded
from hermes.kit.clock import SystemClock
from tests.waiting import LOOK_S, PATIENCE_S, wait_in_loop
from tests.web.conftest import BODY, Open


def event(number: int, kind: str = 'webhook') -> NewEvent:
    return NewEvent('tutorcruncher', kind, str(number).encode(), b'{}')


async def count(url: str) -> int:
    async with await psycopg.AsyncConnection.connect(url) as connection:
        row = await (await connection.execute('select count(*) from event')).fetchone()
        assert row
        return int(row[0])


@pytest.mark.invariant('I12')
async def test_one_bad_event_harms_no_other_of_its_group(database_url: str) -> None:
    inbox = Inbox(database_url, SystemClock())
    sizes: list[int] = []
    inbox.on_commit = lambda size, duration_s: sizes.append(size)
    await inbox.start()
    try:
        events = [event(number) for number in range(30)] + [event(99, kind='nul \x00')]
        results = await asyncio.gather(*map(inbox.add, events), return_exceptions=True)
    finally:
        await inbox.stop()
    assert results[:30] == [True] * 30
    assert isinstance(results[30], (Unstorable, Unavailable))
    assert await count(database_url) == 30


async def test_many_at_once_are_few_commits_and_one_ring_each(database_url: str) -> None:
    inbox = Inbox(database_url, SystemClock())
    sizes: list[int] = []
    inbox.on_commit = lambda size, duration_s: sizes.append(size)
    async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as listener:
        await listener.execute('listen hermes_event')
        await inbox.start()
        try:
            added = await asyncio.gather(*(inbox.add(event(number % 500)) for number in range(1000)))
        finally:
            await inbox.stop()
        rings = [ring async for ring in listener.notifies(timeout=PATIENCE_S, stop_after=1)]
        rings += [ring async for ring in listener.notifies(timeout=LOOK_S)]
    assert sum(added) == 500
    assert sum(sizes) == 1000
    assert max(sizes) <= GROUP_SIZE
    assert len(sizes) < 20
    assert 0 < len(rings) <= len(sizes)


async def test_a_database_that_does_not_answer_is_not_waited_for(database_url: str) -> None:
    inbox = Inbox(database_url, SystemClock(), patience_s=0.2)
    await inbox.start()
    try:
        async with await psycopg.AsyncConnection.connect(database_url) as locker:
            await locker.execute('lock table event in access exclusive mode')
            with pytest.raises(Unavailable):
                await inbox.add(event(1))
        await wait_in_loop('it is stored', lambda: count(database_url))
        assert await inbox.add(event(1)) is False
    finally:
        await inbox.stop()


@pytest.mark.invariant('I24')
async def test_the_database_goes_and_comes_back(tmp_path: Path, open_world: Open) -> None:
    server = embedded.start(tmp_path / 'own', fast=True)
    with contextlib.ExitStack() as stack:
        stack.callback(lambda: embedded.stop(tmp_path / 'own', force=True))
        upgrade(server.url)
        async with open_world(server.url, patience_s=2.0) as world:
            assert (await world.tc2(BODY)).status_code == 200
            await asyncio.to_thread(server.close)
            await asyncio.to_thread(embedded.stop, tmp_path / 'own', force=True)
            away = await world.tc2(b'{"while": "away"}')
            assert (away.status_code, away.headers['retry-after']) == (503, '5')
            assert (await world.http.get('/ready')).status_code == 503
            assert (await world.http.get('/health')).status_code == 200
            server = await asyncio.to_thread(embedded.start, tmp_path / 'own', fast=True)
            stack.callback(server.close)

            async def taken(body: bytes) -> bool:
                return (await world.tc2(body)).status_code == 200

            await wait_in_loop('it is taken', lambda: taken(b'{"after": "wards"}'))
            assert [row[2] for row in await world.rows()] == [BODY, b'{"after": "wards"}']


@pytest.mark.invariant('I24')
async def test_killed_connections_cost_nothing(database_url: str) -> None:
    inbox = Inbox(database_url, SystemClock())
    await inbox.start()
    try:
        assert await inbox.add(event(1))
        async with await psycopg.AsyncConnection.connect(database_url, autocommit=True) as connection:
            await connection.execute(
                'select pg_terminate_backend(pid, 1000) from pg_stat_activity'
                " where application_name = 'hermes-inbox' and datname = current_database()"
            )
        assert await asyncio.gather(*(inbox.add(event(number)) for number in range(2, 40))) == [True] * 38
    finally:
        await inbox.stop()
