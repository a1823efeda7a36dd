"""When an admin can be booked, told once more: by asking every minute, slowly, in the plainest way there is.

The other side of `hermes.domain.slots`. Everything it is asked about lies on whole minutes.
"""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta

from hermes.domain.slots import Diary, Hours, Interval, Rules

MINUTE = timedelta(minutes=1)


def minutes(start: datetime, end: datetime, step_min: int = 1) -> Iterator[datetime]:
    while start < end:
        yield start
        start += step_min * MINUTE


def is_off(hours: Hours, day: date) -> bool:
    return any(first <= day <= last for first, last in hours.days_off)


def is_open(hours: Hours, minute: datetime) -> bool:
    """Whether the admin's wall clock shows a working hour."""
    local = minute.astimezone(hours.zone)
    return not is_off(hours, local.date()) and any(
        start <= local.time() and (local.time() < end or end == time())
        for start, end in hours.weekly.get(local.weekday(), ())
    )


def bookable(
    hours: Hours, diary: Diary, start: datetime, now: datetime, rules: Rules, *, ignore: int = 0, step_min: int = 1
) -> bool:
    """The predicate, minute by minute."""
    if diary.as_of is None or now - diary.as_of > timedelta(seconds=rules.stale_s):
        return False
    end = start + timedelta(seconds=hours.duration_s)
    own = set(minutes(start, end, step_min))
    kept = set(minutes(start, end + timedelta(seconds=hours.buffer_s), step_min))
    others = [each for each in diary.taken if not (ignore and each.what == 'meeting' and each.id == ignore)]
    moved = [(each.start, each.end) for each in diary.taken if each not in others]
    shown = [*moved, *diary.shown] if ignore else []
    if start < now + timedelta(seconds=rules.notice_s) or start >= now + timedelta(days=rules.horizon_days):
        return False
    if not all(is_open(hours, minute) for minute in own):
        return False
    for busy in diary.busy:
        inside = [span for span in shown if busy.start <= span[0] < span[1] <= busy.end]
        other = (minute for minute in own if busy.start <= minute < busy.end)
        if not all(any(first <= minute < last for first, last in inside) for minute in other):
            return False
    if any(each.start <= minute < each.end + timedelta(seconds=each.buffer_s) for each in others for minute in kept):
        return False
    day = start.astimezone(hours.zone).date()
    that_day = [each for each in others if each.start.astimezone(hours.zone).date() == day]
    return hours.daily_cap is None or len(that_day) < hours.daily_cap


def grid(hours: Hours, first: date, last: date) -> list[datetime]:
    """The starts of the local dates from `first` to `last`, both included."""
    length = timedelta(seconds=hours.duration_s)
    step = length + timedelta(seconds=hours.buffer_s)
    found: list[datetime] = []
    day = first
    while day <= last:
        for opens, closes in hours.weekly.get(day.weekday(), ()):
            wall = datetime.combine(day, opens)
            until = datetime.combine(day, closes) if closes != time() else datetime.combine(day, time()) + timedelta(1)
            while wall + length <= until:
                start = wall.replace(tzinfo=hours.zone).astimezone(UTC)
                shown = start.astimezone(hours.zone).replace(tzinfo=None, fold=0)
                if shown == wall and (not found or found[-1] + length <= start):
                    found.append(start)
                wall += step
        day += timedelta(days=1)
    return found


def offer(
    hours: Hours, diary: Diary, window: Interval, now: datetime, rules: Rules, *, ignore: int = 0, step_min: int = 1
) -> list[Interval]:
    """The grid slots that start in `window` and are bookable."""
    first = window.start.astimezone(hours.zone).date() - timedelta(days=1)
    last = window.end.astimezone(hours.zone).date() + timedelta(days=1)
    return [
        Interval(start, start + timedelta(seconds=hours.duration_s))
        for start in grid(hours, first, last)
        if window.start <= start < window.end
        and bookable(hours, diary, start, now, rules, ignore=ignore, step_min=step_min)
    ]
