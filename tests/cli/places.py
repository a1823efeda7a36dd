"""A filled database, and what stands in it, for commands that could lose some of it."""

from pathlib import Path

import psycopg
from typer.testing import CliRunner, Result

from hermes.cli import app
from hermes.cli.failures import sentence_of
from tests.whole.filling import Rows, rows_of

KEY = 'a secret key of the tests, of forty letters'


class Place:
    """A filled database and `hermes` on it."""

    def __init__(self, url: str, folder: Path) -> None:
        self.url, self.folder = url, folder
        self.name = url.rpartition('/')[2].partition('?')[0]

    def hermes(self, *words: str, **more: str) -> Result:
        env = {
            'DATABASE_URL': self.url, 'DATA_DIR': str(self.folder), 'LIVE_DATABASE_URL': 'postgresql://x@127.0.0.1:9/x',
            'SECRET_KEY': KEY, 'PD_API_KEY': 'pd-key', 'PD_BASE_URL': 'http://127.0.0.1:9', **more,
        }  # fmt: skip
        return CliRunner().invoke(app, list(words), env=env)

    def refuses(self, *words: str, **more: str) -> str:
        done = self.hermes(*words, **more)
        assert done.exit_code == 1, (done.output, done.exception)
        told = sentence_of(done.exception) if isinstance(done.exception, Exception) else ''
        return done.stderr.strip() or told

    def execute(self, query: str, *values: object) -> None:
        with psycopg.connect(self.url) as connection:
            connection.execute(query.encode(), values or None)


def standing(place: Place) -> Rows:
    """Every row, but for what a command writes of the plans of the accounts."""
    return {table: rows for table, rows in rows_of(place.url).items() if table != 'budget'}
