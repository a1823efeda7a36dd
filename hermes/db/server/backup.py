"""A backup (`hermes db backup`): what pg_dump writes of one moment of the database, while everything runs.

It is read back into a server of its own that is thrown away, and copied from there (`restoring`): nothing of the target
is lost before the whole file has been read, and the two servers may be of different versions.
"""

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import IO, Any, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hermes.db import connections
from hermes.db.reads import impact
from hermes.db.server import embedded, restoring
from hermes.db.server.location import wheel_binaries
from hermes.domain.errors import Refused

DUMPING: Final = (
    'pg_dump',
    '--format=custom',
    '--schema=public',
    '--schema=procrastinate',
    '--no-owner',
    '--no-privileges',
    '--no-password',
)
READING: Final = (
    'pg_restore', '--schema=public', '--section=pre-data', '--section=data', '--no-owner', '--no-privileges',
    '--no-password', '--exit-on-error', '--single-transaction',
)  # fmt: skip
"""Tables and rows alone: indexes and constraints are made by the migrations of the target."""
SCHEMA: Final = re.compile(rb'^\d+; \d+ \d+ SCHEMA - (\S+) ', re.MULTILINE)
HEAD: Final = b'PGDMP'
LAST: Final = "select max(received_at) from event where headers ->> 'by' is distinct from 'restore'"


def write(database_url: str, out: IO[bytes]) -> list[str]:
    """Write the database into `out`; what is in it, table by table. Raises Refused."""
    with connections.opened(database_url) as connection, connections.one_moment(connection):
        kept = impact.contents(connection)
        if not impact.version(connection):
            raise Refused('This database has no tables of Hermes, so there is nothing to keep.')
        [(snapshot,)] = connection.execute('select pg_export_snapshot()').fetchall()
        _run([*DUMPING, f'--snapshot={snapshot}'], database_url, 'The backup failed', stdout=out)
    return kept


@contextmanager
def opened(file: Path) -> Iterator[str]:
    """The address of a database with what is in the file; it is gone afterwards. Raises Refused when the file is no
    backup of Hermes, or damaged.
    """
    with file.open('rb') as backup:
        if backup.read(len(HEAD)) != HEAD:
            raise Refused(f'{file} is no backup: "hermes db backup" writes one, "pg_dump --format=custom" too.')
    folder = Path(tempfile.mkdtemp(prefix='hermes-restore-'))
    with embedded.start(folder, fast=True, ephemeral=True) as server:
        listed = _run(['pg_restore', '--list', str(file)], '', f'{file} cannot be read', stdout=subprocess.PIPE)
        with psycopg.connect(server.url) as connection:
            for name in SCHEMA.findall(listed):
                connection.execute(sql.SQL('create schema if not exists {}').format(sql.Identifier(name.decode())))
        _run([*READING, str(file)], server.url, f'{file} cannot be read')
        with psycopg.connect(server.url) as connection:
            if not impact.version(connection):
                raise Refused(f'{file} is a backup of something else: there are no tables of Hermes in it.')
        yield server.url


def restore(file: Path, target_url: str, systems: Iterable[str], told: Callable[[str], None]) -> datetime | None:
    """Put what is in the file into the target, in the place of all that is there; when the last thing arrived that is
    known now. Raises Refused, before anything is lost where that can be known.
    """
    with opened(file) as source_url:
        restoring.restore(source_url, target_url, systems, told)
    with psycopg.connect(target_url) as connection:
        row = connection.execute(LAST).fetchone()
    return row[0] if row else None


def _run(command: list[str], database_url: str, failed: str, **more: Any) -> bytes:
    """Run a program of PostgreSQL, on a database if one is given; its output. A password does not stand where every
    user of the machine sees it.
    """
    address = conninfo_to_dict(database_url)
    password = address.pop('password', None)
    environment = {**os.environ, 'LC_ALL': 'C', **({'PGPASSWORD': str(password)} if password else {})}
    program, *words = command
    given = [f'--dbname={make_conninfo("", **address)}'] if address else []
    done = subprocess.run(  # noqa: S603 - our own binaries
        [str(wheel_binaries() / program), *given, *words],
        env=environment, stdin=subprocess.DEVNULL, stderr=subprocess.PIPE, check=False, **more,
    )  # fmt: skip
    if done.returncode:
        said = [line for line in done.stderr.decode(errors='replace').splitlines() if 'error:' in line]
        why = said[0].partition('error:')[2].strip() if said else f'{program} ended with {done.returncode}'
        raise Refused(f'{failed}: {why.rstrip(".")}.')
    return bytes(done.stdout or b'')
