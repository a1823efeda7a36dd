"""The sentences that say why a time cannot be booked, for the people who asked (CB-19).

Every time in them is the admin's local wall clock.
"""

from collections.abc import Iterable
from datetime import UTC, date, datetime, time, timedelta
from typing import Final
from zoneinfo import ZoneInfo

from hermes.domain.timetable import Hours

DAYS: Final = ('Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday', 'Sunday')
MONTHS: Final = ('Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec')


def unreadable() -> str:
    return 'The calendar could not be read, so nothing is offered until it can be.'


def stale(age_s: int) -> str:
    return f'The calendar was last read {length(age_s)} ago, which is too long ago to promise anything.'


def past() -> str:
    return 'It lies in the past.'


def notice(ahead_s: int, notice_s: int) -> str:
    return f'It begins in {length(ahead_s)}; at least {length(notice_s)} of notice are needed.'


def horizon(days: int) -> str:
    return f'It is further ahead than the {days} day{"" if days == 1 else "s"} within which calls can be booked.'


def day_off(first: date, last: date) -> str:
    if first == last:
        return f'{day(first)} is a day off.'
    return f'It falls into the days off from {day(first)} to {day(last)}.'


def outside(hours: Hours, start: datetime, end: datetime) -> str:
    """Outside of working hours, with the hours of that day."""
    at, until = local(hours.zone, start), local(hours.zone, end)
    open_hours = hours.weekly.get(at.weekday(), ())
    asked = f'{day(at.date())} {span(at, until)} in {hours.zone.key}'
    if not open_hours:
        return f'{asked}: {DAYS[at.weekday()]} is no working day.'
    return f'{asked} does not lie within the working hours of that day: {windows(open_hours)}.'


def cap(hours: Hours, start: datetime, count: int) -> str:
    told = f'{count} meeting{"" if count == 1 else "s"} (reserved times included)'
    return f'{day(local(hours.zone, start).date())} has {told}; the daily cap is {hours.daily_cap}.'


def busy(zone: ZoneInfo, start: datetime, end: datetime) -> str:
    return f'The calendar is busy {between(zone, start, end)}.'


def taken(zone: ZoneInfo, start: datetime, end: datetime, what: str) -> str:
    if what == 'hold':
        return f'Somebody who is filling in the form holds the time {between(zone, start, end)}.'
    return f'There is a meeting {between(zone, start, end)}.'


def buffer(zone: ZoneInfo, start: datetime, end: datetime, after: bool, buffer_s: int) -> str:
    """Too near to a meeting; `after` when that one comes first."""
    side = 'after the meeting' if after else 'before the meeting'
    return f'The buffer of {length(buffer_s)} {side} {between(zone, start, end)} would not be kept.'


def windows(spans: Iterable[tuple[time, time]]) -> str:
    """'10:00-12:00, 13:00-17:30'."""
    return ', '.join(f'{start:%H:%M}-{"24:00" if end == time() else f"{end:%H:%M}"}' for start, end in spans)


def between(zone: ZoneInfo, start: datetime, end: datetime) -> str:
    """'on Tuesday 1 Dec 2026 from 10:00 to 10:30', in the zone."""
    first, last = local(zone, start), local(zone, end)
    if first.date() == last.date():
        return f'on {day(first.date())} from {clock(first)} to {clock(last)}'
    return f'from {day(first.date())} {clock(first)} to {day(last.date())} {clock(last)}'


def span(start: datetime, end: datetime) -> str:
    return f'{clock(start)}-{clock(end)}'


def day(on: date) -> str:
    """'Tuesday 1 Dec 2026'."""
    return f'{DAYS[on.weekday()]} {on.day} {MONTHS[on.month - 1]} {on.year}'


def clock(at: datetime) -> str:
    return f'{at:%H:%M:%S}' if at.second or at.microsecond else f'{at:%H:%M}'


def local(zone: ZoneInfo, moment: datetime) -> datetime:
    """The moment on the zone's wall clock; as it stands where no calendar reaches."""
    try:
        return moment.astimezone(zone)
    except OverflowError:
        return moment.astimezone(UTC)


def length(seconds: int) -> str:
    """'1 h 20 min'."""
    told = timedelta(seconds=seconds)
    hours, minutes = told.seconds // 3600, told.seconds % 3600 // 60
    parts = [f'{told.days} d' if told.days else '', f'{hours} h' if hours else '', f'{minutes} min' if minutes else '']
    return ' '.join(part for part in parts if part) or f'{seconds} s'
