"""A database of a measurement's own: embedded Postgres that syncs, in a folder that goes with it."""

import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from hermes.db.schema import upgrade
from hermes.db.server import embedded
from hermes.db.server.embedded import Server


@contextmanager
def own_database() -> Iterator[tuple[Server, Path]]:
    """The running server with Hermes's tables, and its folder; stopped before the folder is removed."""
    with tempfile.TemporaryDirectory(prefix='hermes-bench-') as folder:
        server = embedded.start(Path(folder) / 'pg')
        try:
            upgrade(server.url)
            yield server, Path(folder)
        finally:
            server.end()
