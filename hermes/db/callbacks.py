"""The call that says "look" to the host whose users are kept: one row, which says how far the feed was told, and which
call is on its way (AU-18).

Claimed under a lease, so that there is one call at a time over all workers; a worker that is killed costs the lease,
and the call goes out again under the same id. Whoever comes back late with a lost lease changes nothing.
"""

from datetime import datetime
from typing import Final, NamedTuple

from hermes.db.people import number_news
from hermes.db.pool import Connection

LEASE_S: Final = 60
LOOK: Final = """
    select 1 from people_callback
    where due_at > hermes_now() or leased_until > hermes_now() or (told >= coalesce((select max(number) from feed), 0)
      and not exists (select 1 from feed where number is null))
"""
BEGIN: Final = 'insert into people_callback (id) values (1) on conflict do nothing'
CLAIM: Final = f"""
    update people_callback c set number = f.number, attempts = attempts + 1,
      message_id = case when c.number = f.number then message_id else %s end,
      leased_until = hermes_now() + make_interval(secs => {LEASE_S})
    from (select number, at from feed order by number desc nulls last limit 1) f
    where f.number > c.told and c.due_at <= hermes_now() and coalesce(c.leased_until, '-infinity') <= hermes_now()
    returning f.number, f.at, c.message_id, c.attempts, c.leased_until
"""
ENDED: Final = """
    update people_callback set leased_until = null, due_at = coalesce(%(again_at)s::timestamptz, hermes_now()),
      told = case when %(again_at)s::timestamptz is null then number else told end,
      attempts = case when %(again_at)s::timestamptz is null then 0 else attempts end
    where leased_until = %(lease)s
"""


class Claim(NamedTuple):
    """A call that this worker may make until `leased_until` (aware): the highest number, and when its line was
    written.
    """

    number: int
    at: datetime
    message_id: str
    attempts: int
    leased_until: datetime


async def claim(connection: Connection, fresh_id: str) -> Claim | None:
    """The call that is due; None when there is nothing new, somebody is calling, or it is too soon after a failure.
    `fresh_id`: its id, unless it was tried before.
    """
    if await (await connection.execute(LOOK)).fetchone():
        return None
    await number_news(connection)
    await connection.execute(BEGIN)
    row = await (await connection.execute(CLAIM, (fresh_id,))).fetchone()
    return Claim(**row) if row else None


async def end(connection: Connection, claimed: Claim, again_at: datetime | None) -> bool:
    """It was heard, or it is due again at a moment. False: the lease was lost."""
    row = {'lease': claimed.leased_until, 'again_at': again_at}
    return (await connection.execute(ENDED, row)).rowcount > 0
