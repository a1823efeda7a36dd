"""A command that lends a hand: it turns the engine's own steps until what it waits for is done.

It is one more worker beside those that run, or the only one; leases, budgets and the order of events are the same.
"""

from collections.abc import Awaitable, Callable, Sequence
from typing import Final

from hermes.db import calls
from hermes.db.pool import Connection
from hermes.sync import sweep
from hermes.sync.engine import Engine
from hermes.sync.ingest import ingest_step
from hermes.sync.push import LostLeaseError, push_step
from hermes.sync.resolve import reread_step

REST_S: Final = 0.1
TRIES: Final = 5
"""Whoever answers none of so many calls in a row is away: nobody sits and waits for them."""
Step = Callable[[Engine], Awaitable[object]]
LISTING: Final[Sequence[Step]] = (sweep.sweep_step, ingest_step, reread_step)
HEALING: Final[Sequence[Step]] = (ingest_step, reread_step, push_step)


async def run_until(
    engine: Engine, steps: Sequence[Step], is_done: Callable[[], Awaitable[bool]], patience_s: float
) -> bool:
    """Turn `steps` until `is_done`. False when nothing could be done for `patience_s` seconds and it is not done."""
    idle_since = engine.clock.monotonic()
    while not await is_done():
        busy = False
        for step in steps:
            try:
                busy = bool(await step(engine)) or busy
            except LostLeaseError:
                busy = True
        if busy:
            idle_since = engine.clock.monotonic()
        elif engine.clock.monotonic() - idle_since > patience_s:
            return False
        else:
            await engine.clock.sleep(REST_S)
    return True


async def is_away(connection: Connection, system: str, since: int) -> bool:
    """Whether nobody is at a system's address: its last TRIES calls after the call `since` got no answer."""
    return await calls.are_unanswered(connection, system, since, TRIES)
