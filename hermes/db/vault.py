"""Secrets that rotate (AU-16): sealed by whoever stores them, one version after another, renewed by one at a time.

Who renews holds a lease in the row, never a lock, so that nothing waits for a process that is gone. `tries` counts who
began to renew this version, before they ask: what became of a try that nobody finished is not known.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Final

from hermes.db.pool import Connection

COLUMNS: Final = 'sealed, version, expires_at, tries, broken, coalesce(leased_until > hermes_now(), false) as leased'
PUT: Final = """
    insert into vault (name, sealed, expires_at) values (%(name)s, %(sealed)s, %(expires_at)s)
    on conflict (name) do update set sealed = excluded.sealed, expires_at = excluded.expires_at,
      version = vault.version + 1, tries = 0, broken = '', leased_by = null, leased_until = null,
      changed_at = hermes_now()
"""
LEASE: Final = """
    update vault set leased_by = %(by)s, leased_until = hermes_now() + make_interval(secs => %(for_s)s),
      tries = tries + 1
    where name = %(name)s and version = %(version)s and broken = '' and tries < %(most)s
      and (leased_until is null or leased_until <= hermes_now())
    returning tries
"""
STORE: Final = """
    update vault set sealed = %(sealed)s, expires_at = %(expires_at)s, version = version + 1, tries = 0,
      leased_by = null, leased_until = null, changed_at = hermes_now()
    where name = %(name)s and version = %(version)s and broken = ''
"""
RELEASE: Final = """
    update vault set leased_by = null, leased_until = null, tries = tries - %(back)s
    where name = %(name)s and version = %(version)s and leased_by = %(by)s
"""
BREAK: Final = """
    update vault set broken = %(reason)s, leased_by = null, leased_until = null, changed_at = hermes_now()
    where name = %(name)s and version = %(version)s and broken = ''
"""
TAKE: Final = 'delete from vault where name = %s returning sealed, coalesce(expires_at > hermes_now(), false) as good'


@dataclass(frozen=True, slots=True)
class Kept:
    """A secret as it stands. `broken`: why nobody may use it any more; `leased`: somebody renews it now."""

    sealed: bytes
    version: int
    expires_at: datetime | None
    tries: int
    broken: str
    leased: bool


async def find(connection: Connection, name: str) -> Kept | None:
    row = await (await connection.execute(f'select {COLUMNS} from vault where name = %s', (name,))).fetchone()
    return Kept(**row) if row else None


async def put(connection: Connection, name: str, sealed: bytes, expires_at: datetime | None) -> None:
    """A secret from nowhere: whatever stood under the name, and whoever renews it, is over."""
    await connection.execute(PUT, {'name': name, 'sealed': sealed, 'expires_at': expires_at})


async def lease(connection: Connection, name: str, version: int, by: str, *, for_s: float, most: int) -> int | None:
    """Whose turn it is to renew this version: how many began it now. None where somebody is at it, another version
    stands, or `most` began it already.
    """
    told = {'name': name, 'version': version, 'by': by, 'for_s': for_s, 'most': most}
    row = await (await connection.execute(LEASE, told)).fetchone()
    return int(row['tries']) if row else None


async def store(connection: Connection, name: str, version: int, sealed: bytes, expires_at: datetime) -> bool:
    """The next version, unless another stands already."""
    told = {'name': name, 'version': version, 'sealed': sealed, 'expires_at': expires_at}
    return (await connection.execute(STORE, told)).rowcount == 1


async def release(connection: Connection, name: str, version: int, by: str, *, began: bool) -> None:
    """Nothing was renewed. `began`: the vendor may have been asked."""
    await connection.execute(RELEASE, {'name': name, 'version': version, 'by': by, 'back': 0 if began else 1})


async def spoil(connection: Connection, name: str, version: int, reason: str) -> None:
    """This version is of no use any more."""
    await connection.execute(BREAK, {'name': name, 'version': version, 'reason': reason})


async def take(connection: Connection, name: str) -> bytes | None:
    """A secret that is good for once: it is gone with this. None where there is none, or its time is over."""
    row = await (await connection.execute(TAKE, (name,))).fetchone()
    return bytes(row['sealed']) if row and row['good'] else None
