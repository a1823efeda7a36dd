"""What an act did that can be taken back, and what stands on it, in the transaction that undoes it (ADM-13)."""

from typing import Any

from hermes.db.codec import dump
from hermes.db.pool import Connection, Row
from hermes.db.reads.undo import FIND, Standing, asked, read_standing

WROTE = """
    select old from change where event_id = %s and record_type = %s and record_id = %s and field = %s
    order by id limit 1
"""


async def find(connection: Connection, event_id: int) -> Row | None:
    """An event as `hindrance` reads it."""
    return await (await connection.execute(FIND, {'event': event_id})).fetchone() if 0 < event_id < 2**63 else None


async def standing(connection: Connection, event_id: int, steps: list[Any]) -> list[Standing]:
    """What newer things stand on the steps of an act."""
    found: list[Row] = []
    for query, named in asked(steps):
        found += await (await connection.execute(query, {'event': event_id, 'named': dump(named)})).fetchall()
    return read_standing(found)


async def said_before(connection: Connection, event_id: int, record_type: str, number: int, name: str) -> Any:
    """What a field said before an event."""
    row = await (await connection.execute(WROTE, (event_id, record_type, number, name))).fetchone()
    return row['old'] if row else None
