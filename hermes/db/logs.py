"""The log of what was applied, to be folded into another database (I14): which events, in which order, and the ids of
the records that each of them bore.
"""

from collections.abc import Iterable, Mapping
from typing import Any, Final

from hermes.db.codec import dump
from hermes.db.events import EVENT_COLUMNS
from hermes.db.pool import Connection, Row, the_row

APPLIED: Final = """
    select e.id, e.source, e.kind, e.dedupe_key, e.received_at, e.headers, e.body, e.applied_seq, e.waited,
      (select coalesce(jsonb_agg(c.record_id order by c.id), '[]') from change c
       where c.event_id = e.id and c.field = 'born') as births
    from event e where e.state = 'done' and e.body is not null and e.applied_seq > %s order by e.applied_seq
"""
COPY: Final = """
    insert into event (id, source, kind, dedupe_key, received_at, headers, body, state, outcome, applied_seq, waited)
    overriding system value values (%s, %s, %s, %s, %s, %s, %s, 'waiting', %s, %s, %s)
"""
ORDER: Final = """
    select id, outcome -> 'births' as births, unnest(array_append(waited, applied_seq)) as seq from event
    where state = 'waiting' order by seq limit %s
"""


async def applied(connection: Connection, after: int = 0) -> list[Row]:
    """What was applied `after` a place in the log, with the ids of its births."""
    return await (await connection.execute(APPLIED, (after,))).fetchall()


async def copy(connection: Connection, rows: Iterable[Mapping[str, Any]]) -> None:
    """Put events of another database's log here, to be folded."""
    for row in rows:
        await connection.execute(
            COPY,
            (
                row['id'], row['source'], row['kind'], bytes(row['dedupe_key']), row['received_at'],
                dump(row['headers']), bytes(row['body']), dump({'births': row['births']}), row['applied_seq'],
                row['waited'],
            ),
        )  # fmt: skip


async def in_order(connection: Connection, limit: int) -> list[Row]:
    """What is to be folded: id, births, seq. One that had to wait is there each time again that it moved something."""
    return await (await connection.execute(ORDER, (limit,))).fetchall()


async def lock_event(connection: Connection, event_id: int) -> Row:
    """One event of the copied log."""
    return await the_row(connection, f'select {EVENT_COLUMNS} from event where id = %s for update', (event_id,))
