"""P5: what availability costs without the calendar's call: 20 admins, a window of 30 days, 100 busy times each.

The limits beside it: a bare sweep over the same intervals that knows of no zone, no hours and no rule, and the plain
way, which asks for each start of the grid whether the predicate is silent.
"""

import gc
import random
import statistics
import time as stopwatch
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from bench.table import Row
from hermes.domain.slots import Defaults, Diary, Hours, Interval, Rules, Taken, hours_of, offer, reasons

NOW = datetime(2026, 10, 12, 8, tzinfo=UTC)
ADMINS, DAYS, BUSY, MEETINGS = 20, 30, 100, 40
RULES = Rules(notice_s=7200, horizon_days=60)
ZONES = ('Europe/London', 'America/New_York', 'Australia/Sydney', 'Asia/Kolkata', 'America/Toronto')
WINDOW = Interval(NOW, NOW + timedelta(days=DAYS))
LENGTH, STEP = timedelta(minutes=30), timedelta(minutes=45)


@dataclass(frozen=True, slots=True)
class Admin:
    """One admin's hours and diary."""

    hours: Hours
    diary: Diary


def run(duration_s: float = 5.0) -> list[Row]:
    """Ask for one admin after the other, as long as it takes."""
    admins = [_admin(seed) for seed in range(ADMINS)]
    ours = _measure(admins, lambda each: offer(each.hours, each.diary, WINDOW, NOW, RULES), duration_s * 0.5)
    swept = _measure(admins, _sweep, duration_s * 0.2)
    plain = _measure(admins[:1], _plain, duration_s * 0.3)
    first_ms = _first()
    what = f'offer of one admin of {ADMINS}, {DAYS} days, {BUSY} busy times, {MEETINGS} meetings'
    limit = f'bare sweep {_told(swept)}; start by start {_told(plain)}'
    return [
        Row('P5', what, _told(ours), 'p99 < 30 ms without the calendar', limit),
        Row('P5', 'the same, the first time that a zone is asked for', f'{first_ms:.1f} ms', '', ''),
    ]


def _admin(seed: int) -> Admin:
    chance = random.Random(seed)

    def place() -> datetime:
        return NOW + timedelta(minutes=15 * chance.randrange(DAYS * 96))

    starts = [place() for _ in range(BUSY)]
    busy = [Interval(start, start + timedelta(minutes=chance.choice([15, 30, 60, 120]))) for start in starts]
    taken = [Taken(start, start + LENGTH, 900, 'meeting', number) for number, start in enumerate(starts[:MEETINGS], 1)]
    return Admin(hours_of({'timezone': ZONES[seed % len(ZONES)], 'daily_cap': 8}, Defaults()), Diary(busy, taken, NOW))


def _sweep(admin: Admin) -> int:
    """The free times between busy ones, cut into slots: nothing but intervals."""
    count, free_from = 0, WINDOW.start
    spans = [(each.start, each.end) for each in admin.diary.busy] + [
        (each.start, each.end) for each in admin.diary.taken
    ]
    for start, end in sorted(spans):
        if start > free_from:
            count += (start - free_from) // STEP
        free_from = max(free_from, end)
    return count


def _plain(admin: Admin) -> int:
    """Each start of a bare grid over the window put to the predicate by itself: the diary is sorted anew every time."""
    starts = (WINDOW.start + place * STEP for place in range((WINDOW.end - WINDOW.start) // STEP))
    return sum(reasons(admin.hours, admin.diary, start, NOW, RULES) == [] for start in starts)


def _first() -> float:
    from hermes.domain import wallclock

    admin = _admin(0)
    wallclock._year.cache_clear()
    started = stopwatch.perf_counter()
    offer(admin.hours, admin.diary, WINDOW, NOW, RULES)
    return (stopwatch.perf_counter() - started) * 1000


def _measure(admins: list[Admin], ask: Callable[[Admin], object], duration_s: float) -> list[float]:
    """Milliseconds of each answer."""
    took: list[float] = []
    gc.collect()
    until = stopwatch.perf_counter() + duration_s
    while stopwatch.perf_counter() < until:
        for admin in admins:
            started = stopwatch.perf_counter()
            ask(admin)
            took.append((stopwatch.perf_counter() - started) * 1000)
    return took


def _told(took: list[float]) -> str:
    return f'p50 {statistics.median(took):.2f} ms, p99 {statistics.quantiles(took, n=100)[98]:.2f} ms'
