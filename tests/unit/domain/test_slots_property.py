"""Whatever the hours, the diary and the zone: predicate, offer and the plain answer minute by minute are one."""

from datetime import UTC, date, datetime, time, timedelta
from itertools import combinations, pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain.slots import Diary, Hours, Interval, Rules, Taken, offer, reasons
from tests.thorough import examples
from tests.unit.domain import minutes

DAY = timedelta(days=1)
ZONES = (
    'Europe/London', 'America/New_York', 'Australia/Lord_Howe', 'Asia/Kathmandu', 'Pacific/Chatham', 'Pacific/Apia',
    'Africa/Casablanca', 'Antarctica/Troll', 'Atlantic/Azores', 'America/Santiago', 'America/Havana', 'Asia/Beirut',
    'Africa/Cairo', 'America/Nuuk', 'UTC', 'Pacific/Kiritimati',
)  # fmt: skip
CHANGES = (
    datetime(2026, 3, 29, tzinfo=UTC), datetime(2026, 10, 25, tzinfo=UTC), datetime(2026, 4, 5, tzinfo=UTC),
    datetime(2026, 10, 3, tzinfo=UTC), datetime(2026, 3, 8, tzinfo=UTC), datetime(2026, 11, 1, tzinfo=UTC),
    datetime(2026, 3, 22, tzinfo=UTC), datetime(2026, 2, 15, tzinfo=UTC), datetime(2026, 6, 10, tzinfo=UTC),
)  # fmt: skip
STEP = 5
"""Minutes to which everything that is drawn is rounded: clocks change on quarters of an hour."""


def moments(around: datetime, days: int = 3) -> st.SearchStrategy[datetime]:
    most = days * 24 * 60 // STEP
    return st.integers(-most, most).map(lambda count: around + timedelta(minutes=STEP * count))


def lengths(least: int, most: int) -> st.SearchStrategy[timedelta]:
    return st.integers(least // STEP, most // STEP).map(lambda count: timedelta(minutes=STEP * count))


@st.composite
def windows(draw: st.DrawFn) -> tuple[tuple[time, time], ...]:
    cuts = sorted(draw(st.sets(st.integers(0, 288), min_size=2, max_size=4)))
    pairs = [(low, high) for low, high in zip(cuts[::2], cuts[1::2], strict=False)]
    clock = [time(cut * STEP // 60 % 24, cut * STEP % 60) for pair in pairs for cut in pair]
    return tuple(zip(clock[::2], clock[1::2], strict=True))


@st.composite
def all_hours(draw: st.DrawFn, around: datetime) -> Hours:
    weekly = draw(st.dictionaries(st.integers(0, 6), windows() | st.just(((time(), time()),)), min_size=3))
    off = draw(st.lists(st.tuples(st.integers(-3, 3), st.integers(0, 1)), max_size=2))
    first = around.date()
    return Hours(
        zone=ZoneInfo(draw(st.sampled_from(ZONES))),
        weekly=weekly,
        days_off=tuple((first + low * DAY, first + (low + more) * DAY) for low, more in off),
        duration_s=draw(st.sampled_from([15, 30, 45, 90])) * 60,
        buffer_s=draw(st.sampled_from([0, 10, 15])) * 60,
        daily_cap=draw(st.sampled_from([None, None, 0, 1, 3])),
    )


@st.composite
def diaries(draw: st.DrawFn, around: datetime, now: datetime) -> Diary:
    spans = st.tuples(moments(around), lengths(0, 180)).map(lambda drawn: Interval(drawn[0], drawn[0] + drawn[1]))
    taken = st.builds(
        lambda start, length, buffer, what, number: Taken(start, start + length, buffer, what, number),
        moments(around), lengths(5, 90), st.sampled_from([0, 600, 3600]), st.sampled_from(['meeting', 'hold']),
        st.integers(1, 5),
    )  # fmt: skip
    busy, booked = draw(st.lists(spans, max_size=6)), draw(st.lists(taken, max_size=4))
    mirrored = [Interval(each.start, each.end) for each in booked if draw(st.booleans())]
    wider = [Interval(start - draw(lengths(0, 30)), end + draw(lengths(0, 30))) for start, end in mirrored]
    as_of, shown = draw(st.sampled_from([now, now, now, now - DAY, None])), draw(st.lists(spans, max_size=1))
    return Diary([*busy, *wider], booked, as_of, shown=shown)


@st.composite
def cases(draw: st.DrawFn) -> tuple[Hours, Diary, datetime, datetime, Rules]:
    around = draw(st.sampled_from(CHANGES))
    now = draw(moments(around - DAY, 1))
    rules = Rules(draw(st.sampled_from([0, 900, 7200])), draw(st.sampled_from([1, 3, 60])))
    return draw(all_hours(around)), draw(diaries(around, now)), around, now, rules


@pytest.mark.behaviour('CB-5')
@pytest.mark.lesson('I-1', 'I-3')
@settings(max_examples=examples(150), deadline=None)
@given(cases(), st.data())
def test_the_predicate_is_what_the_minutes_say(
    case: tuple[Hours, Diary, datetime, datetime, Rules], data: st.DataObject
) -> None:
    hours, diary, around, now, rules = case
    ignore = data.draw(st.sampled_from([0, 1, 2]))
    for start in data.draw(st.lists(moments(around, 2), min_size=3, max_size=8)):
        told = reasons(hours, diary, start, now, rules, ignore=ignore)
        assert (told == []) is minutes.bookable(hours, diary, start, now, rules, ignore=ignore, step_min=STEP), told


@pytest.mark.behaviour('CB-5')
@pytest.mark.lesson('I-2', 'I-4', 'I-5')
@pytest.mark.invariant('I20', 'I21')
@settings(max_examples=examples(100), deadline=None)
@given(cases(), st.sampled_from([0, 0, 1, 2]))
@pytest.mark.lesson('M-20')
def test_the_offer_is_the_grid_where_the_predicate_is_silent(
    case: tuple[Hours, Diary, datetime, datetime, Rules], ignore: int
) -> None:
    hours, diary, around, now, rules = case
    window = Interval(around - DAY, around + DAY)
    slots = offer(hours, diary, window, now, rules, ignore=ignore)
    assert slots == minutes.offer(hours, diary, window, now, rules, ignore=ignore, step_min=STEP)
    assert all(reasons(hours, diary, slot.start, now, rules, ignore=ignore) == [] for slot in slots)
    assert all(before.end <= after.start for before, after in pairwise(slots))
    if ignore:
        return
    for slot, busy in ((slot, busy) for slot in slots for busy in diary.busy):
        assert busy.start >= busy.end or busy.end <= slot.start or slot.end <= busy.start


@pytest.mark.invariant('I20')
@settings(max_examples=examples(60), deadline=None)
@given(cases(), st.integers(1, 47))
def test_a_window_cut_in_two_offers_the_same(case: tuple[Hours, Diary, datetime, datetime, Rules], cut_h: int) -> None:
    hours, diary, around, now, rules = case
    first, cut, last = around - DAY, around - DAY + timedelta(hours=cut_h), around + DAY
    halves = [offer(hours, diary, window, now, rules) for window in (Interval(first, cut), Interval(cut, last))]
    assert halves[0] + halves[1] == offer(hours, diary, Interval(first, last), now, rules)


@settings(max_examples=examples(60), deadline=None)
@given(cases())
def test_the_slots_of_an_ordinary_day_do_not_stand_in_each_others_way(
    case: tuple[Hours, Diary, datetime, datetime, Rules],
) -> None:
    """Whoever takes one leaves the others free: they are a length and a buffer apart."""
    hours, _, _, _, rules = case
    day = datetime.combine(date(2026, 6, 9), time(), hours.zone)
    now = day - timedelta(hours=12)
    slots = offer(hours, Diary([], [], now), Interval(day, day + DAY), now, rules)
    several = len(hours.weekly.get(1, ())) > 1
    for one, other in combinations(slots, 2):
        taken = Taken(one.start, one.end, hours.buffer_s, 'meeting', 1)
        told = {reason.code for reason in reasons(hours, Diary([], [taken], now), other.start, now, rules)}
        assert told <= ({'cap', 'buffer'} if several else {'cap'})
