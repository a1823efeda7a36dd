"""Migrations: `'what it does'` writes an empty one; `--land` writes down what each new one is, when it is finished;
`--land 0007` does so again for one that has not landed yet; `--check` says which are not what they were when they
landed.
"""

import sys
import tempfile
from pathlib import Path

import psycopg

from hermes.db import schema
from hermes.db.schema import landed
from hermes.db.schema.landed import LANDED, VERSIONS, Landed
from hermes.db.server import embedded

COMMAND = '.venv/bin/python -m tools.migration --land'


def revisions() -> list[str]:
    """Every migration's number, oldest first."""
    return sorted(file.name.partition('_')[0] for file in VERSIONS.glob('*.py'))


def problems() -> list[str]:
    """What is wrong with the migrations, a sentence each."""
    known = {each.revision: each.digest for each in landed.landed()}
    told = [f'{number} landed and its migration is gone' for number in known.keys() - set(revisions())]
    for number in revisions():
        if number not in known:
            told.append(f'{number} is not written down: {COMMAND}')
        elif known[number] != landed.digest(number):
            told.append(
                f'{number} is not what it was when it landed: take the change back and write a new migration '
                f'(only if it has not landed yet: {COMMAND} {number})'
            )
    return told


def land(again: list[str]) -> None:
    """Write down what is not written down yet, and `again` anew, after making it in a database of its own."""
    missing = {number for number in revisions() if not (LANDED / f'{number}.txt').exists()} | set(again)
    with tempfile.TemporaryDirectory() as folder, embedded.start(
        Path(folder) / 'postgres', fast=True, ephemeral=True
    ) as server:  # fmt: skip
        before: set[str] = set()
        for number in revisions():
            schema.upgrade(server.url, number)
            with psycopg.connect(server.url) as connection:
                after = {name for (name,) in connection.execute(landed.STANDING)}
            if number in missing:
                told = Landed(number, landed.digest(number), frozenset(after - before), frozenset(before - after))
                (LANDED / f'{number}.txt').write_text(told.dumps())
                print(f'{number} is written down')
            before = after


if __name__ == '__main__':
    if sys.argv[1] == '--land':
        land(sys.argv[2:])
    elif sys.argv[1] == '--check':
        sys.exit('\n'.join(problems()) or None)
    else:
        print(schema.revise(sys.argv[1]))
