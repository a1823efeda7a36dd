"""Gaps: stretches in which webhooks may have been lost, noticed afterwards and swept (PD-GAP-1, I15).

Suspicious are: nobody listened at the door, no worker spoke with the system (down, or the system was paused), our
subscription was missing or its last delivery was refused, writes of ours that do not come back, and a silence that is
longer than usual. Each is swept once; while our writes do not come back, again and again.
"""

from datetime import datetime, timedelta
from typing import Final

import structlog

from hermes.db import heartbeats, pauses
from hermes.db.pool import Connection
from hermes.db.reads import last_heard
from hermes.sync.engine import Engine
from hermes.sync.sweep import ensure_first, open_changes, open_everything

log = structlog.get_logger(__name__)
SPEAKING: Final = timedelta(minutes=3)
"""`watch` runs every minute; a worker that was away for longer, or a system that was paused, may have missed much."""
AGAIN: Final = timedelta(minutes=10)
"""How often what changed is listed while our own writes do not come back."""


async def watch(engine: Engine) -> int:
    """Notice what was lost since the last look, and open its sweeps. Returns how many gaps there were."""
    async with engine.database.transaction() as connection:
        paused = await pauses.paused(connection)
        for name, system in engine.systems.items():
            if name not in paused:
                await heartbeats.beat(connection, name, SPEAKING)
            await ensure_first(connection, system.profile)
        lost = await heartbeats.take_lost(connection)
        for row in lost:
            await _sweep(engine, connection, row['name'], row['lost_from'], row['lost_to'])
        return len(lost)


async def _sweep(engine: Engine, connection: Connection, name: str, since: datetime, until: datetime) -> None:
    """`name`: the web, a system, or 'SYSTEM webhooks'."""
    cause = f'gap: {name} from {since:%Y-%m-%d %H:%M:%SZ} to {until:%Y-%m-%d %H:%M:%SZ}'
    log.warning('webhooks may have been lost; everything is listed', what=name, since=since, until=until)
    for system in engine.systems.values():
        if name in (heartbeats.WEB, system.name, heartbeats.subscription(system.name)) and system.profile.listings.full:
            await open_everything(connection, system.profile, cause)


async def listen(engine: Engine) -> list[str]:
    """Systems whose silence is suspicious, each once a silence (every AGAIN while our own writes do not come back):
    what changed is listed, and whoever called looks after the subscription. Once it is over, what changed is listed
    a last time.
    """
    quiet = []
    async with engine.database.transaction() as connection:
        for system, profile in ((name, each.profile) for name, each in engine.systems.items()):
            if not profile.listings.changed:
                continue
            found = await last_heard.suspicion(connection, system, profile.quiet)
            if not found.why:
                listed_at = await heartbeats.trust(connection, system)
                if listed_at and found.last and found.last - listed_at > last_heard.ECHO:
                    await open_changes(connection, profile, 'it is heard again')
            elif await heartbeats.suspect(connection, system, found.why, AGAIN if found.written else None):
                log.warning('webhooks may have been lost; what changed is listed', system=system, why=found.why)
                await open_changes(connection, profile, found.why)
                quiet.append(system)
    return quiet


async def refused(engine: Engine, system: str, at: datetime) -> bool:
    """The system's last delivery was not accepted at our door: a gap, once for each such delivery."""
    async with engine.database.transaction() as connection:
        told = f'a delivery of {at:%Y-%m-%d %H:%M:%SZ} was not accepted at our door'
        news = await heartbeats.is_news(connection, f'{system} refused', at)
        if news:
            await open_everything(connection, engine.systems[system].profile, f'gap: {told}')
        await heartbeats.note(connection, heartbeats.subscription(system), told)
    return news
