"""The journal: every change of every field, appended once and never written again."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime

from hermes.db.codec import dump
from hermes.db.pool import Connection, Row, Write
from hermes.domain.model import Change, RecordRef

APPEND = """
    insert into change (record_type, record_id, field, old, new, system, rule, note, event_id, at)
    select record_type, record_id, field, old, new, system, rule, note, event_id, %s
    from jsonb_populate_recordset(null::change, %s) with ordinality as t order by ordinality
"""


def appending(changes: Iterable[tuple[Change, int]], at: datetime) -> Write | None:
    """Each change with the event that caused it, for whoever writes what changed."""
    rows = [
        {
            'record_type': change.record.type, 'record_id': change.record.id, 'field': change.field,
            'old': change.old, 'new': change.new,
            'system': change.system, 'rule': change.rule, 'note': change.note, 'event_id': event_id,
        }
        for change, event_id in changes
    ]  # fmt: skip
    return (APPEND, (at, dump(rows))) if rows else None


async def of_events(connection: Connection, event_ids: Sequence[int]) -> list[Row]:
    """What some events changed, in its order: record_type, record_id, field, old, new, rule, event_id."""
    rows = await connection.execute(
        'select record_type, record_id, field, old, new, rule, event_id from change '
        'where event_id = any(%s) order by id',
        (list(event_ids),),
    )
    return await rows.fetchall()


async def last_rules(
    connection: Connection, asked: Mapping[RecordRef, Collection[str]]
) -> dict[tuple[RecordRef, str], str]:
    """The rule under which each of these fields of some records was written last."""
    if not asked:
        return {}
    rows = await connection.execute(
        'select distinct on (c.record_type, c.record_id, c.field) c.record_type, c.record_id, c.field, c.rule '
        'from jsonb_to_recordset(%s) as a(type text, id bigint, fields text[]), lateral (select * from change '
        'where record_type = a.type and record_id = a.id and field = any(a.fields) offset 0) c '
        'order by c.record_type, c.record_id, c.field, c.id desc',
        (dump([{'type': ref.type, 'id': ref.id, 'fields': sorted(fields)} for ref, fields in asked.items()]),),
    )
    return {
        (RecordRef(row['record_type'], row['record_id']), row['field']): row['rule'] for row in await rows.fetchall()
    }


async def last_cause(connection: Connection, record: RecordRef, company_id: int) -> Row | None:
    """Source and dedupe_key of the event that changed a record, or else its company, last."""
    rows = await connection.execute(
        'select e.source, e.dedupe_key from change c join event e on e.id = c.event_id '
        "where (c.record_type, c.record_id) in ((%s, %s), ('company', %s)) "
        'order by c.record_type = %s desc, c.id desc limit 1',
        (*record, company_id, record.type),
    )
    return await rows.fetchone()


async def companies_renamed(connection: Connection, event_id: int) -> list[int]:
    """The companies with an open deal in a pipeline or at a stage that an event renamed (PD-DEAL-6)."""
    rows = await connection.execute(
        'select distinct d.company_id from change c join deal d on '
        "(c.record_type = 'stage' and d.stage_id = c.record_id) or "
        "(c.record_type = 'pipeline' and d.pipeline_id = c.record_id) "
        "where c.event_id = %s and c.field = 'name' and d.status = 'open' and d.archived is not true and "
        'd.tombstone is null',
        (event_id,),
    )
    return sorted(row['company_id'] for row in await rows.fetchall() if row['company_id'] is not None)
