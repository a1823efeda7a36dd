"""The one place where a command finds its database: Settings say where it is, the embedded one is started or joined if
need be.

Reading commands get a connection on which nothing can be written, and see one moment of the database.
"""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from hermes.cli.output import plain_errors

if TYPE_CHECKING:
    from hermes.db.connections import Connection


@contextmanager
def reading() -> Iterator['Connection']:
    """A connection in one read-only, repeatable-read transaction; errors become plain sentences (exit code 1)."""
    from hermes.db.connections import one_moment

    with plain_errors(), opened() as connection, one_moment(connection):
        yield connection


@contextmanager
def writing() -> Iterator['Connection']:
    """A connection in autocommit, for submitting acts; errors become plain sentences (exit code 1)."""
    with plain_errors(), opened() as connection:
        yield connection


@contextmanager
def opened() -> Iterator['Connection']:
    """One connection in autocommit whose times are UTC. Raises HermesError or DatabaseAway."""
    from hermes.cli.world import load_settings, open_database
    from hermes.db import connections

    with open_database(load_settings()) as url, connections.opened(url) as connection:
        yield connection
