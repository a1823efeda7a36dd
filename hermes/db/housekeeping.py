"""What is done to the tables by the calendar: what is over is forgotten, and the planner hears of what has grown.

An event's key is kept for ever and its body only as long as people may want to read or replay it: whoever sends it
again later is still recognised. What still waits, is parked or holds a listing that is not applied yet keeps its body.
Of what an operator did stays who did what to what, without what was written (S15).
"""

from collections.abc import Sequence
from typing import Final

from psycopg import sql

from hermes.db import allowances, rota
from hermes.db.acts import SOURCE as OPERATOR
from hermes.db.pool import Database
from hermes.domain.record_types import MERGED

BATCH: Final = 5_000
"""Rows a transaction touches, so that nobody waits long for its locks."""
LISTINGS_DAYS: Final = 30
"""Some hundred listings a day: what an older one showed is in the journal."""
HOT: Final = ('event', 'push', 'mirror', 'link', 'change', 'call', *MERGED)

KEPT: Final = (
    'act', 'record', 'into', 'event', 'system', 'user', 'id', 'role', 'disabled', 'linked', 'machine_name', 'field',
    'decision', 'letter', 'meeting', 'admin', 'replay', 'all',
)  # fmt: skip
"""What an act is and what it is about; nothing of it was typed about a person."""
DROP_BODIES = f"""
    update event set body = null, headers = case when source = '{OPERATOR}' then jsonb_strip_nulls(jsonb_build_object(
        'by', headers -> 'by', 'told', (
          select jsonb_object_agg(key, value) from jsonb_each(convert_from(body, 'UTF8')::jsonb)
           where key = any(%(kept)s) or (key = 'key' and convert_from(body, 'UTF8')::jsonb ->> 'act' = 'setting.set'))
      )) else '{{}}' end
    where id in (
      select id from event where state in ('done', 'refused', 'dismissed') and body is not null
         and not (source = '{OPERATOR}' and kind in ('security', 'view'))
         and received_at < hermes_now() - make_interval(days => %(days)s) order by id limit %(batch)s)
"""
"""Logins, views and exports say nothing but that, and keep it."""
FORGET_CALLS = """
    delete from call where id in (
      select c.id from call c where c.ended_at < hermes_now() - make_interval(days => %(days)s)
         and not exists (select 1 from push p where (p.intent ->> 'event_id')::bigint = c.intent_event)
       order by c.id limit %(batch)s)
"""
FORGET_REFUSALS = """
    delete from refusal where id in (
      select id from refusal where at < hermes_now() - make_interval(days => %(days)s) limit %(batch)s)
"""
FORGET_SWEEPS = """
    delete from sweep where id in (
      select id from sweep where state <> 'running' and finished_at < hermes_now() - make_interval(days => %(days)s)
         and id <> all(select max(id) from sweep group by system, type, kind)
         and id <> all(select max(id) from sweep where state = 'done' group by system, type, kind)
         and (system, type, coalesce(through, '-infinity')) not in (
           select system, type, max(through) from sweep where state = 'done' and through is not null group by 1, 2)
       order by id limit %(batch)s)
"""
"""Kept whatever its age: the newest of each kind, the newest that came to its end, and up to when a type was listed."""
FORGET_PROOFS = """
    delete from proof where id in (
      select id from proof where at < hermes_now() - make_interval(days => %(days)s)
         and id <> all(select max(id) from proof group by system, type) order by id limit %(batch)s)
"""
FORGET_ALERTS = """
    delete from alert where id in (
      select id from alert where ended_at < hermes_now() - make_interval(days => %(days)s) order by id limit %(batch)s)
"""
"""Their messages go with them."""
FORGET_FIGURES = """
    delete from figure where (name, at, system, kind) in (
      select name, at, system, kind from figure where at < hermes_now() - make_interval(days => %(days)s)
       limit %(batch)s)
"""
CLOSE_OVER = """
    update decision d set state = 'merged' from meeting m
    where d.state = 'open' and d.record_type = 'meeting' and d.record_id = m.id and m.end_at <= hermes_now()
      and d.kind in ('promised', 'declined', 'calendar', 'overlap')
"""
GROWN = """
    select relname from pg_class where relnamespace = 'public'::regnamespace and relname = any(%(tables)s)
      and pg_relation_size(oid) > current_setting('block_size')::bigint * (2 * greatest(relpages, 0) + 16)
    order by relname
"""


async def drop_bodies(database: Database, days: int) -> int:
    """Drop the bodies of events that were done `days` days ago or more; how many."""
    return await _repeat(database, DROP_BODIES, days)


async def forget(database: Database, days: int) -> dict[str, int]:
    """Delete calls, refusals, alerts and figures that are older than `days` days, listings and their proofs older than
    LISTINGS_DAYS (or `days`); how many of each.
    """
    listings = min(days, LISTINGS_DAYS)
    queries = {
        'call': (FORGET_CALLS, days),
        'refusal': (FORGET_REFUSALS, days),
        'alert': (FORGET_ALERTS, days),
        'figure': (FORGET_FIGURES, days),
        'sweep': (FORGET_SWEEPS, listings),
        'proof': (FORGET_PROOFS, listings),
    }
    return {table: await _repeat(database, query, age) for table, (query, age) in queries.items()}


async def forget_visitors(database: Database) -> int:
    """Give back the turns of the rota that led to nothing, and forget what visitors used, proved and held; how many
    rows were touched.
    """
    touched = 0
    for tidy in (rota.tidy, allowances.tidy):
        while True:
            async with database.transaction() as connection:
                done = await tidy(connection)
            touched += done
            if done < BATCH:
                break
    return touched


async def close_over(database: Database) -> int:
    """Questions about calls that are over need nobody any more; how many."""
    return await database.execute(CLOSE_OVER)


async def analyze(database: Database, tables: Sequence[str] = HOT) -> None:
    """Tell the planner how the hot tables look."""
    for table in tables:
        async with database.transaction() as connection:
            await connection.execute(sql.SQL('analyze {}').format(sql.Identifier(table)))


async def notice_growth(database: Database) -> list[str]:
    """Analyze what has doubled since the planner last heard of it: plans that were made for an empty table read all of
    it, and autovacuum looks once a minute. Returns those tables.
    """
    grown = [row['relname'] for row in await database.fetch(GROWN, {'tables': list(HOT)})]
    await analyze(database, grown)
    return grown


async def _repeat(database: Database, query: str, days: int) -> int:
    whole, asked = 0, {'days': days, 'batch': BATCH, 'kept': list(KEPT)}
    while (touched := await database.execute(query, asked)) > 0:
        whole += touched
    return whole
