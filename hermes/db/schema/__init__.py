"""The schema's version: bring a database up, take it down, refuse a newer one in a plain sentence (I23).

A database is at the version that its tables are of, whatever it is named (`revisions`): one that an earlier program
numbered otherwise goes on from there, one that is of no version of ours is refused. Every start asks, so it is asked by
two queries; what migrates is loaded where there is something to do.
"""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from hermes.db.schema import revisions
from hermes.domain.errors import Refused


def upgrade(database_url: str, revision: str = 'head', tell: Callable[[str], None] | None = None) -> revisions.Upgraded:
    """Bring the schema to the newest version (or to `revision`); safe to call from several processes. `tell` is told
    before anything is done. Raises Refused for a newer schema, and for one that is of no version of ours.
    """
    with _asking(database_url) as ask:
        name, true = revisions.place(ask)
    if revision == 'head' and name == true == revisions.newest():
        return revisions.Upgraded(name, true, true)
    if tell:
        tell(f'bringing the tables on from {revisions.number(true)}' if true else 'making the tables')
    from hermes.db.schema import migrating

    return migrating.upgrade(database_url, revision)


def downgrade(database_url: str, revision: str) -> None:
    """Take the schema down to `revision`. Raises Refused."""
    with _asking(database_url) as ask:
        revisions.place(ask)
    from hermes.db.schema import migrating

    migrating.downgrade(database_url, revision)


def check(database_url: str) -> str:
    """'current' or 'old'. Raises Refused when the database cannot be reached, its schema is newer than this program,
    or it is of no version of ours.
    """
    with _asking(database_url) as ask:
        return 'current' if revisions.place(ask)[1] == revisions.newest() else 'old'


def find(database_url: str) -> str:
    """'current', 'old', or 'away' when the database cannot be reached. Raises Refused for anything else."""
    try:
        return check(database_url)
    except revisions.Unreachable:
        return 'away'


def revise(message: str) -> Path:
    """Write an empty migration (make migrate-create)."""
    from hermes.db.schema import migrating

    return migrating.revise(message)


@contextmanager
def _asking(database_url: str) -> Iterator[revisions.Ask]:
    """Asks over a connection; Refused with a plain sentence (without the password) if there is none."""
    try:
        connection = psycopg.connect(database_url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        told = str(error).strip().splitlines()
        raise revisions.Unreachable(
            f'The database cannot be reached: {told[0] if told else "no answer"}. Check DATABASE_URL.'
        ) from None
    except (psycopg.Error, ValueError) as error:
        raise Refused(f'DATABASE_URL is not a PostgreSQL address ({type(error).__name__}).') from None
    with connection:
        yield lambda query: [value for (value,) in connection.execute(query.encode()).fetchall()]
