"""Replay: an event applied again. On a live database it moves no mirror back; its preview is rolled back."""

from collections.abc import Sequence

from hermes.db import events
from hermes.domain.errors import Refused
from hermes.domain.model import Change
from hermes.sync import ingest
from hermes.sync.engine import Engine


class RolledBackError(Exception):
    """Ends a preview."""


async def preview(engine: Engine, event_id: int) -> Sequence[Change]:
    """What applying an event again would change. Nothing is kept. Raises Refused for an event that cannot be
    applied.
    """
    found: list[Change] = []
    try:
        async with engine.database.transaction() as connection:
            row = await events.find(connection, event_id)
            if row is None or row['body'] is None or row['kind'] not in events.REPLAYED:
                raise Refused(
                    f'Event {event_id} cannot be applied again: it is unknown, an act, or its body was dropped.'
                )
            result = await ingest.record(engine, connection, events.read_event(row))
            found = [change for change, _ in result.changes]
            if result.parked:
                raise Refused(result.parked[0][1])
            raise RolledBackError
    except RolledBackError:
        return found
