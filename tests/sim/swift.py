"""The database of a simulated worker: the same Postgres and the same statements, without the price of waiting for them.

A seed sends some two thousand statements, and the event loop costs as much as the server does. Here each is sent and
waited for in one go, which is safe because nobody in a testbed stands still inside a transaction; a transaction begins
and learns the time in one round trip. `worker` is told to the server, for the guard of the pushes (testbed.py).
"""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any, cast

import psycopg
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads

from hermes.db.pool import Connection, Database, Row
from hermes.kit.clock import Clock

_scan: Any = json.JSONDecoder().scan_once  # type: ignore[attr-defined]


def _read_json(text: str | bytes) -> Any:
    """What the server wrote, which never begins with a blank and is always UTF-8."""
    return _scan(text if isinstance(text, str) else text.decode(), 0)[0]


class Rows:
    """What a statement gave back, fetched already."""

    __slots__ = ('_rows', 'rowcount')

    def __init__(self, cursor: psycopg.Cursor[Row]) -> None:
        self.rowcount = cursor.rowcount
        result = cursor.pgresult
        self._rows = iter(cursor.fetchall() if result is not None and result.nfields else ())

    async def fetchall(self) -> list[Row]:
        return list(self._rows)

    async def fetchone(self) -> Row | None:
        return next(self._rows, None)


class SwiftConnection:
    """What the engine uses of a connection."""

    __slots__ = ('cursor', 'raw')

    def __init__(self, raw: psycopg.Connection[Row]) -> None:
        self.raw = raw
        self.cursor = raw.cursor()

    async def execute(self, query: Any, parameters: Any = None) -> Rows:
        return Rows(self.cursor.execute(query, parameters))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """A part that can be taken back."""
        with self.raw.transaction():
            yield

    @asynccontextmanager
    async def pipeline(self) -> AsyncIterator[None]:
        """Statements that need not be waited for; here each is."""
        yield

    def say(self, command: str) -> None:
        """A command without an answer that matters. Raises psycopg.Error."""
        result = self.raw.pgconn.exec_(command.encode())
        if result.status not in (psycopg.pq.ExecStatus.COMMAND_OK, psycopg.pq.ExecStatus.TUPLES_OK):
            raise psycopg.errors.error_from_result(result)


class SwiftDatabase(Database):
    """A `Database` of one testbed's worker."""

    def __init__(self, database_url: str, clock: Clock, worker: str = '') -> None:
        super().__init__(database_url, clock, size=1)
        self.worker = worker
        self._free: list[SwiftConnection] = []
        self._all: list[SwiftConnection] = []

    async def open(self) -> None:
        self._free.append(self._connect())

    async def close(self) -> None:
        for connection in self._all:
            connection.raw.close()

    def _connect(self) -> SwiftConnection:
        options = f'-c timezone=UTC -c jit=off -c plan_cache_mode=force_generic_plan -c simulated.worker={self.worker}'
        raw = psycopg.connect(self.url, autocommit=True, row_factory=dict_row, options=options)
        set_json_loads(_read_json, raw)
        made = SwiftConnection(raw)
        self._all.append(made)
        return made

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        connection = self._free.pop() if self._free else self._connect()
        try:
            connection.say(f"begin; select set_config('hermes.now', '{self.clock.now().isoformat()}', true)")
            try:
                yield cast(Connection, connection)
                if self.hook:
                    await self.hook('before commit')
            except BaseException:
                connection.say('rollback')
                raise
            connection.say('commit')
        finally:
            self._free.append(connection)
        if self.hook:
            await self.hook('after commit')

    async def alone(self, command: str) -> None:
        """A command outside of any transaction."""
        connection = self._free.pop() if self._free else self._connect()
        connection.say(command)
        self._free.append(connection)
