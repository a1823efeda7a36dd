"""250 requests in 10 seconds, for each access token and for each address that calls, and the headers that tell.

`overruns` counts every call that came too early: a caller that keeps the limit leaves it at 0.
"""

from __future__ import annotations

from datetime import datetime, timedelta

from hermes.kit.clock import Clock
from hermes.sandbox.nationbuilder.answers import TooMany

LIMIT = 250
WINDOW_S = 10


class Limits:
    """Windows of ten seconds that begin with the first call."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.windows: dict[str, tuple[datetime, int]] = {}
        self.overruns = 0

    def charge(self, *callers: str) -> None:
        """Let one call of these callers (a token, an address) pass. Raises TooMany."""
        now = self.clock.now()
        for caller in callers:
            opened_at, count = self._window(caller, now)
            if count >= LIMIT:
                self.overruns += 1
                raise TooMany(self._wait_s(opened_at, now))
            self.windows[caller] = (opened_at, count + 1)

    def headers(self, *callers: str) -> dict[str, str]:
        """The three headers of every answer, of the window that is fuller."""
        now = self.clock.now()
        opened_at, count = max((self._window(caller, now) for caller in callers), key=lambda window: window[1])
        return _headers(LIMIT - count, opened_at)

    def spent(self) -> dict[str, str]:
        """The headers of a refusal that the weather made."""
        now = self.clock.now()
        return _headers(0, now) | {'Retry-After': str(WINDOW_S)}

    def _window(self, caller: str, now: datetime) -> tuple[datetime, int]:
        opened_at, count = self.windows.get(caller, (now, 0))
        return (opened_at, count) if now < opened_at + timedelta(seconds=WINDOW_S) else (now, 0)

    def _wait_s(self, opened_at: datetime, now: datetime) -> int:
        left = opened_at + timedelta(seconds=WINDOW_S) - now
        return max(int(left.total_seconds() + 0.999), 1)


def _headers(remaining: int, opened_at: datetime) -> dict[str, str]:
    return {
        'RateLimit-Limit': str(LIMIT),
        'RateLimit-Remaining': str(max(remaining, 0)),
        'RateLimit-Reset': str(int(opened_at.timestamp()) + WINDOW_S),
    }
