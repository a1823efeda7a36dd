"""Letters about meetings as rows: written by the transaction that stores the meeting (domain/meeting.py says which),
then claimed by one worker at a time until it is known what became of each.

Of new times nobody is told more often than once a minute: a move within a minute of another replaces its letter. What
has no sense any more is dropped before anything is claimed. A lease that ran out (its worker was killed) makes the
letter due again, under the same Message-ID; whoever comes back late with a lost lease changes nothing.
"""

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Any, Final, NamedTuple

from hermes.db import pool
from hermes.db.bells import ERRAND, rung
from hermes.db.codec import dump
from hermes.db.pool import Connection, Row, the_row
from hermes.domain.meeting import letters
from hermes.domain.model import Record
from hermes.domain.notice import Notice, Person
from hermes.parts.roles import CALENDAR

LEASE_S: Final = 120
TURN: Final = 47_292
"""The advisory lock of whoever chooses a letter: two letters about one meeting are never under way together."""
FREE: Final = "l.state = 'due' and l.due_at <= hermes_now() and coalesce(l.leased_until, '-infinity') <= hermes_now()"
DROP_REMINDERS: Final = """
    update letter set state = 'dropped', reason = 'the meeting was moved or cancelled'
    where meeting_id = any(%s) and kind = 'reminder' and state = 'due'
"""
INSERT: Final = f"""
    insert into letter (meeting_id, kind, sequence, due_at, message_id)
    select meeting_id, kind, sequence, case when kind <> 'moved' then due_at else greatest(due_at, (
        select max(case o.state when 'sent' then o.sent_at + interval '1 minute' else o.due_at end) from letter o
        where o.meeting_id = r.meeting_id and o.kind = 'moved' and o.state in ('due', 'sent'))) end, message_id
    from jsonb_to_recordset(%s)
      as r(meeting_id bigint, kind text, sequence bigint, due_at timestamptz, message_id text)
    on conflict (meeting_id, kind, sequence) do nothing returning {rung(ERRAND)}
"""
DROP_ALL: Final = f"update letter l set state = 'dropped', reason = %s where {FREE}"
SAYS: Final = (
    "concat_ws(' ', m.status, to_char(m.start_at at time zone 'UTC', 'YYYY-MM-DD HH24:MI:SS'), m.admin_id, m.round)"
)
"""What a letter about a meeting says now, apart from the words: whether it takes place, when, with whom."""
DROP_UNTRUE: Final = f"""
    with untrue as (
      select l.id, case when m.status = 'planned' then 'the meeting takes place after all'
        else 'the meeting was cancelled' end as why
      from letter l join meeting m on m.id = l.meeting_id
      where {FREE} and (l.kind in ('cancelled', 'apology')) = (m.status = 'planned') for update of l skip locked
    )
    update letter set state = 'dropped', reason = untrue.why from untrue where letter.id = untrue.id
"""
DROP_STALE: Final = f"""
    with stale as (
      select l.id, case
        when m.tombstone is not null then 'the meeting is gone'
        when l.kind = 'reminder' and m.start_at <= hermes_now() then 'the meeting has begun'
        when m.end_at <= hermes_now() then 'the meeting is over'
        when exists (select 1 from letter o where o.meeting_id = l.meeting_id and o.sequence > l.sequence
                       and case when l.kind = 'reminder' then o.kind = 'reminder' and o.due_at <= hermes_now()
                           else o.kind in ('moved', 'restored', 'cancelled', 'apology') end
                       and o.state in ('due', 'sent')) then 'a newer letter says more'
        when l.kind = 'reminder' and m.claims -> 'doubts' ? 'declined' then 'the visitor answers No in the calendar'
        when l.kind <> 'reminder' and {SAYS} = (
          select o.says from letter o where o.meeting_id = l.meeting_id and o.kind <> 'reminder' and o.state = 'sent'
          order by o.sent_at desc, o.id desc limit 1) then 'the visitor knows it already'
        when coalesce(trim(m.typed ->> 'email'), trim(p.email), '') = '' then 'the contact has no e-mail address'
      end as why
      from letter l join meeting m on m.id = l.meeting_id
      left join contact c on c.id = m.contact_id left join contact p on p.id = coalesce(c.alias_of, c.id)
      where {FREE} for update of l skip locked
    )
    update letter set state = 'dropped', reason = stale.why from stale where letter.id = stale.id and why is not null
"""
CLAIM: Final = f"""
    update letter set leased_until = hermes_now() + make_interval(secs => {LEASE_S}), attempts = attempts + 1
    where id = (
      select l.id from letter l where {FREE} and not exists (
        select 1 from letter o where o.meeting_id = l.meeting_id and o.state = 'due' and o.leased_until > hermes_now())
      order by l.due_at, l.id limit 1 for update skip locked)
    returning id, meeting_id, message_id, attempts, leased_until, case when kind = 'restored' and not exists (
      select 1 from letter o where o.meeting_id = letter.meeting_id and o.kind <> 'reminder' and o.state = 'sent')
      then 'confirmation' else kind end as kind
"""
"""Whoever was never told of a call is told of it, and not that it takes place after all."""
MEETING: Final = f"""
    select {SAYS} as says, m.uid, m.kind, m.status, m.start_at, m.end_at, m.sequence, m.round, m.canceled_by,
           m.zone, m.lang, coalesce(m.typed ->> 'name', concat_ws(' ', p.first_name, p.last_name)) as contact,
           coalesce(m.typed ->> 'email', p.email) as contact_email,
           concat_ws(' ', a.first_name, a.last_name) as admin, a.email as admin_email, a.timezone as admin_zone,
           (select i.runs #>> '{{meet_url,-1,0}}' from link k join mirror i using (system, type, remote_id)
            where k.record_type = 'meeting' and k.record_id = m.id and k.system = %(calendar)s and k.state = 'live'
            order by k.is_primary desc limit 1) as meet_url
    from meeting m
    left join contact c on c.id = m.contact_id left join contact p on p.id = coalesce(c.alias_of, c.id)
    left join admin a on a.id = m.admin_id
"""
BY_NUMBER: Final = f'{MEETING} where m.id = %(meeting)s'
BY_UID: Final = f'{MEETING} where m.uid = %(uid)s and m.tombstone is null and m.alias_of is null'
ENDED: Final = """
    update letter set state = %(state)s, reason = %(reason)s, leased_until = null,
      due_at = coalesce(%(at)s::timestamptz, due_at),
      sent_at = case when %(state)s = 'sent' then hermes_now() else sent_at end
    where id = %(id)s and leased_until = %(lease)s and (state = 'due' or %(state)s = 'sent')
"""
RETRY: Final = f"""
    update letter set state = 'due', due_at = hermes_now(), attempts = 0, reason = ''
    where id = %s and (state = 'parked' or state = 'due' and attempts > 0)
      and coalesce(leased_until, '-infinity') <= hermes_now() returning {rung(ERRAND)}
"""
DISMISS: Final = """
    update letter set state = 'dropped', reason = concat('dismissed: ', %s::text, ' (' || nullif(reason, '') || ')')
    where id = %s and state in ('parked', 'due') and coalesce(leased_until, '-infinity') <= hermes_now() returning id
"""


class Claim(NamedTuple):
    """A letter that this worker may send until `leased_until` (aware)."""

    id: int
    leased_until: datetime
    attempts: int
    notice: Notice


async def write(connection: Connection, stored: Sequence[tuple[Record | None, Record]]) -> None:
    """The letters that follow from meetings as they were and are; reminders of what was moved or canceled are
    dropped.
    """
    now = await pool.now(connection)
    due = [(after, letter) for before, after in stored for letter in letters(before, after, now)]
    if not due:
        return
    await connection.execute(DROP_REMINDERS, (sorted({record.ref.id for record, _ in due}),))
    told = [
        {
            'meeting_id': record.ref.id,
            'message_id': f'{record.fields["uid"]}.{letter.kind}.{letter.sequence}',
            **letter._asdict(),
        }
        for record, letter in due
    ]
    await connection.execute(INSERT, (dump(told),))


async def claim(connection: Connection) -> Claim | None:
    """The letter that is due longest, leased; None when none is. What has no sense any more is dropped first."""
    await connection.execute('select pg_advisory_xact_lock(%s)', (TURN,))
    await connection.execute(DROP_UNTRUE)
    await connection.execute(DROP_STALE)
    letter = await (await connection.execute(CLAIM)).fetchone()
    if letter is None:
        return None
    key = {'meeting': letter['meeting_id'], 'calendar': CALENDAR}
    row = await the_row(connection, BY_NUMBER, key)
    await connection.execute('update letter set says = %s where id = %s', (row['says'], letter['id']))
    told = _notice(row, letter['kind'], letter['message_id'])
    return Claim(letter['id'], letter['leased_until'], letter['attempts'], told)


async def drop_due(connection: Connection, reason: str) -> int:
    """Drop every letter that is due; how many."""
    return (await connection.execute(DROP_ALL, (reason,))).rowcount


async def end(connection: Connection, letter: Claim, state: str, reason: str = '', at: datetime | None = None) -> bool:
    """What became of a letter: 'sent', 'parked', or 'due' again `at` a moment. False: the lease was lost, or the letter
    was dropped meanwhile. One that went out is 'sent' even then.
    """
    key: Mapping[str, Any] = {
        'id': letter.id, 'lease': letter.leased_until, 'state': state, 'reason': reason, 'at': at,
    }  # fmt: skip
    return (await connection.execute(ENDED, key)).rowcount > 0


async def retry(connection: Connection, number: int) -> bool:
    """A letter that was refused, or is tried later, is due now. False where there is none such."""
    return (await connection.execute(RETRY, (number,))).rowcount > 0


async def dismiss(connection: Connection, number: int, reason: str) -> bool:
    """A letter is not wanted any more. False where it is none that waits, or on its way at this moment."""
    return (await connection.execute(DISMISS, (reason, number))).rowcount > 0


async def find_notice(connection: Connection, uid: str) -> Notice | None:
    """What there is to say about the meeting of a uid now, as in a confirmation (or a cancellation)."""
    row = await (await connection.execute(BY_UID, {'uid': uid, 'calendar': CALENDAR})).fetchone()
    return _notice(row, 'confirmation' if row['status'] == 'planned' else 'cancelled', '') if row else None


def _notice(row: Row, kind: Any, message_id: str) -> Notice:
    return Notice(
        kind=kind,
        message_id=message_id,
        uid=row['uid'],
        sequence=row['sequence'] or 0,
        meeting_kind=row['kind'] or 'sales',
        planned=row['status'] == 'planned',
        canceled_by=row['canceled_by'] or '',
        start_at=row['start_at'],
        end_at=row['end_at'],
        visitor=Person(row['contact'] or '', (row['contact_email'] or '').strip(), row['zone'] or ''),
        admin=Person(row['admin'] or '', (row['admin_email'] or '').strip(), row['admin_zone'] or ''),
        meet_url=row['meet_url'] or '',
        rounds=row['round'] or 0,
        lang=row['lang'] or '',
    )
