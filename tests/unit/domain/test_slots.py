"""When an admin can be booked: the grid, and each thing that speaks against a start."""

from dataclasses import replace
from datetime import UTC, date, datetime, time, timedelta
from zoneinfo import ZoneInfo

import pytest

from hermes.domain.slots import (
    Defaults,
    Diary,
    Hours,
    Interval,
    Rules,
    Taken,
    hours_of,
    offer,
    reasons,
)

NOW = datetime(2026, 11, 20, 9, tzinfo=UTC)
LONDON = hours_of({}, Defaults())
RULES = Rules(notice_s=7200, horizon_days=60)
TEN = ['10:00', '10:45', '11:30', '12:15', '13:00', '13:45', '14:30', '15:15', '16:00', '16:45']


def at(clock: str, day: int = 23, month: int = 11) -> datetime:
    """A UTC time of November 2026; the 23rd is a Monday."""
    return datetime.combine(date(2026, month, day), time.fromisoformat(clock), UTC)


def diary(*busy: tuple[str, str], taken: list[Taken] | None = None) -> Diary:
    return Diary([Interval(at(start), at(end)) for start, end in busy], taken or [], NOW)


def meeting(start: str, end: str, *, buffer_s: int = 900, number: int = 7, what: str = 'meeting') -> Taken:
    return Taken(at(start), at(end), buffer_s, what, number)


def clocks(slots: list[Interval], zone: str = 'UTC') -> list[str]:
    return [slot.start.astimezone(ZoneInfo(zone)).strftime('%H:%M') for slot in slots]


def day_of(hours: Hours, known: Diary, day: int = 23, rules: Rules = RULES) -> list[str]:
    return clocks(offer(hours, known, Interval(at('00:00', day), at('00:00', day + 1)), NOW, rules))


def codes(start: datetime, known: Diary, hours: Hours = LONDON, rules: Rules = RULES, **more: int) -> list[str]:
    return [reason.code for reason in reasons(hours, known, start, NOW, rules, **more)]


@pytest.mark.behaviour('CB-5')
def test_an_ordinary_day_has_ten_slots() -> None:
    slots = offer(LONDON, diary(), Interval(at('00:00'), at('00:00', 24)), NOW, RULES)
    assert clocks(slots) == TEN
    assert {slot.end - slot.start for slot in slots} == {timedelta(minutes=30)}


@pytest.mark.lesson('I-5')
def test_the_last_slot_ends_with_the_day_and_needs_no_buffer_there() -> None:
    hours = hours_of({'working_hours': {'mon': [['10:00', '11:15']]}}, Defaults())
    assert day_of(hours, diary()) == ['10:00', '10:45']
    hours = hours_of({'working_hours': {'mon': [['10:00', '11:14']]}}, Defaults())
    assert day_of(hours, diary()) == ['10:00']
    assert codes(at('17:00'), diary()) == []
    assert codes(at('17:01'), diary()) == ['outside_hours']


@pytest.mark.behaviour('CB-5')
def test_a_booking_may_start_at_any_minute_that_fits() -> None:
    assert codes(at('10:07'), diary()) == []
    assert codes(at('09:59'), diary()) == ['outside_hours']


@pytest.mark.behaviour('CB-5')
def test_a_weekend_is_open_only_where_the_hours_name_it() -> None:
    assert day_of(LONDON, diary(), 28) == day_of(LONDON, diary(), 29) == []
    assert codes(at('11:00', 28), diary()) == ['weekend']
    saturday = hours_of({'working_hours': {'sat': [['11:00', '12:00']]}}, Defaults())
    assert day_of(saturday, diary(), 28) == ['11:00']
    assert codes(at('11:00', 28), diary(), saturday) == []
    assert codes(at('11:00', 29), diary(), saturday) == ['weekend']
    assert codes(at('11:00'), diary(), saturday) == ['outside_hours']


@pytest.mark.lesson('I-1')
@pytest.mark.parametrize(
    'busy', [(at('08:00'), at('10:46')), (at('08:00', 22), at('10:46')), (at('09:59'), at('10:46'))]
)
def test_a_meeting_that_crosses_the_start_of_the_day_is_in_the_way(busy: tuple[datetime, datetime]) -> None:
    assert day_of(LONDON, Diary([Interval(*busy)], [], NOW)) == TEN[2:]


@pytest.mark.lesson('I-1')
def test_a_meeting_that_crosses_the_end_of_the_day_is_in_the_way() -> None:
    assert day_of(LONDON, diary(('17:14', '19:00'))) == TEN[:-1]
    assert day_of(LONDON, diary(('08:00', '19:00'))) == []


@pytest.mark.lesson('I-1')
@pytest.mark.invariant('I21')
def test_something_short_does_not_hide_something_long_that_began_before_it() -> None:
    known = diary(('08:00', '15:00'), ('08:30', '08:45'), ('09:00', '09:05'))
    assert day_of(LONDON, known) == TEN[7:]
    assert codes(at('12:00'), known) == ['busy']


@pytest.mark.lesson('I-2')
def test_slots_follow_one_another_without_a_buffer() -> None:
    hours = hours_of({'meeting_buffer_mins': 0, 'working_hours': {'mon': [['10:00', '12:00']]}}, Defaults())
    assert day_of(hours, diary()) == ['10:00', '10:30', '11:00', '11:30']
    assert day_of(hours, diary(('10:30', '11:00'))) == ['10:00', '11:00', '11:30']
    beside = diary(taken=[meeting('10:30', '11:00', buffer_s=0)])
    assert day_of(hours, beside) == ['10:00', '11:00', '11:30']
    assert codes(at('10:00'), beside, hours) == codes(at('11:00'), beside, hours) == []


@pytest.mark.lesson('I-3')
def test_a_slot_that_equals_a_meeting_is_not_offered() -> None:
    assert '10:45' not in day_of(LONDON, diary(('10:45', '11:15')))
    assert codes(at('10:45'), diary(('10:45', '11:15'))) == ['busy']
    assert codes(at('10:45'), diary(taken=[meeting('10:45', '11:15')])) == ['meeting']


@pytest.mark.lesson('I-4')
@pytest.mark.invariant('I21')
def test_what_is_offered_can_be_booked_and_what_is_left_out_cannot() -> None:
    known = diary(('10:30', '10:45'), ('12:00', '12:15'), ('15:00', '15:16'), taken=[meeting('13:45', '14:15')])
    offered = day_of(LONDON, known)
    assert offered == ['10:00', '10:45', '11:30', '12:15', '13:00', '14:30', '16:00', '16:45']
    for clock in TEN:
        assert (codes(at(clock), known) == []) is (clock in offered)


@pytest.mark.lesson('I-6')
def test_something_short_inside_of_the_slot_is_in_the_way() -> None:
    known = diary(('10:55', '11:00'))
    assert '10:45' not in day_of(LONDON, known)
    assert codes(at('10:45'), known) == ['busy']


def test_an_event_without_length_is_in_nobodys_way() -> None:
    assert codes(at('10:45'), diary(('11:00', '11:00'))) == []


@pytest.mark.behaviour('CB-5')
@pytest.mark.parametrize(
    ('start', 'told'),
    [
        ('11:15', []),
        ('11:16', ['buffer']),
        ('11:30', ['buffer']),
        ('11:31', ['meeting']),
        ('12:29', ['meeting']),
        ('12:30', ['buffer']),
        ('12:44', ['buffer']),
        ('12:45', []),
    ],
)
def test_buffers_lie_between_our_own_meetings(start: str, told: list[str]) -> None:
    """Half an hour from 12:00 with a buffer of 15 minutes; one before it has to end by 11:45."""
    known = diary(taken=[meeting('12:00', '12:30')])
    assert codes(at(start), known) == told


@pytest.mark.behaviour('CB-5')
def test_what_google_calls_busy_counts_without_a_buffer() -> None:
    assert codes(at('11:30'), diary(('12:00', '12:30'))) == codes(at('12:30'), diary(('12:00', '12:30'))) == []


@pytest.mark.behaviour('CB-20')
def test_each_meeting_keeps_the_buffer_that_it_was_booked_with() -> None:
    known = diary(taken=[meeting('12:00', '12:30', buffer_s=3600)])
    assert codes(at('13:29'), known) == ['buffer']
    assert codes(at('13:30'), known) == []


def test_a_hold_is_in_the_way_too() -> None:
    known = diary(taken=[meeting('10:45', '11:15', what='hold')])
    assert codes(at('10:45'), known) == ['hold']
    assert codes(at('11:15'), known) == ['buffer']
    assert codes(at('10:45'), known, ignore=7) == ['hold']


def test_a_meeting_that_moves_is_not_in_its_own_way() -> None:
    known = diary(('10:45', '11:15'), taken=[meeting('10:45', '11:15')])
    assert codes(at('11:00'), known) == ['busy', 'meeting']
    assert codes(at('11:00'), known, ignore=7) == []
    assert codes(at('11:00'), diary(('11:00', '11:15'), taken=[meeting('10:45', '11:15')]), ignore=7) == ['busy']


@pytest.mark.lesson('M-20')
def test_a_meeting_that_moves_is_taken_out_of_what_touches_it() -> None:
    known = diary(('10:30', '11:45'), taken=[meeting('10:45', '11:15')])
    assert codes(at('10:45'), known, ignore=7) == []
    assert codes(at('10:44'), known, ignore=7) == codes(at('10:46'), known, ignore=7) == ['busy']
    elsewhere = replace(diary(('10:30', '11:45')), shown=[Interval(at('11:00'), at('11:30'))])
    assert codes(at('11:00'), elsewhere, ignore=7) == []
    assert codes(at('11:00'), elsewhere) == ['busy']
    assert codes(at('10:45'), elsewhere, ignore=7) == ['busy']
    half = replace(
        diary(('11:00', '11:15'), taken=[meeting('10:45', '11:15')]), read=Interval(at('11:00'), at('20:00'))
    )
    assert codes(at('11:00'), half, ignore=7) == [], 'only the second half of it was read'


@pytest.mark.behaviour('CB-5')
def test_notice_horizon_and_past_are_half_open() -> None:
    hours = hours_of({'working_hours': {day: [['00:00', '24:00']] for day in ('fri', 'tue', 'mon')}}, Defaults())
    assert codes(NOW - timedelta(minutes=1), diary(), hours) == ['past']
    assert codes(NOW, diary(), hours) == ['notice']
    assert codes(NOW, diary(), hours, Rules(0, 60)) == []
    assert codes(NOW + timedelta(minutes=119), diary(), hours) == ['notice']
    assert codes(NOW + timedelta(minutes=120), diary(), hours) == []
    assert codes(NOW + timedelta(minutes=15), diary(), hours, Rules(900, 60)) == []
    assert codes(at('08:59', 23), diary(), hours, Rules(0, 3)) == []
    assert codes(at('09:00', 23), diary(), hours, Rules(0, 3)) == ['horizon']


@pytest.mark.behaviour('CB-5')
def test_what_is_offered_keeps_notice_and_horizon() -> None:
    everything = Interval(NOW - timedelta(days=9), NOW + timedelta(days=999_999))
    slots = offer(LONDON, diary(), everything, NOW, Rules(7200, 4))
    assert clocks(slots) == [*TEN[2:], *TEN]
    assert {slot.start.date() for slot in slots} == {NOW.date(), date(2026, 11, 23)}


@pytest.mark.behaviour('CB-20')
def test_days_off_are_closed() -> None:
    hours = hours_of({'days_off': [['2026-11-23', '2026-11-24']]}, Defaults())
    assert day_of(hours, diary(), 23) == day_of(hours, diary(), 24) == []
    assert day_of(hours, diary(), 25) == TEN
    assert codes(at('10:00'), diary(), hours) == ['day_off']
    assert codes(at('03:00'), diary(), hours) == ['day_off', 'outside_hours']


@pytest.mark.behaviour('CB-20')
def test_the_daily_cap_counts_meetings_and_holds_of_the_local_day() -> None:
    taken = [meeting('10:00', '10:30', number=1), meeting('16:00', '16:30', number=2, what='hold')]
    known = diary(taken=taken)
    two, three = replace(LONDON, daily_cap=2), replace(LONDON, daily_cap=3)
    assert codes(at('12:00'), known, two) == ['cap']
    assert day_of(two, known) == []
    assert day_of(two, known, 24) == TEN
    assert codes(at('12:00'), known, three) == []
    assert codes(at('12:00'), known, two, ignore=1) == []


@pytest.mark.behaviour('CB-20')
def test_the_day_of_the_cap_is_the_admins() -> None:
    hours = hours_of({'timezone': 'Pacific/Auckland', 'daily_cap': 1}, Defaults())
    known = Diary([], [Taken(at('21:30', 22), at('22:00', 22), 900, 'meeting', 1)], NOW)
    assert codes(at('01:00', 23), known, hours) == ['cap'], 'still the 23rd in Auckland'
    assert codes(at('21:30', 23), known, hours) == [], 'the 24th there'


@pytest.mark.behaviour('CB-20')
def test_several_stretches_a_day_have_a_grid_each() -> None:
    hours = hours_of({'working_hours': {'mon': [['08:00', '09:00'], ['13:10', '14:30']]}}, Defaults())
    assert day_of(hours, diary()) == ['08:00', '13:10', '13:55']
    assert codes(at('08:45'), diary(), hours) == ['outside_hours']


@pytest.mark.behaviour('CB-20')
def test_hours_up_to_midnight_go_on_into_the_next_day() -> None:
    hours = hours_of({'working_hours': {'mon': [['22:00', '24:00']], 'tue': [['00:00', '01:00']]}}, Defaults())
    assert day_of(hours, diary()) == ['22:00', '22:45', '23:30']
    assert day_of(hours, diary(), 24) == ['00:00']
    assert codes(at('23:45'), diary(), hours) == []
    off = replace(hours, days_off=((date(2026, 11, 24), date(2026, 11, 24)),))
    assert codes(at('23:45'), diary(), off) == ['day_off']
    assert codes(at('23:30'), diary(), off) == []


@pytest.mark.invariant('I21')
@pytest.mark.parametrize('as_of', [None, NOW - timedelta(seconds=301)])
def test_a_calendar_that_was_not_read_closes_everything(as_of: datetime | None) -> None:
    known = Diary([], [], as_of)
    assert day_of(LONDON, known) == []
    assert codes(at('10:00'), known) == codes(at('03:00', 22), known) == ['calendar']


@pytest.mark.lesson('I-10')
def test_a_naive_time_is_refused_at_once() -> None:
    naive = at('10:00').replace(tzinfo=None)
    for start, now in ((naive, NOW), (at('10:00'), naive)):
        with pytest.raises(ValueError, match='time zone'):
            reasons(LONDON, diary(), start, now, RULES)
    with pytest.raises(ValueError, match='time zone'):
        offer(LONDON, diary(), Interval(naive, at('12:00')), NOW, RULES)


def test_the_ends_of_time_are_answered_too() -> None:
    first, last = datetime.min.replace(tzinfo=UTC), datetime.max.replace(tzinfo=UTC)
    assert codes(first, diary()) == ['past']
    assert codes(last, diary()) == ['horizon']
    assert len(offer(LONDON, diary(), Interval(first, last), NOW, RULES)) == 8 + 10 * 41
    assert offer(LONDON, diary(), Interval(at('12:00'), at('11:00')), NOW, RULES) == []


@pytest.mark.behaviour('CB-19')
def test_every_reason_is_told_in_plain_words() -> None:
    known = diary(('02:00', '05:00'), ('03:10', '03:15'), taken=[meeting('03:00', '03:30'), meeting('02:00', '02:50')])
    hours = replace(LONDON, daily_cap=2, zone=ZoneInfo('Asia/Kolkata'))
    early = Rules(10**6, 1)
    told = reasons(hours, known, at('03:00'), NOW, early)
    assert [each.code for each in told] == [
        'notice', 'horizon', 'outside_hours', 'cap', 'busy', 'busy', 'meeting', 'buffer'
    ]  # fmt: skip
    assert [each.said for each in told] == [
        'It begins in 2 d 18 h; at least 11 d 13 h 46 min of notice are needed.',
        'It is further ahead than the 1 day within which calls can be booked.',
        'Monday 23 Nov 2026 08:30-09:00 in Asia/Kolkata does not lie within the working hours of that day: '
        '10:00-17:30.',
        'Monday 23 Nov 2026 has 2 meetings (reserved times included); the daily cap is 2.',
        'The calendar is busy on Monday 23 Nov 2026 from 07:30 to 10:30.',
        'The calendar is busy on Monday 23 Nov 2026 from 08:40 to 08:45.',
        'There is a meeting on Monday 23 Nov 2026 from 08:30 to 09:00.',
        'The buffer of 15 min after the meeting on Monday 23 Nov 2026 from 07:30 to 08:20 would not be kept.',
    ]


@pytest.mark.behaviour('CB-19')
@pytest.mark.parametrize(
    ('start', 'said'),
    [
        (at('11:00', 28), 'Saturday 28 Nov 2026 11:00-11:30 in Europe/London: Saturday is no working day.'),
        (at('11:00', 20) - timedelta(days=1), 'It lies in the past.'),
        (at('11:00', 24), 'Tuesday 24 Nov 2026 is a day off.'),
        (at('11:00', 25), 'It falls into the days off from Wednesday 25 Nov 2026 to Friday 27 Nov 2026.'),
        (at('12:00'), 'Somebody who is filling in the form holds the time on Monday 23 Nov 2026 from 12:00 to 12:30.'),
        (at('11:40'), 'Somebody who is filling in the form holds the time on Monday 23 Nov 2026 from 12:00 to 12:30.'),
        (at('15:20'), 'The buffer of 15 min before the meeting on Monday 23 Nov 2026 from 16:00 to 16:30 would not be '
                      'kept.'),
        (at('17:00'), 'The calendar is busy from Monday 23 Nov 2026 17:15 to Tuesday 24 Nov 2026 09:00.'),
    ],
)  # fmt: skip
def test_a_reason_names_what_is_in_the_way(start: datetime, said: str) -> None:
    off = ((date(2026, 11, 24), date(2026, 11, 24)), (date(2026, 11, 25), date(2026, 11, 27)))
    holds = [meeting('12:00', '12:30', what='hold'), meeting('16:00', '16:30')]
    known = Diary([Interval(at('17:15'), at('09:00', 24))], holds, NOW)
    assert [each.said for each in reasons(replace(LONDON, days_off=off), known, start, NOW, RULES)] == [said]
