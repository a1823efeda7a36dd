"""What the desk's first page tells: how everything is, the alerts that are open, and what happened last. Reads only."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.alerts import list_alerts
from hermes.db.reads.events import page_events
from hermes.db.reads.lookup import Row
from hermes.db.reads.matters import name_shown
from hermes.db.reads.status import read_status
from hermes.domain.event_filter import EventFilter
from hermes.domain.status import Status

MOST: Final = 10_000
"""Up to here things are counted on a page; beyond it there are "10 000+"."""
NEWEST: Final = 10
ALERTS: Final = 10


@dataclass(frozen=True, slots=True)
class Overview:
    """`newest`: the last events, but for looks at something; `alerts`: those that are open; `names`: of the records."""

    status: Status
    alerts: list[Row]
    newest: list[Row]
    names: Mapping[str, str]


def read_overview(connection: Connection[Any], *, sending: bool = True, limit_bytes: int | None = None) -> Overview:
    """Everything at one moment (call it inside one repeatable-read transaction)."""
    status = read_status(connection, sending=sending, counting=False, most=MOST + 1, limit_bytes=limit_bytes)
    newest = page_events(connection, EventFilter(), limit=NEWEST, counting=False, views=False).rows
    return Overview(status, list_alerts(connection, limit=ALERTS), newest, name_shown(connection, newest))
