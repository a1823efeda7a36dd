"""A backup (`hermes db backup`): what pg_dump writes of one moment of the database, while everything runs, encrypted
under SECRET_KEY (S24). Such a file of your own, which is not, is taken as well.

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
from typing import IO, Final

import psycopg
from psycopg import sql
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hermes.db import connections
from hermes.db.reads import impact
from hermes.db.server import embedded, restoring
from hermes.db.server.location import wheel_binaries
from hermes.domain.errors import Refused
from hermes.kit.sealed_files import CHUNK, MAGIC, Damaged, OtherSecret, seal_file, unseal_file

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
PURPOSE: Final = 'backup'
LAST: Final = "select max(received_at) from event where headers ->> 'by' is distinct from 'restore'"


def write(database_url: str, out: IO[bytes], secret: str) -> list[str]:
    """Write the database into `out`, readable with `secret` alone (by anybody for ''); what is in it, table by table.
    Raises Refused.
    """
    with connections.opened(database_url) as connection, connections.one_moment(connection):
        kept = impact.contents(connection)
        if not impact.version(connection):
            raise Refused('This database has no tables of Hermes, so there is nothing to keep.')
        [(snapshot,)] = connection.execute('select pg_export_snapshot()').fetchall()

        def keep(dumped: IO[bytes]) -> None:
            for piece in seal_file(dumped, secret, PURPOSE) if secret else iter(lambda: dumped.read(CHUNK), b''):
                out.write(piece)

        _run([*DUMPING, f'--snapshot={snapshot}'], database_url, 'The backup failed', keep)
    return kept


@contextmanager
def opened(file: Path, secret: str) -> Iterator[str]:
    """The address of a database with what is in the file; it is gone afterwards. Raises Refused when the file is no
    backup of Hermes, damaged, or not for this secret.
    """
    with _plain(file, secret) as plain, _read_back(plain, file) as address:
        yield address


@contextmanager
def _plain(file: Path, secret: str) -> Iterator[Path]:
    """The file as pg_dump wrote it. Raises Refused."""
    with file.open('rb') as backup:
        head = backup.read(len(MAGIC))
    if head.startswith(HEAD):
        yield file
        return
    if head != MAGIC:
        raise Refused(f'{file} is no backup: "hermes db backup" writes one, "pg_dump --format=custom" too.')
    if not secret:
        raise Refused(f'{file} is encrypted: set SECRET_KEY to the one of the installation that it was made in.')
    with tempfile.NamedTemporaryFile(prefix='hermes-restore-') as kept, file.open('rb') as backup:
        try:
            for piece in unseal_file(backup, secret, PURPOSE):
                kept.write(piece)
        except OtherSecret:
            raise Refused(
                f'{file} was encrypted with another SECRET_KEY: set the one of the installation that it was made in.'
            ) from None
        except Damaged as error:
            raise Refused(f'{file} cannot be read: {error}.') from None
        kept.flush()
        yield Path(kept.name)


@contextmanager
def _read_back(plain: Path, file: Path) -> Iterator[str]:
    """A server of its own with what is in it; `file`: what it is called. Raises Refused."""
    folder = Path(tempfile.mkdtemp(prefix='hermes-restore-'))
    with embedded.start(folder, fast=True, ephemeral=True) as server:
        listed = _run(['pg_restore', '--list', str(plain)], '', f'{file} cannot be read')
        with psycopg.connect(server.url) as connection:
            for name in SCHEMA.findall(listed):
                connection.execute(sql.SQL('create schema if not exists {}').format(sql.Identifier(name.decode())))
        _run([*READING, str(plain)], server.url, f'{file} cannot be read')
        with psycopg.connect(server.url) as connection:
            if not impact.version(connection):
                raise Refused(f'{file} is a backup of something else: there are no tables of Hermes in it.')
        yield server.url


def restore(
    file: Path, target_url: str, systems: Iterable[str], told: Callable[[str], None], secret: str
) -> datetime | None:
    """Put what is in the file into the target, in the place of all that is there; when the last thing arrived that is
    known now. Raises Refused, before anything is lost where that can be known.
    """
    with opened(file, secret) as source_url:
        restoring.restore(source_url, target_url, systems, told)
    with psycopg.connect(target_url) as connection:
        row = connection.execute(LAST).fetchone()
    return row[0] if row else None


def _run(command: list[str], database_url: str, failed: str, take: Callable[[IO[bytes]], None] | None = None) -> bytes:
    """Run a program of PostgreSQL, on a database if one is given; its output, unless somebody is there to `take` it. A
    password does not stand where every user of the machine sees it. Raises Refused.
    """
    address = conninfo_to_dict(database_url)
    password = address.pop('password', None)
    environment = {**os.environ, 'LC_ALL': 'C', **({'PGPASSWORD': str(password)} if password else {})}
    program, *words = command
    given = [f'--dbname={make_conninfo("", **address)}'] if address else []
    with tempfile.TemporaryFile() as errors:
        started = subprocess.Popen(  # noqa: S603 - our own binaries
            [str(wheel_binaries() / program), *given, *words],
            env=environment, stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=errors,
        )  # fmt: skip
        with started:
            assert started.stdout is not None
            try:
                told = started.stdout.read() if take is None else take(started.stdout)
            except BaseException:
                started.kill()
                raise
        if started.returncode:
            errors.seek(0)
            said = [line for line in errors.read().decode(errors='replace').splitlines() if 'error:' in line]
            why = said[0].partition('error:')[2].strip() if said else f'{program} ended with {started.returncode}'
            raise Refused(f'{failed}: {why.rstrip(".")}.')
    return told or b''
