"""Replay: the log applied again. On a live database it moves no mirror back; its preview is a fold in a rolled-back
transaction.

`fold` applies a whole log to an empty database and must end in the same state by hash (I14): record ids come from the
birth entries, processing times and the pushes' bookkeeping are left out.
"""

import hashlib
import json
from collections.abc import Sequence
from typing import Any, Final

from hermes.db import events
from hermes.db.catalogue import bump
from hermes.db.codec import dump
from hermes.db.pool import Connection, Database
from hermes.domain.errors import Refused
from hermes.domain.model import Change
from hermes.sync import connect, ingest
from hermes.sync.acts.apply import apply_act
from hermes.sync.engine import Engine
from hermes.sync.observe import read_intent

STATE: Final = {
    'admin': 'select to_jsonb(t) as row from admin t order by id',
    'pipeline': 'select to_jsonb(t) as row from pipeline t order by id',
    'stage': 'select to_jsonb(t) as row from stage t order by id',
    'company': 'select to_jsonb(t) as row from company t order by id',
    'contact': 'select to_jsonb(t) as row from contact t order by id',
    'deal': 'select to_jsonb(t) as row from deal t order by id',
    'meeting': 'select to_jsonb(t) as row from meeting t order by id',
    'occupancy': 'select jsonb_build_array(admin_id, during::text, meeting_id) as row from occupancy '
    'where meeting_id is not null order by meeting_id',
    'mirror': "select to_jsonb(t) - 'reread_at' - 'event_id' - 'corrections' as row from mirror t order by system, "
    'type, remote_id',
    'link': 'select to_jsonb(t) as row from link t order by system, type, remote_id',
    'custom_field': 'select to_jsonb(t) as row from custom_field t order by linked_object_type, machine_name',
    'setting': 'select to_jsonb(t) as row from setting t order by key',
}


class RolledBackError(Exception):
    """Ends a preview."""


async def preview(engine: Engine, event_id: int) -> Sequence[Change]:
    """What applying an event again would change. Nothing is kept. Raises Refused for an event that cannot be
    applied.
    """
    found: list[Change] = []
    try:
        async with engine.database.transaction() as connection:
            rows = await connection.execute(f'select {events.EVENT_COLUMNS} from event where id = %s', (event_id,))
            row = await rows.fetchone()
            if row is None or row['body'] is None or row['kind'] not in events.REPLAYED:
                raise Refused(
                    f'Event {event_id} cannot be applied again: it is unknown, an act, or its body was dropped.'
                )
            result = await ingest.record(engine, connection, events.read_event(row))
            found = [change for change, _ in result.changes]
            if result.parked:
                raise Refused(result.parked[0][1])
            raise RolledBackError
    except RolledBackError:
        return found


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
    rows = await source.fetch(
        'select e.id, e.source, e.kind, e.dedupe_key, e.received_at, e.headers, e.body, e.applied_seq, e.waited, '
        "(select coalesce(jsonb_agg(c.record_id order by c.id), '[]') from change c "
        "where c.event_id = e.id and c.field = 'born') as births "
        "from event e where e.state = 'done' and e.body is not null and e.applied_seq > %s order by e.applied_seq",
        (after,),
    )
    async with target.transaction() as connection:
        for row in rows:
            await connection.execute(
                'insert into event (id, source, kind, dedupe_key, received_at, headers, body, state, outcome, '
                'applied_seq, waited) '
                "overriding system value values (%s, %s, %s, %s, %s, %s, %s, 'waiting', %s, %s, %s)",
                (
                    row['id'], row['source'], row['kind'], bytes(row['dedupe_key']), row['received_at'],
                    dump(row['headers']),
                    bytes(row['body']), dump({'births': row['births']}), row['applied_seq'], row['waited'],
                ),
            )  # fmt: skip
    return len(rows)


async def fold(engine: Engine, limit: int = 1_000_000) -> int:
    """Apply a copied log in its order, one event a transaction, without a call. An event that had to wait is applied
    each time again that it moved something in life. Returns how many events were applied.
    """
    todo = await engine.database.fetch(
        "select id, outcome -> 'births' as births, unnest(array_append(waited, applied_seq)) as seq from event "
        "where state = 'waiting' order by seq limit %s",
        (limit,),
    )
    births = {row['id']: list(row['births']) for row in todo}
    for row in todo:
        async with engine.database.transaction() as connection:
            await _fold_one(engine, connection, row['id'], births[row['id']])
    return len(todo)


async def _fold_one(engine: Engine, connection: Connection, event_id: int, births: list[int]) -> None:
    """One event, once. `births`: the ids for the records that it bears; those that were needed are taken out."""
    rows = await connection.execute(
        f'select {events.EVENT_COLUMNS} from event where id = %s for update',
        (event_id,),
    )
    row: Any = await rows.fetchone()
    event = events.read_event(row)
    if event.kind == 'act':
        await apply_act(engine, connection, event, births, folding=True)
        return
    if event.kind == 'metadata':
        await connect.learn(connection, engine.systems[event.source], event)
        return
    result = await ingest.record(engine, connection, event, births=births)
    del births[: sum(change.field == 'born' for change, _ in result.changes)]
    if any(change.record.type in ('admin', 'pipeline', 'stage') for change, _ in result.changes):
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
    await connection.execute(
        'insert into push (record_type, record_id, system, graph_id, rank, due_at, intent) values (%s, %s, %s, '
        "case when %s = 'company' then %s else coalesce("
        '(select company_id from contact where id = %s union select company_id from deal where id = %s '
        'union select company_id from meeting where id = %s), 0) end, '
        '0, hermes_now(), %s) on conflict (record_type, record_id, system) do update set intent = excluded.intent',
        (
            *intent.record, intent.ref.system, intent.record.type, *([intent.record.id] * 4),
            dump(kept) if intent.state == 'open' else None,
        ),
    )  # fmt: skip
