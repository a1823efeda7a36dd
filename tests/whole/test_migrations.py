"""Migrations that landed stay what they are; whatever database there is finds its way to the newest version."""

import psycopg
import pytest

from hermes.db import schema
from hermes.db.reads.health import Vitals
from hermes.db.schema import landed
from hermes.domain.errors import Refused
from tests.whole.filling import fill, rows_of
from tests.whole.run import Home
from tools import migration

REVISIONS = migration.revisions()
SECOND_MILESTONE = {'0004': '0003', '0005': '0004', '0006': '0005'}
"""What the second milestone called its versions, and what they are."""


def rename(url: str, revision: str) -> None:
    with psycopg.connect(url) as connection:
        connection.execute('update alembic_version set version_num = %s', (revision,))


@pytest.mark.lesson('M-41')
def test_a_migration_that_landed_is_never_edited_or_renumbered() -> None:
    assert migration.problems() == []
    assert [each.revision for each in landed.landed()] == REVISIONS


@pytest.mark.lesson('M-41')
@pytest.mark.parametrize('revision', REVISIONS[:-1])
def test_every_earlier_version_comes_up_with_all_its_rows(blank_database_url: str, revision: str) -> None:
    schema.upgrade(blank_database_url, revision)
    fill(blank_database_url)
    before = rows_of(blank_database_url)
    assert all(before.values())
    assert schema.upgrade(blank_database_url).said.startswith('the tables were brought from ')
    assert schema.check(blank_database_url) == 'current'
    after = rows_of(blank_database_url)
    for table, rows in before.items():
        assert len(after[table]) == len(rows)
        for old, new in zip(rows, after[table], strict=True):
            assert old.items() <= new.items(), f'{table}: what is changed on purpose is a case of its own'


@pytest.mark.lesson('M-41')
@pytest.mark.parametrize(('named', 'true'), SECOND_MILESTONE.items())
async def test_a_database_that_an_earlier_program_numbered_otherwise_goes_on_from_what_it_is(
    blank_database_url: str, named: str, true: str
) -> None:
    schema.upgrade(blank_database_url, true)
    fill(blank_database_url)
    before = rows_of(blank_database_url)
    rename(blank_database_url, named)
    assert schema.check(blank_database_url) == 'old'
    assert 'run "hermes db upgrade"' in (await Vitals(blank_database_url).readiness()).migrations
    told = schema.upgrade(blank_database_url).said
    assert told == (
        f'the tables were brought from {int(true)} to {int(REVISIONS[-1])} (an earlier program had numbered them '
        f'{named})'
    )
    assert schema.check(blank_database_url) == 'current'
    assert (await Vitals(blank_database_url).readiness()).migrations == ''
    assert {table: len(rows) for table, rows in rows_of(blank_database_url).items() if table in before} == {
        table: len(rows) for table, rows in before.items()
    }


@pytest.mark.lesson('M-41')
async def test_the_newest_name_on_older_tables_is_not_ready(blank_database_url: str) -> None:
    schema.upgrade(blank_database_url, '0005')
    rename(blank_database_url, REVISIONS[-1])
    told = (await Vitals(blank_database_url).readiness()).migrations
    assert told.startswith(f'the schema is not the one of this program (it is named {REVISIONS[-1]}, but ')


@pytest.mark.lesson('M-41')
async def test_tables_of_no_version_of_ours_are_said_so_and_nothing_is_done(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute('alter table company drop column website')
    told = f'it is named {REVISIONS[-1]}, but company.website is missing'
    assert told in (await Vitals(database_url).readiness()).migrations
    for act in (schema.check, schema.upgrade):
        with pytest.raises(Refused, match=f'those of no version of Hermes \\({told}\\)'):
            act(database_url)


@pytest.mark.lesson('M-42')
def test_acts_that_were_parked_because_they_were_refused_are_over(blank_database_url: str) -> None:
    schema.upgrade(blank_database_url, '0006')
    with psycopg.connect(blank_database_url) as connection:
        connection.execute(
            'insert into event (source, kind, dedupe_key, state, reason) values '
            "('operator', 'act', 'a', 'parked', 'no'), ('tutorcruncher', 'webhook', 'b', 'parked', 'odd')"
        )
    schema.upgrade(blank_database_url)
    with psycopg.connect(blank_database_url) as connection:
        rows = connection.execute('select kind, state, reason from event order by id').fetchall()
    assert rows == [('act', 'refused', 'no'), ('webhook', 'parked', 'odd')]


async def test_what_somebody_else_keeps_there_disturbs_nobody(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute('create table report (at timestamptz); alter table company add column note_of_ours text')
    assert schema.check(database_url) == 'current'
    assert (await Vitals(database_url).readiness()).migrations == ''


@pytest.mark.lesson('M-41')
def test_an_upgrade_says_from_where_to_where(home: Home, blank_database_url: str) -> None:
    schema.upgrade(blank_database_url, '0005')
    rename(blank_database_url, '0006')
    home.variables['DATABASE_URL'] = blank_database_url
    with home.running() as run:
        run.await_ready()
        assert f'the tables were brought from 5 to {int(REVISIONS[-1])}' in run.log.read_text()
        run.interrupt()
    assert home.hermes('db', 'upgrade').stdout == 'The schema is up to date.\n'
    assert 'Traceback' not in run.log.read_text()
