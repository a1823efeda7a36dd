"""How people write working hours and days off: `mon-fri 10:00-17:30; sat 10:00-12:00, 13:00-14:00` and
`2026-12-24..2027-01-02`.
"""

import re
from collections.abc import Iterable, Mapping
from datetime import date, datetime, time, timedelta
from itertools import groupby
from typing import Final
from zoneinfo import ZoneInfo

from hermes.domain.errors import Refused
from hermes.domain.timetable import WEEKDAYS, Hours, check_days_off, check_working_hours

DEFAULT, CLOSED = 'default', 'closed'
DAYS: Final = re.compile(r'([a-z]{3})[a-z]*(?:\s*-\s*([a-z]{3})[a-z]*)?\s+(.+)')
WINDOW: Final = re.compile(r'(\d{1,2}:\d\d)\s*-\s*(\d{1,2}:\d\d)')
LOCAL: Final = re.compile(r'([a-z]{3})[a-z]*\s+(?:at\s+)?(\d{1,2}):(\d\d)')
EXAMPLE: Final = '"mon-fri 10:00-17:30; sat 10:00-12:00, 13:00-14:00", "default" or "closed"'


def parse_hours(text: str) -> dict[str, list[list[str]]] | None:
    """Working hours as they are stored; None for "default". A day that is named twice has both. Raises Refused."""
    written = text.strip().lower()
    if written == DEFAULT:
        return None
    if written == CLOSED:
        return {}
    days: dict[str, list[list[str]]] = {}
    for part in (part.strip() for part in written.split(';') if part.strip()):
        found = DAYS.fullmatch(part)
        if found is None:
            raise Refused(f'"{part}" is no day with hours. Write {EXAMPLE}.')
        windows = [_window(each) for each in found[3].split(',')]
        for name in _days(found[1], found[2]):
            days.setdefault(name, []).extend(windows)
    if not days:
        raise Refused(f'No hours are named. Write {EXAMPLE}.')
    return check_working_hours(days)


def show_hours(hours: Hours) -> str:
    """`mon-fri 10:00-17:30; sat 10:00-12:00`; "closed" where no day is open."""
    from hermes.domain.slot_reasons import windows

    told = [(WEEKDAYS[day], windows(hours.weekly[day])) for day in sorted(hours.weekly) if hours.weekly[day]]
    parts = []
    for (_, text), group in groupby(told, key=lambda each: (WEEKDAYS.index(each[0]) - told.index(each), each[1])):
        names = [name for name, _ in group]
        parts.append(f'{names[0]}{f"-{names[-1]}" if len(names) > 1 else ""} {text}')
    return '; '.join(parts) or CLOSED


def parse_days(text: str) -> list[list[str]]:
    """`2026-12-24..2027-01-02` or one day, as they are stored. Raises Refused."""
    first, mark, last = (part.strip() for part in text.partition('..'))
    return check_days_off([[first, last if mark else first]]) or []


def add_days(off: Iterable[Iterable[str]], added: Iterable[Iterable[str]]) -> list[list[str]]:
    """Both together."""
    return check_days_off([list(each) for each in (*off, *added)]) or []


def remove_days(off: Iterable[Iterable[str]], removed: Iterable[Iterable[str]]) -> list[list[str]]:
    """`off` without the days of `removed`. Raises Refused for days of which none was off."""
    left = [_dates(each) for each in off]
    for first, last in (_dates(each) for each in removed):
        if not any(low <= last and first <= high for low, high in left):
            raise Refused(f'{first}{f" to {last}" if last != first else ""} is no day off.')
        day = timedelta(days=1)
        cut = [part for low, high in left for part in ((low, min(high, first - day)), (max(low, last + day), high))]
        left = sorted({(low, high) for low, high in cut if low <= high})
    return check_days_off([[low.isoformat(), high.isoformat()] for low, high in left]) or []


def parse_when(text: str, zone: ZoneInfo, now: datetime) -> datetime | None:
    """`tue 10:00`: the next Tuesday's 10:00 on the wall clock of `zone`, as it is written; None for anything else."""
    found = LOCAL.fullmatch(text.strip().lower())
    if found is None or found[1] not in WEEKDAYS or int(found[2]) > 23 or int(found[3]) > 59:
        return None
    today = now.astimezone(zone).date()
    ahead = (WEEKDAYS.index(found[1]) - today.weekday()) % 7
    clock = time(int(found[2]), int(found[3]), tzinfo=zone)
    local = datetime.combine(today + timedelta(days=ahead), clock)
    return local if local > now else datetime.combine(today + timedelta(days=ahead + 7), clock)


def off_of(admin: Mapping[str, object]) -> list[list[str]]:
    """The days off of an admin's row."""
    return check_days_off(admin.get('days_off')) or []


def _days(first: str, last: str | None) -> list[str]:
    for name in (first, last or first):
        if name not in WEEKDAYS:
            raise Refused(f'"{name}" is no day of the week. The days are: {", ".join(WEEKDAYS)}.')
    low, high = WEEKDAYS.index(first), WEEKDAYS.index(last or first)
    return [WEEKDAYS[place % 7] for place in range(low, (high if high >= low else high + 7) + 1)]


def _window(text: str) -> list[str]:
    found = WINDOW.fullmatch(text.strip())
    if found is None:
        raise Refused(f'"{text.strip()}" are no hours. Write {EXAMPLE}.')
    return [found[1].zfill(5), found[2].zfill(5)]


def _dates(told: Iterable[str]) -> tuple[date, date]:
    first, last = told
    return date.fromisoformat(first), date.fromisoformat(last)
