"""Where deliveries become rows: many requests wait for one INSERT and one commit.

I1: `add` returns after the commit of its group and never before. I2: the unique key (source, dedupe_key) decides, so a
delivery that comes a hundred times at one moment is one row. I12: a group that fails is tried one by one, so that one
bad body harms nobody. I24: a lost connection is made again; what waited is tried again, which the key makes harmless.
S13: a bounded queue, at most GROUP_SIZE events a group, and nobody waits longer than `patience_s`.
"""

import asyncio
import json
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Protocol

import psycopg
import structlog
from psycopg.conninfo import conninfo_to_dict, make_conninfo

from hermes.domain.errors import HermesError, Refused
from hermes.kit import endings
from hermes.kit.clock import Clock, SystemClock

log = structlog.get_logger(__name__)

GROUP_SIZE = 256
"""Most events in one INSERT."""
QUEUE_EVENTS = 5_000
QUEUE_BYTES = 64 * 1024 * 1024
"""What may wait for a commit, per process; beyond it a delivery is answered 503 and comes again."""
CONNECTIONS = 2
"""Groups in flight at a time; the second is prepared while the first commits."""
PATIENCE_S = 3.0
"""Longest wait for a commit: the most impatient sender gives up after 8 s."""
STATEMENT_TIMEOUT_S = 4.0
RECONNECT_S = (0.05, 0.1, 0.2, 0.4)
"""Pauses between attempts to connect; the last one is repeated."""
CHANNEL = 'hermes_event'

ADD_EVENTS = f"""
with added as (
  insert into event (source, kind, dedupe_key, received_at, due_at, headers, body, state, reason)
  select source, kind, dedupe_key, now, now, headers::jsonb, body, state, nullif(reason, '')
  from unnest(%b::text[], %b::text[], %b::bytea[], %b::text[], %b::bytea[], %b::text[], %b::text[])
    as given (source, kind, dedupe_key, headers, body, state, reason), hermes_now() as now
  on conflict (source, dedupe_key) do nothing
  returning source, dedupe_key
), bell as (select pg_notify('{CHANNEL}', ''))
select source, dedupe_key from added, bell
"""
"""One statement, hence one transaction and one round trip: rows, and the bell once per group if something is new."""

ADD_REFUSALS = """
insert into refusal (source, reason, count, at)
select source, reason, count, hermes_now()
from unnest(%s::text[], %s::text[], %s::int[]) as given (source, reason, count)
"""


class Unavailable(HermesError):
    """The database is away or too far behind: the sender should come again."""


class Unstorable(Refused):
    """The database refuses what is in this one event, however often it comes."""


@dataclass(frozen=True, slots=True)
class NewEvent:
    """A delivery as it arrived. `headers` are an allow-list already (S17); `state` 'done' stores without applying."""

    source: str
    kind: str
    dedupe_key: bytes
    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)
    state: str = 'new'
    reason: str = ''


class Gauge(Protocol):
    """Told about every group that was committed."""

    def __call__(self, size: int, duration_s: float) -> None: ...


@dataclass(slots=True)
class _Waiting:
    event: NewEvent
    added: 'asyncio.Future[bool]'

    @property
    def key(self) -> tuple[str, bytes]:
        return self.event.source, self.event.dedupe_key


class Inbox:
    """Commits events in groups. One per process; `start` and `stop` belong to the event loop that uses it."""

    def __init__(self, conninfo: str, clock: Clock, *, patience_s: float = PATIENCE_S) -> None:
        self._conninfo = patient_conninfo(conninfo)
        self._clock = clock
        self._patience_s = patience_s
        self._queue: deque[_Waiting] = deque()
        self._bytes = 0
        self._wake = asyncio.Event()
        self._tasks: list[asyncio.Task[None]] = []
        self._stopping = False
        self._down_since: float | None = None
        self.on_commit: Gauge | None = None

    async def start(self) -> None:
        """Begin to work. Does not wait for the database: it may come later."""
        self._stopping = False
        names = [f'inbox-{number}' for number in range(CONNECTIONS)]
        self._tasks = [asyncio.create_task(endings.keep(name, self._work), name=name) for name in names]

    async def stop(self) -> None:
        """Commit what waits (at most `patience_s`), then close the connections."""
        self._stopping = True
        self._wake.set()
        if self._tasks:
            _, late = await asyncio.wait(self._tasks, timeout=self._patience_s)
            for task in late:
                task.cancel()
            await asyncio.gather(*self._tasks, return_exceptions=True)
        self._tasks = []
        while self._queue:
            _fail(self._queue.popleft(), Unavailable('Hermes is stopping.'))
        self._bytes = 0

    async def add(self, event: NewEvent) -> bool:
        """Store `event`; True if it is new, False if it was there already. Returns after the commit.

        Raises Unavailable (nobody knows whether it was stored; sending it again is harmless) or Unstorable.
        """
        self._admit(event)
        waiting = _Waiting(event, asyncio.get_running_loop().create_future())
        self._queue.append(waiting)
        self._bytes += len(event.body)
        self._wake.set()
        try:
            async with asyncio.timeout(self._patience_s):
                return await waiting.added
        except TimeoutError:
            raise Unavailable('The database does not answer.') from None

    async def write_refusals(self, counts: Mapping[tuple[str, str], int]) -> None:
        """Store counts of refused deliveries by (source, reason) (S18). Raises Unavailable."""
        rows = [(source, reason, count) for (source, reason), count in counts.items() if count]
        if not rows:
            return
        try:
            async with await self._connect() as connection:
                await connection.execute(ADD_REFUSALS, [list(column) for column in zip(*rows, strict=True)])
        except psycopg.Error as error:
            raise Unavailable(f'The database does not answer ({type(error).__name__}).') from None

    def _admit(self, event: NewEvent) -> None:
        if self._stopping or not self._tasks:
            raise Unavailable('Hermes is stopping.')
        if len(self._queue) >= QUEUE_EVENTS or self._bytes + len(event.body) > QUEUE_BYTES:
            raise Unavailable('Too much is waiting for the database.')
        if self._down_since is not None and self._clock.monotonic() - self._down_since > self._patience_s:
            raise Unavailable('The database is away.')

    def _take(self) -> list[_Waiting]:
        group: list[_Waiting] = []
        while self._queue and len(group) < GROUP_SIZE:
            waiting = self._queue.popleft()
            self._bytes -= len(waiting.event.body)
            if not waiting.added.done():
                group.append(waiting)
        # Two groups that hold the same keys in opposite order would wait for each other.
        group.sort(key=lambda waiting: waiting.key)
        return group

    async def _work(self) -> None:
        connection: psycopg.AsyncConnection | None = None
        group: list[_Waiting] = []
        try:
            while True:
                if connection is None:
                    connection = await self._reconnect()
                    if connection is None:
                        break
                group = [waiting for waiting in group if not waiting.added.done()] or await self._next_group()
                if not group:
                    break
                connection = await self._commit(connection, group)
        finally:
            for waiting in group:
                _fail(waiting, Unavailable('Hermes is stopping.'))
            if connection is not None:
                await connection.close()

    async def _next_group(self) -> list[_Waiting]:
        """The next events, or none when the inbox is stopping and empty."""
        while True:
            while not self._queue:
                if self._stopping:
                    return []
                self._wake.clear()
                await self._wake.wait()
            await asyncio.sleep(0)  # everybody who is ready now joins this group
            if group := self._take():
                return group

    async def _reconnect(self) -> psycopg.AsyncConnection | None:
        """A connection, however long it takes; None when the inbox is stopping."""
        attempt = 0
        while not self._stopping:
            try:
                connection = await self._connect()
            except (psycopg.Error, OSError) as error:
                if self._down_since is None:
                    self._down_since = self._clock.monotonic()
                    log.warning('database away', error=type(error).__name__)
                await self._clock.sleep(RECONNECT_S[min(attempt, len(RECONNECT_S) - 1)])
                attempt += 1
                continue
            if self._down_since is not None:
                self._down_since = None
                log.info('database back')
            return connection
        return None

    async def _connect(self) -> psycopg.AsyncConnection:
        connection = await psycopg.AsyncConnection.connect(self._conninfo, autocommit=True)
        # An acknowledged event survives a crash of the server (I1), whatever the server's default is.
        await connection.execute(
            "select set_config('statement_timeout', %s, false),"
            " case current_setting('synchronous_commit')"
            " when 'off' then set_config('synchronous_commit', 'on', false) end",
            [f'{STATEMENT_TIMEOUT_S * 1000:.0f}'],
        )
        return connection

    async def _commit(
        self, connection: psycopg.AsyncConnection, group: list[_Waiting]
    ) -> psycopg.AsyncConnection | None:
        """Commit `group`. None: the connection is lost, and what is undecided comes again on the next one."""
        started = self._clock.monotonic()
        try:
            await self._tell_time(connection)
            added = await _insert(connection, group)
        except psycopg.Error as error:
            if await _lost(connection, error):
                return None
            return await self._one_by_one(connection, group)
        for waiting in group:
            if not waiting.added.done():
                waiting.added.set_result(waiting.key in added)
            added.discard(waiting.key)
        if self.on_commit:
            self.on_commit(len(group), self._clock.monotonic() - started)
        return connection

    async def _tell_time(self, connection: psycopg.AsyncConnection) -> None:
        """A clock that is not the system's owns the server's time too (as in hermes.db.pool)."""
        if not isinstance(self._clock, SystemClock):
            await connection.execute("select set_config('hermes.now', %s, false)", [self._clock.now().isoformat()])

    async def _one_by_one(
        self, connection: psycopg.AsyncConnection, group: list[_Waiting]
    ) -> psycopg.AsyncConnection | None:
        for waiting in group:
            if waiting.added.done():
                continue
            started = self._clock.monotonic()
            try:
                await self._tell_time(connection)
                added = await _insert(connection, [waiting])
            except psycopg.Error as error:
                if await _lost(connection, error):
                    return None
                log.error('event not stored', source=waiting.event.source, error=type(error).__name__)
                if isinstance(error, psycopg.DataError | psycopg.IntegrityError):
                    _fail(waiting, Unstorable(f'The database refuses this delivery ({type(error).__name__}).'))
                else:
                    _fail(waiting, Unavailable('The database could not store this delivery.'))
                continue
            if not waiting.added.done():
                waiting.added.set_result(bool(added))
            if self.on_commit:
                self.on_commit(1, self._clock.monotonic() - started)
        return connection


def patient_conninfo(conninfo: str) -> str:
    """`conninfo` (URL or keywords) with short timeouts for a server that went silent, where it names none itself."""
    given = conninfo_to_dict(conninfo)
    defaults = {
        'connect_timeout': '2',
        'keepalives_idle': '5',
        'keepalives_interval': '1',
        'keepalives_count': '3',
        'tcp_user_timeout': '4000',
        'application_name': 'hermes-inbox',
    }
    return make_conninfo(conninfo, **{name: value for name, value in defaults.items() if name not in given})


async def _insert(connection: psycopg.AsyncConnection, group: Sequence[_Waiting]) -> set[tuple[str, bytes]]:
    """The keys that were new."""
    events = [waiting.event for waiting in group]
    cursor = await connection.execute(
        ADD_EVENTS,
        [
            [event.source for event in events],
            [event.kind for event in events],
            [event.dedupe_key for event in events],
            [json.dumps(dict(event.headers)) for event in events],
            [event.body for event in events],
            [event.state for event in events],
            [event.reason for event in events],
        ],
        prepare=True,
        binary=True,
    )
    return {(source, bytes(key)) for source, key in await cursor.fetchall()}


async def _lost(connection: psycopg.AsyncConnection, error: psycopg.Error) -> bool:
    """True if another connection may do better: this one broke, or its server has become a read-only one."""
    if isinstance(error, psycopg.errors.ReadOnlySqlTransaction):
        with suppress(psycopg.Error):
            await connection.close()
    return connection.closed


def _fail(waiting: _Waiting, error: HermesError) -> None:
    if not waiting.added.done():
        waiting.added.set_exception(error)
