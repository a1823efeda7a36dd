"""What is asked of the database about bookings: who is taken when, which meeting a link means, what became of its
push. Named SQL.
"""

from datetime import datetime
from typing import Final

from hermes.db.pool import Connection, Row
from hermes.domain.slots import Interval, Taken
from hermes.kit.spelling import fold_email

CARRIED: Final = 'hermes_meeting'
"""Who is told that a meeting was carried into its calendar, or will not be: the payload is its id."""
TAKEN: Final = """
    select 'meeting' as what, id, start_at, end_at, coalesce(buffer_s, 0) as buffer_s from meeting
    where admin_id = %(admin)s and status = 'planned' and tombstone is null and alias_of is null
      and start_at < %(end)s and end_at + make_interval(secs => coalesce(buffer_s, 0)) > %(start)s
    union all
    select 'hold', h.id, h.start_at, h.end_at, extract(epoch from upper(o.during) - h.end_at)::bigint
    from hold h join occupancy o on o.hold_id = h.id
    where h.admin_id = %(admin)s and h.expires_at > hermes_now() and h.token_hash <> %(own)s
      and o.during && tstzrange(%(start)s, %(end)s)
    order by start_at, id
"""
SHOWN: Final = """
    select p.last_write_at as since, (i.runs #>> '{start_at,-1,0}')::timestamptz as first,
           (i.runs #>> '{end_at,-1,0}')::timestamptz as last
    from meeting m
    left join push p on p.record_type = 'meeting' and p.record_id = m.id and p.system = %(system)s
    left join link k on k.record_type = 'meeting' and k.record_id = m.id and k.system = %(system)s and k.state = 'live'
      and starts_with(lower(k.remote_id), lower(%(calendar)s) || '/')
    left join mirror i on (i.system, i.type, i.remote_id) = (k.system, k.type, k.remote_id)
    where m.id = %(meeting)s
"""
NEAR: Final = """
    select m.start_at from meeting m join contact c on c.id = m.contact_id
    where m.status = 'planned' and m.tombstone is null and m.alias_of is null and m.id <> %(but)s
      and (c.email_keys @> array[%(key)s] or lower(m.typed ->> 'email') = lower(%(email)s)
        or m.contact_id = %(contact)s)
      and m.start_at > %(first)s::timestamptz - make_interval(secs => %(apart)s)
      and m.start_at < %(last)s::timestamptz + make_interval(secs => %(apart)s)
"""
MEETING: Final = """
    select m.id, m.uid, m.kind, m.status, m.start_at, m.end_at, m.zone, m.admin_id, m.contact_id, m.sequence,
           m.canceled_by, coalesce(m.typed ->> 'email', c.email, '') as email
    from meeting m left join contact c on c.id = m.contact_id
    where m.uid = %s and m.tombstone is null and m.alias_of is null
"""
PUSHED: Final = """
    select m.status, m.canceled_by, coalesce(p.state, 'ready') as state,
           case when m.status = 'planned' then coalesce(stands.here and not stands.elsewhere, false)
             else stands.here is null and p.intent is null end as shown
    from meeting m left join admin a on a.id = m.admin_id
    left join push p on p.record_type = 'meeting' and p.record_id = m.id and p.system = %(system)s
    left join lateral (
      select bool_or(l.home and (i.runs #>> '{start_at,-1,0}')::timestamptz = m.start_at
                 and (i.runs #>> '{end_at,-1,0}')::timestamptz = m.end_at) as here, bool_or(not l.home) as elsewhere
      from (select *, starts_with(lower(remote_id), coalesce(lower(a.email), '') || '/') as home from link) l
      join mirror i using (system, type, remote_id)
      where l.system = %(system)s and l.record_type = 'meeting' and l.record_id = m.id and l.state = 'live'
    ) stands on true
    where m.id = %(meeting)s
"""


async def find_taken(
    connection: Connection, admin_id: int, start: datetime, end: datetime, own_hold: bytes = b''
) -> list[Taken]:
    """Planned meetings and live holds of an admin that touch [start, end), buffers included; the hold whose hashed
    token is `own_hold` left out.
    """
    rows = await connection.execute(TAKEN, {'admin': admin_id, 'start': start, 'end': end, 'own': own_hold})
    return [
        Taken(row['start_at'], row['end_at'], row['buffer_s'], row['what'], row['id']) for row in await rows.fetchall()
    ]


async def find_shown(
    connection: Connection, meeting_id: int, system: str, calendar: str
) -> tuple[list[Interval], datetime | None]:
    """Where a calendar shows a meeting, and since when: it was written then."""
    rows = await (
        await connection.execute(SHOWN, {'meeting': meeting_id, 'system': system, 'calendar': calendar})
    ).fetchall()
    shown = [Interval(row['first'], row['last']) for row in rows if row['first'] and row['last']]
    return shown, rows[0]['since'] if rows else None


async def find_near(
    connection: Connection,
    email: str,
    window: tuple[datetime, datetime],
    apart_s: int,
    *,
    contact_id: int = 0,
    but: int = 0,
) -> list[datetime]:
    """CB-3: when planned meetings of somebody of this e-mail address start that are less than `apart_s` away from the
    window's beginning, its end or a moment between.
    """
    given = {
        'email': email, 'key': fold_email(email), 'contact': contact_id, 'first': window[0], 'last': window[1],
        'apart': apart_s, 'but': but,
    }  # fmt: skip
    return [row['start_at'] for row in await (await connection.execute(NEAR, given)).fetchall()]


async def has_meeting_near(connection: Connection, email: str, start: datetime, apart_s: int) -> bool:
    """CB-3: whether somebody of this e-mail address has a planned meeting that starts within `apart_s` of `start`."""
    return bool(await find_near(connection, email, (start, start), apart_s))


async def find_meeting(connection: Connection, uid: str) -> Row | None:
    """The meeting of a uid."""
    return await (await connection.execute(MEETING, (uid,))).fetchone()


async def find_push(connection: Connection, meeting_id: int, system: str) -> Row | None:
    """How far a meeting is carried into a calendar: status, canceled_by, the push's state, and whether its admin's
    calendar holds it as it is now, and no other one does (`shown`); of a canceled one: that none does.
    """
    given = {'meeting': meeting_id, 'system': system}
    return await (await connection.execute(PUSHED, given)).fetchone()


async def tell(connection: Connection, meeting_id: int) -> None:
    """Whoever waits for a meeting to reach its calendar looks again when this transaction commits."""
    await connection.execute('select pg_notify(%s, %s)', (CARRIED, str(meeting_id)))


async def find_body(connection: Connection, source: str, key: bytes) -> bytes | None:
    """The stored body of the command of a key."""
    row = await (
        await connection.execute('select body from event where source = %s and dedupe_key = %s', (source, key))
    ).fetchone()
    return None if row is None else bytes(row['body'] or b'')


async def find_company(connection: Connection, company_id: int) -> Row | None:
    """Id and name of a company that lives; of the survivor where it was merged away."""
    rows = await connection.execute(
        'with recursive way as (select id, alias_of, 0 as depth from company where id = %s union all '
        'select c.id, c.alias_of, way.depth + 1 from company c join way on c.id = way.alias_of where way.depth < 20) '
        "select c.id, coalesce(c.name, '') as name from company c join way using (id) "
        'where c.alias_of is null and c.tombstone is null',
        (company_id,),
    )
    return await rows.fetchone()


async def find_linked(connection: Connection, system: str, kind: str, remote_id: str) -> Row | None:
    """The company that a remote object belongs to, living or not: id, and whether it is `gone`."""
    rows = await connection.execute(
        'select c.id, c.tombstone is not null as gone from link l join company c on c.id = l.record_id '
        "where l.system = %s and l.type = %s and l.remote_id = %s and l.record_type = 'company'",
        (system, kind, remote_id),
    )
    return await rows.fetchone()
