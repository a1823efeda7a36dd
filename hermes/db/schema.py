"""The schema's version: bring a database up, take it down, refuse a newer one in a plain sentence (I23)."""

from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from hermes.domain.errors import Refused

MIGRATIONS = Path(__file__).parent / 'migrations'
MIGRATION_LOCK = 4_729_100_001
"""Advisory lock that lets one process migrate at a time."""


class Unreachable(Refused):
    """The database does not answer at this address."""


def upgrade(database_url: str, revision: str = 'head') -> None:
    """Bring the schema to the newest version (or to `revision`); safe to call from several processes. Raises Refused
    for a newer schema.
    """
    _run(database_url, lambda config: command.upgrade(config, revision))


def downgrade(database_url: str, revision: str = '-1') -> None:
    """Take the schema down to `revision`."""
    _run(database_url, lambda config: command.downgrade(config, revision))


def check(database_url: str) -> str:
    """'current' or 'old'. Raises Refused when the database cannot be reached, or its schema is newer than this
    program.
    """
    with _connect(database_url) as connection:
        return _state(connection)


def find(database_url: str) -> str:
    """'current', 'old', or 'away' when the database cannot be reached. Raises Refused for anything else."""
    try:
        return check(database_url)
    except Unreachable:
        return 'away'


def revise(message: str) -> Path:
    """Write an empty migration (make migrate-create)."""
    script = command.revision(_config(None), message=message)
    assert script is not None
    assert not isinstance(script, list)
    return Path(script.path)


def _state(connection: Connection) -> str:
    known = {script.revision for script in ScriptDirectory(str(MIGRATIONS)).walk_revisions()}
    current = MigrationContext.configure(connection).get_current_revision()
    if current is not None and current not in known:
        raise Refused(
            f'The database has schema {current}, which is newer than this program knows: use the newer program, '
            'or restore an older copy of the database.'
        )
    return 'current' if current == ScriptDirectory(str(MIGRATIONS)).get_current_head() else 'old'


def _connect(database_url: str) -> Any:
    """A connection; Refused with a plain sentence (without the password) if there is none."""
    url = database_url.replace('postgresql://', 'postgresql+psycopg://', 1).replace(
        'postgres://', 'postgresql+psycopg://', 1
    )
    try:
        return create_engine(url, poolclass=NullPool, connect_args={'connect_timeout': 5}).connect()
    except OperationalError as error:
        told = str(error.orig).strip().splitlines()
        raise Unreachable(
            f'The database cannot be reached: {told[0] if told else "no answer"}. Check DATABASE_URL.'
        ) from None
    except Exception as error:
        raise Refused(f'DATABASE_URL is not a PostgreSQL address ({type(error).__name__}).') from None


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option('script_location', str(MIGRATIONS))
    config.attributes['connection'] = connection
    return config


def _run(database_url: str, act: Any) -> None:
    with _connect(database_url) as connection:
        connection.execute(text('select pg_advisory_lock(:key)'), {'key': MIGRATION_LOCK})
        connection.commit()
        try:
            _state(connection)
            connection.rollback()
            act(_config(connection))
            connection.commit()
        except CommandError as error:
            raise Refused(f'The schema could not be changed: {error}') from None
        finally:
            connection.rollback()
            connection.execute(text('select pg_advisory_unlock(:key)'), {'key': MIGRATION_LOCK})
            connection.commit()
