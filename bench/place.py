"""A database of a measurement's own: embedded Postgres that syncs, in a folder that goes with it."""

import os
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import psycopg

from hermes.db.schema import upgrade
from hermes.db.server import embedded
from hermes.db.server.embedded import Server
from tools.demo_big.__main__ import build


@contextmanager
def own_database(*, counting: bool = False) -> Iterator[tuple[Server, Path]]:
    """The running server with Hermes's tables, and its folder; stopped before the folder is removed. `counting`: it
    counts statements (pg_stat_statements).
    """
    with tempfile.TemporaryDirectory(prefix='hermes-bench-') as folder:
        server = embedded.start(Path(folder) / 'pg')
        try:
            if counting:
                _say(server, "alter system set shared_preload_libraries = 'pg_stat_statements'")
                server.end()
                server = embedded.start(Path(folder) / 'pg')
                _say(server, 'create extension pg_stat_statements')
            upgrade(server.url)
            yield server, Path(folder)
        finally:
            server.end()


@contextmanager
def filled() -> Iterator[str]:
    """The address of a big office's database: the one that `DATABASE` names, or one that is filled for the time."""
    if url := os.environ.get('DATABASE'):
        yield url
        return
    with own_database() as (server, _):
        build(server.url, 100_000, 1_000_000, say=lambda text: None)
        yield server.url


def _say(server: Server, statement: str) -> None:
    with psycopg.connect(server.url, autocommit=True) as connection:
        connection.execute(statement.encode())
