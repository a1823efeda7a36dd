"""What a command would take away, and who is at work in the database meanwhile: both are said before anything is done.

Reads only, and from any database: of an older version, of no version, or empty.
"""

from collections.abc import Sequence
from typing import Any, Final

import psycopg
from psycopg import sql

from hermes.db.schema import landed
from hermes.domain.errors import Refused

Connection = psycopg.Connection[Any]
ALIVE_S: Final = 15
TABLES: Final = """
    select relname from pg_class where relnamespace = 'public'::regnamespace and relkind = 'r'
      and relname <> 'alembic_version' order by relname
"""
WORKERS: Final = f"""
    select distinct host, pid from worker where seen_at > hermes_now() - interval '{ALIVE_S} seconds' order by host, pid
"""
OTHERS: Final = """
    select distinct application_name from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and application_name ~ '^hermes-' order by 1
"""
PARTS: Final = {'hermes-inbox': 'web', 'hermes-web-pulse': 'web'}
"""What keeps a connection of that name open."""
VERSION: Final = 'select version_num from alembic_version'


def occupants(connection: Connection) -> list[str]:
    """Who of Hermes is at work in this database: each worker with its machine and process, and the web."""
    found = []
    if _exists(connection, 'worker'):
        found = [f'worker {pid} on {host}' for host, pid in connection.execute(WORKERS)]
    names = {name for (name,) in connection.execute(OTHERS)}
    return [*found, *sorted({PARTS[name] for name in names if name in PARTS})]


def contents(connection: Connection) -> list[str]:
    """Every table that has rows, with how many."""
    tables = [name for (name,) in connection.execute(TABLES).fetchall()]
    counted = [(name, _count(connection, name)) for name in tables]
    return [f'{name} ({count} rows)' for name, count in counted if count]


def of_versions_after(connection: Connection, target: str) -> list[str]:
    """The tables and columns that the versions after `target` ('' for none) made, each with how much is in it."""
    standing = {name for (name,) in connection.execute(landed.STANDING).fetchall()}
    kept = landed.standing_after(target) if target else frozenset[str]()
    tables = {name.partition('.')[0] for name in kept}
    gone = sorted((standing & landed.ever_made()) - kept)
    told = []
    for name in dict.fromkeys(each.partition('.')[0] for each in gone if '.' in each):
        if name not in tables:
            told.append(f'table {name} ({_count(connection, name)} rows)')
    told += [
        f'column {name} ({_count(connection, *name.split("."))} values)'
        for name in gone
        if '.' in name and name.partition('.')[0] in tables
    ]
    return told + [f'schema {name}' for name in gone if '.' not in name]


def find_target(current: str, asked: str) -> str:
    """The version that a way back leads to ('' for none): a number, `-1` for one step, `base`. Raises Refused."""
    known = ['', *(each.revision for each in landed.landed())]
    older = known[: known.index(current)] if current in known else []
    steps = int(asked[1:]) if asked[1:].isdecimal() and asked.startswith('-') else 0
    wanted = '' if asked == 'base' else asked.zfill(4) if asked.isdecimal() else asked
    if 0 < steps <= len(older):
        return older[-steps]
    if wanted in older and (wanted or asked == 'base'):
        return wanted
    ways = ', '.join([*filter(None, older), 'base']) if older else 'none'
    raise Refused(
        f'Say to which earlier version: this database is at {current or "none"}, before that were {ways} '
        '("-1" is one step back).'
    )


def version(connection: Connection) -> str:
    """The version that the tables are of, '' for none."""
    if not _exists(connection, 'alembic_version'):
        return ''
    row = connection.execute(VERSION).fetchone()
    named = str(row[0]) if row else ''
    standing = [name for (name,) in connection.execute(landed.STANDING).fetchall()]
    return landed.true_revision(named, standing) or named


def _exists(connection: Connection, table: str) -> bool:
    row = connection.execute('select to_regclass(%s) is not null', (f'public.{table}',)).fetchone()
    return bool(row and row[0])


def _count(connection: Connection, table: str, column: str = '') -> int:
    what: Sequence[sql.Composable] = [sql.Identifier(column) if column else sql.SQL('*'), sql.Identifier(table)]
    row = connection.execute(sql.SQL('select count({}) from {}').format(*what)).fetchone()
    return int(row[0]) if row else 0
