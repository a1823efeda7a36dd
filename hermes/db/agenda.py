"""Admins and their meetings, for people who look after Hermes. Named SQL, reads only."""

from typing import Any, Final

from psycopg import Connection

from hermes.db.finding import Row, row, rows
from hermes.domain.errors import Refused

STATUSES: Final = ('planned', 'canceled')
LETTER_STATES: Final = ('due', 'sent', 'dropped', 'parked')

FIND_ADMINS = """
    select id, concat_ws(' ', first_name, last_name) as name, email, active, bookable, timezone, working_hours,
           days_off, meeting_dur_mins, meeting_buffer_mins, daily_cap, is_sales_person, is_support_person,
           coalesce((select problem from followed_calendar where calendar = lower(trim(email))), '') as problem
    from admin
    where alias_of is null and (id = %(id)s or lower(email) = lower(%(text)s)
      or lower(concat_ws(' ', first_name, last_name)) = lower(%(text)s) or lower(first_name) = lower(%(text)s)
      or lower(last_name) = lower(%(text)s))
    order by tombstone is not null, id
"""
PUBLIC: Final = "('x' || left(encode(sha256(convert_to('number:' || uid, 'UTF8')), 'hex'), 12))::bit(48)::bigint + 1"
"""The number of a meeting in answers to its visitor (booking.links.public_number)."""
MEETINGS = """
    select m.id, {public} as number, m.kind, m.status, m.start_at, m.end_at, m.zone, m.buffer_s, m.sequence,
           m.canceled_by, m.uid, m.typed, coalesce(m.extra -> 'flags', '[]') as flags,
           m.company_id, coalesce(c.name, '') as company,
           m.contact_id, concat_ws(' ', p.first_name, p.last_name) as contact, p.email as contact_email, m.deal_id,
           m.admin_id, concat_ws(' ', a.first_name, a.last_name) as admin, a.timezone as admin_zone,
           google.shown as calendar, crm.shown as activity, google.reason as calendar_reason,
           crm.reason as activity_reason
    from meeting m
    left join company c on c.id = m.company_id
    left join contact p on p.id = m.contact_id
    left join admin a on a.id = m.admin_id
    left join lateral ({google}) google on true
    left join lateral ({crm}) crm on true
    where m.alias_of is null and m.tombstone is null
"""
STANDS = """
    select case when h.state = 'parked' or h.state = 'held' then h.state
                when h.wanted > h.done then case when l.live then 'there, changing' else 'waiting' end
                when l.live then 'there' when l.live is false then 'deleted' else 'none' end as shown,
           coalesce(h.reason, '') as reason
    from (select 1) as one
    left join push h on h.record_type = 'meeting' and h.record_id = m.id and h.system = '{system}'
    left join (select bool_or(state = 'live') as live from link
               where record_type = 'meeting' and record_id = m.id and system = '{system}') l on true
"""
ALL = MEETINGS.format(
    public=PUBLIC.replace('uid', 'm.uid'), google=STANDS.format(system='google'), crm=STANDS.format(system='pipedrive')
)
LIST_MEETINGS = f"""
    {ALL} and (%(status)s::text is null or m.status = %(status)s)
      and (%(admin)s::bigint is null or m.admin_id = %(admin)s)
      and (%(past)s or m.end_at > hermes_now())
    order by m.start_at, m.id limit %(limit)s
"""
FIND_MEETING = f"""
    {ALL} and m.id = (select id from meeting where id = %(id)s or {PUBLIC} = %(id)s order by id <> %(id)s limit 1)
"""
LETTERS = 'select kind, state, due_at, sent_at, reason from letter where meeting_id = %(id)s order by due_at, id'
LIST_LETTERS = """
    select id, kind, meeting_id, state, due_at, sent_at, attempts, reason from letter
    where state = any(%(states)s) order by id desc limit %(limit)s
"""
FIND_LETTER = 'select id, kind, meeting_id, state, reason from letter where id = %(id)s'
ASKED = """
    select id, kind, detail ->> 'reason' as reason from decision
    where record_type = 'meeting' and record_id = %(id)s and state = 'open' order by id
"""


def find_admin(connection: Connection[Any], text: str) -> Row:
    """The admin that `text` means: an id, an e-mail address, or a name. Raises Refused when none or several do."""
    written = ' '.join(text.removeprefix('admin:').split())
    number = int(written) if written.isascii() and written.isdigit() and len(written) < 19 else None
    found = rows(connection, FIND_ADMINS, {'id': number, 'text': written})
    if not found:
        raise Refused(f'There is no admin "{written}". Write an id, an e-mail address or a name.')
    if len(found) > 1:
        told = ', '.join(f'{item["id"]} ({item["name"]})' for item in found)
        raise Refused(f'"{written}" may be any of these: {told}. Write the id.')
    return found[0]


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
    return rows(connection, LIST_MEETINGS, {'status': status, 'admin': admin_id, 'past': past, 'limit': limit})


def read_meeting(connection: Connection[Any], number: int) -> Row:
    """One meeting, by its id or its public number, with its letters, and the decisions about it that are open. Raises
    Refused when there is none.
    """
    found = row(connection, FIND_MEETING, {'id': number}) if 0 < number < 2**63 else None
    if found is None:
        raise Refused(f'There is no booking {number}.')
    key = {'id': found['id']}
    return {**found, 'letters': rows(connection, LETTERS, key), 'decisions': rows(connection, ASKED, key)}


def list_letters(connection: Connection[Any], *, state: str = '', limit: int = 50) -> list[Row]:
    """Letters, the newest first; those that did not go out, unless a state (or 'all') is named. Raises Refused for an
    unknown state.
    """
    if state not in ('', 'all', *LETTER_STATES):
        raise Refused(f'There is no state "{state}" of a letter. They are: {", ".join(LETTER_STATES)}, all.')
    states = {'': ['due', 'parked'], 'all': list(LETTER_STATES)}.get(state, [state])
    return rows(connection, LIST_LETTERS, {'states': states, 'limit': limit})


def read_letter(connection: Connection[Any], number: int) -> Row:
    """One letter: kind, meeting_id, state, reason. Raises Refused when there is none."""
    found = row(connection, FIND_LETTER, {'id': number}) if 0 < number < 2**63 else None
    if found is None:
        raise Refused(f'There is no letter {number}.')
    return found
