"""A worker: the loops that turn the steps, the doorbell that wakes them, the heartbeat that says it is alive.

Many workers on one database share the work; killing any costs at most its lease. A lost bell costs at most `SWEEP_S`:
every loop looks for itself at least that often. Truth is in the rows; nothing here is remembered.
"""

import asyncio
import contextlib
import os
import socket
from collections.abc import Awaitable, Callable, Coroutine, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any, Final, Literal

import structlog

from hermes.db import bells, budget, housekeeping, pushes, workers
from hermes.db.pool import DatabaseError, Notice, listen
from hermes.domain.errors import HermesError, Refused
from hermes.kit.endings import do_within, end_tasks
from hermes.sync import connect, sweep
from hermes.sync.calendars import follow_step
from hermes.sync.cataloguing import heal_step
from hermes.sync.engine import Engine
from hermes.sync.frontdoor import CLOSED_S, OPEN_S, FrontDoor
from hermes.sync.held_pushes import held_step
from hermes.sync.ingest import ingest_due
from hermes.sync.push import LostLeaseError, look, push_claimed
from hermes.sync.replay import replay_step
from hermes.sync.resolve import reread_step

log = structlog.get_logger(__name__)
SWEEP_S: Final = 1.0
BEAT_S: Final = 3.0
GROWTH_S: Final = 1.0
AUTH_RETRY_S: Final = 30.0
HELD_S: Final = 60.0
SET_UP_S: Final = 0.1
PUSHERS: Final = 6
SOON_S: Final = 0.02
REST_S: Final = 0.2
"""Who found nothing in what is seldom there does not look again for so long, however often the bell rings."""
FINISH_S: Final = 4.0
"""How long a worker that is asked to stop goes on with the calls that are in the air."""
FAREWELL_S: Final = 1.0
"""How long it tries to take its row away, and then to close its connections."""
Step = Callable[[Engine], Awaitable[object]]
Part = Literal['both', 'ingest', 'push']
"""What a process does: apply what came in, or everything else; each is enough of on its own."""


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
    """All loops of one process. `prepare` runs once after first contact (set-up of the sandbox), `subscribe` once our
    door is open; `schedules` does what has to be done by the calendar, for as long as the worker runs.
    """

    engine: Engine
    part: Part = 'both'
    prepare: Callable[[Engine], Awaitable[None]] | None = None
    is_prepared: Callable[[Engine], Awaitable[bool]] | None = None
    """Nothing is applied before it says so: who signs up in the demo's first second has a sales person too (D-16)."""
    subscribe: Callable[[Engine], Awaitable[None]] | None = None
    schedules: Callable[[], Awaitable[None]] | None = None
    door: FrontDoor | None = None
    """Our public door; nothing is written outside while it is closed. None: nobody looks."""
    post: Step | None = None
    """Sends one letter that is due (sync/letters.py), with the mail server at hand."""
    call: Step | None = None
    """Calls the host whose users are kept, where it has to hear of something."""
    stopping: asyncio.Event = field(default_factory=asyncio.Event)
    acquainted: asyncio.Event = field(default_factory=asyncio.Event)
    """The accounts are those that the database belongs to; nothing is sent before that is known (SETUP-12)."""
    opened: asyncio.Event = field(default_factory=asyncio.Event)
    """Our door is open at this moment."""
    lookout: asyncio.Lock = field(default_factory=asyncio.Lock)
    """Whoever holds it looks for the next push; the other idle pushers wait behind it, and cost nothing."""
    failed: list[BaseException] = field(default_factory=list)
    working: int = 0
    """Pushers that work on something."""
    rest_s: float = 0.0
    """How long whoever looks out next rests first, if no bell rings."""
    under_way: set[str] = field(default_factory=set)
    """The graphs that this worker pushes: nobody can claim them meanwhile."""
    put_off: set[str] = field(default_factory=set)
    """Those of them for which the bell rang: it rings again when they are free."""
    pushed: Bell = field(default_factory=Bell)
    bells: dict[str, list[Bell]] = field(default_factory=lambda: {name: [] for name in bells.ALL})

    def __post_init__(self) -> None:
        self.bells[bells.PUSH].append(self.pushed)
        self.engine.door_open = self.door is None
        if self.engine.door_open:
            self.opened.set()

    async def run(self) -> None:
        """Work until `stopping` is set. Raises Refused when the database belongs to other accounts (SETUP-12). Gets out
        in bounded time, whatever its loops do.
        """
        await self.engine.database.open()
        try:
            await self._work()
        finally:
            await do_within(FAREWELL_S, self._leave())
            await do_within(FAREWELL_S, self.engine.database.close())

    async def _work(self) -> None:
        turns, others = self._start(self._turns()), self._start(self._others())
        try:
            await self.stopping.wait()
            if not self.failed:
                self._ring_all()
                await asyncio.wait(turns, timeout=FINISH_S)
        finally:
            left = await end_tasks({*turns, *others})
        if left:
            log.warning('loops did not end and are left behind', loops=sorted(task.get_name() for task in left))
        if self.failed:
            raise self.failed[0]

    def _start(self, loops: Iterable[Coroutine[Any, Any, None]]) -> list[asyncio.Task[None]]:
        tasks = [asyncio.create_task(loop, name=getattr(loop, '__qualname__', None)) for loop in loops]
        for task in tasks:
            task.add_done_callback(self._notice_failure)
        return tasks

    def _notice_failure(self, task: asyncio.Task[None]) -> None:
        """What ends one loop ends them all."""
        if not task.cancelled() and (error := task.exception()):
            self.failed.append(error)
            self.stopping.set()

    def _ring_all(self) -> None:
        self.acquainted.set()
        self.opened.set()
        for bell in (bell for rung in self.bells.values() for bell in rung):
            bell.rung.set()

    def _others(self) -> Sequence[Coroutine[Any, Any, None]]:
        always = [self._listen(), self._every(BEAT_S, self._beat), self._every(GROWTH_S, self._notice_growth)]
        if self.part == 'ingest':
            return always
        return [
            *always,
            self._every(BEAT_S, self._tidy),
            self._every(HELD_S, self._look_at_held),
            self._every(BEAT_S, self._look_at_fields),
            self._contact(),
            self._every(AUTH_RETRY_S, self._look_at_paused),
            *([self._watch_door(self.door)] if self.door else []),
            *([self._subscribe(self.subscribe)] if self.subscribe else []),
            *([self._keep(self.schedules)] if self.schedules else []),
        ]

    def _turns(self) -> Sequence[Coroutine[Any, Any, None]]:
        ingest = [self._turn(self._ingest, bells.EVENT)] if self.part != 'push' else []
        if self.part == 'ingest':
            return ingest
        return [
            *ingest,
            self._turn(reread_step, bells.READING),
            self._turn(sweep.sweep_step, bells.ERRAND, REST_S),
            self._turn(follow_step, bells.ERRAND, REST_S),
            self._turn(replay_step, bells.ERRAND, REST_S),
            *([self._turn(self.post, bells.ERRAND, REST_S)] if self.post else []),
            *([self._turn(self.call, bells.ERRAND, REST_S)] if self.call else []),
            *(self._turn(self._push, bells.PUSH) for _ in range(PUSHERS)),
        ]

    async def _turn(self, step: Step, channel: str, rest_s: float = 0.0) -> None:
        """Turn one step until the worker stops: again at once while there is work, else at the bell or after
        SWEEP_S.
        """
        bell = Bell()
        self.bells[channel].append(bell)
        if channel == bells.EVENT:
            await self._await_set_up()
        else:
            await self.acquainted.wait()
        while not self.stopping.is_set():
            try:
                busy = await step(self.engine)
            except LostLeaseError:
                busy = True
            except (DatabaseError, OSError) as error:
                log.warning(
                    'the database did not do a step; it is tried again', step=step.__name__, error=type(error).__name__
                )
                await self.engine.clock.sleep(1.0)
                continue
            except Exception:
                log.exception('a step failed; it is tried again', step=step.__name__)
                await self.engine.clock.sleep(1.0)
                continue
            if not busy:
                await self.engine.clock.sleep(rest_s)
                await bell.wait(SWEEP_S)

    async def _await_set_up(self) -> None:
        while self.is_prepared and not self.stopping.is_set():
            with contextlib.suppress(DatabaseError, OSError):
                if await self.is_prepared(self.engine):
                    return
            await self.engine.clock.sleep(SET_UP_S)

    async def _ingest(self, engine: Engine) -> bool:
        """Whether more may be due than was applied."""
        return (await ingest_due(engine))[1]

    async def _push(self, engine: Engine) -> bool:
        """One turn of a pusher: rest until something can be due, look out for a company graph, push it."""
        async with self.lookout:
            if self.rest_s:
                await self.pushed.wait(self.rest_s)
            await self.opened.wait()
            if self.stopping.is_set():
                return False
            claimed, due_s = await look(engine, self.working)
            self.rest_s = SWEEP_S if due_s is None else min(SWEEP_S, due_s and max(SOON_S, due_s))
            if not claimed:
                return True
        self.working += 1
        graph = pushes.named(claimed[0])
        self.under_way.add(graph)
        try:
            await push_claimed(engine, claimed)
        finally:
            self.working -= 1
            self.free(graph)
        return True

    def heed(self, notice: Notice) -> None:
        """A bell rang. Nobody can claim what this worker has under way: it is looked for when it is free."""
        if notice.channel == bells.PUSH and notice.payload in self.under_way:
            self.put_off.add(notice.payload)
            return
        for bell in self.bells.get(notice.channel, ()):
            bell.rung.set()

    def free(self, graph: str) -> None:
        """A graph was pushed."""
        self.under_way.discard(graph)
        if graph in self.put_off:
            self.put_off.discard(graph)
            self.pushed.rung.set()

    async def _listen(self) -> None:
        """The doorbell: NOTIFY of whoever wrote what there is to do. It comes back after every loss of the
        connection.
        """
        while True:
            try:
                async for notice in listen(self.engine.database.url, self.bells):
                    self.heed(notice)
            except (DatabaseError, OSError) as error:
                log.warning('the doorbell is away; every loop looks for itself meanwhile', error=type(error).__name__)
                await self.engine.clock.sleep(1.0)

    async def _keep(self, act: Callable[[], Awaitable[None]]) -> None:
        """Keep something running for ever, whatever ends it."""
        while True:
            try:
                await act()
            except Exception:
                log.exception('the schedules stopped; they are started again')
            await self.engine.clock.sleep(BEAT_S)

    async def _every(self, seconds: float, act: Callable[[], Awaitable[None]]) -> None:
        while True:
            try:
                await act()
            except (DatabaseError, OSError) as error:
                log.warning('the database is away', error=type(error).__name__)
            except Exception:
                log.exception('something that is done now and then failed; it is tried again', what=act.__name__)
            await self.engine.clock.sleep(seconds)

    async def _watch_door(self, door: FrontDoor) -> None:
        """Look at our own door; the pushers rest while it is closed."""
        while not self.stopping.is_set():
            try:
                is_open = await door.check(self.engine.database)
            except (DatabaseError, OSError) as error:
                log.warning('the database is away', error=type(error).__name__)
                is_open = door.open
            self.engine.door_open = is_open
            if is_open:
                self.opened.set()
            elif not self.stopping.is_set():
                self.opened.clear()
            await self.engine.clock.sleep(OPEN_S if is_open else CLOSED_S)

    async def _subscribe(self, subscribe: Callable[[Engine], Awaitable[None]]) -> None:
        """Once, when the accounts are known and our door is open; tried until it works."""
        for event in (self.acquainted, self.opened):
            await event.wait()
        while not self.stopping.is_set():
            try:
                return await subscribe(self.engine)
            except (HermesError, DatabaseError, OSError) as error:
                log.warning('our subscription cannot be registered yet', error=type(error).__name__)
                await self.engine.clock.sleep(2.0)

    async def _beat(self) -> None:
        async with self.engine.database.transaction() as connection:
            await workers.beat(connection, self.engine.worker, socket.gethostname(), os.getpid())

    async def _tidy(self) -> None:
        """What is over is forgotten: ended reservations, workers that are gone."""
        async with self.engine.database.transaction() as connection:
            await budget.forget(connection)
            await workers.forget_lost(connection)

    async def _notice_growth(self) -> None:
        await housekeeping.notice_growth(self.engine.database)

    async def _look_at_held(self) -> None:
        await held_step(self.engine)

    async def _look_at_fields(self) -> None:
        """A field that the CRM does not know any more holds up no write for long (FIELD-7)."""
        if self.acquainted.is_set():
            with contextlib.suppress(HermesError):
                await heal_step(self.engine)

    async def _leave(self) -> None:
        with contextlib.suppress(DatabaseError, OSError):
            async with self.engine.database.transaction() as connection:
                await workers.leave(connection, self.engine.worker)

    async def _contact(self) -> None:
        """First contact with every system that asks for it, tried until it works."""
        asking = [system for system in self.engine.systems.values() if system.profile.must_meet]
        if not asking:
            self.acquainted.set()
        while asking:
            try:
                fresh = [system.name for system in asking if not await connect.is_known(self.engine, system)]
                for system in asking:
                    if system.name in fresh:
                        log.info(
                            'first contact: the account, its fields, pipelines and people are read', of=system.name
                        )
                    await connect.connect(self.engine, system)
                self.acquainted.set()
                if self.prepare:
                    await self.prepare(self.engine)
                async with self.engine.database.transaction() as connection:
                    for system in asking:
                        await sweep.ensure_first(connection, system.profile)
                for name in fresh:
                    log.info('the first listing: everything that stands there is read', of=name)
                break
            except Refused:
                raise
            except (HermesError, DatabaseError, OSError, ValueError, KeyError) as error:
                log.warning(
                    'the systems cannot be spoken to yet',
                    reason=str(error) if isinstance(error, HermesError) else type(error).__name__,
                )
                await self.engine.clock.sleep(2.0)

    async def _look_at_paused(self) -> None:
        """Every system whose credentials had stopped working goes on once they work again (OUT-7)."""
        if self.acquainted.is_set():
            await connect.try_credentials(self.engine)
