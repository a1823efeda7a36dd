"""Reading for pages: a few connections of their own on which nothing can be written and no statement takes long, so
that a heavy page starves nobody but the next heavy page. What it runs are the reads of `hermes/db/reads`, which are
synchronous: each runs in a thread, one for each connection.
"""

import asyncio
from collections.abc import AsyncIterator, Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from typing import Any, Concatenate, Final, ParamSpec, TypeVar

import psycopg
from psycopg.errors import QueryCanceled
from psycopg_pool import ConnectionPool, PoolTimeout

from hermes.db import pool
from hermes.domain.errors import Refused
from hermes.kit.clock import Clock, SystemClock

P = ParamSpec('P')
T = TypeVar('T')
CONNECTIONS: Final = 3
LONGEST_MS: Final = 4_000
PATIENT_MS: Final = 120_000
PATIENCE_S: Final = 5.0
"""How long a page waits for one of the connections."""


class TooSlow(Refused):
    """A question took too long and was given up; nothing was changed."""

    def __init__(self) -> None:
        super().__init__(
            'This took too long and was given up. Narrow it down: a shorter time, one more filter.', 'slow'
        )


@asynccontextmanager
async def bounded(connection: pool.Connection) -> AsyncIterator[None]:
    """The transaction of a page that has to ask on one of the engine's connections: it writes nothing, and no statement
    takes longer than one of ours. Raises TooSlow.
    """
    await pool.read_only_from_now(connection)
    await connection.execute("select set_config('statement_timeout', %s, true)", (str(LONGEST_MS),))
    try:
        yield
    except QueryCanceled:
        raise TooSlow from None


class Reading:
    """The pool. It lives as long as the application; a database that is away may come later."""

    def __init__(self, database_url: str, clock: Clock | None = None, *, size: int = CONNECTIONS) -> None:
        self._clock: Clock = clock or SystemClock()
        self._threads = ThreadPoolExecutor(size, thread_name_prefix='reading')
        self._pool: ConnectionPool[psycopg.Connection[Any]] = ConnectionPool(
            database_url,
            min_size=0,
            max_size=size,
            open=False,
            timeout=PATIENCE_S,
            max_idle=60,
            kwargs={
                'options': f'-c default_transaction_read_only=on -c statement_timeout={LONGEST_MS} -c timezone=UTC',
                'connect_timeout': 5,
            },
        )

    async def start(self) -> None:
        self._pool.open(wait=False)

    async def stop(self) -> None:
        await asyncio.to_thread(self._pool.close)
        self._threads.shutdown(wait=False)

    async def ask(
        self, read: Callable[Concatenate['psycopg.Connection[Any]', P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """What `read` tells, of one moment of the database. Raises TooSlow, and DatabaseAway where it is away."""
        return await self._ask(LONGEST_MS, lambda connection: read(connection, *args, **kwargs))

    async def ask_patiently(
        self, read: Callable[Concatenate['psycopg.Connection[Any]', P], T], *args: P.args, **kwargs: P.kwargs
    ) -> T:
        """The same for what somebody waits for knowingly: each statement may take PATIENT_MS."""
        return await self._ask(PATIENT_MS, lambda connection: read(connection, *args, **kwargs))

    async def _ask(self, longest_ms: int, read: Callable[['psycopg.Connection[Any]'], T]) -> T:
        def run() -> T:
            try:
                with self._pool.connection() as connection:
                    connection.isolation_level, connection.read_only = psycopg.IsolationLevel.REPEATABLE_READ, True
                    with connection.transaction():
                        if not isinstance(self._clock, SystemClock):
                            connection.execute(
                                "select set_config('hermes.now', %s, true)", (self._clock.now().isoformat(),)
                            )
                        # A first query, after which no statement turns the transaction into one that writes.
                        connection.execute("select set_config('statement_timeout', %s, true)", (str(longest_ms),))
                        return read(connection)
            except QueryCanceled:
                raise TooSlow from None
            except PoolTimeout as error:
                raise psycopg.OperationalError('no connection for reading') from error

        return await asyncio.get_running_loop().run_in_executor(self._threads, run)
