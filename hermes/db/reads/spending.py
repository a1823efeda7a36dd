"""What the calls cost and what for: by operation, lane, rule and record; how long the day's budget lasts; what was
saved.

All of it is derived from the ledger (`call`), the journal and the events. The lower bound is what the day's work costs
at least (P4): 5 for each object changed in a window, 5 for each creation, 3 for each deletion, and the listings.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import Row, row, rows
from hermes.domain.record_types import MERGED
from hermes.ports import Prices

PACE_S: Final = 3600
"""The stretch whose pace the forecast goes on with."""
LEAST_PACE_S: Final = 300
WINDOW = """
    select hermes_now() as now, day - make_interval(days => %(days)s - 1) as since, day + interval '1 day' as midnight
    from (select date_trunc('day', hermes_now() at time zone 'UTC') at time zone 'UTC' as day) d
"""
"""Asked first: a moment that the planner knows is looked up, one that it has to guess is counted from end to end."""
BY: Final = {
    'operations': "op || case when type = '' then '' else ' ' || type end",
    'lanes': 'lane',
    'rules': "coalesce(nullif(split_part(rule, ', ', 1), ''), 'unknown')",
    'records': "record_type || ':' || record_id",
}
SPENT = """
    select {shown} as name, count(*) as calls, sum(tokens)::bigint as tokens,
           count(*) filter (where status is null or status not between 200 and 299) as failed
    from call where system = %(system)s and started_at >= %(since)s {more}
    group by 1 order by tokens desc, 1 limit 20
"""
LEDGER = """
    with told as (select *, status between 200 and 299 as good from call
                  where system = %(system)s and started_at >= %(since)s)
    select count(*) as calls, coalesce(sum(tokens), 0)::bigint as tokens, min(started_at) as first_at,
           coalesce(sum(tokens) filter (where started_at >= %(now)s - make_interval(secs => %(pace_s)s)), 0)::bigint
             as recent,
           count(*) filter (where good and op in ('create', 'update', 'delete')) as writes,
           count(*) filter (where good and op = 'create') as created,
           count(*) filter (where good and op = 'delete') as deleted,
           (select count(*) from (select distinct type, remote_id,
              floor(extract(epoch from started_at)::float8 / greatest(%(spacing_s)s, 1)) from told
              where good and op = 'update') w) as changed,
           coalesce(sum(tokens) filter (where good and op = 'list' and rule <> 'OUT-4'), 0)::bigint as listed,
           coalesce(sum(tokens) filter (where good and (rule like 'SETUP%%' or rule = 'FIELD-5')), 0)::bigint as set_up
    from told
"""
"""What was spent, and the least that it could have been, in one look."""
TODAY = """
    select coalesce(sum(tokens), 0)::bigint as tokens, min(started_at) as first_at,
           coalesce(sum(tokens) filter (where started_at >= %(now)s - make_interval(secs => %(pace_s)s)), 0)::bigint
             as recent
    from call where system = %(system)s and started_at >= %(today)s
"""
ARRIVED = f"""
    with arrived as materialized (
      select id from event where kind = 'webhook' and state = 'done' and received_at >= %(since)s
    ), first as materialized (select min(id) as id from arrived)
    select (select count(*) from arrived where not exists (select 1 from change c where c.event_id = arrived.id
              and c.event_id >= (select id from first))) as unchanged,
           (select count(*) from (select distinct c.event_id, c.record_type, c.record_id from change c
              join event e on e.id = c.event_id where e.kind = 'webhook' and c.at >= %(since)s
              and c.record_type in {MERGED}) p) as changes
"""
SYSTEMS = 'select system, daily_limit, burst_limit, burst_window_s from budget order by system'
SPACING = "select coalesce((select (value #>> '{}')::float8 from setting where key = 'push_spacing_s'), 5) as spacing_s"


@dataclass(frozen=True, slots=True)
class Spending:
    """What one system was asked since `since` (UTC midnight of the first day), and what it allows in a day."""

    system: str
    since: datetime
    calls: int
    tokens: int
    daily_limit: int
    forecast: 'Forecast'
    bound: 'Bound'
    saved: 'Saved'
    by: dict[str, list[Row]] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Forecast:
    """At the pace of the last hour: tokens an hour, and when the day's budget is exhausted (None: not today)."""

    per_hour: float
    exhausted_at: datetime | None


@dataclass(frozen=True, slots=True)
class Pace:
    """How today's budget of a system goes: `by_midnight`: what will be spent at the pace of the last hour; `rules`:
    what tokens went for: name, calls, tokens, failed.
    """

    system: str
    daily_limit: int
    tokens: int
    forecast: Forecast
    by_midnight: int
    rules: list[Row]


@dataclass(frozen=True, slots=True)
class Bound:
    """The least that this work costs, and how many times that was spent (None when nothing was to be done)."""

    tokens: int
    ratio: float | None
    created: int
    changed: int
    deleted: int
    listed: int


@dataclass(frozen=True, slots=True)
class Saved:
    """Calls that one write for each delivery would have made: for what changed nothing, and for what went as one."""

    unchanged: int
    coalesced: int
    tokens: int


def read_spending(connection: Connection[Any], prices: Mapping[str, Prices], days: int = 1) -> list[Spending]:
    """Every system's spending of the last `days` days, today included. `prices`: what each takes for a write."""
    spacing_s = (row(connection, SPACING) or {})['spacing_s']
    window = row(connection, WINDOW, {'days': days}) or {}
    arrived = row(connection, ARRIVED, window) or {}
    asked = window | {'pace_s': PACE_S, 'spacing_s': spacing_s}
    return [
        _of_system(connection, known, prices.get(known['system'], Prices()), days, asked, arrived)
        for known in rows(connection, SYSTEMS)
    ]


def _of_system(connection: Connection[Any], known: Row, price: Prices, days: int, asked: Row, arrived: Row) -> Spending:
    wanted = asked | {'system': known['system']}
    total = asked | (row(connection, LEDGER, wanted) or {})
    by = {}
    for name, shown in BY.items():
        more = 'and record_id is not null' if name == 'records' else ''
        by[name] = rows(connection, SPENT.format(shown=shown, more=more), wanted)
    return Spending(
        known['system'], total['since'], total['calls'], total['tokens'], known['daily_limit'],
        forecast(total, known['daily_limit'] * days), _bound(total, price), _saved(arrived | total), by,
    )  # fmt: skip


def read_pace(connection: Connection[Any], since: datetime, until: datetime) -> list[Pace]:
    """Every system's budget of today with its forecast, and for which rules the tokens of [`since`, `until`) went."""
    today = row(connection, WINDOW, {'days': 1}) or {}
    left_h = (today['midnight'] - today['now']).total_seconds() / 3600
    found = []
    for known in rows(connection, SYSTEMS):
        asked = {'system': known['system'], 'since': since, 'until': until}
        rules = rows(connection, SPENT.format(shown=BY['rules'], more='and started_at < %(until)s'), asked)
        of_today = {'system': known['system'], 'today': today['since'], 'now': today['now'], 'pace_s': PACE_S}
        total = today | (row(connection, TODAY, of_today) or {})
        ahead = forecast(total, known['daily_limit'])
        by_midnight = total['tokens'] + round(ahead.per_hour * left_h)
        found.append(Pace(known['system'], known['daily_limit'], total['tokens'], ahead, by_midnight, rules))
    return found


def forecast(total: Row, limit: int) -> Forecast:
    """`total`: tokens, recent (of the last PACE_S), first_at, now, midnight."""
    now: datetime = total['now']
    first_at: datetime = total['first_at'] or now
    lasted_s = min(max((now - first_at).total_seconds(), LEAST_PACE_S), PACE_S)
    per_hour = total['recent'] * 3600 / lasted_s
    if per_hour <= 0:
        return Forecast(0.0, None)
    exhausted_at = now + timedelta(hours=max(0, limit - total['tokens']) / per_hour)
    return Forecast(per_hour, exhausted_at if exhausted_at < total['midnight'] else None)


def _bound(found: Row, price: Prices) -> Bound:
    least = (
        price.write * (found['created'] + found['changed'])
        + price.delete * found['deleted']
        + found['listed']
        + found['set_up']
    )
    ratio = found['tokens'] / least if least else None
    return Bound(least, ratio, found['created'], found['changed'], found['deleted'], found['listed'])


def _saved(found: Row) -> Saved:
    coalesced = max(0, found['changes'] - found['writes'])
    return Saved(found['unchanged'], coalesced, 5 * (found['unchanged'] + coalesced))
