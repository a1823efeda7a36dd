"""The schema's version: bring a database up, take it down, refuse a newer one in a plain sentence (I23).

A database is at the version that its tables are of, whatever it is named (`landed`): one that an earlier program
numbered otherwise goes on from there, one that is of no version of ours is refused. Every start asks, so it is asked by
two queries; what migrates is loaded where there is something to do.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

import psycopg

from hermes.db import landed
from hermes.domain.errors import Refused
from hermes.kit.fitting import Unfit

Ask = Callable[[str], Sequence[Any]]
"""The first column of what a query finds."""
HAS_NAME = "select to_regclass('alembic_version') is not null"
NAME = 'select version_num from alembic_version'


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


def upgrade(database_url: str, revision: str = 'head', tell: Callable[[str], None] | None = None) -> Upgraded:
    """Bring the schema to the newest version (or to `revision`); safe to call from several processes. `tell` is told
    before anything is done. Raises Refused for a newer schema, and for one that is of no version of ours.
    """
    with _asking(database_url) as ask:
        name, true = place(ask)
    if revision == 'head' and name == true == newest():
        return Upgraded(name, true, true)
    if tell:
        tell(f'bringing the tables on from {_number(true)}' if true else 'making the tables')
    from hermes.db import migrating

    return migrating.upgrade(database_url, revision)


def downgrade(database_url: str, revision: str) -> None:
    """Take the schema down to `revision`. Raises Refused."""
    with _asking(database_url) as ask:
        place(ask)
    from hermes.db import migrating

    migrating.downgrade(database_url, revision)


def check(database_url: str) -> str:
    """'current' or 'old'. Raises Refused when the database cannot be reached, its schema is newer than this program,
    or it is of no version of ours.
    """
    with _asking(database_url) as ask:
        return 'current' if place(ask)[1] == newest() else 'old'


def find(database_url: str) -> str:
    """'current', 'old', or 'away' when the database cannot be reached. Raises Refused for anything else."""
    try:
        return check(database_url)
    except Unreachable:
        return 'away'


def revise(message: str) -> Path:
    """Write an empty migration (make migrate-create)."""
    from hermes.db import migrating

    return migrating.revise(message)


@cache
def versions() -> tuple[str, ...]:
    """Every version that this program knows, oldest first: the numbers of its migrations. Raises Unfit where they are
    not one row: some came, and others did not yet.
    """
    found = tuple(sorted(file.name.partition('_')[0] for file in landed.VERSIONS.glob('[0-9]*_*.py')))
    if not found or found != tuple(f'{number:04}' for number in range(1, len(found) + 1)):
        raise Unfit(f'the migrations are not one row: {", ".join(found)}')
    return found


def newest() -> str:
    """The version that this program was written for."""
    return versions()[-1]


def named(ask: Ask) -> str:
    """The version that the database says to be at; '' before its first. Raises Refused for a newer one."""
    current = next(iter(ask(NAME)), '') if any(ask(HAS_NAME)) else ''
    if current and current not in versions():
        raise Refused(
            f'The database has schema {current}, which is newer than this program knows: use the newer program, '
            'or restore an older copy of the database.'
        )
    return str(current)


def place(ask: Ask) -> tuple[str, str]:
    """The version that the database says to be at, and the one that its tables are of. Raises Refused when there is no
    such one.
    """
    name = named(ask)
    standing = ask(landed.STANDING) if name else ()
    true = landed.true_revision(name, standing) if name else ''
    if true is None:
        raise Refused(
            f'The tables of this database are those of no version of Hermes ({landed.describe(name, standing)}): '
            'use the program that made them, restore a copy, or "hermes db reset" to begin again.'
        )
    return name, true


@contextmanager
def _asking(database_url: str) -> Iterator[Ask]:
    """Asks over a connection; Refused with a plain sentence (without the password) if there is none."""
    try:
        connection = psycopg.connect(database_url, autocommit=True, connect_timeout=5)
    except psycopg.OperationalError as error:
        told = str(error).strip().splitlines()
        raise Unreachable(
            f'The database cannot be reached: {told[0] if told else "no answer"}. Check DATABASE_URL.'
        ) from None
    except (psycopg.Error, ValueError) as error:
        raise Refused(f'DATABASE_URL is not a PostgreSQL address ({type(error).__name__}).') from None
    with connection:
        yield lambda query: [value for (value,) in connection.execute(query.encode()).fetchall()]
