"""How many calls are allowed: the daily token budget, the rolling burst window, and what follows from ignoring 429.

Costs are those of the vendor's document (v2 half of v1). A burst is counted per API token in a rolling window of 2 s;
searches have their own. `overruns` counts every call that came too early: a caller that keeps its budget leaves it at
0.
"""

from __future__ import annotations

from collections import deque
from datetime import datetime, timedelta, timezone
from typing import Any

from hermes.kit.clock import Clock
from hermes.sandbox.pipedrive.answers import over_limit

WINDOW = timedelta(seconds=2)
SEARCHES_PER_WINDOW = 10
BURSTS = {'lite': 20, 'growth': 40, 'premium': 100, 'ultimate': 120}
MULTIPLIERS = {'lite': 1, 'growth': 2, 'premium': 5, 'ultimate': 7}
TOKENS_PER_SEAT = 30_000
IGNORED_LIMIT = 10
IGNORED_WINDOW = timedelta(seconds=20)
BLOCK = timedelta(seconds=60)
SERVER_ZONE = timezone(timedelta(hours=2))


class Blocked(Exception):
    """What stands in front of Pipedrive answers instead of it."""


class TokenLedger:
    """Spent tokens of the day and calls of the last two seconds."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.plan, self.seats = 'growth', 5
        self.spent, self.spent_total = 0, 0
        self.overruns, self.daily_overruns, self.blocks = 0, 0, 0
        self.day = self._today()
        self.calls: dict[str, deque[datetime]] = {}
        self.searches: dict[str, deque[datetime]] = {}
        self.refused: deque[datetime] = deque()
        self.blocked_until: datetime | None = None

    def _today(self) -> str:
        return self.clock.now().astimezone(SERVER_ZONE).date().isoformat()

    @property
    def daily_budget(self) -> int:
        return TOKENS_PER_SEAT * MULTIPLIERS[self.plan] * self.seats

    @property
    def burst(self) -> int:
        return BURSTS[self.plan]

    def charge(self, token: str, cost: int, *, searching: bool) -> None:
        """Let one call pass. Raises Refused (429), or Blocked after too many ignored ones."""
        now = self.clock.now()
        if self.blocked_until is not None and now < self.blocked_until:
            raise Blocked
        if self._today() != self.day:
            self.day, self.spent = self._today(), 0
        calls = self._recent(self.calls, token, now)
        searches = self._recent(self.searches, token, now)
        if len(calls) >= self.burst or (searching and len(searches) >= SEARCHES_PER_WINDOW):
            self.overruns += 1
            self._refuse(now)
        if self.spent + cost > self.daily_budget:
            self.daily_overruns += 1
            self._refuse(now)
        calls.append(now)
        if searching:
            searches.append(now)
        self.spent += cost
        self.spent_total += cost

    def _recent(self, windows: dict[str, deque[datetime]], token: str, now: datetime) -> deque[datetime]:
        window = windows.setdefault(token, deque())
        while window and window[0] <= now - WINDOW:
            window.popleft()
        return window

    def _refuse(self, now: datetime) -> None:
        self.refused.append(now)
        while self.refused[0] <= now - IGNORED_WINDOW:
            self.refused.popleft()
        if len(self.refused) >= IGNORED_LIMIT:
            self.refused.clear()
            self.blocks += 1
            self.blocked_until = now + BLOCK
            raise Blocked
        raise over_limit()

    def headers(self, status: int, token: str | None = None, *, writing: bool = False) -> dict[str, str]:
        """The burst headers. After a weather's 429 nothing remains, whatever the window says."""
        now = self.clock.now()
        window = self._recent(self.calls, token, now) if token else deque[datetime]()
        remaining = max(self.burst - len(window), 0)
        oldest = window[0] if window else now
        reset_s = max((oldest + WINDOW - now).total_seconds(), 0)
        if status == 429 and token is None:
            remaining, reset_s = 0, 2
        headers = {
            'x-ratelimit-limit': str(self.burst),
            'x-ratelimit-remaining': str(remaining),
            'x-ratelimit-reset': str(int(reset_s + 0.999)),
        }
        if writing:
            headers['x-daily-requests-left'] = str(10_000)
        return headers

    def state(self) -> dict[str, Any]:
        return {
            'plan': self.plan,
            'seats': self.seats,
            'daily_budget': self.daily_budget,
            'tokens_spent_today': self.spent if self._today() == self.day else 0,
            'tokens_spent': self.spent_total,
            'overruns': self.overruns,
            'daily_overruns': self.daily_overruns,
            'blocks': self.blocks,
        }

    def dump(self) -> dict[str, Any]:
        return {'plan': self.plan, 'seats': self.seats, 'day': self.day, 'spent': self.spent, 'total': self.spent_total}

    def load(self, kept: dict[str, Any]) -> None:
        self.plan, self.seats, self.day = kept['plan'], kept['seats'], kept['day']
        self.spent, self.spent_total = kept['spent'], kept['total']
