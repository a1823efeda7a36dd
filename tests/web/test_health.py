"""Alive, ready, and what it counts."""

import re

import psycopg
import pytest

from hermes.db.reads.health import Figures
from tests.web.conftest import BODY, World


async def test_ready_names_the_part_that_is_missing(world: World) -> None:
    assert (await world.http.get('/health')).json() == {'status': 'ok'}
    answer = await world.http.get('/ready')
    assert answer.status_code == 503
    assert answer.json() == {
        'status': 'error',
        'database': 'ok',
        'migrations': 'ok',
        'worker': 'no worker has reported yet',
    }


@pytest.mark.parametrize(('age', 'status'), [('14 seconds', 200), ('16 seconds', 503)])
async def test_a_worker_must_have_reported_within_fifteen_seconds(world: World, age: str, status: int) -> None:
    async with await psycopg.AsyncConnection.connect(world.database_url) as connection:
        await connection.execute(
            "insert into worker values ('w', hermes_now(), hermes_now() - %s::interval, 'here', 1)", [age]
        )
    assert (await world.http.get('/ready')).status_code == status


async def test_a_database_without_a_schema_is_not_ready(open_world, blank_database_url: str) -> None:
    async with open_world(blank_database_url) as world:
        assert (await world.http.get('/ready')).json()['migrations'] == 'the database has no schema yet'


async def test_metrics_count_what_came_and_what_waits(world: World) -> None:
    await world.tc2(BODY)
    await world.tc2(BODY)
    await world.tc2(BODY, secret='wrong')
    async with await psycopg.AsyncConnection.connect(world.database_url) as connection:
        await connection.execute("insert into system_state (system, paused) values ('pipedrive', true)")
        await connection.execute(
            'insert into call (system, op, lane, tokens, status, reaction, started_at, ended_at) values '
            "('pipedrive', 'update', 'webhook', 5, 429, 'RateLimited', hermes_now(), hermes_now() + interval '2 s')"
        )
        await connection.execute(
            'insert into push (record_type, record_id, system, graph_id, rank, due_at) '
            "values ('company', 1, 'pipedrive', 1, 0, hermes_now() - interval '1 h')"
        )
        await connection.execute(
            'insert into decision (kind, record_type, record_id, key, detail, at) '
            "values ('gone', 'company', 1, 'gone:1', '{}', hermes_now())"
        )
        await connection.execute(
            'insert into event (source, kind, dedupe_key, received_at, applied_at, state) values '
            "('pipedrive', 'webhook', 'k', hermes_now() - interval '3 s', hermes_now(), 'done')"
        )
    told = (await world.http.get('/metrics')).text
    for line in (
        'hermes_events_received_total{kind="webhook",source="tutorcruncher"} 2.0',
        'hermes_events_repeated_total{source="tutorcruncher"} 1.0',
        'hermes_events_refused_total{reason="wrong signature",source="tutorcruncher"} 1.0',
        'hermes_events_backlog{state="new"} 1.0',
        'hermes_system_paused{system="pipedrive"} 1.0',
        'hermes_database_up 1.0',
        'hermes_merged_seconds{quantile="0.99",source="pipedrive"} 3.0',
        'hermes_call_seconds{quantile="0.5",system="pipedrive"} 2.0',
        'hermes_calls_failed_today{reaction="RateLimited",system="pipedrive"} 1.0',
        'hermes_pushes_oldest_seconds{system="pipedrive"} 3600.',
        'hermes_decisions_open{kind="gone"} 1.0',
    ):
        assert line in told


@pytest.mark.lesson('M-53')
async def test_every_figure_is_there_with_nought_from_the_first_start(world: World) -> None:
    told = (await world.http.get('/metrics')).text.splitlines()
    families = {line.split()[2] for line in told if line.startswith('# TYPE ')}
    shown = [line for line in told if not line.startswith('#')]
    silent = [name for name in sorted(families) if not any(re.match(rf'{name}(_total)?[ {{_]', line) for line in shown)]
    assert silent == []
    values = dict(line.rsplit(' ', 1) for line in shown)
    for line in (
        'hermes_events_backlog{state="parked"}',
        'hermes_pushes_backlog{state="parked",system="pipedrive"}',
        'hermes_pushes_oldest_seconds{system="google"}',
        'hermes_system_paused{system="tutorcruncher"}',
        'hermes_decisions_open{kind="by name only"}',
        'hermes_tokens_spent_today{lane="backfill",op="list",system="pipedrive"}',
        'hermes_calls_failed_today{reaction="AuthBroken",system="pipedrive"}',
        'hermes_merged_seconds{quantile="0.99",source="pipedrive"}',
        'hermes_listing_proven{system="tutorcruncher",type="client"}',
        'hermes_writes_unechoed{system="pipedrive"}',
        'hermes_events_received_total{kind="webhook",source="google"}',
        'hermes_events_refused_total{reason="wrong signature",source="pipedrive"}',
        'hermes_events_deferred_total{source="tutorcruncher"}',
    ):
        assert values[line] == '0.0', line


@pytest.mark.lesson('M-53')
async def test_what_is_over_is_nought_and_not_absent(world: World) -> None:
    """A figure that vanishes once all is well leaves an alarm as it was."""
    figures = Figures(pushes={('pipedrive', 'parked'): 2}, decisions={'gone': 1}, overdue_s={'pipedrive': 90.0})
    metrics = world.app.state.metrics
    assert b'hermes_pushes_backlog{state="parked",system="pipedrive"} 2.0' in metrics.render(figures)
    over = metrics.render(Figures())
    for line in (
        b'hermes_pushes_backlog{state="parked",system="pipedrive"} 0.0',
        b'hermes_decisions_open{kind="gone"} 0.0',
        b'hermes_pushes_oldest_seconds{system="pipedrive"} 0.0',
    ):
        assert line in over
    away = metrics.render(None)
    assert b'hermes_database_up 0.0' in away
    assert b'hermes_pushes_backlog{' not in away, 'nobody knows'


async def test_errors_are_json_and_pages_load_nothing_from_elsewhere(world: World) -> None:
    missing = await world.http.get('/nowhere')
    told = {'status': 'error', 'message': 'There is nothing here.', 'code': 'not_found'}
    assert (missing.status_code, missing.json()) == (404, told)
    assert missing.headers['x-content-type-options'] == 'nosniff'
    assert (await world.http.get('/health/')).status_code == 404
    docs = await world.http.get('/docs')
    assert '/tc2/callback/' in docs.text
    assert '://' not in docs.text
