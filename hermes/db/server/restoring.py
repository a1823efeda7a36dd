"""A copy of another database in the local one (`hermes db restore-from-live` and `restore`, SETUP-7): it knows
everything and does nothing.

Every system is paused until a person names its account, webhook registration is off, and what lets anybody in
(sessions, stored tokens) stays behind. Tables are copied by plain COPY in one moment of the source, so that any
PostgreSQL that Hermes runs on can be copied into any other.
"""

import re
import secrets
from collections.abc import Callable, Iterable
from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from hermes.db import acts, schema
from hermes.db.pauses import PAUSE
from hermes.db.server import wiping
from hermes.domain.acts import PauseSystem
from hermes.domain.errors import Refused

PAUSED: Final = 'restored from a copy'
"""Why every system of a restored database is paused; `hermes resume` asks for the account's name then."""
UNUSED: Final = 100_000
"""So many ids are left out after a copy: those of records that were made after it stand in the CRM and in calendars."""
LEFT: Final = re.compile(
    r'alembic_version|procrastinate_.*|worker|reservation|pulse|alert(_message)?|.*(session|token|login|credential).*'
)
"""Tables that stay behind: who works there, what was told about it, what lets somebody in, what would register our
webhook again.
"""
Connection = psycopg.Connection[dict[str, Any]]

TABLES: Final = """
    select c.relname as name, coalesce(array_agg(distinct p.relname) filter (where p.relname is not null and
      p.relname <> c.relname), '{}') as parents
    from pg_class c left join pg_constraint f on f.conrelid = c.oid and f.contype = 'f' left join pg_class p on p.oid =
      f.confrelid
    where c.relkind = 'r' and c.relnamespace = 'public'::regnamespace group by c.relname order by c.relname
"""
COLUMNS: Final = """
    select attname as name from pg_attribute where attrelid = %s::regclass and attnum > 0 and not attisdropped and
      attgenerated = '' order by attnum
"""
SEQUENCES: Final = "select sequencename as name, last_value from pg_sequences where schemaname = 'public'"
SAME: Final = 'select pg_postmaster_start_time()::text || current_database() as it'


def restore(
    source_url: str, target_url: str, systems: Iterable[str], told: Callable[[str], None] = lambda text: None
) -> None:
    """Wipe the target and copy the source into it; `systems`, and whatever others it knows, are paused. Raises Refused,
    before anything is lost where that can be known.
    """
    if not source_url:
        raise Refused('LIVE_DATABASE_URL is not set: it is the address of the database to copy.')
    schema.check(source_url)
    with _connected(source_url) as source:
        source.execute('set transaction isolation level repeatable read, read only')
        revision = _revision(source)
        with _connected(target_url) as target:
            if _one(source, SAME) == _one(target, SAME):
                raise Refused('LIVE_DATABASE_URL and the local database are the same: nothing was done.')
        wiping.wipe(target_url)
        schema.upgrade(target_url, revision)
        with _connected(target_url) as target:
            held = {row['name'] for row in source.execute(TABLES)}
            for table in _ordered(target):
                if table in held:
                    told(f'{table}: {_copy(source, target, table)} rows')
            _go_on_counting(source, target)
            _lay_to_rest(target, systems)
    schema.upgrade(target_url)


def _connected(url: str) -> Connection:
    try:
        connection: Connection = psycopg.connect(url, row_factory=dict_row, connect_timeout=10)
    except psycopg.OperationalError as error:
        said = str(error).strip().splitlines()
        raise Refused(f'The database cannot be reached: {said[0] if said else "no answer"}.') from None
    return connection


def _one(connection: Connection, query: str) -> Any:
    row = connection.execute(query).fetchone()
    assert row is not None
    return row['it']


def _revision(source: Connection) -> str:
    row = source.execute("select to_regclass('public.alembic_version') as it").fetchone()
    if row is None or row['it'] is None:
        raise Refused('LIVE_DATABASE_URL leads to a database that is none of Hermes.')
    return str(_one(source, 'select version_num as it from alembic_version'))


def _ordered(target: Connection) -> list[str]:
    """The tables to copy, parents before children."""
    parents = {
        row['name']: set(row['parents']) for row in target.execute(TABLES) if not LEFT.fullmatch(row['name'])
    }  # fmt: skip
    found: list[str] = []
    while left := [name for name in parents if name not in found]:
        ready = [name for name in left if not (parents[name] & parents.keys()) - set(found)]
        found += ready or left
    return found


def _copy(source: Connection, target: Connection, table: str) -> int:
    name = sql.Identifier(table)
    target.execute(sql.SQL('truncate {} cascade').format(name))
    known = {row['name'] for row in target.execute(COLUMNS, (table,))}
    given = [row['name'] for row in source.execute(COLUMNS, (table,)) if row['name'] in known]
    columns = sql.SQL(', ').join(map(sql.Identifier, given))
    taking = sql.SQL('copy {} ({}) to stdout (format binary)').format(name, columns)
    giving = sql.SQL('copy {} ({}) from stdin (format binary)').format(name, columns)
    with source.cursor().copy(taking) as out, target.cursor() as cursor:
        with cursor.copy(giving) as into:
            for block in out:
                into.write(block)
        return cursor.rowcount


def _go_on_counting(source: Connection, target: Connection) -> None:
    known = {row['name'] for row in target.execute(SEQUENCES)}
    for row in source.execute(SEQUENCES).fetchall():
        if row['last_value'] is not None and row['name'] in known and not row['name'].startswith('procrastinate_'):
            last = row['last_value'] + (UNUSED if row['name'] == 'record_id' else 0)
            target.execute('select setval(%s::regclass, %s)', (f'public.{row["name"]}', last))


def _lay_to_rest(target: Connection, systems: Iterable[str]) -> None:
    """Pause every system, in the transaction that brings the rows, and say so in the log."""
    known = {
        row['it'] for row in target.execute('select system as it from account union select system from system_state')
    }
    for system in sorted(known | set(systems)):
        target.execute(PAUSE, (system, PAUSED))
        target.execute(
            'insert into event (source, kind, dedupe_key, headers, body, state, applied_at, applied_seq) values '
            "('operator', 'act', %s, '{\"by\": \"restore\"}', %s, 'done', now(), nextval('applied_seq'))",
            (secrets.token_bytes(16), acts.encode(PauseSystem(system, PAUSED))),
        )
    target.execute('update push set leased_by = null, leased_until = null')
