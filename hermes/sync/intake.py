"""The first import of the product's clients: what it would cost, and the import itself, which goes on where it stopped.

It is the full listing that runs every night, turned to its end here: every client that nobody knows is read by id.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from hermes.db import budget, calls, sweeps
from hermes.parts.roles import PRODUCT
from hermes.ports import Product, Request
from hermes.sync import connect
from hermes.sync.engine import Engine
from hermes.sync.inline_worker import LISTING, is_away, run_until
from hermes.sync.sweep import open_sweep

CLIENT: Final = 'client'
PAGE: Final = 100
"""Clients on one page of a listing."""
PATIENCE_S: Final = 180.0
CAUSE: Final = 'first import'


@dataclass(frozen=True, slots=True)
class Offer:
    """How many clients there are, how many of them are not known yet, and what it costs to take them over."""

    total: int
    unknown: int
    calls: int
    minutes: float


async def estimate(engine: Engine, system: Product) -> Offer | None:
    """Costs one call. None where the listing does not say how many there are. Raises Refused for an account that the
    database does not belong to (SETUP-12).
    """
    answer = await connect.ask(engine, system, Request('me'))
    await connect.belong(engine, system.name, system.identity(answer))
    total = system.total(answer)
    if total is None:
        return None
    async with engine.database.transaction() as connection:
        known = await sweeps.intake(connection, PRODUCT, CLIENT)
        pace = await budget.pace_of(connection, PRODUCT)
    unknown = max(0, total - known['read'])
    calls = -(-total // PAGE) + unknown
    return Offer(total, unknown, calls, calls / pace / 60 if pace else 0.0)


async def count_read(engine: Engine) -> int:
    """How many clients were read."""
    async with engine.database.transaction() as connection:
        return int((await sweeps.intake(connection, PRODUCT, CLIENT))['read'])


async def begin(engine: Engine) -> None:
    """Have the workers take over what is there, once per database (the demo; elsewhere somebody is asked)."""
    async with engine.database.transaction() as connection:
        await open_sweep(connection, PRODUCT, CLIENT, 'full', only_first=True, cause=CAUSE)


async def take_over(engine: Engine, tick: Callable[[int, int], None]) -> bool:
    """List and read until every client was read; `tick` is told how many were, and how many of them were put aside.
    False when nothing could be done for PATIENCE_S, or the product is away: what is left is kept, for the workers or
    for the next time.
    """
    async with engine.database.transaction() as connection:
        since = await calls.newest(connection)
        sweep = await sweeps.running(connection, PRODUCT, CLIENT)
        sweep = sweep or await open_sweep(connection, PRODUCT, CLIENT, 'full', cause=CAUSE)

    away = False

    async def is_over() -> bool:
        nonlocal away
        async with engine.database.transaction() as connection:
            now = await sweeps.intake(connection, PRODUCT, CLIENT, sweep)
            away = await is_away(connection, PRODUCT, since)
        tick(now['read'], now['parked'])
        return away or not (now['listing'] or now['unread'] or now['unapplied'])

    return await run_until(engine, LISTING, is_over, PATIENCE_S) and not away
