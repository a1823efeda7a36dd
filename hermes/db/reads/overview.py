"""What the desk's first page tells: how everything is, the alerts that are open, and what happened last. Reads only."""

from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.alerts import list_alerts
from hermes.db.reads.events import list_events
from hermes.db.reads.lookup import Row
from hermes.db.reads.status import read_status
from hermes.domain.event_filter import EventFilter
from hermes.domain.status import Status

MOST: Final = 10_000
"""Up to here things are counted on a page; beyond it there are "10 000+"."""
NEWEST: Final = 10
ALERTS: Final = 10


@dataclass(frozen=True, slots=True)
class Overview:
    """`newest`: the last events; `alerts`: those that are open."""

    status: Status
    alerts: list[Row]
    newest: list[Row]


def read_overview(connection: Connection[Any], *, sending: bool = True, limit_bytes: int | None = None) -> Overview:
    """Everything at one moment (call it inside one repeatable-read transaction)."""
    status = read_status(connection, sending=sending, counting=False, most=MOST + 1, limit_bytes=limit_bytes)
    return Overview(status, list_alerts(connection, limit=ALERTS), list_events(connection, EventFilter(), NEWEST))
