"""Companies in the order of their ids, and the records under them, for whoever walks through all of them."""

from collections.abc import Collection, Sequence

from hermes.db.pool import Connection
from hermes.domain.model import RecordRef

NEXT = 'select id from company where id > %s and tombstone is null and alias_of is null order by id limit %s'


async def next_ids(connection: Connection, after: int, limit: int) -> list[int]:
    """The next live companies after an id."""
    rows = await connection.execute(NEXT, (after, limit))
    return [row['id'] for row in await rows.fetchall()]


async def count_live(connection: Connection) -> int:
    """How many live companies there are."""
    rows = await connection.execute('select count(*) as n from company where tombstone is null and alias_of is null')
    row = await rows.fetchone()
    return int(row['n']) if row else 0


async def live_records(
    connection: Connection, record_types: Collection[str], companies: Sequence[int]
) -> set[RecordRef]:
    """The live records of these types in some companies."""
    found: set[RecordRef] = set()
    for record_type in sorted(record_types):
        column = 'id' if record_type == 'company' else 'company_id'
        rows = await connection.execute(
            f'select id from {record_type} where {column} = any(%s) and tombstone is null and alias_of is null',
            (list(companies),),
        )
        found |= {RecordRef(record_type, row['id']) for row in await rows.fetchall()}
    return found
