"""Our own public door, looked at before anything is written outside: what is written while nobody listens comes back to
a closed door, and a sender whose deliveries fail shuts its own for half an hour (PD-GAP-3).

A worker that cannot reach the public address itself (a network without a way back) believes a webhook that came since
it started.
"""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import structlog

from hermes.db import heartbeats, pool
from hermes.db.pool import Database

log = structlog.get_logger(__name__)
OPEN_S: Final = 5.0
"""How often an open door is looked at."""
CLOSED_S: Final = 1.0
Look = Callable[[], Awaitable[str]]
"""'' when what stands at the public address says that it is alive, else what it does instead."""


@dataclass
class FrontDoor:
    """What this process knows of our door: whether it is open, whether it ever reached it, since when it looks."""

    address: str
    look: Look
    open: bool = False
    reached: bool = False
    since: datetime | None = None

    async def check(self, database: Database) -> bool:
        """Look, and keep for `hermes status` that it is closed. True when it is open. Raises DatabaseError."""
        wrong = await self.look()
        self.reached |= not wrong
        async with database.transaction() as connection:
            self.since = self.since or await pool.now(connection)
            was, self.open = (
                self.open,
                not wrong or (not self.reached and await heartbeats.heard_since(connection, self.since)),
            )
            told = f'{self.address} {wrong}, so nothing is written to any system until it answers'
            await heartbeats.say(connection, heartbeats.DOOR, '' if self.open else told)
        if was and not self.open:
            log.warning(
                'our door is closed; nothing is written outside until it answers', address=self.address, it=wrong
            )
        return self.open
