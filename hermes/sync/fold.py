"""Fold: a log applied to a database that has none of it, in its order and without a call, ends in the same state (I14).

Record ids come from the birth entries; processing times and the pushes' bookkeeping are left out.
"""

from typing import Any

from hermes.db import events, logs, pushes
from hermes.db.catalogue import bump
from hermes.db.pool import Connection
from hermes.domain.record_types import SHARED
from hermes.sync import connect, ingest
from hermes.sync.acts.apply import apply_act
from hermes.sync.engine import Engine
from hermes.sync.observe import read_intent


async def fold(engine: Engine, limit: int = 1_000_000) -> int:
    """Apply a copied log in its order, one event a transaction, without a call. An event that had to wait is applied
    each time again that it moved something in life. Returns how many events were applied.
    """
    async with engine.database.transaction() as connection:
        todo = await logs.in_order(connection, limit)
    births = {row['id']: list(row['births']) for row in todo}
    for row in todo:
        async with engine.database.transaction() as connection:
            await fold_one(engine, connection, row['id'], births[row['id']])
    return len(todo)


async def fold_one(engine: Engine, connection: Connection, event_id: int, births: list[int]) -> None:
    """One event, once. `births`: the ids for the records that it bears; those that were needed are taken out."""
    event = events.read_event(await logs.lock_event(connection, event_id))
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
