"""The schema's version: bring a database up, take it down, refuse a newer one in a plain sentence (I23).

A database is at the version that its tables are of, whatever it is named (`landed`): one that an earlier program
numbered otherwise goes on from there, one that is of no version of ours is refused.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from alembic.util import CommandError
from psycopg.conninfo import conninfo_to_dict
from sqlalchemy import Connection, create_engine, text
from sqlalchemy.exc import OperationalError
from sqlalchemy.pool import NullPool

from hermes.db import landed
from hermes.db.landed import MIGRATIONS
from hermes.domain.errors import Refused
from hermes.kit.fitting import Unfit

MIGRATION_LOCK = 4_729_100_001
"""Advisory lock that lets one process migrate at a time."""


class Unreachable(Refused):
    """The database does not answer at this address."""


@dataclass(frozen=True, slots=True)
class Upgraded:
    """From which version to which the tables were brought; '' for none. `named`: what the database said before."""

    named: str
    before: str
    after: str

    @property
    def said(self) -> str:
        """One sentence; '' where nothing was done."""
        if self.before == self.after:
            return ''
        if not self.before:
            return f'the tables were made (version {_number(self.after)})'
        told = f'the tables were brought from {_number(self.before)} to {_number(self.after)}'
        return told if self.named == self.before else f'{told} (an earlier program had numbered them {self.named})'


def _number(revision: str) -> str:
    return revision.lstrip('0') or revision


def upgrade(database_url: str, revision: str = 'head') -> Upgraded:
    """Bring the schema to the newest version (or to `revision`); safe to call from several processes. Raises Refused
    for a newer schema, and for one that is of no version of ours.
    """
    with _migrating(database_url) as connection:
        named, before = _place(connection)
        command.upgrade(_config(connection), revision)
        return Upgraded(named, before, _named(connection))


def downgrade(database_url: str, revision: str) -> None:
    """Take the schema down to `revision`."""
    with _migrating(database_url) as connection:
        _place(connection)
        command.downgrade(_config(connection), revision)


def check(database_url: str) -> str:
    """'current' or 'old'. Raises Refused when the database cannot be reached, its schema is newer than this program,
    or it is of no version of ours.
    """
    with _connect(database_url) as connection:
        return 'current' if _true(connection) == newest() else 'old'


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


def newest() -> str:
    """The version that this program was written for."""
    return str(_scripts().get_current_head())


def _scripts() -> ScriptDirectory:
    """The migrations as they stand. Raises Unfit where they are not one row: some came, and others did not yet."""
    scripts = ScriptDirectory(str(MIGRATIONS))
    with warnings.catch_warnings():
        warnings.simplefilter('error')
        try:
            scripts.get_current_head()
        except (CommandError, KeyError, UserWarning) as error:
            raise Unfit(str(error)) from None
    return scripts


def _named(connection: Connection) -> str:
    """The version that the database says to be at; '' before its first."""
    current = MigrationContext.configure(connection).get_current_revision() or ''
    if current and current not in {script.revision for script in _scripts().walk_revisions()}:
        raise Refused(
            f'The database has schema {current}, which is newer than this program knows: use the newer program, '
            'or restore an older copy of the database.'
        )
    return current


def _true(connection: Connection) -> str:
    """The version that its tables are of. Raises Refused when there is no such one."""
    named = _named(connection)
    standing = connection.execute(text(landed.STANDING)).scalars().all()
    true = landed.true_revision(named, standing) if named else ''
    if true is None:
        raise Refused(
            f'The tables of this database are those of no version of Hermes ({landed.describe(named, standing)}): '
            'use the program that made them, restore a copy, or "hermes db reset" to begin again.'
        )
    return true


def _place(connection: Connection) -> tuple[str, str]:
    """What the database was named, and what it is named from now on: the version that its tables are of."""
    named, true = _named(connection), _true(connection)
    if named != true:
        command.stamp(_config(connection), true)
    connection.commit()
    return named, true


def _connect(database_url: str) -> Any:
    """A connection; Refused with a plain sentence (without the password) if there is none."""
    try:
        # The driver reads the address: two programs that read one would read some of them differently.
        told = {**conninfo_to_dict(database_url), 'connect_timeout': 5}
        return create_engine('postgresql+psycopg://', poolclass=NullPool, connect_args=told).connect()
    except OperationalError as error:
        said = str(error.orig).strip().splitlines()
        raise Unreachable(
            f'The database cannot be reached: {said[0] if said else "no answer"}. Check DATABASE_URL.'
        ) from None
    except Exception as error:
        raise Refused(f'DATABASE_URL is not a PostgreSQL address ({type(error).__name__}).') from None


def _config(connection: Connection | None) -> Config:
    config = Config()
    config.set_main_option('script_location', str(MIGRATIONS))
    config.attributes['connection'] = connection
    return config


@contextmanager
def _migrating(database_url: str) -> Iterator[Connection]:
    """A connection on which nobody else migrates meanwhile."""
    with _connect(database_url) as connection:
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
