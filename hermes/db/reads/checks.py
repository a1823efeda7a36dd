"""What `hermes doctor` asks the database: server, workers, accounts, fields, pipelines, admins, first listings. Reads
only.
"""

from collections.abc import Sequence
from typing import Any

from psycopg import Connection

from hermes.db import heartbeats
from hermes.db.reads.last_heard import read_heard
from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.model import Record, RecordRef
from hermes.parts.roles import PRODUCT

SERVER = """
    select current_setting('server_version_num')::int as version, current_setting('server_version') as shown,
           clock_timestamp() as now, pg_size_pretty(pg_database_size(current_database())) as size
"""
HEARTBEAT = 'select extract(epoch from hermes_now() - max(seen_at))::float8 as silent_s from worker'
STANDING = """
    select name as system, a.identity as account, coalesce(s.paused, false) as paused, coalesce(s.reason, '') as reason,
           case when s.blocked_until > hermes_now() then s.blocked_until end as blocked_until
    from unnest(%(systems)s::text[]) as name left join account a on a.system = name left join system_state s on
      s.system = name
"""
DOOR = "select note from pulse where name = %(name)s and noted_at > hermes_now() - interval '2 minutes'"
PULSE = 'select note, noted_at, noted_at < hermes_now() - %(within)s as is_old from pulse where name = %(name)s'
FIELDS = """
    select linked_object_type, machine_name, name, pd_field_id <> '' as known, problem,
           remote_type in ('double', 'int') as numeric
    from custom_field order by linked_object_type, machine_name
"""
ADMINS = """
    select id, is_sales_person, is_support_person, is_bdr_person, tc2_admin_id is null as lacks_tc2,
           coalesce(pd_owner_id, 0) <= 0 as lacks_pd
    from admin where active and tombstone is null and (is_sales_person or is_support_person or is_bdr_person) order
      by id
"""
BOOKABLE = """
    select a.id, trim(coalesce(a.email, '')) as email, coalesce(a.timezone, '') as zone,
           f.calendar is not null as followed, coalesce(f.problem, '') as problem, f.synced_at, f.due_at,
           f.channel_id is not null and f.channel_until > hermes_now() as told
    from admin a left join followed_calendar f on f.calendar = lower(trim(a.email))
    where a.bookable and a.active and a.tombstone is null and a.alias_of is null
      and (a.is_sales_person or a.is_support_person)
    order by a.id
"""
STAFF = """
    select id, active, bookable, email, is_sales_person, is_support_person
    from admin where tombstone is null and alias_of is null
"""
PROVEN = """
    select type, bool_or(state = 'done' and not exists (
      select 1 from event e where e.source = s.system and e.kind = 'page' and e.state <> 'done' and e.headers ->>
        'sweep' = s.id::text
    )) as done
    from sweep s where system = %(system)s and kind = 'full' group by type
"""
QUEUE = """
    select (select count(*) from event where state in ('new', 'waiting') and due_at <= hermes_now()) as events,
           (select count(*) from event where state = 'parked') as events_parked,
           (select count(*) from push where wanted > done and state = 'ready' and due_at <= hermes_now()) as pushes,
           (select count(*) from push where state = 'parked') as pushes_parked,
           extract(epoch from hermes_now() - least(
             (select min(due_at) from event where state in ('new', 'waiting')),
             (select min(p.due_at) from push p left join system_state s using (system) where p.wanted > p.done and
               p.state = 'ready' and not coalesce(s.paused, false))))::float8 as late_s
"""
CLIENTS = "select count(*) as known from mirror where system = %(system)s and type = 'client'"
SHOWN = """
    select key from unnest(%(keys)s::text[]) as key
    where exists (select 1 from mirror where system = %(system)s and type = 'client' and runs ? key)
"""
LETTERS = """
    with told as (
      select l.*, m.end_at > hermes_now() as ahead, l.state = 'parked' as parked, l.state = 'due' as stuck
      from letter l join meeting m on m.id = l.meeting_id
      where l.state = 'parked' or (l.state = 'due' and l.attempts > 2 and l.reason <> '')
    )
    select count(*) filter (where parked and ahead) as parked, count(*) filter (where stuck) as stuck,
           (array_agg(meeting_id order by parked desc, id desc) filter (where (parked and ahead) or stuck))[1]
             as meeting_id,
           (array_agg(reason order by parked desc, id desc) filter (where (parked and ahead) or stuck))[1] as reason,
           extract(epoch from hermes_now() - (select min(due_at) from letter where state = 'due' and due_at <=
             hermes_now()))::float8 as late_s
    from told
"""


def read_server(connection: Connection[Any]) -> Row:
    """version (number), shown, now (the server's clock), size."""
    found = row(connection, SERVER)
    assert found is not None
    return found


def read_silence_s(connection: Connection[Any]) -> float | None:
    """Seconds since a worker was last seen; None if none ever was."""
    found = row(connection, HEARTBEAT)
    return found['silent_s'] if found else None


def read_standing(connection: Connection[Any], systems: list[str]) -> dict[str, Row]:
    """Per system: account, paused, reason, blocked_until, and since when nothing came (silence.read_heard)."""
    heard = {item['system']: item for item in read_heard(connection, systems)}
    return {item['system']: item | heard[item['system']] for item in rows(connection, STANDING, {'systems': systems})}


def read_door(connection: Connection[Any]) -> str | None:
    """What the workers say about our public door: '' when it is open, None when none has looked lately."""
    found = row(connection, DOOR, {'name': heartbeats.DOOR})
    return found['note'] if found else None


def read_pulse(connection: Connection[Any], name: str) -> Row | None:
    """What is noted about something that is looked after: note, noted_at, and whether that is longer ago than a trial
    takes (is_old); None where nobody looks after it.
    """
    return row(connection, PULSE, {'name': name, 'within': heartbeats.LONGEST_TRIAL})


def read_fields(connection: Connection[Any]) -> list[Row]:
    """Every custom field: whether it is known in the CRM, and its problem."""
    return rows(connection, FIELDS)


def read_admins(connection: Connection[Any]) -> list[Row]:
    """The active admins with a job, and which of their remote ids are missing."""
    return rows(connection, ADMINS)


def read_bookable(connection: Connection[Any]) -> list[Row]:
    """Who can be booked, with time zone and e-mail address, and how their calendar is followed: `told` when a channel
    is live, `problem` where it cannot be read, `followed` False until a worker has looked.
    """
    return rows(connection, BOOKABLE)


def read_staff(connection: Connection[Any]) -> dict[int, Record]:
    """Every admin that there is, with what decides whether they take calls."""
    return {told['id']: Record(RecordRef('admin', told['id']), told) for told in rows(connection, STAFF)}


def read_unproven(connection: Connection[Any], system: str, types: Sequence[str]) -> list[str]:
    """Those of the types whose first full listing has not been proven yet."""
    done = {item['type'] for item in rows(connection, PROVEN, {'system': system}) if item['done']}
    return [name for name in types if name not in done]


def read_unshown(connection: Connection[Any], keys: Sequence[str]) -> list[str] | None:
    """Which of these values no client of the product has ever shown, not even empty; None when no client is known."""
    if not (row(connection, CLIENTS, {'system': PRODUCT}) or {})['known']:
        return None
    shown = {item['key'] for item in rows(connection, SHOWN, {'system': PRODUCT, 'keys': list(keys)})}
    return [key for key in keys if key not in shown]


def read_letters(connection: Connection[Any]) -> Row:
    """Letters that did not go out, of meetings that are not over: `parked` (how many were refused for good),
    `stuck` (how many were tried more than twice), the newest of them (`meeting_id`, `reason`), and `late_s`, for how
    long the oldest has been due, None for nothing.
    """
    found = row(connection, LETTERS)
    assert found is not None
    return found


def read_queue(connection: Connection[Any]) -> Row:
    """What is due and what is put aside; `late_s`: for how long the oldest has been due, None for nothing."""
    found = row(connection, QUEUE)
    assert found is not None
    return found
