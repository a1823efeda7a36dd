"""The one place where a command finds its database: Settings say where it is, the embedded one is started or joined if need be.

Reading commands get a connection on which nothing can be written, and see one moment of the database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from psycopg import Connection

from hermes.cli.output import plain_errors

CONNECT_TIMEOUT_S = 5


@contextmanager
def reading() -> Iterator[Connection[Any]]:
    """A connection in one read-only, repeatable-read transaction; errors become plain sentences (exit code 1)."""
    import psycopg

    with plain_errors(), opened() as connection:
        connection.execute('set default_transaction_read_only = on')
        connection.isolation_level = psycopg.IsolationLevel.REPEATABLE_READ
        with connection.transaction():
            yield connection


@contextmanager
def writing() -> Iterator[Connection[Any]]:
    """A connection in autocommit, for submitting acts; errors become plain sentences (exit code 1)."""
    with plain_errors(), opened() as connection:
        yield connection


@contextmanager
def opened() -> Iterator[Connection[Any]]:
    """One connection in autocommit whose times are UTC. Raises HermesError or psycopg.OperationalError."""
    import psycopg

    from hermes.cli.world import load_settings, open_database

    with (
        open_database(load_settings()) as url,
        psycopg.connect(url, autocommit=True, connect_timeout=CONNECT_TIMEOUT_S) as connection,
    ):
        connection.execute("set timezone = 'UTC'")
        yield connection
