"""A database whose rows are written by hand, and the `hermes` command on it."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import psycopg
from psycopg.types.json import Jsonb
from typer.testing import CliRunner, Result

from hermes.cli import app

START = datetime(2026, 3, 2, 9, 0, tzinfo=UTC)


class World:
    """A database and the `hermes` command on it."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.connection = psycopg.connect(url, autocommit=True)

    def execute(self, query: str, *values: Any) -> list[tuple[Any, ...]]:
        cursor = self.connection.execute(query, values)
        return cursor.fetchall() if cursor.description else []

    def event(
        self,
        source: str = 'tutorcruncher',
        *,
        kind: str = 'webhook',
        after_s: float = 0,
        body: bytes = b'{}',
        **columns: Any,
    ) -> int:
        at = START + timedelta(seconds=after_s)
        row = {
            'state': 'done',
            'applied_at': at + timedelta(milliseconds=40),
            'outcome': Jsonb([{'notes': ['TC-1']}]),
        } | columns
        names = ', '.join(row)
        marks = ', '.join(['%s'] * len(row))
        query = (
            f'insert into event (source, kind, dedupe_key, received_at, body, {names}) values (%s, %s, '
            f'gen_random_uuid()::text::bytea, %s, %s, {marks}) returning id'
        )
        return int(self.execute(query, source, kind, at, body, *row.values())[0][0])

    def company(self, **columns: Any) -> int:
        names, marks = ', '.join(columns), ', '.join(['%s'] * len(columns))
        return int(
            self.execute(f'insert into company ({names}) values ({marks}) returning id', *columns.values())[0][0]
        )

    def change(
        self,
        record: int,
        field: str,
        old: Any,
        new: Any,
        event: int,
        *,
        system: str = 'tutorcruncher',
        after_s: float = 0,
    ) -> None:
        self.execute(
            "insert into change (record_type, record_id, field, old, new, system, rule, event_id, at) values "
            "('company', %s, %s, %s, %s, %s, 'FIELD-2', %s, %s)",
            record, field, Jsonb(old), Jsonb(new), system, event, START + timedelta(seconds=after_s),
        )  # fmt: skip

    def mirror(
        self,
        system: str,
        kind: str,
        remote_id: str,
        record: int | None,
        runs: dict[str, Any],
        *,
        into: str | None = None,
    ) -> None:
        self.execute(
            'insert into mirror (system, type, remote_id, version, runs, merged_into) values (%s, %s, %s, %s, %s, %s)',
            system, kind, remote_id, Jsonb([1, 0]), Jsonb(runs), into,
        )  # fmt: skip
        if record:
            state = 'merged' if into else 'live'
            self.execute(
                "insert into link values (%s, %s, %s, 'company', %s, %s, %s)",
                system,
                kind,
                remote_id,
                record,
                not into,
                state,
            )

    def push(self, record: int, *, state: str = 'ready', wanted: int = 2, done: int = 1, reason: str = '') -> None:
        self.execute(
            "insert into push (record_type, record_id, system, graph_id, rank, wanted, done, due_at, state, reason) "
            "values ('company', %s, 'pipedrive', %s, 0, %s, %s, now(), %s, %s)",
            record, record, wanted, done, state, reason,
        )  # fmt: skip

    def worker(self) -> None:
        self.execute("insert into worker values ('w1', now(), now(), 'host', 1)")

    def run(self, *arguments: str) -> Result:
        return CliRunner().invoke(app, list(arguments), env={'DATABASE_URL': self.url}, catch_exceptions=False)

    def told(self, *arguments: str) -> Any:
        """The answer as JSON, also where something is to be done."""
        result = self.run(*arguments, '--json')
        assert result.exit_code in (0, 2), result.output
        return json.loads(result.stdout)

    def refused(self, *arguments: str) -> str:
        result = self.run(*arguments)
        assert result.exit_code == 1, result.output
        assert 'Traceback' not in result.output
        assert len(result.stderr.strip().splitlines()) == 1
        return result.stderr.strip()
