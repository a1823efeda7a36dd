"""Connections for one person at a terminal: synchronous, in autocommit, their times in UTC; none outlives its command.

Reading goes through a transaction in which nothing can be written and which sees one moment of the database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, Final, TypeAlias

import psycopg

Connection: TypeAlias = psycopg.Connection[Any]
DatabaseAway: TypeAlias = psycopg.OperationalError
"""There is no database at that address, or it does not answer."""
SCHEMA_MISSING: Final = (
    psycopg.errors.UndefinedTable,
    psycopg.errors.UndefinedFunction,
    psycopg.errors.UndefinedColumn,
)
"""What a statement raises where the tables are missing or older than this program."""
CONNECT_TIMEOUT_S: Final = 5


@contextmanager
def opened(database_url: str) -> Iterator[Connection]:
    """One connection in autocommit. Raises DatabaseAway."""
    with psycopg.connect(database_url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection:
        connection.execute("set timezone = 'UTC'")
        yield connection


@contextmanager
def one_moment(connection: Connection) -> Iterator[Connection]:
    """A read-only transaction that sees one moment of the database."""
    connection.execute('set default_transaction_read_only = on')
    connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
    with connection.transaction():
        yield connection
