"""An older database taken over: the report says everything that is wrong, ids stay, twice is once."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import psycopg
import pytest

from hermes.db.server.embedded import Server
from hermes.legacy import database, importing
from hermes.legacy.reconciliation import reconcile
from hermes.parts import assembly as parts
from hermes.sync.engine import Engine
from tests import folding, postgres
from tests.flows.house import settings_for
from tests.legacy.generate import LEFT, SALES, TWIN, Older, generate

COMPANIES = 75


@pytest.fixture(params=['second', 'newest'])
def generation(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture
def older(older_url: str, generation: str) -> Older:
    return generate(older_url, generation, COMPANIES)


@asynccontextmanager
async def opened(url: str) -> AsyncIterator[Engine]:
    engine = parts.build_engine(settings_for(url))
    await engine.database.open()
    try:
        yield engine
    finally:
        await engine.database.close()


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[Engine]:
    async with opened(database_url) as it:
        yield it


def columns(url: str, table: str, names: str) -> list[tuple[Any, ...]]:
    with psycopg.connect(url) as connection:
        return connection.execute(f'select {names} from {table} order by id').fetchall()


@pytest.mark.lesson('H-5')
def test_the_report_is_exactly_the_list_of_what_was_planted(older_url: str, generation: str) -> None:
    older = generate(older_url, generation, 5_000)
    assert len(older.troubles) > 4_000
    source = database.read(older_url)
    found = reconcile(source)
    told = [*found.troubles, *importing.refused_fields(source)]
    zoneless = {(one.table, one.field): one.detail for one in told if one.kind == 'zoneless'}
    assert zoneless == {place: f'{count} rows' for place, count in older.zoneless().items()}
    assert sorted(tuple(one)[:4] for one in told if one.kind != 'zoneless') == sorted(older.troubles)
    assert found.counts == older.counts()
    assert found.generation == older.generation


@pytest.mark.lesson('H-3')
async def test_ids_stay_what_they_were(older: Older, older_url: str, engine: Engine) -> None:
    await importing.take_over(engine, database.read(older_url))
    for table in ('company', 'deal', 'admin', 'pipeline', 'stage'):
        kept = [(row['id'],) for row in older.rows[table]]
        assert columns(engine.database.url, table, 'id') == kept
    admins = {number: email for number, email in columns(engine.database.url, 'admin', 'id, email')}
    assert (admins[SALES], admins[LEFT], admins[TWIN]) == (
        'ada@office.example',
        'dan@office.example',
        'ADA@office.example',
    )
    deals = [(row['id'], row['company_id'], row['admin_id']) for row in older.rows['deal']]
    assert columns(engine.database.url, 'deal', 'id, company_id, admin_id') == deals


async def test_values_links_and_fields_are_taken_over(older: Older, older_url: str, engine: Engine) -> None:
    await importing.take_over(engine, database.read(older_url))
    [row] = await engine.database.fetch('select * from company where id = 24')
    assert (row['name'], row['pd_org_id'], row['tc2_cligency_id'], row['sales_person_id']) == (
        'School 24',
        70_024,
        30_024,
        SALES,
    )
    assert (row['tc2_status'], str(row['created']), row['sales_call_count']) == ('terminated', '2024-01-02', 1)
    assert json.loads(row['signup_questionnaire']) == {'how': 'a friend', 'pupils': 24}
    assert row['extra'].get('hobby') == (24 if older.second else None)
    links = await engine.database.fetch(
        "select system, type, remote_id from link where record_type = 'company' and record_id = 24 order by system"
    )
    assert [tuple(link.values()) for link in links] == [
        ('pipedrive', 'organization', '70024'), ('tutorcruncher', 'client', '30024'),
    ]  # fmt: skip
    assert (await engine.database.fetch("select value from setting where key = 'payg_pipeline_id'"))[0]['value'] == 1
    assert 'password' not in str(await engine.database.fetch("select convert_from(body, 'UTF8') as b from event"))
    kept = await engine.database.fetch('select id, status from deal where tombstone is null')
    statuses = {row['id']: row['status'] for row in older.rows['deal']}
    assert all(statuses[row['id']] == row['status'] for row in kept)
    assert len(kept) >= len(statuses) - 3


async def test_nothing_is_sent_and_nothing_waits_to_be(older: Older, older_url: str, engine: Engine) -> None:
    await importing.take_over(engine, database.read(older_url))
    assert await engine.database.fetch('select 1 from push') == []
    paused = await engine.database.fetch('select system from system_state where paused order by system')
    assert [row['system'] for row in paused] == ['pipedrive', 'tutorcruncher']


@pytest.mark.invariant('I14')
async def test_twice_is_once_and_the_log_folds_to_the_same(
    older: Older, older_url: str, engine: Engine, migrated_server: Server
) -> None:
    source = database.read(older_url)
    first = await importing.take_over(engine, source)
    before = await folding.digest(engine.database)
    again = await importing.take_over(engine, source)
    assert (again.taken, again.known, again.changed) == (0, first.taken, [])
    assert await folding.digest(engine.database) == before
    with postgres.fresh_database(migrated_server) as url:
        async with opened(url) as other:
            assert await folding.copy_log(engine.database, other.database) == first.taken
            await folding.fold(other)
            assert await folding.digest(other.database) == before
