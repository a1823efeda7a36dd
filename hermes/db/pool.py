"""Connections: one pool a process, short transactions, never one held across a network call (lessons A-5, G-1).

A clock that is not the system's is told to the server for the transaction (`hermes.now`), so that leases and budgets,
which go by the server's clock, follow the clock of whoever owns time. `hook` lets the simulator stop the world at
every commit.

A statement is planned once and kept, perhaps since its table was small: so no table is read from end to end where an
index will do, whatever the statistics say (`PLANS`).
"""

import asyncio
import json
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from contextlib import asynccontextmanager
from datetime import datetime
from typing import Any, Final, NamedTuple, TypeAlias
from weakref import WeakKeyDictionary

from psycopg import AsyncConnection, Error, OperationalError, sql
from psycopg.errors import ReadOnlySqlTransaction
from psycopg.rows import dict_row
from psycopg.types.json import set_json_loads
from psycopg_pool import AsyncConnectionPool

from hermes.kit.clock import Clock, SystemClock

Row = dict[str, Any]
Connection = AsyncConnection[Row]
Write: TypeAlias = tuple[str, tuple[Any, ...]]
"""A statement that writes to one table, and its parameters."""
DatabaseError: TypeAlias = Error
"""Anything that the database or the way to it refused."""
DatabaseAway: TypeAlias = OperationalError
"""The database is not there, or went away."""
WriteRefused: TypeAlias = ReadOnlySqlTransaction
"""Something would have written where only reading is allowed."""
IDLE_IN_TRANSACTION_S = 8
"""A worker that stands still inside a transaction loses it, so that its locks last no longer than a lease."""
PLANS: Final = '-c enable_seqscan=off -c plan_cache_mode=force_generic_plan'
RESTED_S: Final = 1.0
GIVE_WAY_S: Final = 5
LOOKING_S: Final = 30


class Notice(NamedTuple):
    """A notification."""

    channel: str
    payload: str


_decode: Final = json.JSONDecoder().raw_decode


def read_json(text: str | bytes) -> Any:
    """JSON as PostgreSQL writes it: UTF-8, nothing around it. The two commonest values cost next to nothing."""
    told = text if isinstance(text, str) else text.decode()
    return {} if told == '{}' else [] if told == '[]' else _decode(told)[0]


async def _teach(connection: Connection) -> None:
    set_json_loads(read_json, connection)


class Database:
    """The pool, and transactions on it."""

    def __init__(self, database_url: str, clock: Clock | None = None, *, size: int = 8) -> None:
        self.url = database_url
        self.clock: Clock = clock or SystemClock()
        self.hook: Callable[[str], Awaitable[None]] | None = None
        self._used: WeakKeyDictionary[Connection, float] = WeakKeyDictionary()
        self._pool: AsyncConnectionPool[Connection] = AsyncConnectionPool(
            self.url,
            min_size=1,
            max_size=size,
            open=False,
            timeout=10,
            check=self._check,
            configure=_teach,
            kwargs={
                'row_factory': dict_row,
                'options': f'-c idle_in_transaction_session_timeout={IDLE_IN_TRANSACTION_S}s -c timezone=UTC {PLANS}',
                'connect_timeout': 5,
            },
        )

    async def _check(self, connection: Connection) -> None:
        """A connection that has rested for a while may have died meanwhile. Raises DatabaseError."""
        now = asyncio.get_running_loop().time()
        if now - self._used.get(connection, 0.0) > RESTED_S:
            await AsyncConnectionPool.check_connection(connection)
        self._used[connection] = now

    async def open(self) -> None:
        """Raises DatabaseError when no connection can be had. What it began is closed however it is cut short."""
        try:
            await self._pool.open(wait=True, timeout=15)
        except BaseException:
            await self._pool.close()
            raise

    async def start(self) -> None:
        """Open without waiting for the database: it may come later."""
        await self._pool.open(wait=False)

    async def close(self) -> None:
        await self._pool.close()

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[Connection]:
        """One transaction, committed at the end."""
        async with self._pool.connection() as connection, connection.transaction():
            if not isinstance(self.clock, SystemClock):
                await connection.execute(
                    sql.SQL("select set_config('hermes.now', {now}, true)").format(
                        now=sql.Literal(self.clock.now().isoformat())
                    )
                )
            yield connection
            if self.hook:
                await self.hook('before commit')
        if self.hook:
            await self.hook('after commit')

    async def fetch(self, query: str, parameters: Any = None) -> list[Row]:
        """Rows of one statement in a transaction of its own."""
        async with self.transaction() as connection:
            return await (await connection.execute(query, parameters)).fetchall()

    async def execute(self, query: str, parameters: Any = None) -> int:
        """One statement in a transaction of its own; the number of rows it touched."""
        async with self.transaction() as connection:
            return (await connection.execute(query, parameters)).rowcount


async def commit_unsynced(connection: Connection) -> None:
    """Let this transaction commit without waiting for the disk. Only for what follows from rows that are safe already:
    a crash of the server may take it back, whole, and it is done again. No later commit that waits survives without it.
    """
    await connection.execute('set local synchronous_commit = off')


async def give_way(connection: Connection) -> None:
    """In this transaction nothing is waited for long: what only looks stands behind whoever works, and what it does not
    get is `busy`. It may think for longer than whoever works.
    """
    await connection.execute(
        f"select set_config('lock_timeout', '{GIVE_WAY_S}s', true), "
        f"set_config('idle_in_transaction_session_timeout', '{LOOKING_S}s', true)"
    )


def is_busy(error: DatabaseError) -> bool:
    """Whether somebody else held what was needed (a lock that was not to be had in time, or a deadlock)."""
    return error.sqlstate in ('55P03', '40P01')


async def walk_indices(connection: Connection) -> None:
    """In this transaction rows are taken from an index one by one, in its order: whoever wants the first few of many
    collects no others, even by a plan of the day on which there were few.
    """
    await connection.execute('set local enable_bitmapscan = off')


async def read_only(connection: Connection, query: str, parameters: Sequence[Any] = ()) -> list[Row]:
    """Rows of a statement that only reads, beside whatever the transaction does. Raises WriteRefused."""
    async with connection.transaction(force_rollback=True):
        await connection.execute('set local transaction_read_only = on')
        return await (await connection.execute(query, parameters or None)).fetchall()


async def listen(database_url: str, channels: Iterable[str]) -> AsyncIterator[Notice]:
    """Every notification, after an empty one that says that it listens, as long as its own connection lives. Raises
    DatabaseError when that is lost.
    """
    async with await AsyncConnection.connect(database_url, autocommit=True, connect_timeout=5) as connection:
        for channel in channels:
            await connection.execute(sql.SQL('listen {}').format(sql.Identifier(channel)))
        yield Notice('', '')
        async for notice in connection.notifies():
            yield Notice(notice.channel, notice.payload)


async def the_row(connection: Connection, query: str, parameters: Any = None) -> Row:
    """The one row that a statement gives."""
    row = await (await connection.execute(query, parameters)).fetchone()
    assert row is not None
    return row


async def now(connection: Connection) -> datetime:
    """This moment, by the clock that the database goes by."""
    at: datetime = (await the_row(connection, 'select hermes_now() as at'))['at']
    return at


async def server_time(connection: Connection) -> datetime:
    """The database's own clock, now."""
    row = await the_row(connection, 'select clock_timestamp() as at')
    at: datetime = row['at']
    return at


async def is_older_open(connection: Connection, moment: datetime) -> bool:
    """Whether a transaction of somebody else is open that began before a moment."""
    rows = await connection.execute(
        "select 1 from pg_stat_activity where datname = current_database() and backend_type = 'client backend' and "
        'pid <> pg_backend_pid() and xact_start < %s limit 1',
        (moment,),
    )
    return await rows.fetchone() is not None


async def read_only_from_now(connection: Connection) -> None:
    """The transaction writes nothing: the database refuses it."""
    await connection.execute('set transaction read only')
