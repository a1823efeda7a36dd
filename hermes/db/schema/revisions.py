"""Which versions of the tables there are, and at which one a database is, whatever it is named (`landed`)."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Any

from hermes.db.schema import landed
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
            return f'the tables were made (version {number(self.after)})'
        told = f'the tables were brought from {number(self.before)} to {number(self.after)}'
        return told if self.named == self.before else f'{told} (an earlier program had numbered them {self.named})'


def number(revision: str) -> str:
    """A version as people say it: 14 for 0014."""
    return revision.lstrip('0') or revision


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
