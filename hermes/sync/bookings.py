"""Bookings: what the engine itself has to say about a meeting, as an act in the log (CB-7).

The act is an event of the transaction that learned of it, and is applied like any other, so that a replay knows it.
"""

import json
from typing import Literal

from hermes.db import events
from hermes.db.pool import Connection
from hermes.domain.model import Event, RecordRef


async def tell(
    connection: Connection, act: Literal['meeting.cancel', 'meeting.rename'], meeting: RecordRef, reason: str
) -> Event:
    """Cancel a meeting that the calendar refuses for good, or give its event another id."""
    told = {'act': act, 'meeting': meeting.id, 'by': 'refused', 'reason': reason}
    body = json.dumps(told).encode()
    return await events.add(connection, 'engine', 'act', body, state='new', headers={'by': 'engine'})
