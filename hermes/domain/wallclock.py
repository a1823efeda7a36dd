"""A zone's wall clock laid on the line of real time: stretches of constant offset, and what a wall time means on it.

All in whole microseconds: since 1970-01-01 00:00 UTC on the real line, since 1970-01-01 00:00 of the local calendar on
the wall. A wall time that a change of the clock leaves out has no place on the line; one that happens twice is found
at its first (CB-10, I20).
"""

from collections.abc import Iterable, Iterator
from datetime import UTC, date, datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple
from zoneinfo import ZoneInfo

EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
MICROSECOND: Final = timedelta(microseconds=1)
EPOCH_DAY: Final = date(1970, 1, 1).toordinal()
SECOND: Final = 1_000_000
DAY: Final = 86_400 * SECOND
YEARS: Final = range(1971, 9000)
"""The years whose clocks can be asked for."""


class Stretch(NamedTuple):
    """[start, end) on the real line, in which the wall clock is `offset` ahead of UTC."""

    start: int
    end: int
    offset: int


def instant(moment: datetime) -> int:
    """Microseconds on the real line. Raises ValueError for a naive datetime: nobody knows when that is (I-10)."""
    if moment.tzinfo is None:
        raise ValueError('a moment needs a time zone')
    return (moment - EPOCH) // MICROSECOND


def moment(at: int) -> datetime:
    """The aware UTC datetime of an instant."""
    return EPOCH + timedelta(microseconds=at)


def day_number(day: date) -> int:
    """Days since 1970-01-01."""
    return day.toordinal() - EPOCH_DAY


def weekday(number: int) -> int:
    """0 for Monday, of a day counted from 1970-01-01 (a Thursday)."""
    return (number + 3) % 7


def stretches(zone: ZoneInfo, start: int, end: int) -> tuple[Stretch, ...]:
    """The stretches of `zone` that touch [start, end), in order, without gaps."""
    found: list[Stretch] = []
    for year in range(moment(start).year, moment(end).year + 1):
        for each in _year(zone, year):
            if each.end <= start or each.start >= end:
                continue
            if found and found[-1].offset == each.offset:
                found[-1] = found[-1]._replace(end=each.end)
            else:
                found.append(each)
    return tuple(found)


def offset_at(clock: Iterable[Stretch], at: int) -> int:
    """The offset that holds at an instant. Raises LookupError outside of `clock`."""
    for each in clock:
        if each.start <= at < each.end:
            return each.offset
    raise LookupError(f'{moment(at)} lies outside of what was asked for')


def first_instant(clock: Iterable[Stretch], wall: int) -> int | None:
    """When the wall clock shows `wall` for the first time; None when it never does."""
    for each in clock:
        if each.start <= wall - each.offset < each.end:
            return wall - each.offset
    return None


def real_spans(clock: Iterable[Stretch], start: int, end: int) -> Iterator[tuple[int, int]]:
    """When the wall clock shows something in [start, end): as half-open spans of the real line."""
    for each in clock:
        low, high = max(start - each.offset, each.start), min(end - each.offset, each.end)
        if low < high:
            yield low, high


@lru_cache(maxsize=4096)
def _year(zone: ZoneInfo, year: int) -> tuple[Stretch, ...]:
    """The stretches of one UTC year. No zone changes its clock twice within a day."""
    start, end = instant(datetime(year, 1, 1, tzinfo=UTC)), instant(datetime(year + 1, 1, 1, tzinfo=UTC))
    found: list[Stretch] = []
    since, offset = start, _offset(zone, start)
    for day in range(start + DAY, end + 1, DAY):
        then = _offset(zone, day)
        if then != offset:
            change = _change(zone, day - DAY, day, offset)
            found.append(Stretch(since, change, offset))
            since, offset = change, then
    if since < end:
        found.append(Stretch(since, end, offset))
    return tuple(found)


def _change(zone: ZoneInfo, low: int, high: int, offset: int) -> int:
    """The first whole second in (low, high] at which the offset is another one."""
    while high - low > SECOND:
        middle = (low + high) // 2 // SECOND * SECOND
        if _offset(zone, middle) == offset:
            low = middle
        else:
            high = middle
    return high


def _offset(zone: ZoneInfo, at: int) -> int:
    shown = datetime.fromtimestamp(at // SECOND, zone).utcoffset()
    return 0 if shown is None else shown // MICROSECOND
