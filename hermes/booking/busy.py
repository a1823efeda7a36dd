"""What people's calendars say, read as rarely as visitors browse and as freshly as they book (CB-8, CB-9).

One question at a time for a calendar and its window of whole days; everybody who asks meanwhile shares the answer. Only
answers are remembered, for a minute at most: an error is never remembered, and never means "free".
"""

import asyncio
from datetime import UTC, datetime, time, timedelta
from typing import Final, NamedTuple

import structlog

from hermes.domain.errors import Unreadable
from hermes.domain.slots import Interval
from hermes.kit.clock import Clock
from hermes.ports import Calendar

log = structlog.get_logger(__name__)

VALID_S: Final = 60.0
ALERT_EVERY_S: Final = 60.0
MOST: Final = 1000
"""Answers that are remembered at once."""


class Seen(NamedTuple):
    """When a calendar is taken within a window, as of a moment (aware UTC)."""

    busy: list[Interval]
    as_of: datetime
    window: Interval


class BusyTimes:
    """The calendars of everybody who can be booked. `calendar` None: none is connected, so nobody can be."""

    def __init__(self, calendar: Calendar | None, clock: Clock) -> None:
        self._calendar = calendar
        self._clock = clock
        self._seen: dict[tuple[str, Interval], Seen] = {}
        self._flights: dict[tuple[str, Interval], asyncio.Task[Seen]] = {}
        self._told: dict[int, datetime] = {}

    async def read(
        self, email: str, window: Interval, *, admin_id: int = 0, fresh: bool = False, since: datetime | None = None
    ) -> Seen:
        """When a calendar is taken within `window` and the rest of its days; at most 60 s old and newer than `since`,
        or asked for now. `admin_id` is named in the alert. Raises Unreadable.
        """
        wide = whole_days(window)
        if not fresh and (known := self._remembered(email, wide, since)) is not None:
            return known
        key = (email, wide)
        flight = self._flights.get(key)
        if flight is None:
            flight = self._flights[key] = asyncio.create_task(self._ask(email, wide), name='free/busy')
            flight.add_done_callback(lambda done: self._landed(key, done))
        try:
            return await asyncio.shield(flight)
        except Unreadable as error:
            self._alert(admin_id, error)
            raise

    def _remembered(self, email: str, wide: Interval, since: datetime | None) -> Seen | None:
        least = self._clock.now() - timedelta(seconds=VALID_S)
        if len(self._seen) > MOST:
            self._seen = {key: seen for key, seen in self._seen.items() if seen.as_of >= least}
        for (whose, span), seen in self._seen.items():
            if since is not None and seen.as_of <= since:
                continue
            if whose == email and seen.as_of >= least and span.start <= wide.start and wide.end <= span.end:
                return seen
        return None

    async def _ask(self, email: str, wide: Interval) -> Seen:
        if self._calendar is None:
            raise Unreadable('No calendar is connected.')
        as_of = self._clock.now()
        taken = await self._calendar.busy(email, wide.start, wide.end)
        return Seen([Interval(start, end) for start, end in taken], as_of, wide)

    def _landed(self, key: tuple[str, Interval], done: asyncio.Task[Seen]) -> None:
        """The newest answer about a day is the only one."""
        self._flights.pop(key, None)
        if done.cancelled() or done.exception() is not None:
            return
        email, wide = key
        self._seen = {
            (whose, span): seen
            for (whose, span), seen in self._seen.items()
            if whose != email or span.end <= wide.start or wide.end <= span.start
        }
        self._seen[key] = done.result()

    def _alert(self, admin_id: int, error: Unreadable) -> None:
        """Somebody has to look at it; once a minute is enough."""
        now = self._clock.now()
        last = self._told.get(admin_id)
        if last is None or now - last >= timedelta(seconds=ALERT_EVERY_S):
            self._told[admin_id] = now
            log.error('a calendar cannot be read: nobody can book there', admin=admin_id, reason=str(error))


def whole_days(window: Interval) -> Interval:
    """`window` widened to whole days (UTC)."""
    first, last = window.start.astimezone(UTC).date(), (window.end - timedelta(microseconds=1)).astimezone(UTC).date()
    return Interval(
        datetime.combine(first, time(), UTC), datetime.combine(max(first, last) + timedelta(days=1), time(), UTC)
    )
