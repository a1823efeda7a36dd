"""What an import of an older database asks of the new one: what it took already, what is taken, what the CRM says to
it.
"""

from collections.abc import Collection, Iterable, Sequence
from typing import Any, Final

from hermes.db.codec import dump
from hermes.db.pool import Connection
from hermes.domain.model import RecordRef, RemoteRef

KNOWN: Final = """
    select dedupe_key, sha256(body) as digest from event where source = 'legacy' and kind = 'act'
      and (%(all)s or dedupe_key = any(%(keys)s::bytea[]))
"""
HEARD: Final = """
    select m.system, m.type, m.remote_id from jsonb_to_recordset(%s) as r(system text, type text, remote_id text)
      join mirror m using (system, type, remote_id) order by 1, 2, 3 limit 1
"""
CONTRADICTED: Final = """
    select l.system, l.type, l.remote_id, l.record_type, l.record_id, m.version[0]::bigint < 0 as unseen,
      coalesce(m.runs #> '{hermes_id,-1,0}', '[]') as ids
    from link l join mirror m using (system, type, remote_id) join change c on c.record_type = l.record_type
      and c.record_id = l.record_id and c.field = 'born' and c.system = 'legacy'
    where l.system = 'pipedrive' and l.type in ('organization', 'person', 'deal') and l.state = 'live'
    order by l.type, length(l.remote_id), l.remote_id
"""


async def known_events(connection: Connection, keys: Sequence[bytes] | None = None) -> dict[bytes, bytes | None]:
    """Events of an import that are there: key -> digest of the body."""
    rows = await connection.execute(KNOWN, {'all': keys is None, 'keys': list(keys or ())})
    return {
        bytes(row['dedupe_key']): bytes(row['digest']) if row['digest'] is not None else None
        for row in await rows.fetchall()
    }


async def first_body(connection: Connection, key: bytes) -> bytes | None:
    """The body of one of them, while it is kept."""
    rows = await connection.execute("select body from event where source = 'legacy' and dedupe_key = %s", (key,))
    row = await rows.fetchone()
    return bytes(row['body']) if row and row['body'] is not None else None


async def taken_record(connection: Connection, records: Iterable[RecordRef]) -> RecordRef | None:
    """One of these records that is there already."""
    by_type: dict[str, list[int]] = {}
    for ref in records:
        by_type.setdefault(ref.type, []).append(ref.id)
    for table, ids in sorted(by_type.items()):
        rows = await connection.execute(f'select min(id) as id from {table} where id = any(%s)', (ids,))
        row = await rows.fetchone()
        if row is not None and row['id'] is not None:
            return RecordRef(table, row['id'])
    return None


async def first_number(connection: Connection) -> int:
    """Where this database's own record ids are: they begin at a random multiple of a million."""
    rows = await connection.execute('select last_value / 1000000 * 1000000 as first from record_id')
    row = await rows.fetchone()
    assert row is not None
    return int(row['first'])


async def heard_remote(connection: Connection, remotes: Collection[RemoteRef]) -> RemoteRef | None:
    """One of these remote objects that is known already."""
    rows = await connection.execute(HEARD, (dump([ref._asdict() for ref in sorted(remotes)]),))
    row = await rows.fetchone()
    return RemoteRef(row['system'], row['type'], row['remote_id']) if row else None


async def taken_admin(
    connection: Connection, tc2_ids: Sequence[int | None], owner_ids: Sequence[int | None]
) -> int | None:
    """An admin who has one of these ids."""
    rows = await connection.execute(
        'select min(id) as id from admin where tc2_admin_id = any(%s) or pd_owner_id = any(%s)',
        ([number for number in tc2_ids if number], [number for number in owner_ids if number]),
    )
    row = await rows.fetchone()
    return row['id'] if row else None


async def contradictions(connection: Connection) -> list[dict[str, Any]]:
    """Links of imported records, each with what its object in the CRM says of itself."""
    return list(await (await connection.execute(CONTRADICTED)).fetchall())
