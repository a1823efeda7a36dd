"""Meetings with their letters and the decisions about them. Reads only."""

from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.errors import Refused
from hermes.parts.roles import CALENDAR, CRM

STATUSES: Final = ('planned', 'canceled')

PUBLIC: Final = "('x' || left(encode(sha256(convert_to('number:' || uid, 'UTF8')), 'hex'), 12))::bit(48)::bigint + 1"
"""The number of a meeting in answers to its visitor (booking.links.public_number)."""
MEETINGS = """
    select m.id, {public} as number, m.kind, m.status, m.start_at, m.end_at, m.zone, m.lang, m.buffer_s, m.sequence,
           m.canceled_by, m.uid, m.typed, coalesce(m.extra -> 'flags', '[]') as flags,
           m.company_id, coalesce(c.name, '') as company,
           m.contact_id, concat_ws(' ', p.first_name, p.last_name) as contact, p.email as contact_email, m.deal_id,
           m.admin_id, concat_ws(' ', a.first_name, a.last_name) as admin, a.timezone as admin_zone,
           calendar.shown as calendar, crm.shown as activity, calendar.reason as calendar_reason,
           crm.reason as activity_reason
    from meeting m
    left join company c on c.id = m.company_id
    left join contact p on p.id = m.contact_id
    left join admin a on a.id = m.admin_id
    left join lateral ({calendar}) calendar on true
    left join lateral ({crm}) crm on true
    where m.alias_of is null and m.tombstone is null
"""
STANDS = """
    select case when h.state = 'parked' or h.state = 'held' then h.state
                when h.wanted > h.done then case when l.live then 'there, changing' else 'waiting' end
                when l.live then 'there' when l.live is false then 'deleted' else 'none' end as shown,
           coalesce(h.reason, '') as reason
    from (select 1) as one
    left join push h on h.record_type = 'meeting' and h.record_id = m.id and h.system = %({system})s
    left join (select bool_or(state = 'live') as live from link
               where record_type = 'meeting' and record_id = m.id and system = %({system})s) l on true
"""
ALL = MEETINGS.format(
    public=PUBLIC.replace('uid', 'm.uid'), calendar=STANDS.format(system='calendar'), crm=STANDS.format(system='crm')
)
SYSTEMS: Final = {'calendar': CALENDAR, 'crm': CRM}
LIST_MEETINGS = f"""
    {ALL} and (%(status)s::text is null or m.status = %(status)s)
      and (%(admin)s::bigint is null or m.admin_id = %(admin)s)
      and (%(past)s or m.end_at > hermes_now())
    order by m.start_at, m.id limit %(limit)s
"""
FIND_MEETING = f"""
    {ALL} and m.id = (select id from meeting where id = %(id)s or {PUBLIC} = %(id)s order by id <> %(id)s limit 1)
"""
LETTERS = """
    select id, kind, state, due_at, sent_at, attempts, reason from letter
    where meeting_id = %(id)s order by due_at, id
"""
ASKED = """
    select id, kind, detail ->> 'reason' as reason from decision
    where record_type = 'meeting' and record_id = %(id)s and state = 'open' order by id
"""


WEEK: Final = f"""
    {ALL} and m.start_at >= %(start)s and m.start_at < %(end)s and (%(admin)s::bigint is null or m.admin_id = %(admin)s)
    order by m.start_at, m.id limit %(limit)s
"""


def list_week(
    connection: Connection[Any], start: datetime, end: datetime, admin_id: int | None = None, limit: int = 2_000
) -> list[Row]:
    """Meetings that start in [start, end), cancelled ones too, in the order of their starts."""
    wanted = {'start': start, 'end': end, 'admin': admin_id, 'limit': limit}
    return rows(connection, WEEK, wanted | SYSTEMS)


def list_meetings(
    connection: Connection[Any],
    *,
    status: str | None = None,
    admin_id: int | None = None,
    past: bool = False,
    limit: int = 50,
) -> list[Row]:
    """Meetings in the order of their starts; those that are over only with `past`. Raises Refused for an unknown
    status.
    """
    if status is not None and status not in STATUSES:
        raise Refused(f'There is no status "{status}". They are: {", ".join(STATUSES)} (or say all).')
    wanted = {'status': status, 'admin': admin_id, 'past': past, 'limit': limit}
    return rows(connection, LIST_MEETINGS, wanted | SYSTEMS)


def read_meeting(connection: Connection[Any], number: int) -> Row:
    """One meeting, by its id or its public number, with its letters, and the decisions about it that are open. Raises
    Refused when there is none.
    """
    found = row(connection, FIND_MEETING, {'id': number} | SYSTEMS) if 0 < number < 2**63 else None
    if found is None:
        raise Refused(f'There is no booking {number}.')
    key = {'id': found['id']}
    return {**found, 'letters': rows(connection, LETTERS, key), 'decisions': rows(connection, ASKED, key)}
