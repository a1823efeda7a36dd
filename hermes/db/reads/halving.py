"""Where a stretch of time begins in a table whose numbers grow with time, nearly: found by halving. Reads only."""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection, sql

from hermes.db.reads.lookup import row


@dataclass(frozen=True, slots=True)
class Ordered:
    """A table, and the column of when its rows were made."""

    table: str
    moment: str


EVENTS: Final = Ordered('event', 'received_at')
CALLS: Final = Ordered('call', 'started_at')


def first_since(connection: Connection[Any], ordered: Ordered, moment: datetime) -> int:
    """The number of the first row of a moment or later, one more than the last where there is none."""
    names = {'table': sql.Identifier(ordered.table), 'moment': sql.Identifier(ordered.moment)}
    ends = sql.SQL('select coalesce(min(id), 0) as first, coalesce(max(id), 0) as last from {table}').format(**names)
    next_one = sql.SQL('select {moment} as at from {table} where id >= %(id)s order by id limit 1').format(**names)
    found = row(connection, ends) or {}
    low, high = found['first'], found['last'] + 1
    while low < high:
        middle = (low + high) // 2
        there = row(connection, next_one, {'id': middle})
        if there is None or there['at'] >= moment:
            high = middle
        else:
            low = middle + 1
    return int(low)
