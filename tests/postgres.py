"""A real Postgres for the tests: one server for the whole run, one fresh database a test.

All xdist workers share the server through its folder; the last one to leave, however it leaves, stops it and removes
the folder.
"""

import os
import shutil
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import count
from pathlib import Path

import psycopg
from psycopg import sql

from hermes.db.server import embedded

TEMPLATE = 'hermes_template'
TEMPLATE_LOCK = 4_127_001
NUMBERS = count(1)
ROOM = 4 * 1024**3
"""Bytes that have to be free where the tests' databases are."""
LEFT: list[tuple[str, str]] = []
"""(server, database) of tests that are over."""
RESTING = 2
"""So many of them are not dropped yet: their connections are still closing."""


def start_server() -> embedded.Server:
    """The server of this test run, in fast mode: started, or joined if another worker was first."""
    run_id = os.environ.get('PYTEST_XDIST_TESTRUNUID') or f'pid{os.getpid()}'
    return embedded.start(find_place() / f'hermes-tests-{run_id[:12]}', fast=True, ephemeral=True)


def find_place() -> Path:
    """Memory, where there is a file system of it with room: a new database then costs 20 ms instead of 200."""
    memory = Path('/dev/shm')
    roomy = memory.is_dir() and os.access(memory, os.W_OK | os.X_OK) and shutil.disk_usage(memory).free > ROOM
    return memory if roomy else Path(tempfile.gettempdir())


def make_template(server: embedded.Server) -> None:
    """Migrate the template database, once a run, whoever comes first."""
    from hermes.db import schema

    with psycopg.connect(server.database_url('postgres'), autocommit=True) as connection:
        connection.execute('SELECT pg_advisory_lock(%s)', [TEMPLATE_LOCK])
        known = connection.execute('SELECT datistemplate FROM pg_database WHERE datname = %s', [TEMPLATE]).fetchone()
        if known and known[0]:
            return
        name = sql.Identifier(TEMPLATE)
        connection.execute(sql.SQL('DROP DATABASE IF EXISTS {} WITH (FORCE)').format(name))
        connection.execute(sql.SQL('CREATE DATABASE {}').format(name))
        schema.upgrade(server.database_url(TEMPLATE))
        connection.execute(sql.SQL('ALTER DATABASE {} IS_TEMPLATE true').format(name))


@contextmanager
def fresh_database(server: embedded.Server, template: str = TEMPLATE) -> Iterator[str]:
    """The address of a database of its own, a copy of `template` (`template1`: an empty one).

    Copying files instead of logging pages takes 17 ms instead of 74 ms with a server that does not sync. It is dropped
    when others are made later: whoever drops it while its connections are still closing waits 100 ms for them.
    """
    name = f'test_{os.getpid()}_{next(NUMBERS)}'
    address = server.database_url('postgres')
    with psycopg.connect(address, autocommit=True) as connection:
        for home, left in LEFT[:-RESTING]:
            if home == address:
                connection.execute(sql.SQL('DROP DATABASE IF EXISTS {} WITH (FORCE)').format(sql.Identifier(left)))
                LEFT.remove((home, left))
        identifiers = {'name': sql.Identifier(name), 'template': sql.Identifier(template)}
        connection.execute(
            sql.SQL('CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY').format(**identifiers)
        )
    try:
        yield server.database_url(name)
    finally:
        LEFT.append((address, name))
