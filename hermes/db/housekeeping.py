"""What is done to the tables by the calendar: what is over is forgotten, and the planner hears of what has grown.

An event's key is kept for ever and its body only as long as people may want to read or replay it: whoever sends it
again later is still recognised. What still waits, is parked or holds a listing that is not applied yet keeps its body.
"""

from collections.abc import Sequence
from typing import Final

from psycopg import sql

from hermes.db.pool import Database

BATCH: Final = 5_000
"""Rows a transaction touches, so that nobody waits long for its locks."""
HOT: Final = ('event', 'push', 'mirror', 'link', 'change', 'call', 'company', 'contact', 'deal')

DROP_BODIES = """
    update event set body = null, headers = '{}' where id in (
      select id from event where state = 'done' and body is not null
         and received_at < hermes_now() - make_interval(days => %(days)s) order by id limit %(batch)s)
"""
FORGET_CALLS = """
    delete from call where id in (
      select c.id from call c where c.ended_at < hermes_now() - make_interval(days => %(days)s)
         and not exists (select 1 from push p where (p.intent ->> 'event_id')::bigint = c.intent_event)
       order by c.id limit %(batch)s)
"""
FORGET_RESERVATIONS = """
    delete from reservation where id in (
      select id from reservation where until < hermes_now() - make_interval(days => 1) limit %(batch)s)
"""
FORGET_REFUSALS = """
    delete from refusal where id in (
      select id from refusal where at < hermes_now() - make_interval(days => %(days)s) limit %(batch)s)
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
    """Delete calls and refusals that are older than `days` days, and reservations older than a day; how many of
    each.
    """
    queries = {'call': FORGET_CALLS, 'refusal': FORGET_REFUSALS, 'reservation': FORGET_RESERVATIONS}
    return {table: await _repeat(database, query, days) for table, query in queries.items()}


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
    whole = 0
    while (touched := await database.execute(query, {'days': days, 'batch': BATCH})) > 0:
        whole += touched
    return whole
