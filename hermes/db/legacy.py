"""Reads an older Hermes's database, of the second version or the newest one, told apart by the tables present.

One read-only transaction sees one moment of it; nothing is ever written there. Password hashes never leave it.
"""

from typing import Any, Final

import psycopg
from psycopg import sql
from psycopg.rows import dict_row

from hermes.domain.errors import Refused
from hermes.domain.legacy import TABLES, Generation, Source
from hermes.kit import countries

Connection = psycopg.Connection[dict[str, Any]]
NEEDED: Final = frozenset({'admin', 'company', 'contact', 'deal', 'meeting', 'pipeline', 'stage', 'config'})
SECOND: Final = frozenset({'customfield', 'customfieldvalue', 'aerich'})
OURS: Final = frozenset({'event', 'mirror', 'link', 'push'})

PRESENT: Final = "select table_name as name from information_schema.tables where table_schema = 'public'"
ZONELESS: Final = """
    select table_name, column_name from information_schema.columns where table_schema = 'public'
      and data_type = 'timestamp without time zone' order by table_name, ordinal_position
"""


def read(url: str) -> Source:
    """Everything of an older database. Raises Refused, with one sentence, when it is out of reach or none."""
    try:
        with psycopg.connect(
            url,
            row_factory=dict_row,
            connect_timeout=10,
            options='-c timezone=UTC -c default_transaction_read_only=on',
        ) as connection:
            connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
            return _read(connection)
    except psycopg.ProgrammingError as error:
        if isinstance(error, psycopg.errors.InsufficientPrivilege):
            raise Refused('The source may not be read by this user: give it select on every table.') from None
        raise Refused('The source is no older Hermes, or --from is no address of a PostgreSQL database.') from None
    except psycopg.OperationalError as error:
        told = str(error).strip().splitlines()
        raise Refused(f'The source cannot be reached: {told[0] if told else "no answer"}.') from None


def _read(connection: Connection) -> Source:
    present = {row['name'] for row in connection.execute(PRESENT)}
    generation = _generation(present)
    passwords = _passwords(connection)
    tables = {name: _rows(connection, name) for name in TABLES if name in present}
    zoneless = [(row['table_name'], row['column_name']) for row in connection.execute(ZONELESS)]
    named = {row.get('country') or '' for row in tables['company']}
    return Source(
        generation,
        tables,
        [one for one in zoneless if one[0] in TABLES],
        passwords,
        {told: countries.alpha2(told) for told in sorted(named)},
    )


def _generation(present: set[str]) -> Generation:
    if present >= OURS:
        raise Refused(
            'The source is a database of this Hermes, not of an older one: "hermes db restore-from-live" copies it.'
        )
    missing = sorted(NEEDED - present)
    if missing:
        raise Refused(f'The source is no older Hermes: it has no table {missing[0]}.')
    if present >= SECOND:
        return 'second'
    if 'alembic_version' in present and not present & SECOND:
        return 'newest'
    raise Refused('The source is neither a second version nor a newest one of Hermes, by the tables that it has.')


def _rows(connection: Connection, table: str) -> list[dict[str, Any]]:
    query = sql.SQL("select to_jsonb(t) - 'password' as row from {} t order by id").format(sql.Identifier(table))
    return [row['row'] for row in connection.execute(query)]


def _passwords(connection: Connection) -> int:
    row = connection.execute(
        "select count(*) filter (where coalesce(to_jsonb(t) ->> 'password', %s) <> %s) as n from admin t", ('', '')
    ).fetchone()
    return int(row['n']) if row else 0
