"""How it went over a stretch of time, as points for plots: lags of each hop as percentiles, calls by what became of
them, what was spent by which rule, what waited. From figures of five minutes (`db/figures.py`). Reads only.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, Final

from psycopg import Connection

from hermes.db.reads.lookup import rows
from hermes.domain.errors import Refused
from hermes.domain.lags import percentile

FIVE: Final = timedelta(minutes=5)
POINTS: Final = 120
"""So many points has a plot at the most."""
HOPS: Final = ('merged', 'sent', 'confirmed')
"""From the arrival to the journal, from there to the call, from there to the answer."""
SUMMED: Final = """
    select date_bin(%(step)s, f.at, %(after)s) as at, f.system, f.kind, e.key, {how}((e.value)::bigint)::bigint as n
    from figure f, jsonb_each_text(f.counts) e
    where f.name = %(name)s and f.at >= %(after)s and f.at < %(before)s
    group by 1, 2, 3, 4 order by 1, 2, 3
"""


@dataclass(frozen=True, slots=True)
class LagPoint:
    """How long one hop took in one stretch: `count` of them, and the seconds that half, 95 and 99 of 100 stay below."""

    at: datetime
    count: int
    p50_s: float
    p95_s: float
    p99_s: float


@dataclass(frozen=True, slots=True)
class Lag:
    """One hop of one system over time, and as a whole."""

    system: str
    hop: str
    points: tuple[LagPoint, ...]
    whole: LagPoint


@dataclass(frozen=True, slots=True)
class Point:
    """A number at the beginning of a stretch."""

    at: datetime
    value: int


@dataclass(frozen=True, slots=True)
class Series:
    """Numbers of one kind over time, and their sum (of what waits: the most)."""

    system: str
    kind: str
    points: tuple[Point, ...]
    total: int


def step_of(after: datetime, before: datetime) -> timedelta:
    """How long the stretch of a point is: five minutes, or so many of them that there are no more than POINTS. Raises
    Refused for a range that ends before it begins.
    """
    if after >= before:
        raise Refused('The time range ends before it begins.')
    return FIVE * max(1, -(-((before - after) // FIVE + 1) // POINTS))


def read_lags(connection: Connection[Any], after: datetime, before: datetime) -> list[Lag]:
    """Every hop of every system in [after, before)."""
    found: dict[tuple[str, str], dict[datetime, dict[int, int]]] = {}
    for item in _summed(connection, 'lag', after, before):
        at = found.setdefault((item['system'], item['kind']), {}).setdefault(item['at'], {})
        at[int(item['key'])] = item['n']
    return [
        Lag(system, hop, tuple(_lag(at, counts) for at, counts in told.items()), _lag(after, _whole(told.values())))
        for (system, hop), told in sorted(found.items(), key=lambda each: (each[0][0], HOPS.index(each[0][1])))
    ]


def read_calls(connection: Connection[Any], after: datetime, before: datetime) -> list[Series]:
    """Calls by what became of them: `ok`, `no answer`, or the reaction that the answer asked for."""
    return _series(_summed(connection, 'calls', after, before), 'n')


def read_tokens(connection: Connection[Any], after: datetime, before: datetime) -> list[Series]:
    """Tokens spent, by the rule for which they were."""
    return _series(_summed(connection, 'spent', after, before), 'n')


def read_queue(connection: Connection[Any], after: datetime, before: datetime) -> list[Series]:
    """What waited, at the most, in each stretch: events, pushes, parked and held ones, decisions."""
    return _series(_summed(connection, 'queue', after, before, how='max'), 'n', whole=max)


def _summed(
    connection: Connection[Any], name: str, after: datetime, before: datetime, *, how: str = 'sum'
) -> list[dict[str, Any]]:
    asked = {'name': name, 'after': after, 'before': before, 'step': step_of(after, before)}
    return rows(connection, SUMMED.format(how=how), asked)


def _series(found: Sequence[Mapping[str, Any]], key: str, *, whole: Any = sum) -> list[Series]:
    told: dict[tuple[str, str], list[Point]] = {}
    for item in found:
        if item['key'] == key:
            told.setdefault((item['system'], item['kind']), []).append(Point(item['at'], item['n']))
    return [
        Series(system, kind, tuple(points), whole([point.value for point in points]))
        for (system, kind), points in sorted(told.items())
    ]


def _whole(told: Any) -> dict[int, int]:
    counts: dict[int, int] = {}
    for each in told:
        for place, number in each.items():
            counts[place] = counts.get(place, 0) + number
    return counts


def _lag(at: datetime, counts: Mapping[int, int]) -> LagPoint:
    p50, p95, p99 = (percentile(counts, share) or 0.0 for share in (0.5, 0.95, 0.99))
    return LagPoint(at, sum(counts.values()), p50, p95, p99)
