"""The log copied and folded: what a database holds as hashes, and its applied events in their order (I14).

`fold` applies a whole log to an empty database and must end in the same state by hash: record ids come from the birth
entries, processing times and the pushes' bookkeeping are left out.
"""

import hashlib
import json
from typing import Any, Final

from hermes.db import events, pushes
from hermes.db.catalogue import bump
from hermes.db.codec import dump
from hermes.db.events import EVENT_COLUMNS
from hermes.db.pool import Connection, Database, Row
from hermes.domain.record_types import SHARED, STORED
from hermes.sync import connect, ingest
from hermes.sync.acts.apply import apply_act
from hermes.sync.engine import Engine
from hermes.sync.observe import read_intent

STATE: Final = {
    **{table: f'select to_jsonb(t) as row from {table} t order by id' for table in STORED},
    'occupancy': 'select jsonb_build_array(admin_id, during::text, meeting_id) as row from occupancy '
    'where meeting_id is not null order by meeting_id',
    'mirror': "select to_jsonb(t) - 'reread_at' - 'event_id' - 'corrections' as row from mirror t order by system, "
    'type, remote_id',
    'link': 'select to_jsonb(t) as row from link t order by system, type, remote_id',
    'custom_field': 'select to_jsonb(t) as row from custom_field t order by linked_object_type, machine_name',
    'setting': 'select to_jsonb(t) as row from setting t order by key',
}
APPLIED = """
    select e.id, e.source, e.kind, e.dedupe_key, e.received_at, e.headers, e.body, e.applied_seq, e.waited,
      (select coalesce(jsonb_agg(c.record_id order by c.id), '[]') from change c
       where c.event_id = e.id and c.field = 'born') as births
    from event e where e.state = 'done' and e.body is not null and e.applied_seq > %s order by e.applied_seq
"""
COPY = """
    insert into event (id, source, kind, dedupe_key, received_at, headers, body, state, outcome, applied_seq, waited)
    overriding system value values (%s, %s, %s, %s, %s, %s, %s, 'waiting', %s, %s, %s)
"""
ORDER = """
    select id, outcome -> 'births' as births, unnest(array_append(waited, applied_seq)) as seq from event
    where state = 'waiting' order by seq limit %s
"""


async def digest(database: Database) -> dict[str, str]:
    """The state of a database, one hash a table."""
    found = {}
    for table, query in STATE.items():
        rows = [json.dumps(row['row'], sort_keys=True) for row in await database.fetch(query)]
        found[table] = hashlib.sha256('\n'.join(rows).encode()).hexdigest()
    return found


async def copy_log(source: Database, target: Database, after: int = 0) -> int:
    """Copy the applied log (what was applied `after` a place in it) into an empty database, with the ids of its
    births, to be folded there.
    """
    rows = await source.fetch(APPLIED, (after,))
    async with target.transaction() as connection:
        for row in rows:
            await connection.execute(
                COPY,
                (
                    row['id'], row['source'], row['kind'], bytes(row['dedupe_key']), row['received_at'],
                    dump(row['headers']), bytes(row['body']), dump({'births': row['births']}), row['applied_seq'],
                    row['waited'],
                ),
            )  # fmt: skip
    return len(rows)


async def in_order(connection: Connection, limit: int) -> list[Row]:
    """What is to be folded: id, births, seq. One that had to wait is there each time again that it moved something."""
    return await (await connection.execute(ORDER, (limit,))).fetchall()


async def lock_event(connection: Connection, event_id: int) -> Row:
    """One event of the copied log."""
    rows = await connection.execute(f'select {EVENT_COLUMNS} from event where id = %s for update', (event_id,))
    row = await rows.fetchone()
    assert row is not None
    return row


async def fold(engine: Engine, limit: int = 1_000_000) -> int:
    """Apply a copied log in its order, one event a transaction, without a call. An event that had to wait is applied
    each time again that it moved something in life. Returns how many events were applied.
    """
    async with engine.database.transaction() as connection:
        todo = await in_order(connection, limit)
    births = {row['id']: list(row['births']) for row in todo}
    for row in todo:
        async with engine.database.transaction() as connection:
            await _fold_one(engine, connection, row['id'], births[row['id']])
    return len(todo)


async def _fold_one(engine: Engine, connection: Connection, event_id: int, births: list[int]) -> None:
    """One event, once. `births`: the ids for the records that it bears; those that were needed are taken out."""
    event = events.read_event(await lock_event(connection, event_id))
    if event.kind == 'act':
        await apply_act(engine, connection, event, births, folding=True)
        return
    if event.kind == 'metadata':
        await connect.learn(connection, engine.systems[event.source], event)
        return
    result = await ingest.record(engine, connection, event, given=ingest.Given(births=births))
    del births[: sum(change.field == 'born' for change, _ in result.changes)]
    if any(change.record.type in SHARED for change, _ in result.changes):
        await bump(connection, 'directory')
    intent = read_intent(event) if event.kind == 'intent' else None
    if intent is not None and intent.op == 'create':
        await _keep_intent(connection, intent)


async def _keep_intent(connection: Connection, intent: Any) -> None:
    """An open creation stands in its push row, as in life (MATCH-8)."""
    kept = {
        'op': 'create', 'type': intent.ref.type, 'remote_id': '', 'fields': dict(intent.fields), 'event_id': intent.id,
        'started_at': intent.started_at,
    }  # fmt: skip
    await pushes.keep_intent(connection, intent.record, intent.ref.system, kept if intent.state == 'open' else None)
