"""Every column that can hold a text says what an erasure does with it (S10)."""

import psycopg
import pytest

from hermes.db.reads.privacy import COLUMNS
from hermes.db.stances import SMALL, STANCES


@pytest.mark.invariant('S10')
def test_every_column_has_a_stance(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        standing = {(table, column) for table, column, _ in connection.execute(COLUMNS.encode())}
    declared = {(table, column) for table, columns in STANCES.items() for column in columns}
    assert standing - declared == set(), 'declare it in hermes/db/stances.py, and see that an erasure keeps to it'
    assert {one for one in declared - standing if one[0] != 'alembic_version'} == set()


@pytest.mark.invariant('S10')
def test_a_type_of_column_that_nobody_thought_of_is_none_of_ours(database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        others = {
            name for (name,) in connection.execute(
                "select distinct t.typname from pg_attribute a join pg_class c on c.oid = a.attrelid join pg_type t "
                "on t.oid = a.atttypid where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' "
                "and a.attnum > 0 and not a.attisdropped"
            )
        }  # fmt: skip
    texts = {'text', 'varchar', 'jsonb', 'bytea', '_text'}
    numbers = {'int4', 'int8', 'bool', 'date', 'timestamptz', 'numeric', 'float8', 'tstzrange', '_int8'}
    assert others - texts - numbers == set()


@pytest.mark.invariant('S10')
def test_what_is_searched_is_read_from_end_to_end() -> None:
    walked = {'event', 'change', 'mirror', 'company', 'contact', 'deal', 'meeting', *SMALL}
    searched = {table for table, columns in STANCES.items() if {'own', 'searched'} & set(columns.values())}
    assert searched <= walked
