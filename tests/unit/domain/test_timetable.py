"""An admin's own hours: how they are written, what is refused, and what holds where an admin says nothing."""

from datetime import date, time
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from hermes.domain.config import check, effective, find_key, parse
from hermes.domain.errors import Refused
from hermes.domain.slots import Defaults, check_days_off, check_working_hours, hours_of
from hermes.domain.timetable import check_admin, find_zone, settle_defaults
from tests.thorough import examples

DAY = (time(10), time(17, 30))
ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=12) | st.sampled_from(['mon', '10:00', '2026-12-24']),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4) | st.just('mon'), inner, max_size=3)
    ),
    max_leaves=8,
)


@pytest.mark.behaviour('CB-20')
def test_an_admin_without_hours_has_the_defaults() -> None:
    hours = hours_of({}, Defaults(zone='Asia/Kathmandu'))
    assert dict(hours.weekly) == {day: (DAY,) for day in range(5)}
    assert (hours.duration_s, hours.buffer_s, hours.daily_cap, hours.days_off) == (1800, 900, None, ())
    assert hours.zone == ZoneInfo('Asia/Kathmandu')


@pytest.mark.behaviour('CB-20')
def test_an_admins_own_hours_come_first() -> None:
    hours = hours_of(
        {
            'timezone': 'Europe/Paris',
            'working_hours': {'sat': [['22:00', '24:00']], 'mon': [['08:00', '09:00'], ['10:00', '11:00']], 'tue': []},
            'days_off': [['2026-12-24', '2027-01-02']],
            'meeting_dur_mins': 20,
            'meeting_buffer_mins': 0,
            'daily_cap': 0,
        },
        Defaults(),
    )
    assert dict(hours.weekly) == {
        0: ((time(8), time(9)), (time(10), time(11))),
        5: ((time(22), time(0)),),
    }
    assert hours.days_off == ((date(2026, 12, 24), date(2027, 1, 2)),)
    assert (hours.duration_s, hours.buffer_s, hours.daily_cap) == (1200, 0, 0)
    assert hours.zone == ZoneInfo('Europe/Paris')


@pytest.mark.parametrize('name', [None, '', 'Mars/Olympus', '../etc/passwd', 'Europe', 'x' * 999, 7])
def test_an_unknown_zone_is_the_defaults(name: object) -> None:
    assert hours_of({'timezone': name}, Defaults()).zone == ZoneInfo('Europe/London')


def test_hours_are_stored_in_one_spelling() -> None:
    assert check_working_hours(None) is None
    assert check_working_hours({}) == {}
    told = {'sun': [('09:00', '00:00')], 'mon': [['12:00', '13:00'], ['10:00', '12:00'], ['15:00', '16:00']], 'fri': []}
    kept = {'mon': [['10:00', '13:00'], ['15:00', '16:00']], 'sun': [['09:00', '24:00']]}
    assert check_working_hours(told) == check_working_hours(kept) == kept
    assert list(kept) == list(check_working_hours(told) or {})


@pytest.mark.parametrize(
    ('value', 'said'),
    [
        ('mon', 'Working hours name days'),
        ({'Monday': []}, '"Monday" is no day of the week'),
        ({'mon': '10:00-17:30'}, 'mon: hours are a list'),
        ({'mon': [['10:00']]}, 'mon: each stretch is a start and an end'),
        ({'mon': [['10:00', '9:00']]}, 'a time is written HH:MM, from 00:00 to 24:00; not "9:00"'),
        ({'mon': [['10:00', '24:01']]}, 'not "24:01"'),
        ({'mon': [['10:00', 11]]}, 'not "11"'),
        ({'mon': [['22:00', '02:00']]}, 'written on both days'),
        ({'mon': [['10:00', '10:00']]}, 'does not end after it starts'),
        ({'tue': [['10:00', '12:00'], ['11:59', '13:00']]}, '11:59-13:00 begins before 12:00'),
    ],
)
def test_hours_that_are_malformed_are_refused(value: Any, said: str) -> None:
    with pytest.raises(Refused) as refused:
        check_working_hours(value)
    assert said in str(refused.value)
    with pytest.raises(Refused):
        hours_of({'working_hours': value}, Defaults())


def test_days_off_are_stored_in_one_spelling() -> None:
    assert check_days_off(None) is None
    told = [['2027-01-02', '2027-01-05'], ('2026-12-24', '2027-01-01'), ['2026-05-01', '2026-05-01']]
    assert check_days_off(told) == [['2026-05-01', '2026-05-01'], ['2026-12-24', '2027-01-05']]


@pytest.mark.parametrize(
    ('value', 'said'),
    [
        ('2026-12-24', 'Days off are a list'),
        (['2026-12-24'], 'a first and a last day'),
        ([['2026-12-24']], 'a first and a last day'),
        ([['2026-12-24', '2026-12-23']], 'end before they begin'),
        ([['2026-12-24', '24.12.2026']], 'A day is written YYYY-MM-DD'),
        ([['2026-02-30', '2026-03-01']], 'not "2026-02-30"'),
        ([['20261224', '2026-12-24']], 'not "20261224"'),
        ([['0001-01-01', '9999-12-31']], 'not "0001-01-01"'),
        ([[f'{year}-01-01', f'{year}-01-01'] for year in range(2000, 2501)], 'At most 500'),
    ],
)
def test_days_off_that_are_malformed_are_refused(value: Any, said: str) -> None:
    with pytest.raises(Refused) as refused:
        check_days_off(value)
    assert said in str(refused.value)


@settings(max_examples=examples(200), deadline=None)
@given(ANY_JSON)
def test_any_json_is_kept_in_one_spelling_or_refused(value: Any) -> None:
    for each in (check_working_hours, check_days_off):
        try:
            kept = each(value)
        except Refused:
            continue
        assert each(kept) == kept


@pytest.mark.parametrize(
    ('fields', 'said'),
    [
        ({'meeting_dur_mins': 4}, 'meeting_dur_mins is a whole number of minutes from 5 to 480, not "4"'),
        ({'meeting_dur_mins': '30'}, 'from 5 to 480'),
        ({'meeting_dur_mins': True}, 'from 5 to 480'),
        ({'meeting_buffer_mins': -1}, 'from 0 to 240'),
        ({'daily_cap': 1.5}, 'meetings a day from 0 to 100'),
        ({'bookable': None}, 'bookable is true or false'),
        ({'days_off': [['x', 'y']]}, 'YYYY-MM-DD'),
        ({'working_hours': {'x': []}}, 'no day of the week'),
    ],
)
def test_an_admin_is_checked_before_it_is_stored(fields: dict[str, Any], said: str) -> None:
    with pytest.raises(Refused) as refused:
        check_admin(fields)
    assert said in str(refused.value)


def test_an_admin_is_stored_in_one_spelling() -> None:
    told = {'email': 'a@example.com', 'working_hours': {'mon': [['10:00', '00:00']]}, 'days_off': None, 'daily_cap': 3}
    assert check_admin(told) == {**told, 'working_hours': {'mon': [['10:00', '24:00']]}}


@pytest.mark.behaviour('CB-20')
def test_the_settings_lie_over_the_environment() -> None:
    own = Defaults(duration_s=2700, buffer_s=0, day_start=time(8), day_end=time(12), zone='UTC')
    assert settle_defaults(own, {}) == own
    told = {'meeting_dur_mins': 20, 'meeting_buffer_mins': 5, 'meeting_min_start': '09:15', 'meeting_max_end': '16:00'}
    assert settle_defaults(own, told) == Defaults(1200, 300, time(9, 15), time(16), 'UTC')
    assert settle_defaults(own, {'meeting_max_end': None}) == own
    assert settle_defaults(own, {'meeting_min_start': '12:00'}) == own, 'a day that ends as it begins'


def test_a_time_of_day_is_a_setting() -> None:
    key = find_key('meeting_min_start')
    assert effective(key, {}) == '10:00'
    assert parse(key, ' 9:30 ') == check(key, '09:30') == '09:30'
    assert parse(key, 'none') is None
    for text in ('24:00', '9', '9:3', 'noon', '10:60'):
        with pytest.raises(Refused, match='a time of day such as 09:30'):
            parse(key, text)
    for value in ('9:30', 930, True):
        with pytest.raises(Refused, match='a time of day such as 09:30'):
            check(key, value)


@pytest.mark.parametrize(
    'name', ['right/Europe/London', 'posix/Europe/London', 'localtime', 'Factory', '../etc', 'a\0b']
)
def test_what_lies_beside_the_zones_is_none(name: str) -> None:
    assert find_zone(name) is None
