"""The next free times of many people at once, for a list of them (WEB-29): what is known is told at once, what is
not is asked for meanwhile and told to whoever comes next.
"""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final

from hermes.booking.availability import Availability
from hermes.db.pool import DatabaseAway
from hermes.domain.errors import HermesError
from hermes.domain.slots import Interval
from hermes.kit.clock import Clock

VALID: Final = timedelta(seconds=60)
AHEAD: Final = timedelta(days=14)
PATIENCE_S: Final = 0.25
"""How long a page waits for what is not known yet."""


@dataclass(frozen=True, slots=True)
class Known:
    """The starts on offer of one person (aware UTC), as of a moment; none where the calendar could not be read, so that
    it is asked no oftener than others.
    """

    times: tuple[datetime, ...]
    as_of: datetime


class NextTimes:
    """Remembers the next free times of everybody."""

    def __init__(self, availability: Availability, clock: Clock, patience_s: float = PATIENCE_S) -> None:
        self._availability = availability
        self._clock = clock
        self._patience_s = patience_s
        self._known: dict[int, Known] = {}
        self._asking: dict[int, asyncio.Task[None]] = {}

    async def of(self, people: Iterable[int], count: int = 3) -> Mapping[int, list[datetime]]:
        """Person -> the next `count` starts; whose calendar is not known in time is left out."""
        wanted, now = list(people), self._clock.now()
        tasks = [self._ask(who) for who in wanted if who not in self._known or now - self._known[who].as_of > VALID]
        if tasks:
            await asyncio.wait(tasks, timeout=self._patience_s)
        fresh = {who: known for who in wanted if (known := self._known.get(who)) and now - known.as_of <= 2 * VALID}
        return {who: [at for at in known.times if at > now][:count] for who, known in fresh.items()}

    def _ask(self, who: int) -> asyncio.Task[None]:
        if who not in self._asking:
            task = self._asking[who] = asyncio.create_task(self._read(who), name='next free times')
            task.add_done_callback(lambda done: self._asking.pop(who, None))
        return self._asking[who]

    async def _read(self, who: int) -> None:
        now = self._clock.now()
        try:
            slots = await self._availability.slots(who, Interval(now, now + AHEAD))
        except (HermesError, DatabaseAway):
            slots = []
        self._known[who] = Known(tuple(slot.start for slot in slots), now)

    async def stop(self) -> None:
        """Ask nobody any more."""
        tasks = list(self._asking.values())
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
