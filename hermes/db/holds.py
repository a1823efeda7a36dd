"""Slots that are reserved while their form is open (CB-12). The constraint on `occupancy` decides; tokens are kept
hashed, and what has run out stands in nobody's way.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hermes.db.bookings import lock_admins
from hermes.db.pool import Connection, the_row

CLIENT_LOCKS: Final = 47_292
"""The first half of an advisory lock's key; the second is the beginning of the client's hash."""


@dataclass(frozen=True, slots=True)
class NewHold:
    """A slot to be held: [start_at, end_at) aware UTC, its buffer after it."""

    token_hash: bytes
    client_hash: bytes
    admin_id: int
    start_at: datetime
    end_at: datetime
    buffer_s: int
    expires_at: datetime


async def lock(connection: Connection, client_hash: bytes) -> None:
    """A client cannot make another hold before this transaction ends."""
    await connection.execute(
        'select pg_advisory_xact_lock(%s, %s)', (CLIENT_LOCKS, int.from_bytes(client_hash[:4], signed=True))
    )


async def count(connection: Connection, client_hash: bytes, but: bytes = b'') -> int:
    """The live holds of a client; `but`: the hashed token of one that does not count."""
    rows = await connection.execute(
        'select count(*) as n from hold where client_hash = %s and expires_at > hermes_now() and token_hash <> %s',
        (client_hash, but),
    )
    row = await rows.fetchone()
    return int(row['n']) if row else 0


async def add(connection: Connection, hold: NewHold) -> int:
    """Reserve a slot; the hold's id. Raises DatabaseError (`bookings.overlaps`) when its time is taken."""
    given = {
        'token': hold.token_hash, 'client': hold.client_hash, 'admin': hold.admin_id, 'start': hold.start_at,
        'end': hold.end_at, 'buffer': hold.buffer_s, 'expires': hold.expires_at,
    }  # fmt: skip
    await lock_admins(connection, [hold.admin_id])
    await connection.execute(
        'delete from hold h using occupancy o where o.hold_id = h.id and o.admin_id = %(admin)s and h.expires_at <= '
        'hermes_now() and o.during && '
        'tstzrange(%(start)s, %(end)s::timestamptz + make_interval(secs => %(buffer)s))',
        given,
    )
    row = await the_row(
        connection,
        'with held as (insert into hold (token_hash, client_hash, admin_id, start_at, end_at, expires_at) '
        'values (%(token)s, %(client)s, %(admin)s, %(start)s, %(end)s, %(expires)s) returning id) '
        'select id from held',
        given,
    )
    await connection.execute(
        'insert into occupancy (admin_id, during, hold_id) values (%(admin)s, '
        'tstzrange(%(start)s, %(end)s::timestamptz + make_interval(secs => %(buffer)s)), %(hold)s)',
        {**given, 'hold': row['id']},
    )
    return int(row['id'])


async def drop(connection: Connection, token_hash: bytes) -> bool:
    """Give a slot back. False when there is no such hold (any more)."""
    rows = await connection.execute('delete from hold where token_hash = %s returning id', (token_hash,))
    return await rows.fetchone() is not None


async def drop_expired(connection: Connection, limit: int = 50) -> int:
    """Forget some of the holds that ran out; whoever else is at them is not waited for."""
    rows = await connection.execute(
        'delete from hold where id in (select id from hold where expires_at <= hermes_now() order by expires_at '
        'limit %s for update skip locked)',
        (limit,),
    )
    return rows.rowcount
