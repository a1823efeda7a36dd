"""Migrations by Alembic: the tables are brought up or down, by one process at a time. Loaded only where that is to be
done; `schema` tells without it whether it is.
"""

import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.pool import NullPool

from hermes.db.schema import revisions
from hermes.db.schema.landed import MIGRATIONS
from hermes.domain.errors import Refused
from hermes.kit.fitting import Unfit

MIGRATION_LOCK = 4_729_100_001
"""Advisory lock that lets one process migrate at a time."""


def upgrade(database_url: str, revision: str) -> revisions.Upgraded:
    """Bring the tables to `revision`; safe to call from several processes. Raises Refused."""
    with _migrating(database_url) as connection:
        require_one_row()
        named, before = _place(connection)
        command.upgrade(_config(connection), revision)
        return revisions.Upgraded(named, before, revisions.named(_asker(connection)))


def downgrade(database_url: str, revision: str) -> None:
    """Take the tables down to `revision`. Raises Refused."""
    with _migrating(database_url) as connection:
        _place(connection)
        command.downgrade(_config(connection), revision)


def require_one_row() -> None:
    """Raise Unfit where the migrations do not follow one another: some came, and others did not yet."""
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        try:
            ScriptDirectory(str(MIGRATIONS)).get_current_head()
        except (CommandError, KeyError, UserWarning) as error:
            raise Unfit(str(error)) from None


def revise(message: str) -> Path:
    """Write an empty migration."""
    script = command.revision(_config(None), message=message)
    assert script is not None
    assert not isinstance(script, list)
    return Path(script.path)


def _place(connection: Connection) -> tuple[str, str]:
    """What the database was named, and what it is named from now on: the version that its tables are of."""
    named, true = revisions.place(_asker(connection))
    if named != true:
        command.stamp(_config(connection), true)
    connection.commit()
    return named, true


def _asker(connection: Connection) -> revisions.Ask:
    def ask(query: str) -> Sequence[Any]:
        return connection.execute(text(query)).scalars().all()

    return ask


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option('script_location', str(MIGRATIONS))
    config.attributes['connection'] = connection
    return config


@contextmanager
def _migrating(database_url: str) -> Iterator[Connection]:
    """A connection on which nobody else migrates meanwhile."""
    # The driver reads the address: two programs that read one would read some of them differently.
    told = {**conninfo_to_dict(database_url), 'connect_timeout': 5}
    with create_engine('postgresql+psycopg://', poolclass=NullPool, connect_args=told).connect() as connection:
        connection.execute(text('select pg_advisory_lock(:key)'), {'key': MIGRATION_LOCK})
        connection.commit()
        try:
            yield connection
            connection.commit()
        except CommandError as error:
            raise Refused(f'The schema could not be changed: {error}') from None
        finally:
            connection.rollback()
            connection.execute(text('select pg_advisory_unlock(:key)'), {'key': MIGRATION_LOCK})
            connection.commit()
