"""How long things took in a stretch of time, by hop and system: from the arrival of a delivery to its application
(merged), from the change of a record to the call that says so (sent), from there to the answer (confirmed). Reads only.

Of a long stretch every so many rows are looked at, drawn evenly, so that it costs as much as a short one.
"""

from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.halving import CALLS, EVENTS, first_since
from hermes.db.reads.lookup import Row, rows

HOPS: Final = ('merged', 'sent', 'confirmed')
LOOKED: Final = 10_000
CARRIED: Final = 2_000
"""So many rows are looked at; of calls fewer, since each is brought together with the change that it carries."""
DRAWN: Final = """
    generate_series(%(first)s::bigint, %(last)s::bigint, %(step)s::bigint) g
    join {table} e on e.id = g + mod(abs(hashint8(g)::bigint), %(step)s)
"""
SHARES: Final = 'percentile_cont(array[0.5, 0.95, 0.99]) within group (order by greatest(took_s, 0))'
TOLD: Final = f"""
    select hop, system, date_bin(%(width)s, at, %(since)s) as at, count(*) as many, {SHARES} as shares
    from ({{drawn}}) d where took_s is not null and at >= %(since)s and at < %(until)s
    group by hop, system, 3 order by hop, system, 3
"""
MERGED: Final = TOLD.format(
    drawn=f"""
      select 'merged' as hop, source as system, received_at as at,
        extract(epoch from applied_at - received_at)::float8 as took_s
      from {DRAWN.format(table='event')} where e.kind = 'webhook' and e.state = 'done'
    """
)
WRITTEN: Final = f"""
    from {DRAWN.format(table='call')}
    where e.op in ('create', 'update', 'delete') and e.record_id is not null
"""
SENT: Final = TOLD.format(
    drawn=f"""
      select 'sent' as hop, w.system, w.started_at as at, extract(epoch from w.started_at - c.at)::float8 as took_s
      from (select e.* {WRITTEN} offset 0) w cross join lateral (
        select at from change c where c.record_type = w.record_type and c.record_id = w.record_id
          and c.at <= w.started_at and c.at > w.started_at - interval '1 day' order by c.id desc limit 1) c
    """
)
CONFIRMED: Final = TOLD.format(
    drawn=f"""
      select 'confirmed' as hop, e.system, e.started_at as at,
        extract(epoch from e.ended_at - e.started_at)::float8 as took_s {WRITTEN}
    """
)


def read_lags(connection: Connection[Any], since: datetime, until: datetime, width: timedelta) -> list[Row]:
    """In [`since`, `until`), for each hop, system and stretch of `width`: hop, system, at (its begin), many, p50_s,
    p95_s, p99_s.
    """
    told = {'since': since, 'until': until, 'width': width}
    events = told | _drawn(connection, EVENTS, since, until, LOOKED)
    calls = told | _drawn(connection, CALLS, since, until, CARRIED)
    found = rows(connection, MERGED, events) + rows(connection, SENT, calls) + rows(connection, CONFIRMED, calls)
    return [each | dict(zip(('p50_s', 'p95_s', 'p99_s'), each.pop('shares'), strict=True)) for each in found]


def _drawn(connection: Connection[Any], ordered: Any, since: datetime, until: datetime, most: int) -> Row:
    """Which numbers are looked at: from `first`, one of every `step`, to `last`."""
    first, end = first_since(connection, ordered, since), first_since(connection, ordered, until)
    return {'first': first, 'last': end - 1, 'step': max(1, -(-(end - first) // most))}
