"""The ledger of the round robin, for whoever asks whose turn it is. Reads only."""

from datetime import datetime
from typing import Any

from psycopg import Connection

from hermes.db.codec import read_record
from hermes.db.reads.lookup import rows
from hermes.db.rota import LEDGER, read_ledger
from hermes.domain.model import Record
from hermes.domain.rota import Turn


def read_queue(connection: Connection[Any], queue: str) -> list[Turn]:
    """The ledger of a queue."""
    return read_ledger(rows(connection, LEDGER, {'queue': queue}))


def read_admins(connection: Connection[Any]) -> list[Record]:
    """All admins."""
    return [read_record('admin', row) for row in rows(connection, 'select * from admin order by id')]


def read_now(connection: Connection[Any]) -> datetime:
    """What time it is for the database."""
    [row] = rows(connection, 'select hermes_now() as now')
    at: datetime = row['now']
    return at
