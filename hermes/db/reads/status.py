"""Reads how Hermes is, in counts: workers, events, records, pushes, systems, budgets, sweeps, decisions, refusals.

No personal data is read here, only numbers, times and names of systems. What is wrong with it, domain/status.py
says.
"""

import asyncio
import shutil
from typing import Any, Final

from psycopg import Connection, sql

from hermes.db.connections import one_moment, opened
from hermes.db.pool import Database
from hermes.db.reads.checks import read_letters
from hermes.db.reads.last_heard import read_heard
from hermes.db.reads.lookup import Row, row, rows
from hermes.db.reads.settings import read_live, read_settings
from hermes.domain.config import KEYS, effective
from hermes.domain.model import RecordRef
from hermes.domain.record_types import NAMES
from hermes.domain.status import Status
from hermes.kit.clock import SystemClock

LEAST_LIVE_S: Final = 15
WINDOW_S: Final = 300
"""The stretch over which rate and lag of events are measured."""

NOW = 'select hermes_now() as now'
WORKERS = """
    select id, host, pid, started_at, seen_at, extract(epoch from hermes_now() - seen_at)::float8 as silent_s,
           seen_at > hermes_now() - make_interval(secs => %(live_s)s) as alive
    from worker where seen_at > hermes_now() - interval '1 day' order by seen_at desc
"""
EVENT_COUNTS = """
    select count(*) filter (where state = 'new') as new, count(*) filter (where state = 'waiting') as waiting,
           (select count(*) from (select from event where state = 'parked' limit %(most)s::bigint) p) as parked,
           extract(epoch from hermes_now() - min(due_at) filter (where due_at <= (select hermes_now())))::float8
             as oldest_due_s
    from (select state, due_at from event where state in ('new', 'waiting') order by due_at limit %(most)s::bigint) e
"""
REFUSED_ACTS = """
    select count(*) as refused_acts from event where state = 'refused' and source = 'operator'
      and received_at > %(now)s::timestamptz - interval '1 day'
"""
EVENT_RATE = """
    select count(*) as received, count(*) / %(window_s)s::float8 as per_s,
           percentile_cont(0.5) within group (order by extract(epoch from applied_at - received_at))::float8 as
             lag_p50_s,
           percentile_cont(0.99) within group (order by extract(epoch from applied_at - received_at))::float8 as
             lag_p99_s
    from (select received_at, applied_at from event
          where received_at > %(now)s::timestamptz - make_interval(secs => %(window_s)s)
          limit coalesce(%(most)s, 200000)) e
"""
"""A moment that the planner knows is looked up in an index, one that it has to guess is not."""
RECORD_COUNTS = sql.SQL(' union all ').join(
    sql.SQL(
        'select {name} as type, count(*) filter (where tombstone is null and alias_of is null) as live,'
        ' count(*) filter (where tombstone is not null) as tombstoned, count(*) filter (where alias_of is not null) '
        'as merged from {table}'
    ).format(name=sql.Literal(table), table=sql.Identifier(table))
    for table in NAMES
)
PUSH_COUNTS = """
    select system,
      count(*) filter (where state = 'ready' and wanted > done and due_at <= at) as due,
      count(*) filter (where state = 'ready' and wanted > done and due_at > at) as waiting,
      count(*) filter (where state = 'parked') as parked, count(*) filter (where state = 'held') as held,
      count(*) filter (where intent is not null and leased_until >= at) as in_flight,
      count(*) filter (where intent is not null and (leased_until is null or leased_until < at)) as unknown,
      extract(epoch from max(at) - min(due_at) filter (where state = 'ready' and wanted > done and due_at <=
        at))::float8 as oldest_due_s
    from push, (select hermes_now() as at offset 0) now
    where (wanted > done and state = 'ready') or state <> 'ready' or intent is not null group by system order by system
"""
"""Each of the three has an index of its own."""
SYSTEMS = """
    select name as system, a.identity as account, coalesce(s.paused, false) as paused,
           case when s.paused or s.blocked_until > hermes_now() then s.reason else '' end as reason, s.since,
           case when s.blocked_until > hermes_now() then s.blocked_until end as blocked_until
    from (select system as name from account union select system from system_state union select system from budget)
      as known
    left join account a on a.system = name left join system_state s on s.system = name order by name
"""
BUDGETS = """
    select b.system, b.burst_limit, b.burst_window_s, b.daily_limit,
           case when b.day = (hermes_now() at time zone 'UTC')::date then b.spent else 0 end as spent_today,
           (select count(*) from reservation r where r.system = b.system and r.until > hermes_now()) as burst_in_use
    from budget b order by b.system
"""
SWEEPS = """
    select distinct on (system, type, kind) system, type, kind, started_at, finished_at, state, pages, items, tokens,
      reason
    from sweep order by system, type, kind, id desc
"""
PROOFS = """
    select distinct on (system, type) system, type, at, state, reason, listed, held, newer, unlisted, deleted,
      undecided, remote_digest, own_digest, tokens, took_s
    from proof order by system, type, id desc
"""
LATE_SWEEPS = """
    select system, type, kind, started_at, reason from sweep
    where state = 'running' and started_at < hermes_now() - interval '1 hour' order by id
"""
PULSES = """
    select name, note, noted_at from pulse
    where note <> '' and noted_at > hermes_now() - interval '1 day' and not starts_with(name, 'tried ') order by name
"""
CALENDARS = """
    select a.id as admin, f.problem, f.synced_at, f.due_at from followed_calendar f
    join admin a on lower(trim(a.email)) = f.calendar and a.active and a.tombstone is null and a.alias_of is null
    where f.problem <> '' order by a.id
"""
DECISIONS = "select kind, count(*) as open from decision where state = 'open' group by kind order by kind"
REFUSALS = """
    select source, reason, sum(count)::bigint as count from refusal
    where at > hermes_now() - interval '1 hour' group by source, reason order by source, reason
"""
ROOM = """
    select pg_database_size(current_database()) as bytes, inet_server_addr() as server,
           (select setting from pg_settings where name = 'data_directory') as folder
"""
UNTOLD = """
    select distinct on (channel, target) channel, state, attempts, reason from alert_message
    where attempts > 0 and state <> 'replaced' order by channel, target, id desc
"""
PATIENCE_S: Final = 20
"""How long a worker waits for one of these queries."""


def read_status(
    connection: Connection[Any],
    *,
    sending: bool = True,
    counting: bool = True,
    most: int | None = None,
    limit_bytes: int | None = None,
) -> Status:
    """The condition at one moment (call it inside one repeatable-read transaction). `sending` False: pushes that are
    due late need nobody (PUSH_MODE=plan). `counting` False: without the records, which take time to count. `most`:
    events are counted up to here. `limit_bytes`: what the database may take up.
    """
    window = {'window_s': WINDOW_S}
    events = (row(connection, EVENT_COUNTS, {'most': most}) or {}) | window
    now = (row(connection, NOW) or {})['now']
    events |= row(connection, EVENT_RATE, window | {'most': most, 'now': now}) or {}
    events |= row(connection, REFUSED_ACTS, {'now': now}) or {}
    systems = rows(connection, SYSTEMS)
    return Status(
        now=now,
        workers=rows(connection, WORKERS, {'live_s': LEAST_LIVE_S}),
        events=events,
        records=rows(connection, RECORD_COUNTS) if counting else [],
        pushes=[item | ({} if sending else {'oldest_due_s': None}) for item in rows(connection, PUSH_COUNTS)],
        systems=systems,
        heard=read_heard(connection, [item['system'] for item in systems]),
        budgets=rows(connection, BUDGETS),
        sweeps=rows(connection, SWEEPS),
        decisions=rows(connection, DECISIONS),
        refusals=rows(connection, REFUSALS),
        proofs=rows(connection, PROOFS),
        calendars=rows(connection, CALENDARS),
        letters=read_letters(connection),
        settings=_lost_settings(connection),
        late_sweeps=rows(connection, LATE_SWEEPS),
        notes=rows(connection, PULSES),
        room=_room(connection, limit_bytes),
        untold=read_untold(connection),
    )


def read_untold(connection: Connection[Any]) -> list[Row]:
    """Channels whose newest alert was refused, or tried more than twice: channel, reason."""
    reasons = {
        each['channel']: each['reason']
        for each in rows(connection, UNTOLD)
        if each['state'] == 'refused' or (each['state'] == 'due' and each['attempts'] > 2)
    }
    return [{'channel': channel, 'reason': reason} for channel, reason in reasons.items()]


async def look(database: Database, *, sending: bool, limit_bytes: int | None) -> Status:
    """The condition as a worker asks for it: in a thread, over a connection of its own, without counting records.
    Raises DatabaseError.
    """
    now = None if isinstance(database.clock, SystemClock) else database.clock.now().isoformat()

    def read() -> Status:
        with opened(database.url) as connection:
            connection.execute("select set_config('statement_timeout', %s, false)", (f'{PATIENCE_S}s',))
            if now:
                connection.execute("select set_config('hermes.now', %s, false)", (now,))
            with one_moment(connection):
                return read_status(connection, sending=sending, counting=False, limit_bytes=limit_bytes)

    return await asyncio.to_thread(read)


def _room(connection: Connection[Any], limit_bytes: int | None) -> Row:
    """`bytes` of `of_bytes`: of the limit that is set, else of the disk where that is this machine's."""
    found = row(connection, ROOM) or {}
    if limit_bytes:
        return {'what': 'the database', 'bytes': found['bytes'], 'of_bytes': limit_bytes}
    if found['folder'] and (found['server'] is None or found['server'].is_loopback):
        try:
            disk = shutil.disk_usage(found['folder'])
        except OSError:
            disk = None
        if disk:
            return {'what': 'the disk of the database', 'bytes': disk.total - disk.free, 'of_bytes': disk.total}
    return {'what': 'the database', 'bytes': found['bytes'], 'of_bytes': None}


def _lost_settings(connection: Connection[Any]) -> list[Row]:
    """D-8: settings that point at what is archived or gone (key, type, value, problem)."""
    stored, told = read_settings(connection), []
    for key in KEYS.values():
        value = effective(key, stored)
        if key.record_type is None or value is None:
            continue
        found = read_live(connection, RecordRef(key.record_type, value))
        problem = found['problem'] if found else 'unknown'
        if problem:
            told.append({'key': key.name, 'type': key.type, 'value': value, 'problem': problem})
    return told
