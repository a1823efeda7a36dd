"""What was held because its object was gone for no known reason (OUT-5): freed when the CRM says more, after a day a
person's.

A newer webhook of the object frees the push; a full listing that was completed since makes the object be read once
more; 24 h after it was held somebody has to decide. Nothing is ever made again by itself.
"""

from datetime import timedelta
from typing import Final

from hermes.db import events
from hermes.db.pool import Connection
from hermes.sync.engine import Engine

HELD: Final = timedelta(hours=24)
WAYS: Final = ['relink', 'recreate', 'drop']
_OF = (
    "p.state = 'held' and p.detail ? 'gone_at' and l.system = p.system and l.record_type = p.record_type "
    'and l.record_id = p.record_id'
)


async def held_step(engine: Engine) -> int:
    """Look at everything that is held as gone. Returns how many pushes were freed or handed to a person."""
    async with engine.database.transaction() as connection:
        freed = await _free(connection)
        await _read_after_listing(connection)
        return freed + await _hand_over(connection)


async def _free(connection: Connection) -> int:
    """The object is known to be deleted or merged, or showed itself after the push was held."""
    done = await connection.execute(
        "update push p set state = 'ready', reason = '', detail = p.detail - 'gone_at' - 'listed', due_at = "
        'hermes_now() from link l join mirror m using (system, type, remote_id) left join event e on e.id = m.event_id '
        f"where {_OF} and (l.state <> 'live' or (e.kind in ('webhook', 'page') and e.received_at > "
        "(p.detail ->> 'gone_at')::timestamptz))"
    )
    if done.rowcount:
        await events.ring(connection)
        await connection.execute('notify hermes_push')
    return done.rowcount


async def _read_after_listing(connection: Connection) -> None:
    """A full listing since then may have shown the object unchanged, which leaves no trace: it is read once more."""
    await connection.execute(
        'with due as (update push p set detail = p.detail || \'{"listed": true}\' from link l '
        f"where {_OF} and l.state = 'live' and not p.detail ? 'listed' and exists (select 1 from sweep s where "
        "s.system = l.system and s.type = l.type and s.kind = 'full' and s.state = 'done' and s.started_at > "
        "(p.detail ->> 'gone_at')::timestamptz) returning l.system, l.type, l.remote_id) "
        'update mirror m set reread_at = hermes_now() from due d '
        'where m.system = d.system and m.type = d.type and m.remote_id = d.remote_id'
    )


async def _hand_over(connection: Connection) -> int:
    """Held for a day: a decision, each once (relink, recreate, drop); the push stays where it is."""
    done = await connection.execute(
        "insert into decision (kind, record_type, record_id, key, detail, at) select 'gone', p.record_type, "
        "p.record_id, 'gone:' || p.system || ':' || l.type || ':' || l.remote_id || ':' || (p.detail ->> 'gone_at'), "
        "jsonb_build_object('system', p.system, 'type', l.type, 'remote_id', l.remote_id, 'ways', %s::text[]), "
        'hermes_now() from push p, link l '
        f"where {_OF} and l.is_primary and l.state = 'live' and (p.detail ->> 'gone_at')::timestamptz <= hermes_now() "
        '- %s on conflict (kind, key) do nothing',
        (WAYS, HELD),
    )
    return done.rowcount
