"""What public visitors have used of what they are allowed (CB-18), and which proofs of work were handed in.

Counted in the transaction of what is counted: what is taken back counts nothing. Everybody is a keyed hash.
"""

from datetime import datetime, timedelta
from typing import Final, NamedTuple

from hermes.db.pool import Connection, the_row

ALLOWANCE_LOCKS: Final = 47_294
"""The first half of an advisory lock's key; the second is the beginning of the client's hash."""
KEPT: Final = timedelta(days=2)
USED: Final = """
    select count(*) as n, (array_agg(at order by at desc))[%(most)s] as freeing, hermes_now() as now from allowance
    where kind = %(kind)s and client_hash = %(client)s and at > hermes_now() - %(within)s
"""
USED_IN_ALL: Final = """
    select count(*) as n, (array_agg(at order by at desc))[%(most)s] as freeing, hermes_now() as now from allowance
    where kind = %(kind)s and at > hermes_now() - %(within)s
"""


class Used(NamedTuple):
    """How much of a quota is used; `free_in_s`: when there is room again, 0 where there is."""

    many: int
    free_in_s: float


async def lock(connection: Connection, client: bytes) -> None:
    """Nobody else counts for this client before this transaction ends."""
    await connection.execute(
        'select pg_advisory_xact_lock(%s, %s)', (ALLOWANCE_LOCKS, int.from_bytes(client[:4], signed=True))
    )


async def used(connection: Connection, kind: str, client: bytes | None, most: int, within: timedelta) -> Used:
    """What a client, or everybody together (None), used of `most` within the last `within`."""
    asked = {'kind': kind, 'client': client, 'within': within, 'most': most}
    row = await the_row(connection, USED_IN_ALL if client is None else USED, asked)
    freeing: datetime | None = row['freeing']
    return Used(row['n'], 0.0 if freeing is None else (freeing + within - row['now']).total_seconds())


async def count(connection: Connection, kind: str, client: bytes) -> None:
    """One more."""
    await connection.execute('insert into allowance (kind, client_hash) values (%s, %s)', (kind, client))


async def spend(connection: Connection, digest: bytes, expires_at: datetime) -> bool:
    """Hand in a proof of work; False when it was handed in before."""
    rows = await connection.execute(
        'insert into spent_challenge (digest, expires_at) values (%s, %s) on conflict (digest) do nothing '
        'returning digest',
        (digest, expires_at),
    )
    return await rows.fetchone() is not None


async def tidy(connection: Connection) -> int:
    """Forget what counts for nothing any more: old allowances, proofs that ran out, holds that ran out."""
    touched = 0
    for query in (
        'delete from allowance where at < hermes_now() - %(kept)s',
        'delete from spent_challenge where expires_at < hermes_now()',
        'delete from hold where expires_at < hermes_now()',
    ):
        touched += (await connection.execute(query, {'kept': KEPT} if '%' in query else None)).rowcount
    return touched
