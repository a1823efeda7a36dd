"""What people's calendars say, read as rarely as visitors browse and as freshly as they book (CB-8, CB-9).

One question at a time for a calendar and its window of whole days; everybody who asks meanwhile shares the answer. Only
answers are remembered, for a minute at most: an error is never remembered, and never means "free". Whoever needs a
fresh answer takes one that was asked for after they came, whoever asked.
"""

import asyncio
from collections.abc import Callable
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
Permit = Callable[[str], None]
"""Told the calendar that is about to be asked; raises what speaks against it."""


class Seen(NamedTuple):
    """When a calendar is taken within a window, as of a moment (aware UTC)."""

    busy: list[Interval]
    as_of: datetime
    window: Interval
    number: int = 0
    """The place of its question among all."""


class BusyTimes:
    """The calendars of everybody who can be booked. `calendar` None: none is connected, so nobody can be."""

    def __init__(self, calendar: Calendar | None, clock: Clock) -> None:
        self._calendar = calendar
        self._clock = clock
        self._seen: dict[tuple[str, Interval], Seen] = {}
        self._flights: dict[tuple[str, Interval], tuple[int, asyncio.Task[Seen]]] = {}
        self._asked = 0
        self._told: dict[int, datetime] = {}

    def now(self) -> int:
        """What a question that is asked from now on is newer than."""
        return self._asked

    async def read(
        self,
        email: str,
        window: Interval,
        *,
        admin_id: int = 0,
        after: int = 0,
        since: datetime | None = None,
        permit: Permit | None = None,
    ) -> Seen:
        """When a calendar is taken within `window` and the rest of its days; at most 60 s old, newer than `since`, and
        asked for `after` what `now` said. `admin_id` is named in the alert. Raises Unreadable, and what `permit` raises
        where nobody has asked yet.
        """
        wide = whole_days(window)
        key = (email, wide)
        if (known := self._remembered(email, wide, after, since)) is not None:
            return known
        flight = self._flight(key, after)
        if flight is None:
            if permit is not None:
                permit(email)
            flight = self._depart(key)
        try:
            return await asyncio.shield(flight)
        except Unreadable as error:
            self._alert(admin_id, error)
            raise

    async def stop(self) -> None:
        """Ask nobody any more."""
        flights = [flight for _, flight in self._flights.values()]
        for flight in flights:
            flight.cancel()
        await asyncio.gather(*flights, return_exceptions=True)

    def _flight(self, key: tuple[str, Interval], after: int) -> asyncio.Task[Seen] | None:
        """The question that is under way, if it is new enough."""
        number, flight = self._flights.get(key, (0, None))
        return flight if number > after else None

    def _depart(self, key: tuple[str, Interval]) -> asyncio.Task[Seen]:
        self._asked += 1
        flight = asyncio.create_task(self._ask(*key, self._asked), name='free/busy')
        self._flights[key] = self._asked, flight
        flight.add_done_callback(lambda done: self._landed(key, done))
        return flight

    def _remembered(self, email: str, wide: Interval, after: int, since: datetime | None) -> Seen | None:
        least = self._clock.now() - timedelta(seconds=VALID_S)
        if len(self._seen) > MOST:
            self._seen = {key: seen for key, seen in self._seen.items() if seen.as_of >= least}
        for (whose, span), seen in self._seen.items():
            if seen.number <= after or (since is not None and seen.as_of <= since):
                continue
            if whose == email and seen.as_of >= least and span.start <= wide.start and wide.end <= span.end:
                return seen
        return None

    async def _ask(self, email: str, wide: Interval, number: int) -> Seen:
        if self._calendar is None:
            raise Unreadable('No calendar is connected.')
        as_of = self._clock.now()
        taken = await self._calendar.busy(email, wide.start, wide.end)
        return Seen([Interval(start, end) for start, end in taken], as_of, wide, number)

    def _landed(self, key: tuple[str, Interval], done: asyncio.Task[Seen]) -> None:
        """The newest answer about a day is the only one."""
        if self._flights.get(key, (0, None))[1] is done:
            del self._flights[key]
        if done.cancelled() or done.exception() is not None:
            return
        email, wide = key
        seen = done.result()
        others = {at for at in self._seen if at[0] == email and at[1].start < wide.end and wide.start < at[1].end}
        if all(self._seen[at].number < seen.number for at in others):
            self._seen = {at: told for at, told in self._seen.items() if at not in others} | {key: seen}

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
