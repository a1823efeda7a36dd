"""An admin's own hours: what is stored with the admin, checked before it is, read with the defaults behind it (CB-20).

Stored as JSON: `working_hours` {"mon": [["10:00", "17:30"]], ...}, where an absent day is closed and null means the
default hours from Monday to Friday; `days_off` [["2026-12-24", "2027-01-02"], ...], both days included.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time, timedelta
from typing import Any, Final
from zoneinfo import ZoneInfo

from hermes.domain.errors import Refused
from hermes.domain.model import Value

WEEKDAYS: Final = ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')
CLOCK: Final = re.compile(r'([01]\d|2[0-3]):([0-5]\d)', re.ASCII)
NO_ZONES: Final = ('right/', 'posix/', 'posixrules', 'localtime', 'Factory')
"""What lies beside the zones: the same with leap seconds, this machine's own, and none."""
DAY_MINS: Final = 24 * 60
MOST_DAYS_OFF: Final = 500
SETTINGS: Final = ('meeting_dur_mins', 'meeting_buffer_mins', 'meeting_min_start', 'meeting_max_end')
COUNTS: Final[Mapping[str, tuple[int, int, str]]] = {
    'meeting_dur_mins': (5, 480, 'minutes'),
    'meeting_buffer_mins': (0, 240, 'minutes'),
    'daily_cap': (0, 100, 'meetings a day'),
}
"""The numbers of an admin's hours: least, most, unit."""


@dataclass(frozen=True, slots=True)
class Defaults:
    """What holds for an admin who has nothing of their own: a day from Monday to Friday; `zone` is an IANA name."""

    duration_s: int = 1800
    buffer_s: int = 900
    day_start: time = time(10)
    day_end: time = time(17, 30)
    zone: str = 'Europe/London'


@dataclass(frozen=True, slots=True)
class Hours:
    """When an admin works. `weekly`: 0 = Monday -> [from, to) by the wall clock of `zone`, in order; an absent day is
    closed; midnight as `to` is the day's end. `days_off`: (first, last) local dates, both included.
    """

    zone: ZoneInfo
    weekly: Mapping[int, tuple[tuple[time, time], ...]]
    days_off: tuple[tuple[date, date], ...]
    duration_s: int
    buffer_s: int
    daily_cap: int | None


def settle_defaults(defaults: Defaults, settings: Mapping[str, Value]) -> Defaults:
    """`defaults`, which come from the environment, under the settings that people change (domain/config.py). A day
    that would end before it starts is left as the environment has it.
    """
    duration, buffer, start, end = (settings.get(name) for name in SETTINGS)
    opens = defaults.day_start if start is None else time.fromisoformat(start)
    closes = defaults.day_end if end is None else time.fromisoformat(end)
    if opens >= closes:
        opens, closes = defaults.day_start, defaults.day_end
    return Defaults(
        duration_s=defaults.duration_s if duration is None else int(duration) * 60,
        buffer_s=defaults.buffer_s if buffer is None else int(buffer) * 60,
        day_start=opens,
        day_end=closes,
        zone=defaults.zone,
    )


def hours_of(admin_fields: Mapping[str, Value], defaults: Defaults) -> Hours:
    """An admin's hours; what the admin does not say is the default's. Raises Refused for what is malformed."""
    told = check_working_hours(admin_fields.get('working_hours'))
    weekly: dict[int, tuple[tuple[time, time], ...]]
    if told is None:
        weekly = {day: ((defaults.day_start, defaults.day_end),) for day in range(5)}
    else:
        weekly = {
            WEEKDAYS.index(name): tuple((_time(start), _time(end)) for start, end in windows)
            for name, windows in told.items()
        }
    off = check_days_off(admin_fields.get('days_off')) or []
    duration, buffer, cap = (check_count(name, admin_fields.get(name)) for name in COUNTS)
    return Hours(
        zone=find_zone(admin_fields.get('timezone')) or ZoneInfo(defaults.zone),
        weekly=weekly,
        days_off=tuple((date.fromisoformat(first), date.fromisoformat(last)) for first, last in off),
        duration_s=defaults.duration_s if duration is None else duration * 60,
        buffer_s=defaults.buffer_s if buffer is None else buffer * 60,
        daily_cap=cap,
    )


def check_admin(fields: Mapping[str, Value]) -> dict[str, Value]:
    """`fields` of an admin with those that make up hours as they are stored. Raises Refused with a plain sentence."""
    told = dict(fields)
    if 'working_hours' in told:
        told['working_hours'] = check_working_hours(told['working_hours'])
    if 'days_off' in told:
        told['days_off'] = check_days_off(told['days_off'])
    for name in COUNTS.keys() & told.keys():
        told[name] = check_count(name, told[name])
    if told.get('timezone') and find_zone(told['timezone']) is None:
        raise Refused(f'{_shown(told["timezone"])} is no time zone; write a name such as Europe/London.')
    if not isinstance(told.get('bookable', True), bool):
        raise Refused(f'bookable is true or false, not {_shown(told["bookable"])}.')
    return told


def check_count(name: str, value: Value) -> int | None:
    """One of COUNTS as it is stored, None as it is. Raises Refused."""
    least, most, unit = COUNTS[name]
    if value is None:
        return None
    if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
        raise Refused(f'{name} is a whole number of {unit} from {least} to {most}, not {_shown(value)}.')
    return value


def check_working_hours(value: Value) -> dict[str, list[list[str]]] | None:
    """`value` as it is stored: days from Monday on, windows in order, those that touch made one, days without any left
    out; None as it is. Raises Refused with a plain sentence.
    """
    if value is None:
        return None
    if not isinstance(value, Mapping):
        raise Refused(f'Working hours name days, such as {{"mon": [["10:00", "17:30"]]}}; not {_shown(value)}.')
    for name in value:
        if name not in WEEKDAYS:
            raise Refused(f'{_shown(name)} is no day of the week. The days are: {", ".join(WEEKDAYS)}.')
    days = {name: _windows(name, value[name]) for name in WEEKDAYS if name in value}
    return {name: windows for name, windows in days.items() if windows}


def check_days_off(value: Value) -> list[list[str]] | None:
    """`value` as it is stored: in order, stretches that touch or overlap made one; None as it is. Raises Refused."""
    if value is None:
        return None
    if not isinstance(value, list | tuple):
        raise Refused(f'Days off are a list such as [["2026-12-24", "2027-01-02"]]; not {_shown(value)}.')
    found: list[tuple[date, date]] = []
    for first, last in sorted(_stretch(each) for each in value):
        if found and first <= found[-1][1] + timedelta(days=1):
            found[-1] = (found[-1][0], max(last, found[-1][1]))
        else:
            found.append((first, last))
    if len(found) > MOST_DAYS_OFF:
        raise Refused(f'At most {MOST_DAYS_OFF} stretches of days off can be kept; these are {len(found)}.')
    return [[first.isoformat(), last.isoformat()] for first, last in found]


def _windows(name: str, given: Value) -> list[list[str]]:
    if not isinstance(given, list | tuple):
        raise Refused(f'{name}: hours are a list such as [["10:00", "17:30"]]; not {_shown(given)}.')
    found: list[tuple[int, int]] = []
    for start, end in sorted(_window(name, each) for each in given):
        if found and start < found[-1][1]:
            raise Refused(f'{name}: {_text(start)}-{_text(end)} begins before {_text(found[-1][1])}, while it is open.')
        if found and start == found[-1][1]:
            found[-1] = (found[-1][0], end)
        else:
            found.append((start, end))
    return [[_text(start), _text(end)] for start, end in found]


def _window(name: str, given: Value) -> tuple[int, int]:
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise Refused(f'{name}: each stretch is a start and an end such as ["10:00", "17:30"]; not {_shown(given)}.')
    start, end = _minutes(name, given[0]), _minutes(name, given[1]) or DAY_MINS
    if start >= end:
        raise Refused(
            f'{name}: {_text(start)}-{_text(end)} does not end after it starts; a stretch over midnight is written on '
            'both days, to 24:00 and from 00:00.'
        )
    return start, end


def _minutes(name: str, given: Value) -> int:
    if given == '24:00':
        return DAY_MINS
    found = CLOCK.fullmatch(given) if isinstance(given, str) else None
    if found is None:
        raise Refused(f'{name}: a time is written HH:MM, from 00:00 to 24:00; not {_shown(given)}.')
    return int(found[1]) * 60 + int(found[2])


def _stretch(given: Value) -> tuple[date, date]:
    if not isinstance(given, list | tuple) or len(given) != 2:
        raise Refused(f'Days off are a first and a last day such as ["2026-12-24", "2027-01-02"]; not {_shown(given)}.')
    first, last = _day(given[0]), _day(given[1])
    if last < first:
        raise Refused(f'Days off end before they begin: {first} to {last}.')
    return first, last


def _day(given: Value) -> date:
    try:
        found = date.fromisoformat(given) if isinstance(given, str) and len(given) == 10 else None
    except ValueError:
        found = None
    if found is None or not 1971 <= found.year < 9000:
        raise Refused(f'A day is written YYYY-MM-DD; not {_shown(given)}.')
    return found


def find_zone(name: Value) -> ZoneInfo | None:
    """The zone of that IANA name, None where there is none."""
    told = str(name or '')
    try:
        return ZoneInfo(told) if told and not told.startswith(NO_ZONES) else None
    except (ValueError, OSError, LookupError):
        return None


def _time(text: str) -> time:
    return time() if text == '24:00' else time.fromisoformat(text)


def _text(minutes: int) -> str:
    return f'{minutes // 60:02d}:{minutes % 60:02d}'


def _shown(value: Any) -> str:
    text = str(value)
    return f'"{text}"' if len(text) <= 60 else f'"{text[:60]}..."'
