"""The journal: every change of every field, appended once and never written again."""

from collections.abc import Iterable, Sequence
from datetime import datetime

from hermes.db.codec import dump
from hermes.db.pool import Connection, Row
from hermes.db.rota import count_assigned
from hermes.domain.model import Change

APPEND = """
    insert into change (record_type, record_id, field, old, new, system, rule, note, event_id, at)
    select record_type, record_id, field, old, new, system, rule, note, event_id, %s
    from jsonb_populate_recordset(null::change, %s) with ordinality as t order by ordinality
"""


async def append(connection: Connection, changes: Iterable[tuple[Change, int]], at: datetime) -> None:
    """Each change with the event that caused it; what it means for the rota follows."""
    changes = list(changes)
    rows = [
        {
            'record_type': change.record.type, 'record_id': change.record.id, 'field': change.field,
            'old': change.old, 'new': change.new,
            'system': change.system, 'rule': change.rule, 'note': change.note, 'event_id': event_id,
        }
        for change, event_id in changes
    ]  # fmt: skip
    if rows:
        await connection.execute(APPEND, (at, dump(rows)))
        await count_assigned(connection, changes)


async def of_events(connection: Connection, event_ids: Sequence[int]) -> list[Row]:
    """What some events changed, in its order: record_type, record_id, field, old, new, event_id."""
    rows = await connection.execute(
        'select record_type, record_id, field, old, new, event_id from change where event_id = any(%s) order by id',
        (list(event_ids),),
    )
    return await rows.fetchall()
