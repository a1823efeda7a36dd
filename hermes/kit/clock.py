"""Time, as everybody gets it handed: the system's clock in production, a clock that the test owns otherwise.

Nothing in Hermes asks the operating system for the time elsewhere, so that the simulator owns time.
"""

import asyncio
import time
from datetime import UTC, datetime, timedelta
from typing import Final, Protocol

EARLIEST: Final = datetime(1900, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)
"""What lies beyond is no time of ours, and a day more or less of it may be none at all."""


def read_moment(text: str) -> datetime | None:
    """A moment as somebody writes it, in UTC unless it says otherwise; None for what is none."""
    try:
        moment = datetime.fromisoformat(text.strip())
        moment = moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
    except (ValueError, OverflowError):
        return None
    return moment if EARLIEST <= moment < LATEST else None


class Clock(Protocol):
    """Aware UTC time, and waiting for it to pass."""

    def now(self) -> datetime: ...

    def monotonic(self) -> float: ...

    async def sleep(self, duration_s: float) -> None: ...


class SystemClock:
    """The machine's own clock."""

    def now(self) -> datetime:
        return datetime.now(UTC)

    def monotonic(self) -> float:
        return time.monotonic()

    async def sleep(self, duration_s: float) -> None:
        await asyncio.sleep(duration_s)


class ManualClock:
    """A clock that stands still until somebody moves it; `sleep` moves it."""

    def __init__(self, start: datetime) -> None:
        if start.tzinfo is None:
            raise ValueError('a clock starts at an aware datetime')
        self._now = start.astimezone(UTC)
        self._start = self._now

    def now(self) -> datetime:
        return self._now

    def monotonic(self) -> float:
        return (self._now - self._start).total_seconds()

    def advance(self, duration_s: float) -> datetime:
        """Move forward by `duration_s` seconds and return the new time."""
        self._now += timedelta(seconds=duration_s)
        return self._now

    def move_to(self, moment: datetime) -> None:
        """Move to `moment` if it lies ahead."""
        self._now = max(self._now, moment.astimezone(UTC))

    async def sleep(self, duration_s: float) -> None:
        self.advance(duration_s)
        await asyncio.sleep(0)
