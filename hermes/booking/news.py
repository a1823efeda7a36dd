"""Whoever waits for a meeting to reach its calendar is woken when its push moved: one connection of each process
listens for all of them.

While nobody listens (the connection is lost, or was never made) they look again and again; a notice that is lost costs
at most `NET_S`.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import Final

import structlog

from hermes.db.meetings import CARRIED
from hermes.db.pool import DatabaseError, listen
from hermes.kit.endings import end_tasks, keep

log = structlog.get_logger(__name__)
Pause = Callable[[float], Awaitable[None]]
POLL_S: Final = 0.1
NET_S: Final = 1.0
RECONNECT_S: Final = 1.0


class CalendarNews:
    """`pause`: how a visitor's request waits while nobody listens. `net_s`: how long it waits for a notice at most."""

    def __init__(self, database_url: str, pause: Pause, net_s: float = NET_S) -> None:
        self._url = database_url
        self._pause, self._net_s = pause, net_s
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self.listening = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    def start(self) -> None:
        self._task = asyncio.create_task(keep('calendar-news', self._listen), name='calendar-news')

    async def stop(self) -> None:
        if self._task is not None:
            await end_tasks({self._task})

    @contextmanager
    def of(self, meeting: int) -> Iterator[Pause]:
        """How to wait for news of a meeting, at most so many seconds. What moved since the last wait is news, too."""
        rung = asyncio.Event()
        waiting = self._waiting.setdefault(str(meeting), set())
        waiting.add(rung)

        async def wait(duration_s: float) -> None:
            if not self.listening.is_set():
                return await self._pause(min(POLL_S, duration_s))
            with suppress(TimeoutError):
                async with asyncio.timeout(min(self._net_s, duration_s)):
                    await rung.wait()
            rung.clear()

        try:
            yield wait
        finally:
            waiting.discard(rung)
            if not waiting:
                self._waiting.pop(str(meeting), None)

    async def _listen(self) -> None:
        while True:
            try:
                async for notice in listen(self._url, [CARRIED]):
                    self.listening.set()
                    for rung in self._waiting.get(notice.payload, ()):
                        rung.set()
            except (DatabaseError, OSError) as error:
                log.warning('news of the calendar do not come; who waits looks again', error=type(error).__name__)
            self.listening.clear()
            await asyncio.sleep(RECONNECT_S)
