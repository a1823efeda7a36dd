"""What went wrong in a stretch of time, by kind: calls by reaction, events that were put aside or refused, what was
refused at the door. Reads only.
"""

from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.halving import EVENTS, first_since
from hermes.db.reads.lookup import Row, rows

FAILED: Final = """
    select 'call' as kind, system, op || ': ' || reaction as what, count(*) as many, max(started_at) as last
    from call where reaction <> '' and started_at >= %(since)s and started_at < %(until)s group by 2, 3
    union all
    select state, source, kind, count(*), max(received_at) from event
    where state in ('parked', 'refused') and id >= %(first)s and id < %(end)s group by 1, 2, 3
    union all
    select 'door', source, reason, sum(count)::bigint, max(at) from refusal
    where at >= %(since)s and at < %(until)s group by 2, 3
    order by many desc, kind, system, what limit 50
"""


def read_failures(connection: Connection[Any], since: datetime, until: datetime) -> list[Row]:
    """The most frequent first: kind (call, parked, refused, door), system, what, many, last (when)."""
    ends = {'first': first_since(connection, EVENTS, since), 'end': first_since(connection, EVENTS, until)}
    return rows(connection, FAILED, {'since': since, 'until': until} | ends)
