"""What the page of health tells beside the condition: lags, what went wrong, budgets, subscriptions, calendars, and
when somebody compared last. Reads only.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.alerts import list_alerts
from hermes.db.reads.checks import read_bookable
from hermes.db.reads.failures import read_failures
from hermes.db.reads.figures import Lag, Series, read_lags, read_queue
from hermes.db.reads.halving import EVENTS, first_since
from hermes.db.reads.lookup import Row, rows
from hermes.db.reads.spending import Pace, read_pace

SUBSCRIPTIONS: Final = """
    select replace(name, ' webhooks', '') as system, at, note, noted_at
    from pulse where name like '%% webhooks' order by name
"""
LOOKS: Final = """
    select s.system, l.at from unnest(%(systems)s::text[]) as s(system) cross join lateral (
      select received_at as at from event where source = s.system and kind = 'look' order by id desc limit 1) l
"""
STOPS: Final = """
    select e.received_at as at, convert_from(e.body, 'UTF8')::jsonb as told from event e
    where e.source = 'operator' and e.kind = 'act' and e.id >= %(first)s and e.id < %(end)s
      and e.body is not null and convert_from(e.body, 'UTF8')::jsonb ->> 'act' in ('system.pause', 'system.resume')
    order by e.id desc limit 20
"""


@dataclass(frozen=True, slots=True)
class Soundness:
    """`stops`: when somebody paused or resumed a system."""

    lags: list[Lag]
    queue: list[Series]
    failures: list[Row]
    paces: list[Pace]
    subscriptions: dict[str, Row]
    looks: dict[str, datetime]
    calendars: list[Row]
    alerts: list[Row]
    stops: list[Row]


def read_soundness(connection: Connection[Any], since: datetime, until: datetime, systems: list[str]) -> Soundness:
    """Of [`since`, `until`); calendars, subscriptions and alerts as they are now."""
    ends = {'first': first_since(connection, EVENTS, since), 'end': first_since(connection, EVENTS, until)}
    return Soundness(
        read_lags(connection, since, until),
        read_queue(connection, since, until),
        read_failures(connection, since, until),
        read_pace(connection, since, until),
        {each['system']: each for each in rows(connection, SUBSCRIPTIONS)},
        {each['system']: each['at'] for each in rows(connection, LOOKS, {'systems': systems})},
        read_bookable(connection),
        list_alerts(connection),
        rows(connection, STOPS, ends),
    )
