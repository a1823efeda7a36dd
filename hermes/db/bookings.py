"""What a booking needs of the database beside the records: whether a time is taken, whom it could belong to, the locks.

Whoever writes what somebody's time is taken by takes the locks in one order: births, companies, admins.
"""

from collections.abc import Iterable
from typing import Any, Final

from hermes.db.graphs import CANDIDATES
from hermes.db.pool import Connection, DatabaseError
from hermes.domain.matching import Keys

ADMIN_LOCKS: Final = 47_291
"""The first half of an advisory lock's key; the second is the admin."""
OVERLAP: Final = '23P01'
"""What PostgreSQL calls a row that an exclusion constraint does not let in."""
DEADLOCK: Final = '40P01'


async def is_taken(connection: Connection, admin_id: int, start_at: str, end_at: str, buffer_s: int) -> bool:
    """Whether a meeting, or a hold that has not expired, takes some of this time of an admin (CB-4)."""
    rows = await connection.execute(
        'select 1 from occupancy o left join hold h on h.id = o.hold_id where o.admin_id = %s and o.during && '
        'tstzrange(%s::timestamptz, %s::timestamptz + make_interval(secs => %s)) and '
        '(o.hold_id is null or h.expires_at > hermes_now()) limit 1',
        (admin_id, start_at, end_at, buffer_s),
    )
    return await rows.fetchone() is not None


async def find_companies(connection: Connection, keys: Keys) -> set[int]:
    """The companies that a booking could belong to: of contacts with its e-mail or its phone, and those of its name; of
    each sort the newest.
    """
    rows = await connection.execute(
        """
        select e.company_id as id from unnest(%(emails)s::text[]) as k(email), lateral
          (select company_id from contact where email_keys @> array[k.email] order by id desc limit %(most)s) e
        union select p.company_id from unnest(%(phones)s::text[]) as k(phone), lateral
          (select company_id from contact where phone_keys @> array[k.phone] order by id desc limit %(most)s) p
        union select c.id from unnest(%(names)s::text[]) as k(name), lateral
          (select id from company where name_key = k.name order by id desc limit %(most)s) c
        """,
        {'emails': list(keys.emails), 'phones': list(keys.phones), 'names': list(keys.names), 'most': CANDIDATES},
    )
    return {row['id'] for row in await rows.fetchall() if row['id'] is not None}


async def lock_admins(connection: Connection, admins: Iterable[Any]) -> None:
    """The locks of those whose time is about to be taken or given back, so that two who want the same time never wait
    for each other.
    """
    for number in sorted({admin for admin in admins if isinstance(admin, int)}):
        await connection.execute('select pg_advisory_xact_lock(%s, %s)', (ADMIN_LOCKS, number % 2**31))


def overlaps(error: DatabaseError) -> bool:
    """Whether a row was not let in because the time is taken."""
    return error.sqlstate == OVERLAP


def is_deadlock(error: DatabaseError) -> bool:
    """Whether a transaction gave way to another and may be tried again."""
    return error.sqlstate == DEADLOCK
