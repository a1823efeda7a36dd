"""Figures of how it went, five minutes each: what pages about health show over time, without reading what it was made
of again.

A figure follows from events, changes and calls; whoever writes it again writes the same. Only what waits is counted at
the moment itself. What is written: `lag` (by hop, counts between the bounds of `domain/lags.py`), `calls` (by what
became of them: number and tokens), `spent` (tokens by rule) and `queue` (by what waits).
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from hermes.db.pool import Connection, Database, the_row
from hermes.domain.lags import BOUNDS

STEP: Final = timedelta(minutes=5)
BACK: Final = timedelta(days=1)
"""So far back figures are made that nobody wrote in time."""
LATE: Final = timedelta(days=1)
"""What takes longer from one hop to the next is told as this."""
BEGINS: Final = """
    select date_bin(%(step)s, hermes_now(), 'epoch') as until, coalesce(
      (select at from figure where name = 'queue' order by at desc limit 1), hermes_now() - %(back)s) as since
"""
KEEP: Final = 'on conflict (name, at, system, kind) do update set counts = excluded.counts'
MERGED: Final = """
    select 'merged' as hop, source as system, date_bin(%(step)s, applied_at, 'epoch') as at,
      extract(epoch from applied_at - received_at)::float8 as took_s
    from event where kind = 'webhook' and received_at >= %(since)s - %(late)s and received_at < %(until)s
      and applied_at >= %(since)s and applied_at < %(until)s
"""
SENT: Final = """
    select 'sent', c.system, date_bin(%(step)s, c.started_at, 'epoch'),
      extract(epoch from c.started_at - h.at)::float8
    from call c, lateral (select at from change where record_type = c.record_type and record_id = c.record_id
      and at <= c.started_at order by id desc limit 1) h
    where c.system = any(%(systems)s) and c.started_at >= %(since)s and c.started_at < %(until)s
      and c.op in ('create', 'update', 'delete') and h.at > c.started_at - %(late)s
"""
CONFIRMED: Final = """
    select 'confirmed', system, date_bin(%(step)s, ended_at, 'epoch'), extract(epoch from ended_at - started_at)::float8
    from call where system = any(%(systems)s) and started_at >= %(since)s - interval '1 hour' and started_at < %(until)s
      and ended_at >= %(since)s and ended_at < %(until)s and status between 200 and 299
"""
LAGS: Final = f"""
    insert into figure (name, at, system, kind, counts)
    select 'lag', at, system, hop, jsonb_object_agg(place, n) from (
      select at, system, hop, width_bucket(greatest(took_s, 0), %(bounds)s::float8[]) as place, count(*) as n
      from ({MERGED} union all {SENT} union all {CONFIRMED}) took group by 1, 2, 3, 4) counted
    group by at, system, hop {KEEP}
"""
CALLS: Final = f"""
    insert into figure (name, at, system, kind, counts)
    select 'calls', date_bin(%(step)s, started_at, 'epoch'), system,
      case when reaction <> '' then reaction when status between 200 and 299 then 'ok' else 'no answer' end,
      jsonb_build_object('n', count(*), 'tokens', coalesce(sum(tokens), 0))
    from call where system = any(%(systems)s) and started_at >= %(since)s and started_at < %(until)s
    group by 2, 3, 4 {KEEP}
"""
SPENT: Final = f"""
    insert into figure (name, at, system, kind, counts)
    select 'spent', date_bin(%(step)s, started_at, 'epoch'), system,
      coalesce(nullif(split_part(rule, ', ', 1), ''), 'unknown'), jsonb_build_object('n', sum(tokens))
    from call where system = any(%(systems)s) and started_at >= %(since)s and started_at < %(until)s and tokens > 0
    group by 2, 3, 4 {KEEP}
"""
QUEUE: Final = f"""
    insert into figure (name, at, system, kind, counts)
    select 'queue', %(until)s, system, kind, jsonb_build_object('n', n) from (
      select '' as system, 'events' as kind, count(*) as n from event where state in ('new', 'waiting')
      union all select '', 'parked events', count(*) from event where state = 'parked'
      union all select system, case when state = 'ready' then 'pushes' else state || ' pushes' end, count(*) from push
        where wanted > done or state <> 'ready' group by 1, 2
      union all select '', 'decisions', count(*) from decision where state = 'open'
    ) waits {KEEP}
"""
SYSTEMS: Final = 'select coalesce(array_agg(system), array[]::text[]) as systems from budget'


async def keep(database: Database) -> int:
    """Write the figures that are due, up to the last whole five minutes; how many of these there were."""
    async with database.transaction() as connection:
        due = await the_row(connection, BEGINS, {'step': STEP, 'back': BACK})
        since, until = max(due['since'], due['until'] - BACK), due['until']
        if since >= until:
            return 0
        await write(connection, since, until)
        await connection.execute(QUEUE, {'until': until})
    return int((until - since) / STEP) or 1


async def write(connection: Connection, since: datetime, until: datetime) -> None:
    """The figures of [since, until), which ends at a whole step; but for what waits."""
    told = asked(since, until, (await the_row(connection, SYSTEMS))['systems'])
    for statement in STATEMENTS:
        await connection.execute(statement, told)


STATEMENTS: Final = (LAGS, CALLS, SPENT)


def asked(since: datetime, until: datetime, systems: Sequence[str]) -> dict[str, Any]:
    """What the statements are asked with; they begin at a whole step."""
    floor = since - timedelta(seconds=since.timestamp() % STEP.total_seconds())
    return {
        'since': floor, 'until': until, 'step': STEP, 'late': LATE, 'bounds': list(BOUNDS), 'systems': list(systems),
    }  # fmt: skip
