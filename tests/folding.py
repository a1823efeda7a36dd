"""The log copied and folded: what a database holds as hashes, and its applied events in their order (I14)."""

import hashlib
import json
from typing import Any, Final

from hermes.db import logs
from hermes.db.logs import in_order, lock_event
from hermes.db.pool import Database
from hermes.domain.record_types import STORED
from hermes.sync.fold import fold

__all__ = ['STATE', 'copy_log', 'digest', 'fold', 'in_order', 'lock_event']

LIVING: Final = "tombstone ->> 'kind' is distinct from 'erased'"
"""Those who were erased are left out, and so are their objects, which stand under hashes (S10)."""
STATE: Final = {
    **{table: f'select to_jsonb(t) as row from {table} t where {LIVING} order by id' for table in STORED},
    'occupancy': 'select jsonb_build_array(admin_id, during::text, meeting_id) as row from occupancy '
    'where meeting_id is not null order by meeting_id',
    'mirror': "select to_jsonb(t) - 'reread_at' - 'event_id' - 'corrections' as row from mirror t "
    "where not starts_with(remote_id, '~') order by system, type, remote_id",
    'link': "select to_jsonb(t) as row from link t where not starts_with(remote_id, '~') "
    'order by system, type, remote_id',
    'custom_field': 'select to_jsonb(t) as row from custom_field t order by linked_object_type, machine_name',
    'setting': 'select to_jsonb(t) as row from setting t order by key',
}


async def state(database: Database) -> dict[str, list[Any]]:
    """The state of a database, for whoever looks at what differs."""
    return {table: [row['row'] for row in await database.fetch(query)] for table, query in STATE.items()}


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
    async with source.transaction() as connection:
        rows = await logs.applied(connection, after)
    async with target.transaction() as connection:
        await logs.copy(connection, rows)
    return len(rows)
