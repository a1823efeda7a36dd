"""Rows of followed calendars: which are followed and due, how far each was read, and through which channel it tells.

A calendar that is being read has no `due_at`, so that a notification that comes meanwhile is never lost: whoever
finishes leaves the time that somebody else has set.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from typing import Final

from hermes.db import bells
from hermes.db.pool import Connection
from hermes.parts.roles import CALENDAR

LEASE_S: Final = 60
BOOKABLE: Final = """
    select lower(trim(email)) from admin
    where bookable and active and tombstone is null and alias_of is null and trim(coalesce(email, '')) <> ''
"""
PLANNED: Final = """
    select m.remote_id from meeting t
    join link l on l.record_type = 'meeting' and l.record_id = t.id and l.system = %(system)s and l.state = 'live'
    join mirror m using (system, type, remote_id)
    where t.status = 'planned' and t.end_at > hermes_now()
"""
"""The remote ids of the events of meetings that lie ahead."""
FOLLOW: Final = f"""
    insert into followed_calendar (calendar, due_at) select *, hermes_now() from ({BOOKABLE}) admins
    on conflict (calendar) do nothing
"""
CLAIM: Final = f"""
    with due as (
      select f.calendar from followed_calendar f left join system_state s on s.system = %(system)s
      where (f.due_at <= hermes_now() or (f.due_at is null and f.leased_until <= hermes_now()))
        and not (coalesce(s.paused, false) and not starts_with(s.reason, %(broken)s))
        and coalesce(s.blocked_until, '-infinity') <= hermes_now()
      order by f.due_at nulls first limit 1 for update of f skip locked
    )
    update followed_calendar f set due_at = null, leased_until = hermes_now() + make_interval(secs => %(lease)s)
    from due where f.calendar = due.calendar
    returning f.*, f.calendar in ({BOOKABLE}) or exists (
      select 1 from ({PLANNED}) ahead where starts_with(ahead.remote_id, f.calendar || '/')) as wanted
"""
RENEW: Final = """
    update followed_calendar set leased_until = hermes_now() + make_interval(secs => %s)
    where calendar = %s and leased_until = %s returning leased_until
"""
DONE: Final = """
    update followed_calendar set sync_token = %(token)s, synced_at = hermes_now(), attempts = 0, problem = '',
      leased_until = null, due_at = coalesce(due_at, hermes_now() + make_interval(secs => %(pause)s))
    where calendar = %(calendar)s and leased_until = %(lease)s
"""
FAILED: Final = """
    update followed_calendar set sync_token = case when %(forget)s then null else sync_token end,
      attempts = attempts + 1, problem = %(problem)s, leased_until = null, due_at = %(at)s
    where calendar = %(calendar)s and leased_until = %(lease)s
"""
REREAD: Final = f"""
    update mirror m set reread_at = hermes_now() from ({PLANNED}) ahead
    where m.system = %(system)s and m.type = 'event' and m.remote_id = ahead.remote_id
      and starts_with(m.remote_id, %(place)s) and m.remote_id <> all(%(seen)s)
    returning m.remote_id, {bells.rung(bells.READING)}
"""
HEARD: Final = """
    update followed_calendar set due_at = hermes_now() where channel_id = %s returning calendar
"""


@dataclass(frozen=True, slots=True)
class Followed:
    """A calendar that is read now. `sync_token`: from where; `leased_until`: whose turn it is; the channel through
    which it tells; `wanted`: somebody can be booked in it, or something is planned there.
    """

    calendar: str
    sync_token: str | None
    leased_until: datetime
    attempts: int
    channel_id: str | None
    resource_id: str | None
    channel_until: datetime | None
    wanted: bool


async def is_any_followed(connection: Connection) -> bool:
    """Whether there is a calendar whose reading tells if the credentials work."""
    return await (await connection.execute('select 1 from followed_calendar limit 1')).fetchone() is not None


async def follow(connection: Connection) -> int:
    """Every bookable admin's calendar is followed from now on; how many are new."""
    return (await connection.execute(FOLLOW)).rowcount


async def claim(connection: Connection, broken: str) -> Followed | None:
    """A calendar that is due, leased; `wanted` is False when nobody can be booked in it and nothing is planned there.

    A system that is paused by a person is left alone; credentials that do not work (a reason that begins with `broken`)
    are tried again by reading.
    """
    row = await (await connection.execute(CLAIM, {'broken': broken, 'lease': LEASE_S, 'system': CALENDAR})).fetchone()
    return Followed(**{each.name: row[each.name] for each in fields(Followed)}) if row is not None else None


async def renew(connection: Connection, followed: Followed) -> Followed | None:
    """The calendar with a new lease; None when somebody else has taken it over."""
    rows = await connection.execute(RENEW, (LEASE_S, followed.calendar, followed.leased_until))
    found = await rows.fetchone()
    return replace(followed, leased_until=found['leased_until']) if found else None


async def finish(connection: Connection, followed: Followed, token: str | None, pause_s: float) -> None:
    """It was read to the end; again in `pause_s`, or when it is heard of."""
    key = {'calendar': followed.calendar, 'lease': followed.leased_until, 'token': token, 'pause': pause_s}
    await connection.execute(DONE, key)


async def fail(connection: Connection, followed: Followed, at: datetime, problem: str, *, forget: bool = False) -> None:
    """It could not be read: again at `at`. `forget`: from the beginning (the sync token is worth nothing)."""
    key = {
        'calendar': followed.calendar,
        'lease': followed.leased_until,
        'at': at,
        'problem': problem,
        'forget': forget,
    }
    await connection.execute(FAILED, key)


async def reread_missing(connection: Connection, calendar: str, seen: Sequence[str]) -> list[str]:
    """Have events of planned meetings that a whole listing did not show read by id; their remote ids."""
    key = {'place': f'{calendar}/', 'seen': list(seen), 'system': CALENDAR}
    rows = await connection.execute(REREAD, key)
    return [row['remote_id'] for row in await rows.fetchall()]


async def keep_channel(
    connection: Connection, calendar: str, channel: tuple[str, str] | None, until: datetime | None
) -> None:
    """The channel (its id, its resource's id) through which a calendar tells, and its end. None: it has none, and none
    is asked for before `until`.
    """
    channel_id, resource_id = channel or (None, None)
    await connection.execute(
        'update followed_calendar set channel_id = %s, resource_id = %s, channel_until = %s where calendar = %s',
        (channel_id, resource_id, until, calendar),
    )


async def forget(connection: Connection, calendar: str) -> None:
    """It is followed no more."""
    await connection.execute('delete from followed_calendar where calendar = %s', (calendar,))


async def hear(connection: Connection, headers: Mapping[str, str]) -> str:
    """A notification came (its stored headers): its calendar is due. What became of it, as one sentence."""
    channel, state = headers.get('x-goog-channel-id', ''), headers.get('x-goog-resource-state', '')
    if state == 'sync':
        return 'a channel was opened'
    if state not in ('exists', 'not_exists'):
        return f'nobody knows what the state "{state[:40]}" means'
    heard = await (await connection.execute(HEARD, (channel,))).fetchone()
    if heard is None:
        return 'no calendar tells through this channel any more'
    await bells.ring(connection, bells.ERRAND)
    return f'something changed in {heard["calendar"]}: it is read'


async def hurry(connection: Connection, calendar: str) -> None:
    """A calendar that could not be read can be read: it is tried at once."""
    await connection.execute(
        "update followed_calendar set due_at = hermes_now() where calendar = %s and problem <> '' and leased_until is "
        'null',
        (calendar,),
    )
    await bells.ring(connection, bells.ERRAND)
