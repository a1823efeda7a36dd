"""What is done by the calendar: on any number of workers once, and never at the cost of what is still needed."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from random import Random

import pytest

from hermes.db import sweeps
from hermes.db.pool import Database
from hermes.kit.clock import ManualClock
from hermes.sync.engine import Engine
from hermes.sync.schedules import Schedules
from hermes.systems.pipedrive.system import Pipedrive
from tests.waiting import LOOK_S, PATIENCE_S

NOW = datetime(2027, 5, 4, 2, 17, tzinfo=UTC)
RETENTION_DAYS = 400


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    clock = ManualClock(NOW)
    database = Database(database_url, clock)
    await database.open()
    yield Engine(database, {'pipedrive': Pipedrive('a-token')}, clock, Random(1), 'w1')
    await database.close()


async def test_every_night_everything_is_listed_once(engine: Engine) -> None:
    schedules = Schedules(engine, RETENTION_DAYS)
    await schedules.list_all()
    await schedules.list_all()
    rows = await engine.database.fetch('select system, type, kind, state, started_at from sweep order by type')
    assert [tuple(row.values()) for row in rows] == [
        ('pipedrive', name, 'full', 'running', NOW)
        for name in ('deal', 'organization', 'person', 'pipeline', 'stage', 'user')
    ]


async def test_bodies_of_old_events_are_dropped_and_their_keys_stay(engine: Engine) -> None:
    await engine.database.execute(
        'insert into event (source, kind, dedupe_key, received_at, body, state) select '
        "'tutorcruncher', 'webhook', name::bytea, hermes_now() - age::interval, 'x', state from (values "
        "('old', '401 days', 'done'), ('parked', '401 days', 'parked'), ('waiting', '401 days', 'waiting'), "
        "('young', '399 days', 'done')) as t(name, age, state)"
    )
    await Schedules(engine, RETENTION_DAYS).forget()
    rows = await engine.database.fetch('select dedupe_key, body from event order by id')
    assert {bytes(row['dedupe_key']).decode(): row['body'] is None for row in rows} == {
        'old': True,
        'parked': False,
        'waiting': False,
        'young': False,
    }


async def test_old_calls_are_forgotten_and_those_of_an_open_intent_are_kept(engine: Engine) -> None:
    await engine.database.execute(
        "insert into event (source, kind, dedupe_key) values ('hermes', 'intent', 'a'), ('hermes', 'intent', 'b')"
    )
    await engine.database.execute(
        'insert into call (system, op, lane, tokens, intent_event, started_at, ended_at) select '
        "'pipedrive', 'create', 'webhook', 5, id, at, at from event, (select hermes_now() - interval '500 days' as "
        'at) t'
    )
    await engine.database.execute(
        'insert into push (record_type, record_id, system, graph_id, rank, due_at, intent) select '
        "'company', 1, 'pipedrive', 1, 0, hermes_now(), jsonb_build_object('event_id', min(id)) from event"
    )
    await Schedules(engine, RETENTION_DAYS).forget()
    kept = await engine.database.fetch('select e.dedupe_key from call c join event e on e.id = c.intent_event')
    assert [bytes(row['dedupe_key']) for row in kept] == [b'a']


async def test_of_old_listings_the_newest_of_each_kind_and_what_was_proven_stay(engine: Engine) -> None:
    await engine.database.execute(
        'insert into sweep (system, type, kind, state, started_at, finished_at, through, cause) select '
        "'pipedrive', 'person', kind, state, at, at, case when state = 'done' then at - late::interval end, name from "
        "(values ('old', 'full', 'done', 90, '0'), ('proven', 'full', 'done', 60, '0'), ('failed', 'full', 'failed', "
        "50, '0'), ('running', 'full', 'running', 40, '0'), ('newest', 'full', 'failed', 35, '0'), ('furthest', "
        "'changed', 'done', 33, '0'), ('last done', 'changed', 'done', 32, '5 days'), ('stopped', 'changed', "
        "'failed', 31, '0'), ('young', 'changed', 'failed', 29, '0')) as t(name, kind, state, days, late), lateral "
        '(select hermes_now() - make_interval(days => days) as at) as moment order by days desc'
    )
    await engine.database.execute(
        'insert into proof (sweep_id, system, type, at, state) select id, system, type, finished_at, '
        "case state when 'done' then 'proven' else 'failed' end from sweep where kind = 'full' order by id"
    )
    before = await watermark_of(engine)
    await Schedules(engine, RETENTION_DAYS).forget()
    rows = await engine.database.fetch('select cause from sweep order by id')
    assert [row['cause'] for row in rows] == ['proven', 'running', 'newest', 'furthest', 'last done', 'young']
    rows = await engine.database.fetch('select s.cause from proof p join sweep s on s.id = p.sweep_id')
    assert [row['cause'] for row in rows] == ['newest']
    assert await watermark_of(engine) == before


async def watermark_of(engine: Engine) -> datetime | None:
    async with engine.database.transaction() as connection:
        return await sweeps.watermark(connection, 'pipedrive', 'person')


async def test_of_two_workers_one_does_each_thing_that_is_due(engine: Engine) -> None:
    done: list[str] = []
    both = [Schedules(engine, RETENTION_DAYS, {'analyze': '* * * * * *'}) for _ in range(2)]
    for number, schedules in enumerate(both):

        async def note(worker: str = f'w{number}') -> None:
            done.append(worker)

        schedules.acts = {'analyze': note}
    running = [asyncio.create_task(schedules.run()) for schedules in both]
    async with asyncio.timeout(PATIENCE_S):
        while len(done) < 3 or await engine.database.fetch('select from procrastinate.procrastinate_jobs') != []:
            await asyncio.sleep(LOOK_S)  # a finished job is deleted, so between two ticks there is none
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    rows = await engine.database.fetch('select count(*) as deferred from procrastinate.procrastinate_periodic_defers')
    assert rows[0]['deferred'] <= len(done) + 1
