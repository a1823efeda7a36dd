"""Alerts are told: what is wrong is looked up, what follows for whom becomes rows in one transaction, and each message
that is due is claimed under a lease, delivered, and marked.

At least once: a worker that is killed between delivering and marking delivers the message again under the same id. A
channel that fails holds up no other one. Alerts go out in plan mode too: they are for whoever looks after Hermes.
"""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Final

import structlog

from hermes.db import alerts
from hermes.db.reads.status import look
from hermes.domain.alerts import follow, write
from hermes.domain.errors import Reaction, Rejected
from hermes.domain.status import Trouble
from hermes.kit.ids import new_id
from hermes.ports import Courier
from hermes.sync.engine import Engine

log = structlog.get_logger(__name__)
FIRST_RETRY_S: Final = 60.0
LAST_RETRY_S: Final = 3600.0


@dataclass(frozen=True)
class Telling:
    """Over which channels alerts are told, by channel and place (`('mail', 'ops@example.com')`). `sender`: the address
    of this Hermes; `clean` takes everything that looks secret or personal out of a text; `limit_bytes`: what the
    database may take up, None where nobody says.
    """

    channels: Mapping[tuple[str, str], Courier] = field(default_factory=dict)
    sender: str = ''
    clean: Callable[[str], str] = str
    limit_bytes: int | None = None


async def alert_step(engine: Engine, telling: Telling) -> None:
    """Look what is wrong, then deliver everything that is due."""
    await watch(engine, telling)
    while await deliver(engine, telling):
        pass


async def watch(engine: Engine, telling: Telling) -> None:
    """Bring the alerts to what is wrong now; what is told becomes a message a channel."""
    condition = await look(engine.database, sending=engine.push_mode == 'live', limit_bytes=telling.limit_bytes)
    # Whoever looks is a worker, whether or not it has said so yet.
    found = {each.name: each for each in condition.troubles if each.kind != 'worker'}
    now = engine.clock.now()
    async with engine.database.transaction() as connection:
        standing = await alerts.read_standing(connection)
        for name in sorted(standing.keys() | found.keys()):
            number, alert = standing.get(name, (None, None))
            trouble = _cleaned(found[name], telling) if name in found else None
            after, said = follow(alert, trouble, now)
            if after == alert:
                continue
            kept = await alerts.keep(connection, number, after)
            if said and after is not None:
                body = write(after, said, now, telling.sender)
                messages = [(channel, f'msg_{new_id(engine.chance)}', body) for channel in telling.channels]
                await alerts.tell(connection, kept, messages)
                log.warning('an alert', condition=name, said=said, channels=len(messages))


async def deliver(engine: Engine, telling: Telling) -> bool:
    """Deliver one message that is due; False when none is."""
    async with engine.database.transaction() as connection:
        claimed = await alerts.claim(connection)
    if claimed is None:
        return False
    courier = telling.channels.get(claimed.channel)
    outcome, reason, at = 'sent', '', None
    try:
        if courier is None:
            outcome, reason = 'replaced', 'the channel is not set any more'
        else:
            await courier.deliver(claimed.message)
    except Rejected as reaction:
        outcome, reason = 'refused', str(reaction)
    except Reaction as reaction:
        pause_s = engine.backoff_s(claimed.attempts - 1, first_s=FIRST_RETRY_S, most_s=LAST_RETRY_S)
        outcome, reason, at = 'due', str(reaction), engine.clock.now() + timedelta(seconds=pause_s)
    if outcome != 'sent':
        log.warning('an alert did not get out', channel=claimed.channel[0], attempt=claimed.attempts, state=outcome)
    async with engine.database.transaction() as connection:
        if not await alerts.end(connection, claimed, outcome, telling.clean(reason), at):
            log.warning('an alert was taken over by another worker', channel=claimed.channel[0])
    return True


def _cleaned(trouble: Trouble, telling: Telling) -> Trouble:
    return trouble._replace(said=telling.clean(trouble.said), look=telling.clean(trouble.look))
