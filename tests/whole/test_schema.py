"""The schema: what the migrations make is what the classes say, and going down and up again costs no row."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import psycopg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext
from sqlalchemy import Connection, create_engine
from sqlalchemy.pool import NullPool

from hermes.db import schema
from hermes.db.schema.models import METADATA
from hermes.domain.errors import Refused

FILL = """
insert into event (source, kind, dedupe_key, body) values ('tutorcruncher', 'webhook', 'k', '{}');
insert into admin (email, pd_owner_id) values ('ada@example.com', 7);
insert into company (name, name_key, country, sales_person_id) select 'Château Tutors', 'château tutors', 'GB', id from
  admin;
insert into contact (company_id, email, email_keys, phone, phone_keys)
  select id, 'Bo@example.com', '{bo@example.com,bo@home.example}', '020 7946 0011',
  '{+442079460011,+447700900123,~02079460011,~07700900123,~2079460011,~442079460011,~447700900123,~7700900123}'
  from company;
insert into deal (company_id, title) select id, 'A deal' from company;
insert into change (record_type, record_id, field, new, system, rule, event_id, at)
  select 'company', company.id, 'name', '"Château Tutors"', 'tutorcruncher', 'TC-1', event.id, now() from company,
    event;
insert into mirror (system, type, remote_id, version, runs, names, owned) values
  ('pipedrive', 'person', '6', '[1, 0]', '{"emails": [[[{"value": "BO@home.example"}], [1, 0], [1, 0]]],
   "phones": [[[{"value": "+44 (0)7700 900123"}], [1, 0], [1, 0]]]}', '{}', true),
  ('pipedrive', 'organization', '5', '[1, 0]',
   '{"tc2_cligency_url": [["https://tc2.example/clients/77/", [1, 0], [1, 0]]]}', '{client:77}', true);
insert into link select 'pipedrive', 'organization', '5', 'company', id, true, 'live' from company;
insert into link select 'pipedrive', 'person', '6', 'contact', id, true, 'live' from contact;
insert into push (record_type, record_id, system, graph_id, rank, due_at)
  select 'company', id, 'pipedrive', id, 0,
  now() from company;
insert into call (system, op, lane, tokens, started_at) values ('pipedrive', 'create', 'webhook', 5, now());
"""
TABLES = ('event', 'admin', 'company', 'contact', 'deal', 'change', 'mirror', 'link', 'push', 'call')


@contextmanager
def connected(url: str) -> Iterator[Connection]:
    engine = create_engine(url.replace('postgresql://', 'postgresql+psycopg://', 1), poolclass=NullPool)
    with engine.connect() as connection:
        yield connection


def differences(url: str) -> list[object]:
    """What alembic would have to change to make the database what the classes say."""
    with connected(url) as connection:
        options = {'compare_type': True, 'compare_server_default': True}
        return list(compare_metadata(MigrationContext.configure(connection, opts=options), METADATA))


def rows_of(url: str) -> dict[str, list[tuple[Any, ...]]]:
    with psycopg.connect(url) as connection:
        return {table: connection.execute(f'select to_jsonb(t) from {table} t').fetchall() for table in TABLES}


def test_the_classes_say_what_the_migrations_make(database_url: str) -> None:
    assert differences(database_url) == []


def test_the_comparison_sees_a_difference(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute('alter table company drop column referer')
        connection.execute('drop index push_due')
    assert len(differences(database_url)) == 2


@pytest.mark.invariant('I23')
def test_up_down_up_on_a_filled_database(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute(FILL)
    before = rows_of(database_url)
    assert all(before.values())
    schema.downgrade(database_url, '0001')
    assert schema.check(database_url) == 'old'
    older = rows_of(database_url)
    assert {table: len(rows) for table, rows in older.items()} == {table: len(rows) for table, rows in before.items()}
    assert all(
        old.items() <= new.items()
        for table, rows in older.items()
        for (old,), (new,) in zip(rows, before[table], strict=True)
    )
    schema.upgrade(database_url)
    assert schema.check(database_url) == 'current'
    assert rows_of(database_url) == before
    schema.downgrade(database_url, 'base')
    with psycopg.connect(database_url) as connection:
        left = connection.execute(
            "select relname from pg_class where relnamespace = 'public'::regnamespace and relname not like 'alembic%'"
        ).fetchall()
    assert left == []
    schema.upgrade(database_url)
    assert differences(database_url) == []


@pytest.mark.invariant('I23')
def test_a_newer_schema_is_refused_in_a_sentence(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        connection.execute("update alembic_version set version_num = '9999'")
    for act in (schema.upgrade, schema.check):
        with pytest.raises(Refused, match='newer than this program knows'):
            act(database_url)
    with psycopg.connect(database_url) as connection:
        assert connection.execute('select version_num from alembic_version').fetchone() == ('9999',)


@pytest.mark.lesson('I-8')
def test_every_moment_is_kept_with_its_zone(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        naive = connection.execute(
            "select table_name, column_name from information_schema.columns where table_schema = 'public' "
            "and data_type in ('timestamp without time zone', 'time without time zone')"
        ).fetchall()
        moments = connection.execute(
            "select count(*) from information_schema.columns where table_schema = 'public' "
            "and data_type = 'timestamp with time zone'"
        ).fetchone()
    assert naive == []
    assert moments is not None
    assert moments[0] > 30
