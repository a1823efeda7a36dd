"""Where a worker can be stopped: after every commit, before every request, after every answer; it can die there, and
before a commit too.

The points are found by wrapping the commit and the transport, never listed by hand; `reached` counts them by the
function that stood there, `crashed` those at which somebody died.
"""

import asyncio
import random
import sys
from collections import Counter
from collections.abc import Coroutine
from types import FrameType
from typing import Any

import httpx2

from hermes.kit.clock import ManualClock

CALL_S = 8.0


class Crash(BaseException):
    """The process of a worker ended here. Nothing catches it."""


class Gate:
    """The stopping places of one worker."""

    def __init__(self, clock: ManualClock, reached: Counter[str], crashed: Counter[str]) -> None:
        self.clock, self.reached, self.crashed = clock, reached, crashed
        self.chance = random.Random(0)
        self.crash_p = self.pause_p = 0.0
        self.told: list[str] = []
        self.task: asyncio.Task[Any] | None = None
        self.at = ''
        self._stopped = asyncio.Event()
        self._go: asyncio.Future[None] | None = None

    @property
    def busy(self) -> bool:
        """Whether a step stands still inside."""
        return self.task is not None

    async def start(self, step: Coroutine[Any, Any, Any]) -> None:
        """Begin a step and return when it ended or stands still."""
        assert self.task is None
        self.task = asyncio.create_task(step)
        self.task.add_done_callback(lambda _: self._stopped.set())
        await self._watch()

    async def resume(self) -> None:
        """Let a step that stands still go on, until it ends or stands still again."""
        assert self._go is not None
        go, self._go = self._go, None
        go.set_result(None)
        await self._watch()

    async def finish(self) -> None:
        """Nobody dies or stops any more; what stands still goes on to its end."""
        self.crash_p = self.pause_p = 0.0
        while self.task is not None:
            await self.resume()

    async def give_up(self) -> None:
        """Whoever stands still inside ends there."""
        self.crash_p = self.pause_p = 0.0
        task, self.task, self._go = self.task, None, None
        if task is not None:
            task.cancel()
            await asyncio.wait([task])
        self._stopped.clear()

    async def _watch(self) -> None:
        await self._stopped.wait()
        self._stopped.clear()
        if self.task is not None and self.task.done():
            error, self.task = self.task.exception(), None
            if error is not None and not isinstance(error, Crash):
                raise error

    async def commit(self, where: str) -> None:
        """The hook of a `Database`."""
        await self.point(where, may_stop=where == 'after commit')

    async def point(self, where: str, *, may_stop: bool = True) -> None:
        if self.task is None or asyncio.current_task() is not self.task:
            return
        name = f'{where}: {caller()}'
        self.reached[name] += 1
        luck = self.chance.random()
        if luck < self.crash_p:
            self.crashed[name] += 1
            self.told.append(f'crash {name}')
            raise Crash(name)
        if may_stop and luck < self.crash_p + self.pause_p:
            self.told.append(f'stop {name}')
            self.at = name
            self._go = asyncio.get_running_loop().create_future()
            self._stopped.set()
            await self._go


def caller() -> str:
    """The function of the engine or the stores that stands here."""
    frame: FrameType | None = sys._getframe(1)
    while frame is not None:
        path = frame.f_code.co_filename
        if ('/hermes/sync/' in path or '/hermes/db/' in path) and not path.endswith('/db/pool.py'):
            return f'{path.rpartition("/")[2].removesuffix(".py")}.{frame.f_code.co_name}:{frame.f_lineno}'
        frame = frame.f_back
    return '?'


class GateTransport(httpx2.AsyncBaseTransport):
    """The way out of one worker. A request that is held up for longer than its deadline never arrives."""

    def __init__(self, inner: httpx2.AsyncBaseTransport, gate: Gate) -> None:
        self.inner, self.gate = inner, gate

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        asked_at = self.gate.clock.monotonic()
        await self.gate.point(f'before {request.method}')
        if self.gate.clock.monotonic() - asked_at > CALL_S:
            raise httpx2.ReadTimeout('held up for too long', request=request)
        answer = await self.inner.handle_async_request(request)
        await self.gate.point(f'after {request.method}')
        return answer
