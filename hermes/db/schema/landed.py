"""What landed: a migration is never edited or renumbered afterwards, and a database is known by what stands in it.

Each migration has a file of its number in db/migrations/landed: the hash of its text, and which columns and schemas
stand after it and did not before (`tools.migration` writes it, a test compares). So a database whose number is one that
an earlier program gave to another migration is recognised, and so is one that somebody changed by hand.
"""

import hashlib
from collections.abc import Collection
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final

MIGRATIONS: Final = Path(__file__).parents[1] / 'migrations'
VERSIONS: Final = MIGRATIONS / 'versions'
LANDED: Final = MIGRATIONS / 'landed'
STANDING: Final = """
    select c.relname || '.' || a.attname as name from pg_class c join pg_attribute a on a.attrelid = c.oid
    where c.relnamespace = 'public'::regnamespace and c.relkind = 'r' and a.attnum > 0 and not a.attisdropped
      and c.relname <> 'alembic_version'
    union all select nspname::text from pg_namespace where nspname !~ '^pg_' and nspname not in ('information_schema',
      'public')
"""
"""What stands in a database: `table.column`, and the names of schemas beside public."""
NAMED: Final = 4
"""So many differences are named in a sentence."""


@dataclass(frozen=True, slots=True)
class Landed:
    """One migration: what it was when it landed, what it makes, and what it takes away."""

    revision: str
    digest: str
    made: frozenset[str] = frozenset()
    gone: frozenset[str] = frozenset()

    def dumps(self) -> str:
        lines = [f'sha256 {self.digest}', *(f'made {each}' for each in sorted(self.made))]
        return '\n'.join([*lines, *(f'gone {each}' for each in sorted(self.gone))]) + '\n'

    @classmethod
    def loads(cls, revision: str, text: str) -> 'Landed':
        lines = [line.split(' ', 1) for line in text.splitlines()]
        told = {word: [what for first, what in lines if first == word] for word in ('sha256', 'made', 'gone')}
        return cls(revision, told['sha256'][0], frozenset(told['made']), frozenset(told['gone']))


@cache
def landed() -> tuple[Landed, ...]:
    """Every migration that landed, oldest first."""
    return tuple(Landed.loads(file.stem, file.read_text()) for file in sorted(LANDED.glob('*.txt')))


def digest(revision: str) -> str:
    """The hash of a migration as it is now: the names and bytes of its files."""
    told = hashlib.sha256()
    for file in sorted(VERSIONS.glob(f'{revision}_*')):
        told.update(f'{file.name}\n'.encode() + file.read_bytes())
    return told.hexdigest()


def standing_after(revision: str) -> frozenset[str]:
    """What stands after a migration that landed."""
    standing: frozenset[str] = frozenset()
    for each in landed():
        standing = standing - each.gone | each.made
        if each.revision == revision:
            break
    return standing


def ever_made() -> frozenset[str]:
    """What any of our migrations makes."""
    return frozenset[str]().union(*(each.made for each in landed()))


def difference(revision: str, standing: Collection[str]) -> tuple[list[str], list[str]]:
    """What a database of this revision lacks, and what it has of another's; what nobody of ours made is not looked
    at.
    """
    expected = standing_after(revision)
    return sorted(expected - set(standing)), sorted((ever_made() - expected) & set(standing))


def true_revision(told: str, standing: Collection[str]) -> str | None:
    """The revision that a database is at: the one that it names, if its tables are those, else the only one whose
    tables they are; None when there is no such one.
    """
    known = [each.revision for each in landed()]
    if told not in known or not any(difference(told, standing)):
        return told
    fitting = [revision for revision in known if not any(difference(revision, standing))]
    return fitting[0] if len(fitting) == 1 else None


def describe(told: str, standing: Collection[str]) -> str:
    """In what a database is not what it says to be, in half a sentence."""
    lacks, has = difference(told, standing)
    parts = [f'{_some(lacks)} missing' if lacks else '', f'{_some(has)} there already' if has else '']
    return f'it is named {told}, but {" and ".join(part for part in parts if part)}'


def _some(names: list[str]) -> str:
    more = f' and {len(names) - NAMED} more' if len(names) > NAMED else ''
    return f'{", ".join(names[:NAMED])}{more} {"is" if len(names) == 1 else "are"}'
