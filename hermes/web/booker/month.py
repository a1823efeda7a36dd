"""A month of days and the times of a day, from the slots on offer, on a visitor's wall clock (WEB-7, WEB-8, WEB-28).
Values only; how they are written is the template's.
"""

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from hermes.domain.slots import Interval
from hermes.kit.languages import Language

DAYS_TO_SHOW_A_COLLEAGUE = 3
"""Fewer days with times within a week than these, and a colleague's calendar is offered (WEB-14)."""


@dataclass(frozen=True, slots=True)
class Day:
    """A day of the grid. `times`: how many there are."""

    date: date
    times: int
    within: bool
    chosen: bool
    today: bool


@dataclass(frozen=True, slots=True)
class Offer:
    """Slots by the local date on which they start, in order."""

    zone: ZoneInfo
    today: date
    days: dict[date, list[datetime]]

    def first_day(self) -> date | None:
        """The first day with times."""
        return next(iter(self.days), None)

    def times(self, day: date) -> list[datetime]:
        return self.days.get(day, [])

    def next(self, count: int, after: datetime | None = None) -> list[datetime]:
        """The next free times (aware), at most `count`."""
        found = [at for times in self.days.values() for at in times if after is None or at > after]
        return found[:count]

    def nearest(self, wanted: datetime, count: int = 3) -> list[datetime]:
        """The times nearest to a wanted one, in order (WEB-13)."""
        found = [at for times in self.days.values() for at in times if at != wanted]
        return sorted(sorted(found, key=lambda at: (abs(at - wanted), at))[:count])

    def is_full_week(self) -> bool:
        """Whether the coming week has too few days with times."""
        week = self.today + timedelta(days=7)
        return sum(self.today <= day < week for day in self.days) < DAYS_TO_SHOW_A_COLLEAGUE

    def month_with_times(self, month: date) -> date | None:
        """The first month after `month` with times (its first day)."""
        return next((day.replace(day=1) for day in self.days if day.replace(day=1) > month), None)

    def has_times(self, month: date) -> bool:
        return any(day.replace(day=1) == month for day in self.days)


def offer_of(slots: Sequence[Interval], zone: ZoneInfo, now: datetime) -> Offer:
    """Slots (aware, in order) as a visitor in `zone` sees them."""
    days: defaultdict[date, list[datetime]] = defaultdict(list)
    for slot in slots:
        at = slot.start.astimezone(zone)
        days[at.date()].append(at)
    return Offer(zone, now.astimezone(zone).date(), dict(days))


def weeks_of(offer: Offer, month: date, chosen: date | None, first_weekday: int) -> list[list[Day]]:
    """The weeks that a month touches; `first_weekday`: 0 for Monday."""
    start = month - timedelta(days=(month.weekday() - first_weekday) % 7)
    end = next_month(month)
    weeks: list[list[Day]] = []
    while start < end:
        week = [start + timedelta(days=number) for number in range(7)]
        weeks.append(
            [Day(day, len(offer.times(day)), month <= day < end, day == chosen, day == offer.today) for day in week]
        )
        start += timedelta(days=7)
    return weeks


def month_shown(
    offer: Offer | None,
    wanted: date | None,
    chosen: date | None,
    zone: ZoneInfo,
    now: datetime,
    horizon_days: int,
    language: Language,
) -> dict[str, Any]:
    """What a page shows of the month of a `wanted` day, by default today's, as far as there can be times: itself, its
    weeks, and the months beside it.
    """
    today = now.astimezone(zone).date()
    first, last = today.replace(day=1), (today + timedelta(days=horizon_days)).replace(day=1)
    month = min(max((wanted or today).replace(day=1), first), last)
    return {
        'month': month,
        'weeks': weeks_of(offer, month, chosen, language.locale.first_week_day) if offer else [],
        'earlier': month_before(month) if month > first else None,
        'later': next_month(month) if month < last else None,
    }


def next_month(month: date) -> date:
    return (month.replace(day=1) + timedelta(days=32)).replace(day=1)


def month_before(month: date) -> date:
    return (month.replace(day=1) - timedelta(days=1)).replace(day=1)
