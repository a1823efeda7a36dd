"""The host is called when the feed has something new (AU-18): signed by Standard Webhooks, and it only says "look",
with the highest number, so that a call that is lost, late or told twice harms nobody.

At least once, one at a time, and what came meanwhile is told by the next one. In plan mode nobody is called.
"""

from datetime import timedelta
from typing import Final

import structlog

from hermes.db import callbacks
from hermes.domain.alerts import Message
from hermes.domain.errors import Reaction
from hermes.kit.ids import new_id
from hermes.ports import Courier
from hermes.sync.engine import Engine

log = structlog.get_logger(__name__)
FIRST_RETRY_S: Final = 5.0
LAST_RETRY_S: Final = 3600.0
TYPE: Final = 'people.changed'


async def callback_step(engine: Engine, courier: Courier) -> bool:
    """Call the host, where the feed has something that it was not called about; False where it has not."""
    if engine.push_mode == 'plan':
        return False
    async with engine.database.transaction() as connection:
        claimed = await callbacks.claim(connection, f'msg_{new_id(engine.chance)}')
    if claimed is None:
        return False
    body = {'type': TYPE, 'timestamp': claimed.at.isoformat(), 'data': {'number': claimed.number}}
    again_at = None
    try:
        await courier.deliver(Message(claimed.message_id, body))
    except Reaction as reaction:
        pause_s = engine.backoff_s(claimed.attempts - 1, first_s=FIRST_RETRY_S, most_s=LAST_RETRY_S)
        again_at = engine.clock.now() + timedelta(seconds=pause_s)
        log.warning('the host could not be called', attempt=claimed.attempts, reason=str(reaction))
    async with engine.database.transaction() as connection:
        if not await callbacks.end(connection, claimed, again_at):
            log.warning('the call to the host was taken over by another worker')
    return True
