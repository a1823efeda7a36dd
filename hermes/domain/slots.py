"""When an admin can be booked: one predicate, which availability and booking share (CB-5, CB-10, CB-20, I20, I21).

`reasons` says everything that speaks against a start; `offer` is the grid of starts against which it says nothing.
Working hours are the wall clock of each local date, every instant of a meeting lies in them, and its length is real
time. Everything is half-open. Buffers lie between our own meetings only; what else stands in the calendar counts as
it stands. A calendar that could not be read, or not lately, closes everything.
"""

from bisect import bisect_left, bisect_right
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Final, NamedTuple

from hermes.domain import slot_reasons
from hermes.domain.timetable import Defaults, Hours, check_days_off, check_working_hours, hours_of
from hermes.domain.wallclock import (
    DAY,
    SECOND,
    YEARS,
    day_number,
    first_instant,
    instant,
    moment,
    offset_at,
    real_spans,
    stretches,
    weekday,
)

__all__ = [
    'CODES',
    'Defaults',
    'Diary',
    'Hours',
    'Interval',
    'Reason',
    'Rules',
    'Taken',
    'check_days_off',
    'check_working_hours',
    'hours_of',
    'offer',
    'reasons',
]

CODES: Final = (
    'calendar', 'past', 'notice', 'horizon', 'day_off', 'weekend', 'outside_hours', 'cap', 'busy', 'meeting', 'hold',
    'buffer',
)  # fmt: skip
"""Every code of a reason, in the order in which they are told."""


class Interval(NamedTuple):
    """[start, end), aware UTC."""

    start: datetime
    end: datetime


class Taken(NamedTuple):
    """A planned meeting or a live hold: [start, end) aware UTC, its buffer after it. `what`: 'meeting' or 'hold'."""

    start: datetime
    end: datetime
    buffer_s: int
    what: str
    id: int


@dataclass(frozen=True, slots=True)
class Rules:
    """How early and how late may be booked. `stale_s`: the age from which a calendar counts as unread (I21)."""

    notice_s: int
    horizon_days: int
    stale_s: int = 300


@dataclass(frozen=True, slots=True)
class Diary:
    """What is known of an admin's time. `taken` covers the whole local days of the starts that are asked about: the
    daily cap counts it. `as_of` is when the calendar was read; None when it could not be. `read`: how much of it; None
    for all. `shown`: where the calendar shows the meeting that is moved, beside its own time.
    """

    busy: Sequence[Interval]
    taken: Sequence[Taken]
    as_of: datetime | None
    read: Interval | None = None
    shown: Sequence[Interval] = ()


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a start cannot be booked: a code of CODES, and a sentence for people."""

    code: str
    said: str


def reasons(
    hours: Hours, diary: Diary, start: datetime, now: datetime, rules: Rules, *, ignore: int = 0
) -> list[Reason]:
    """Everything that speaks against a meeting from `start` (aware) on, in the order of CODES; [] = it can be booked.

    `ignore` is the id of a meeting that is being moved: it is as if it were not there, in the calendar neither. Raises
    ValueError for a naive `start` or `now`.
    """
    at = instant(start)
    if unread := _unread(diary, now, rules):
        return [Reason('calendar', unread)]
    if start.year not in YEARS:
        past = at < instant(now)
        return [
            Reason('past', slot_reasons.past()) if past else Reason('horizon', slot_reasons.horizon(rules.horizon_days))
        ]
    page = _Page(hours, diary, now, rules, at, at + hours.duration_s * SECOND, ignore)
    found = sorted(page.objections(at), key=lambda each: (CODES.index(each.code), each.start))
    return [Reason(each.code, page.say(each, at)) for each in found]


def offer(
    hours: Hours, diary: Diary, window: Interval, now: datetime, rules: Rules, *, ignore: int = 0
) -> list[Interval]:
    """The grid slots that start in `window` and against which the predicate has nothing to say, in order (aware UTC).
    `ignore` as in `reasons`.

    The grid: from the start of each stretch of working hours every duration + buffer by the wall clock, as long as the
    slot ends by the stretch's end. Where a change of the clock brings two of them together the later one is left out.
    """
    if _unread(diary, now, rules):
        return []
    first = max(instant(window.start), instant(now))
    last = min(instant(window.end), instant(now) + rules.horizon_days * DAY)
    if first >= last:
        return []
    length = hours.duration_s * SECOND
    page = _Page(hours, diary, now, rules, first, last, ignore)
    return [
        Interval(moment(at), moment(at + length))
        for at in page.grid(first, last)
        if first <= at < last and next(page.objections(at), None) is None
    ]


def _unread(diary: Diary, now: datetime, rules: Rules) -> str:
    if diary.as_of is None:
        return slot_reasons.unreadable()
    age = instant(now) - instant(diary.as_of)
    return slot_reasons.stale(age // SECOND) if age > rules.stale_s * SECOND else ''


class _Objection(NamedTuple):
    """What speaks against a start: [start, end) is what is in the way."""

    code: str
    start: int = 0
    end: int = 0
    buffer_s: int = 0


class _Spans:
    """Half-open spans in order of their starts, with how far those up to each reach: what overlaps is found quickly."""

    __slots__ = ('ends', 'reach', 'starts', 'told')

    def __init__(self, spans: Iterable[tuple[int, int, _Objection]]) -> None:
        told = sorted(each for each in spans if each[0] < each[1])
        self.starts = [start for start, _, _ in told]
        self.ends = [end for _, end, _ in told]
        self.told = [what for _, _, what in told]
        self.reach: list[int] = []
        furthest = -(2**63)
        for end in self.ends:
            furthest = max(furthest, end)
            self.reach.append(furthest)

    def over(self, start: int, end: int) -> Iterator[_Objection]:
        """Those that overlap [start, end), the last first."""
        place = bisect_left(self.starts, end)
        while place and self.reach[place - 1] > start:
            place -= 1
            if self.ends[place] > start:
                yield self.told[place]


class _Page:
    """A diary made ready for starts in [first, last): everything in order, on the real line."""

    def __init__(
        self, hours: Hours, diary: Diary, now: datetime, rules: Rules, first: int, last: int, ignore: int
    ) -> None:
        self.hours, self.rules, self.now = hours, rules, instant(now)
        self.length, self.buffer = hours.duration_s * SECOND, hours.buffer_s * SECOND
        reach = self.length + self.buffer
        self.first, self.last = first - 2 * DAY - reach, last + 2 * DAY + reach
        self.clock = stretches(hours.zone, self.first, self.last)
        self.days = range(self.day_of(first) - 1, self.day_of(last) + reach // DAY + 2)
        self.windows = {day: tuple(_window(each) for each in told) for day, told in hours.weekly.items()}
        self.open_starts, self.open_ends = self._open()
        self.off = _Spans(self._off())
        taken = [each for each in diary.taken if not (ignore and each.what == 'meeting' and each.id == ignore)]
        own = [Interval(each.start, each.end) for each in diary.taken if each not in taken]
        moved = [*own, *diary.shown] if ignore else []
        self.busy = _Spans(_busy(each) for each in _without(diary.busy, moved, diary.read))
        self.taken = _Spans(_taken(each) for each in taken)
        self.counts = self._count(taken) if hours.daily_cap is not None else Counter[int]()

    def day_of(self, at: int) -> int:
        """The number of the local date at an instant."""
        return (at + offset_at(self.clock, at)) // DAY

    def grid(self, first: int, last: int) -> Iterator[int]:
        """The grid's starts, of the local dates around [first, last); none starts before the one before it ends."""
        step, free_from = self.length + self.buffer, -(2**63)
        for day in self.days:
            for opens, closes in self.windows.get(weekday(day), ()):
                for wall in range(day * DAY + opens, day * DAY + closes - self.length + 1, step):
                    at = first_instant(self.clock, wall)
                    if at is not None and at >= free_from:
                        yield at
                        free_from = at + self.length

    def objections(self, at: int) -> Iterator[_Objection]:
        """Everything against a start, in no order: the predicate."""
        end = at + self.length
        if at < self.now:
            yield _Objection('past')
        elif at < self.now + self.rules.notice_s * SECOND:
            yield _Objection('notice')
        if at >= self.now + self.rules.horizon_days * DAY:
            yield _Objection('horizon')
        yield from self.off.over(at, end)
        if not self._is_open(at, end):
            day = weekday(self.day_of(at))
            yield _Objection('outside_hours' if self.windows.get(day) or day < 5 else 'weekend')
        if self.hours.daily_cap is not None and self.counts[self.day_of(at)] >= self.hours.daily_cap:
            yield _Objection('cap')
        yield from self.busy.over(at, end)
        for each in self.taken.over(at, end + self.buffer):
            apart = each.end <= at or end <= each.start
            yield each._replace(code='buffer') if apart else each

    def say(self, found: _Objection, at: int) -> str:
        """The sentence for an objection to a start."""
        zone, start, end = self.hours.zone, moment(found.start), moment(found.end)
        match found.code:
            case 'past':
                return slot_reasons.past()
            case 'notice':
                return slot_reasons.notice((at - self.now) // SECOND, self.rules.notice_s)
            case 'horizon':
                return slot_reasons.horizon(self.rules.horizon_days)
            case 'day_off':
                return slot_reasons.day_off(_date(found.start), _date(found.end))
            case 'weekend' | 'outside_hours':
                return slot_reasons.outside(self.hours, moment(at), moment(at + self.length))
            case 'cap':
                return slot_reasons.cap(self.hours, moment(at), self.counts[self.day_of(at)])
            case 'busy':
                return slot_reasons.busy(zone, start, end)
            case 'buffer':
                after = found.end <= at
                return slot_reasons.buffer(zone, start, end, after, found.buffer_s if after else self.hours.buffer_s)
            case _:
                return slot_reasons.taken(zone, start, end, found.code)

    def _is_open(self, start: int, end: int) -> bool:
        place = bisect_right(self.open_starts, start) - 1
        return place >= 0 and end <= self.open_ends[place]

    def _open(self) -> tuple[list[int], list[int]]:
        """Working hours on the real line, days off left aside; what touches is one."""
        spans = sorted(
            span
            for day in self.days
            for opens, closes in self.windows.get(weekday(day), ())
            for span in real_spans(self.clock, day * DAY + opens, day * DAY + closes)
        )
        starts: list[int] = []
        ends: list[int] = []
        for start, end in spans:
            if ends and start <= ends[-1]:
                ends[-1] = max(ends[-1], end)
            else:
                starts.append(start)
                ends.append(end)
        return starts, ends

    def _off(self) -> Iterator[tuple[int, int, _Objection]]:
        for first, last in self.hours.days_off:
            low, high = day_number(first), day_number(last)
            for start, end in real_spans(self.clock, low * DAY, (high + 1) * DAY):
                yield start, end, _Objection('day_off', low, high)

    def _count(self, taken: Iterable[Taken]) -> Counter[int]:
        """How many meetings and holds start on each local date."""
        starts = (instant(each.start) for each in taken)
        return Counter(self.day_of(at) for at in starts if self.first <= at < self.last)


def _window(window: tuple[time, time]) -> tuple[int, int]:
    """From and to in microseconds of the wall clock's day; midnight as an end is the day's end."""
    opens, closes = ((each.hour * 60 + each.minute) * 60 * SECOND for each in window)
    return opens, closes or DAY


def _without(busy: Iterable[Interval], own: Iterable[Interval], read: Interval | None) -> Iterator[Interval]:
    """Busy times without those of a meeting's own that lie in one of them: what touches is told as one. Where a time of
    its own is not wholly busy the calendar does not show it there, and what is busy is something else.
    """
    holes = own if read is None else [Interval(max(start, read.start), min(end, read.end)) for start, end in own]
    for each in busy:
        parts = [each]
        for start, end in holes:
            if each.start <= start < end <= each.end:
                cut = ((first, min(last, start), max(first, end), last) for first, last in parts)
                parts = [Interval(*part) for four in cut for part in (four[:2], four[2:]) if part[0] < part[1]]
        yield from parts


def _busy(span: Interval) -> tuple[int, int, _Objection]:
    start, end = instant(span.start), instant(span.end)
    return start, end, _Objection('busy', start, end)


def _taken(span: Taken) -> tuple[int, int, _Objection]:
    start, end = instant(span.start), instant(span.end)
    return start, end + span.buffer_s * SECOND, _Objection(span.what, start, end, span.buffer_s)


def _date(number: int) -> date:
    return date(1970, 1, 1) + timedelta(days=number)
