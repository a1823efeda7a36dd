"""Bookings: what the engine itself has to say about a meeting, as an act in the log (CB-7).

The act is an event of the transaction that learned of it, and is applied like any other, so that a replay knows it.
"""

import secrets

from hermes.db import acts, events
from hermes.db.pool import Connection
from hermes.domain.acts import CancelMeeting, RenameMeeting
from hermes.sync.acts.registry import ENGINE


async def tell(connection: Connection, act: CancelMeeting | RenameMeeting) -> None:
    """Cancel a meeting that the calendar refuses for good, or give its event another id."""
    await acts.add_once(connection, ENGINE, act, secrets.token_bytes(16), ENGINE)
    await events.ring(connection)
