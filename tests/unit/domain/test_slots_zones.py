"""Every zone and every change of its clock from 2024 to 2030: the hours stay what the admin's wall clock shows."""

from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from functools import cache
from itertools import pairwise
from zoneinfo import ZoneInfo, available_timezones

import pytest

from hermes.domain.slots import Defaults, Diary, Hours, Interval, Rules, Taken, hours_of, offer, reasons
from hermes.domain.wallclock import instant, moment, stretches
from tests.unit.domain import minutes

FIRST, LAST = datetime(2024, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)
DAY, QUARTER = timedelta(days=1), 15
RULES = Rules(notice_s=0, horizon_days=366)
Change = tuple[datetime, timedelta, timedelta]
"""When, and how far the clock was ahead of UTC before and after."""
EVERY = ('mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun')
WEEKS = {
    'default': None,
    'around the clock': {day: [['00:00', '24:00']] for day in EVERY},
    'across the change': {day: [['00:15', '02:45'], ['22:30', '24:00']] for day in EVERY},
}


def offset(zone: ZoneInfo, at: datetime) -> timedelta:
    shown = at.astimezone(zone).utcoffset()
    assert shown is not None
    return shown


@cache
def changes(name: str) -> tuple[Change, ...]:
    """The changes of a zone's clock, found by looking at every day."""
    zone, found, day = ZoneInfo(name), [], FIRST
    before = offset(zone, day)
    while day < LAST:
        after = offset(zone, day + DAY)
        if after != before:
            low, high = day, day + DAY
            while high - low > timedelta(minutes=1):
                middle = low + ((high - low) // 2).seconds // 60 * timedelta(minutes=1)
                low, high = (middle, high) if offset(zone, middle) == before else (low, middle)
            found.append((high, before, after))
        day, before = day + DAY, after
    return tuple(found)


@cache
def every_change() -> dict[Change, str]:
    """Each change of any zone, with one of the zones that it happens in."""
    return {change: name for name in sorted(available_timezones(), reverse=True) for change in changes(name)}


def hours(name: str, week: str, **more: object) -> Hours:
    return hours_of({'timezone': name, 'working_hours': WEEKS[week], **more}, Defaults())


def around(change: datetime, days: int = 2) -> Interval:
    return Interval(change - days * DAY, change + days * DAY)


def offered(known: Hours, window: Interval, *busy: Interval) -> list[Interval]:
    now = window.start - DAY
    return offer(known, Diary(busy, [], now), window, now, RULES)


def quarters(slot: Interval) -> Iterator[datetime]:
    yield from minutes.minutes(slot.start, slot.end, QUARTER)
    yield slot.end - timedelta(minutes=1)


@pytest.mark.behaviour('CB-10')
@pytest.mark.invariant('I20')
def test_the_clock_of_every_zone_is_laid_out_as_it_runs() -> None:
    for name in available_timezones():
        told = stretches(ZoneInfo(name), instant(FIRST), instant(LAST))
        assert [
            (moment(after.start), timedelta(microseconds=before.offset), timedelta(microseconds=after.offset))
            for before, after in pairwise(told)
        ] == list(changes(name)), name
        assert all(before.end == after.start for before, after in pairwise(told)), name


@pytest.mark.behaviour('CB-10')
@pytest.mark.invariant('I20')
@pytest.mark.lesson('I-9')
@pytest.mark.parametrize('week', WEEKS)
@pytest.mark.parametrize('length', [30, 40])
def test_no_slot_lies_outside_of_local_hours_around_any_change(week: str, length: int) -> None:
    found = every_change()
    assert len(found) > 200
    for (change, _, _), name in found.items():
        known, window = hours(name, week, meeting_dur_mins=length), around(change)
        slots = offered(known, window)
        assert slots, (name, change)
        for slot in slots:
            assert slot.end - slot.start == timedelta(minutes=length)
            assert all(minutes.is_open(known, minute) for minute in quarters(slot)), (name, slot)
        assert all(before.end <= after.start for before, after in pairwise(slots)), (name, change)


@pytest.mark.behaviour('CB-10')
@pytest.mark.invariant('I20')
def test_what_is_offered_around_any_change_is_what_the_minutes_say() -> None:
    for (change, _, _), name in every_change().items():
        known, window = hours(name, 'around the clock'), around(change, 1)
        now = window.start - DAY
        told = minutes.offer(known, Diary([], [], now), window, now, RULES, step_min=QUARTER)
        assert offered(known, window) == told, (name, change)


@pytest.mark.behaviour('CB-5')
@pytest.mark.behaviour('CB-10')
@pytest.mark.lesson('I-9')
def test_every_working_day_around_any_change_has_its_ten_slots() -> None:
    grid = [time(10 + 45 * place // 60, 45 * place % 60) for place in range(10)]
    for (change, before, after), name in every_change().items():
        zone = ZoneInfo(name)
        seen: dict[date, list[time]] = {}
        for slot in offered(hours(name, 'default'), around(change, 5)):
            local = slot.start.astimezone(zone)
            seen.setdefault(local.date(), []).append(local.time())
        whole = list(seen)[1:-1]
        changed = {(change + shift).date() for shift in (before, after) if 9 < (change + shift).hour < 19}
        assert all(seen[day] == grid for day in whole if day not in changed), (name, change)
        expected = {whole[0] + place * DAY for place in range((whole[-1] - whole[0]).days)}
        assert set(whole) >= {day for day in expected if day.weekday() < 5 and day not in changed}, (name, change)


@pytest.mark.invariant('I20', 'I21')
def test_adjacency_is_half_open_around_any_change() -> None:
    """What ends when a slot starts, or starts when it ends, leaves it; one minute more takes it."""
    for (change, _, _), name in every_change().items():
        known, window = hours(name, 'around the clock', meeting_buffer_mins=0), around(change, 1)
        slots = offered(known, window)
        slot = min(slots, key=lambda each: abs(each.start - change))
        beside = Interval(slot.start - DAY, slot.start), Interval(slot.end, slot.end + DAY)
        assert slot in offered(known, window, *beside)
        assert slot not in offered(known, window, Interval(slot.end - timedelta(minutes=1), slot.end))
        assert slot not in offered(known, window, Interval(slot.start, slot.start + timedelta(minutes=1)))
        now = window.start - DAY
        taken = [Taken(slot.end, slot.end + DAY, 0, 'meeting', 1), Taken(slot.start - DAY, slot.start, 0, 'hold', 2)]
        assert reasons(known, Diary(beside, taken, now), slot.start, now, RULES) == []


CHANGING = [
    # zone, local day, hours, starts on that day's wall clock
    ('Europe/London', '2026-03-29', ['00:00', '04:00'], ['00:00', '00:45', '02:15', '03:00']),
    ('Europe/London', '2026-10-25', ['00:00', '04:00'], ['00:00', '00:45', '01:30', '02:15', '03:00']),
    ('Australia/Lord_Howe', '2026-10-04', ['00:00', '04:00'], ['00:00', '00:45', '01:30', '03:00']),
    ('Australia/Lord_Howe', '2026-04-05', ['00:00', '04:00'], ['00:00', '00:45', '01:30', '02:15', '03:00']),
    ('Africa/Casablanca', '2026-02-15', ['00:00', '04:00'], ['00:00', '00:45', '01:30', '02:15', '03:00']),
    ('Africa/Casablanca', '2026-03-22', ['00:00', '04:00'], ['00:00', '00:45', '01:30', '03:00']),
    ('Antarctica/Troll', '2026-03-29', ['00:00', '05:00'], ['00:00', '00:45', '03:45', '04:30']),
    ('Atlantic/Azores', '2026-03-29', ['00:00', '03:00'], ['01:30', '02:15']),
    ('Atlantic/Azores', '2026-10-25', ['00:00', '03:00'], ['00:00', '00:45', '01:30', '02:15']),
    ('America/Santiago', '2026-04-04', ['21:00', '24:00'], ['21:00', '21:45', '22:30', '23:15']),
    ('America/Santiago', '2026-09-06', ['00:00', '03:00'], ['01:30', '02:15']),
    ('Asia/Kathmandu', '2026-03-29', ['10:00', '12:00'], ['10:00', '10:45', '11:30']),
    ('Pacific/Chatham', '2026-09-27', ['02:00', '05:00'], ['02:00', '04:15']),
    ('Pacific/Apia', '2011-12-30', ['00:00', '24:00'], []),
    ('Pacific/Apia', '2011-12-31', ['10:00', '12:00'], ['10:00', '10:45', '11:30']),
]


@pytest.mark.behaviour('CB-10')
@pytest.mark.invariant('I20')
@pytest.mark.parametrize(('name', 'day', 'window', 'starts'), CHANGING)
def test_a_day_on_which_the_clock_is_changed(name: str, day: str, window: list[str], starts: list[str]) -> None:
    """A time that the clock leaves out is left out; one that it shows twice is offered at its first."""
    known = hours_of({'timezone': name, 'working_hours': {weekday: [window] for weekday in EVERY}}, Defaults())
    noon = datetime.fromisoformat(f'{day}T12:00:00+00:00')
    local = [slot.start.astimezone(known.zone) for slot in offered(known, around(noon))]
    told = [each for each in local if each.date() == date.fromisoformat(day)]
    assert [each.strftime('%H:%M') for each in told] == starts
    assert not any(each.fold for each in told)


@pytest.mark.behaviour('CB-10')
def test_two_slots_that_a_change_brings_together_are_one() -> None:
    """At Lord Howe Island half an hour is left out at two: 01:45 for 45 minutes ends at 03:00, after 02:50 began."""
    week = {'sun': [['00:40', '04:00']]}
    known = hours_of(
        {
            'timezone': 'Australia/Lord_Howe',
            'working_hours': week,
            'meeting_dur_mins': 45,
            'meeting_buffer_mins': 20,
        },
        Defaults(),
    )
    slots = offered(known, around(datetime(2026, 10, 4, tzinfo=UTC)))
    assert [slot.start.astimezone(known.zone).strftime('%H:%M') for slot in slots] == ['00:40', '01:45']


@pytest.mark.behaviour('CB-10')
def test_an_hour_that_the_clock_shows_twice_can_be_booked_twice() -> None:
    known = hours('Europe/London', 'around the clock')
    now = datetime(2026, 10, 24, tzinfo=UTC)
    for start in (datetime(2026, 10, 25, 0, 30, tzinfo=UTC), datetime(2026, 10, 25, 1, 30, tzinfo=UTC)):
        assert reasons(known, Diary([], [], now), start, now, RULES) == []
