"""Since when nothing came from a system, and what of our own writes should have come back since (PD-GAP-2).

A system whose webhooks we subscribed to tells us of our own writes too: a write whose echo does not come is the first
sign that nothing comes at all. Read by the watch, by `hermes status`, by `hermes doctor` and by /metrics.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection as Terminal

from hermes.db.pool import Connection, Row
from hermes.db.reads.lookup import rows as read_rows

ECHO: Final = timedelta(minutes=2)
"""Within this an echo has come, first retries of the sender included."""
LATELY: Final = timedelta(minutes=30)
LEAST_WRITES: Final = 6
"""So many writes within LATELY of which less than half came back are suspicious, although others were heard."""
QUIET_HOUR: Final = timedelta(hours=1)
BUSY_WEEK: Final = 100
"""Webhooks of the last seven days, from which on an hour without any is unusual."""
UNUSUAL: Final = 4.0
"""A silence of this many times the stretch that 95 of 100 stay below is unusual."""
WRITTEN: Final = "c.system = asked.system and c.op in ('create', 'update', 'delete') and c.status between 200 and 299"
LOOKED: Final = 100_000
"""So many events are looked back."""

HEARD: Final = f"""
    select asked.system, l.at as last, extract(epoch from hermes_now() - l.at)::float8 as silent_s,
           case when known then w.unechoed else 0 end as unechoed, case when known then w.since end as since
    from unnest(%(systems)s::text[]) as asked(system)
    cross join lateral (select exists (select 1 from pulse p where p.name = asked.system || ' webhooks') as known) s
    left join lateral (
      select e.received_at as at from unnest(array['webhook', 'webhook-extension']) as k(kind), lateral (
        select id, received_at from event where id > coalesce((select max(id) from event), 0) - {LOOKED}
          and source = asked.system and kind = k.kind order by id desc limit 1) e
      order by e.id desc limit 1) l on true
    left join lateral (
      select count(*) as unechoed, min(c.started_at) as since from call c
      where {WRITTEN} and c.started_at > greatest(l.at, hermes_now() - interval '1 day')
        and c.started_at < hermes_now() - interval '{ECHO.total_seconds()} seconds') w on true
    order by asked.system
"""
LISTENED: Final = f"""
    with heard as (
      select received_at as at from event where id > coalesce((select max(id) from event), 0) - {LOOKED}
        and source = %(system)s and kind = 'webhook' order by id desc limit 500),
    gaps as (select at, at - lag(at) over (order by at) as gap from heard),
    measured as (
      select greatest(%(least)s, %(times)s * percentile_cont(0.95) within group (order by gap)) as usual,
        count(*) filter (where at > hermes_now() - interval '7 days') as week,
        count(*) filter (where at > hermes_now() - %(lately)s - %(echo)s) as heard from gaps)
    select m.heard, w.written,
      case when m.week >= %(busy)s then least(m.usual, %(hour)s) else m.usual end as usual
    from measured m, lateral (
      select count(*) as written from call c, (select %(system)s::text as system) asked
      where {WRITTEN} and c.started_at > hermes_now() - %(lately)s - %(echo)s and c.started_at < hermes_now() - %(echo)s
    ) w
"""


def read_heard(connection: Terminal[Any], systems: list[str]) -> list[Row]:
    """Per system: last (webhook), silent_s, and how many of our writes should have come back since then: unechoed,
    since (when the first of them was made).
    """
    return read_rows(connection, HEARD, {'systems': systems})


@dataclass(frozen=True, slots=True)
class Suspicion:
    """Why it is suspicious that nothing, or so little, came from a system, '' if it is not. `written`: our own writes
    say so; `last`: when something came last.
    """

    why: str
    written: bool
    last: datetime | None


async def suspicion(connection: Connection, system: str, quiet: timedelta) -> Suspicion:
    """What there is to suspect of a system at this moment; a silence up to `quiet` is never suspicious."""
    heard = await _one(connection, HEARD, {'systems': [system]})
    last = heard['last']
    if heard['unechoed']:
        writes = f'{heard["unechoed"]} write{"s" if heard["unechoed"] > 1 else ""}'
        return Suspicion(f'{writes} since {heard["since"]:%Y-%m-%d %H:%M:%SZ} did not come back', True, last)
    if last is None:
        return Suspicion('', False, None)
    key = {
        'system': system, 'least': quiet, 'times': UNUSUAL, 'busy': BUSY_WEEK, 'hour': QUIET_HOUR, 'lately': LATELY,
        'echo': ECHO,
    }  # fmt: skip
    told = await _one(connection, LISTENED, key)
    if told['written'] >= LEAST_WRITES and 2 * told['heard'] < told['written']:
        why = f'of {told["written"]} writes of the last half hour only {told["heard"]} came back'
        return Suspicion(why, True, last)
    unusual = heard['silent_s'] > told['usual'].total_seconds()
    return Suspicion(f'silence since {last:%Y-%m-%d %H:%M:%SZ}' if unusual else '', False, last)


async def _one(connection: Connection, query: str, key: dict[str, Any]) -> Row:
    row = await (await connection.execute(query, key)).fetchone()
    assert row is not None
    return row
