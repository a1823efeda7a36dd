"""A worker: the loops that turn the steps, the doorbell that wakes them, the heartbeat that says it is alive.

Many workers on one database share the work; killing any costs at most its lease. A lost bell costs at most `SWEEP_S`: every loop looks
for itself at least that often. Truth is in the rows; nothing here is remembered.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

import structlog
from psycopg import AsyncConnection, Error, sql

from hermes.db import budget, pushes
from hermes.domain.errors import HermesError, Refused
from hermes.sync import connect, sweep
from hermes.sync.engine import Engine
from hermes.sync.ingest import ingest_step
from hermes.sync.push import LostLeaseError, push_step
from hermes.sync.resolve import reread_step

log = structlog.get_logger(__name__)
SWEEP_S: Final = 1.0
BEAT_S: Final = 3.0
AUTH_RETRY_S: Final = 30.0
PUSHERS: Final = 6
Step = Callable[[Engine], Awaitable[object]]


@dataclass
class Bell:
    """Wakes the loops that listen to it."""

    rung: asyncio.Event = field(default_factory=asyncio.Event)

    async def wait(self, timeout_s: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self.rung.wait()
        self.rung.clear()


@dataclass
class Worker:
    """All loops of one process. `prepare` runs once after first contact (set-up of the sandbox)."""

    engine: Engine
    prepare: Callable[[Engine], Awaitable[None]] | None = None
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    bells: dict[str, list[Bell]] = field(default_factory=lambda: {'hermes_event': [], 'hermes_push': []})

    async def run(self) -> None:
        """Work until `stopping` is set. Raises Refused when the database belongs to other accounts (SETUP-12)."""
        await self.engine.database.open()
        try:
            async with asyncio.TaskGroup() as group:
                loops = self._loops()
                tasks = [group.create_task(loop) for loop in loops]
                await self.stopping.wait()
                for task in tasks:
                    task.cancel()
        finally:
            await self._leave()
            await self.engine.database.close()

    def _loops(self) -> Sequence[Coroutine[Any, Any, None]]:
        return [
            self._listen(),
            self._every(BEAT_S, self._beat),
            self._every(BEAT_S, self._tidy),
            self._contact(),
            self._turn(ingest_step, 'hermes_event'),
            self._turn(reread_step, 'hermes_event'),
            self._turn(sweep.sweep_step, 'hermes_push'),
            *(self._turn(push_step, 'hermes_push') for _ in range(PUSHERS)),
        ]

    async def _turn(self, step: Step, channel: str) -> None:
        """Turn one step for ever: again at once while there is work, else at the bell or after SWEEP_S."""
        bell = Bell()
        self.bells[channel].append(bell)
        while True:
            try:
                busy = await step(self.engine)
            except LostLeaseError:
                busy = True
            except (Error, OSError) as error:
                log.warning('the database did not do a step; it is tried again', step=step.__name__, error=type(error).__name__)
                await self.engine.clock.sleep(1.0)
                continue
            except Exception:
                log.exception('a step failed; it is tried again', step=step.__name__)
                await self.engine.clock.sleep(1.0)
                continue
            if not busy:
                await bell.wait(await self._rest_s(step))

    async def _rest_s(self, step: Step) -> float:
        """How long a loop with nothing to do rests: until the next push is due, at most SWEEP_S."""
        if step is not push_step:
            return SWEEP_S
        try:
            async with self.engine.database.transaction() as connection:
                due_at = await pushes.next_due_at(connection)
        except (Error, OSError):
            return SWEEP_S
        if due_at is None:
            return SWEEP_S
        return min(SWEEP_S, max(0.05, (due_at - self.engine.clock.now()).total_seconds()))

    async def _listen(self) -> None:
        """The doorbell: NOTIFY of whoever wrote an event or a push. It comes back after every loss of the connection."""
        while True:
            try:
                async with await AsyncConnection.connect(self.engine.database.url, autocommit=True, connect_timeout=5) as connection:
                    for channel in self.bells:
                        await connection.execute(sql.SQL('listen {}').format(sql.Identifier(channel)))
                    async for notice in connection.notifies():
                        for bell in self.bells[notice.channel]:
                            bell.rung.set()
            except (Error, OSError) as error:
                log.warning('the doorbell is away; every loop looks for itself meanwhile', error=type(error).__name__)
                await self.engine.clock.sleep(1.0)

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await act()
            except (Error, OSError) as error:
                log.warning('the database is away', error=type(error).__name__)
            await self.engine.clock.sleep(seconds)

    async def _beat(self) -> None:
        await self.engine.database.execute(
            'insert into worker (id, started_at, seen_at, host, pid) values (%s, hermes_now(), hermes_now(), %s, %s) '
            'on conflict (id) do update set seen_at = excluded.seen_at',
            (self.engine.worker, socket.gethostname(), os.getpid()),
        )

    async def _tidy(self) -> None:
        """What is over is forgotten: ended reservations, workers that are gone."""
        async with self.engine.database.transaction() as connection:
            await budget.forget(connection)
            await connection.execute("delete from worker where seen_at < hermes_now() - interval '1 hour'")

    async def _leave(self) -> None:
        with contextlib.suppress(Error, OSError):
            await self.engine.database.execute('delete from worker where id = %s', (self.engine.worker,))

    async def _contact(self) -> None:
        """First contact with the CRM, tried until it works; then once in a while, when its credentials had stopped working (OUT-7)."""
        system = self.engine.systems.get('pipedrive')
        while system is not None:
            try:
                await connect.connect(self.engine, system)
                if self.prepare:
                    await self.prepare(self.engine)
                async with self.engine.database.transaction() as connection:
                    await sweep.ensure_first(connection, system.name)
                    await connection.execute('notify hermes_push')
                break
            except Refused:
                raise
            except (HermesError, Error, OSError, ValueError, KeyError) as error:
                log.warning('the CRM cannot be spoken to yet', reason=str(error) if isinstance(error, HermesError) else type(error).__name__)
                await self.engine.clock.sleep(2.0)
        while system is not None:
            await self.engine.clock.sleep(AUTH_RETRY_S)
            await self._try_credentials()

    async def _try_credentials(self) -> None:
        """A system that was paused by a 401 resumes when its credentials work again."""
        paused = await self.engine.database.fetch("select system from system_state where paused and reason like 'OUT-7%%'")
        for row in paused:
            system = self.engine.systems.get(row['system'])
            if system is None:
                continue
            with contextlib.suppress(HermesError):
                await connect.connect(self.engine, system)
                await self.engine.database.execute(
                    "update system_state set paused = false, reason = '', since = null where system = %s", (row['system'],)
                )
