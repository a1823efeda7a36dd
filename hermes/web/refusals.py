"""What was refused (deliveries, logins) is counted in memory and written, and logged, at most once a minute per source
and reason (S18).

So a stranger who knocks a million times costs one row and one line a minute. Reasons come from a short fixed list:
nothing of the request is ever part of one.
"""

import asyncio
from collections import Counter
from collections.abc import Awaitable, Callable, Mapping
from typing import Literal

import structlog

from hermes.db.inbox import Unavailable
from hermes.kit import endings
from hermes.kit.clock import Clock

log = structlog.get_logger(__name__)

Reason = Literal[
    'wrong signature',
    'no secret configured',
    'too large',
    'truncated',
    'not JSON',
    'not storable',
    'no room',
    'wrong password',
    'wrong code',
    'foreign form',
]
Counts = Mapping[tuple[str, str], int]

PERIOD_S = 60.0


class Refusals:
    """Counts refusals; `write` stores a period's counts."""

    def __init__(self, write: Callable[[Counts], Awaitable[None]], clock: Clock) -> None:
        self._write = write
        self._clock = clock
        self._counts: Counter[tuple[str, str]] = Counter()
        self._logged: dict[tuple[str, str], float] = {}
        self._task: asyncio.Task[None] | None = None

    def count(self, source: str, reason: Reason) -> None:
        """One more refusal."""
        key = (source, reason)
        self._counts[key] += 1
        now = self._clock.monotonic()
        if now - self._logged.get(key, -PERIOD_S) >= PERIOD_S:
            self._logged[key] = now
            log.warning('delivery refused', source=source, reason=reason)

    async def start(self) -> None:
        """Write once a minute from now on."""
        self._task = asyncio.create_task(endings.keep('refusals', self._run), name='refusals')

    async def stop(self) -> None:
        """Write what is left and end."""
        if self._task:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)
            self._task = None
        await self.flush()

    async def flush(self) -> None:
        """Write the counts now; they are kept for the next time when the database is away."""
        counts, self._counts = self._counts, Counter()
        if not counts:
            return
        try:
            await self._write(counts)
        except Unavailable:
            self._counts.update(counts)
        except Exception:
            self._counts.update(counts)
            raise

    async def _run(self) -> None:
        while True:
            await self._clock.sleep(PERIOD_S)
            await self.flush()
