"""Our subscription to a system's webhooks, looked after: one that is missing, switched off or open is made again, and
what was lost meanwhile is swept (PD-GAP-1, D-20). Only one that was registered before is registered again.
"""

from dataclasses import dataclass, field
from typing import Literal

from hermes.db import heartbeats
from hermes.domain.errors import HermesError
from hermes.kit import wire
from hermes.ports import Subscription, System
from hermes.sync import connect, gaps
from hermes.sync.engine import Engine

State = Literal['in place', 'made again', 'refused', 'never registered']


@dataclass(frozen=True, slots=True)
class Door:
    """Where webhooks are to arrive, and how they prove themselves."""

    url: str
    user: str
    password: str = field(repr=False)


async def check(engine: Engine, system: System, door: Door) -> State:
    """Look at our subscription, mend it, and sweep what may be lost. Raises HermesError when the system cannot be
    asked; that is noted for `hermes status`.
    """
    name = heartbeats.subscription(system.name)
    async with engine.database.transaction() as connection:
        if not await heartbeats.is_known(connection, name):
            return 'never registered'
        since = await heartbeats.last(connection, name)
    try:
        standing = await connect.subscribe(engine, system, door.url, door.user, door.password)
    except HermesError as error:
        async with engine.database.transaction() as connection:
            await heartbeats.note(connection, name, f'it cannot be looked after: {error}')
        raise
    async with engine.database.transaction() as connection:
        if standing is None:
            await heartbeats.miss(connection, name, since, 'it was missing and was registered again')
        else:
            await heartbeats.clear(connection, name)
    if standing is None:
        await gaps.watch(engine)
        return 'made again'
    return 'refused' if await _is_refused(engine, system.name, standing) else 'in place'


async def _is_refused(engine: Engine, system: str, standing: Subscription) -> bool:
    """Whether its last delivery was not accepted at our door, and nobody has swept for it yet."""
    if not standing.last_at or (standing.last_status is not None and 200 <= standing.last_status < 300):
        return False
    try:
        at = wire.moment(standing.last_at)
    except ValueError:
        return False
    return await gaps.refused(engine, system, at)
