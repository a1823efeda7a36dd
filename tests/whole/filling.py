"""A row in every table of a database, whatever its version: the way up is tested with data in it."""

import re
from typing import Any

import psycopg
from psycopg import sql

FILL = """
insert into event (source, kind, dedupe_key, body) values ('tutorcruncher', 'webhook', 'k', '{}');
insert into admin (email, pd_owner_id) values ('ada@example.com', 7);
insert into company (name, sales_person_id) select 'Château Tutors', id from admin;
insert into contact (company_id, email) select id, 'bo@example.com' from company;
insert into deal (company_id, title) select id, 'A deal' from company;
insert into change (record_type, record_id, field, new, system, rule, event_id, at)
  select 'company', company.id, 'name', '"Château Tutors"', 'tutorcruncher', 'TC-1', event.id, now() from company,
    event;
insert into mirror (system, type, remote_id, version) values ('pipedrive', 'organization', '5', '[1, 0]');
insert into link select 'pipedrive', 'organization', '5', 'company', id, true, 'live' from company;
insert into push (record_type, record_id, system, graph_id, rank, due_at)
  select 'company', id, 'pipedrive', id, 0,
  now() from company;
insert into call (system, op, lane, tokens, started_at) values ('pipedrive', 'create', 'webhook', 5, now());
"""
"""A company and what hangs on it, as they have been since the first version."""
VALUES = {
    'text': "'some'", 'bigint': '7', 'integer': '7', 'numeric': '7', 'boolean': 'true', 'jsonb': "'{}'", 'bytea': "'k'",
    'double precision': '1.5', 'date': "'2026-03-02'", 'timestamp with time zone': "'2026-03-02T09:00Z'",
    'bigint[]': "'{7}'", 'tstzrange': "'[2026-03-02T09:00Z, 2026-03-02T10:00Z)'", 'text[]': "'{some}'",
}  # fmt: skip
EMPTY = {'occupancy.hold_id'}
"""Columns that stay null, because a rule of the table says so."""
COLUMNS = """
    select a.attname, format_type(a.atttypid, a.atttypmod), a.atthasdef, (
      select confrelid::regclass::text from pg_constraint where conrelid = a.attrelid and contype = 'f'
        and conkey = array[a.attnum])
    from pg_attribute a where a.attrelid = %s::regclass and a.attnum > 0 and not a.attisdropped and a.attidentity = ''
      and a.attgenerated = '' order by a.attnum
"""
TABLES = "select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r' order by relname"
CHECKS = """
    select pg_get_constraintdef(oid) from pg_constraint where conrelid = %s::regclass and contype = 'c'
"""
Rows = dict[str, list[dict[str, Any]]]


def fill(url: str) -> None:
    """FILL, then a row in each table that is still empty, parents first."""
    with psycopg.connect(url) as connection:
        connection.execute(FILL)
        empty = [name for name, rows in read(connection).items() if not rows]
        while empty:
            filled = [table for table in empty if _add_row(connection, table, set(empty))]
            assert filled, f'no row could be made in {empty}'
            empty = [table for table in empty if table not in filled]


def rows_of(url: str) -> Rows:
    """Every row of every table."""
    with psycopg.connect(url) as connection:
        return read(connection)


def read(connection: psycopg.Connection[Any]) -> Rows:
    tables = [name for (name,) in connection.execute(TABLES) if name != 'alembic_version']
    told = sql.SQL('select to_jsonb(t) from {} t')
    return {name: [row for (row,) in connection.execute(told.format(sql.Identifier(name)))] for name in tables}


def _add_row(connection: psycopg.Connection[Any], table: str, empty: set[str]) -> bool:
    """False while a parent has no row yet."""
    allowed = _first_allowed(connection, table)
    columns, values = [], []
    for name, kind, given, parent in connection.execute(COLUMNS, (table,)).fetchall():
        if parent == table or (name == 'id' and kind == 'bigint' and given) or f'{table}.{name}' in EMPTY:
            continue
        if parent in empty:
            return False
        columns.append(sql.Identifier(name))
        literal = f'(select min(id) from {parent})' if parent else allowed.get(name) or VALUES[kind]
        values.append(sql.SQL(literal))
    statement = sql.SQL('insert into {} ({}) values ({})').format(
        sql.Identifier(table), sql.SQL(', ').join(columns), sql.SQL(', ').join(values)
    )
    connection.execute(statement)
    return True


def _first_allowed(connection: psycopg.Connection[Any], table: str) -> dict[str, str]:
    """The first value that a check of `column in (...)` allows, by column."""
    found = {}
    for (check,) in connection.execute(CHECKS, (table,)).fetchall():
        if match := re.match(r"CHECK \(\((\w+) = ANY \(ARRAY\[('[^']*')::text", check):
            found[match[1]] = match[2]
    return found
