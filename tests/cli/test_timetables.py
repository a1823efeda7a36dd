"""How people write hours, days off and moments, and that a set-up file keeps them."""

import tomllib
from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hermes.booking.timetables import parse_days, parse_hours, parse_when, remove_days, show_hours
from hermes.cli.setup_files import write_toml
from hermes.domain.errors import Refused
from hermes.domain.timetable import WEEKDAYS, Defaults, check_working_hours, hours_of

TEN = [['10:00', '17:30']]
NOW = datetime(2026, 11, 24, 10, 30, tzinfo=UTC)
"""A Tuesday."""


@pytest.mark.parametrize(
    ('text', 'kept'),
    [
        ('default', None),
        ('Closed', {}),
        ('mon 10:00-17:30', {'mon': TEN}),
        ('Monday - Wed 10:00 - 17:30', {'mon': TEN, 'tue': TEN, 'wed': TEN}),
        ('sat-mon 10:00-17:30;', {'mon': TEN, 'sat': TEN, 'sun': TEN}),
        ('fri 9:00-12:00, 12:00-24:00', {'fri': [['09:00', '24:00']]}),
        ('mon 10:00-11:00; mon 12:00-13:00', {'mon': [['10:00', '11:00'], ['12:00', '13:00']]}),
    ],
)
def test_hours_as_people_write_them(text: str, kept: object) -> None:
    assert parse_hours(text) == kept


@pytest.mark.parametrize('text', ['', ';', 'mon', '10:00-17:30', 'mon 10-17', 'mox 10:00-17:30', 'mon 17:00-10:00'])
def test_hours_that_nobody_can_read_are_refused(text: str) -> None:
    with pytest.raises(Refused):
        parse_hours(text)


WINDOWS = st.sets(st.integers(0, 96), min_size=2, max_size=4).map(
    lambda cuts: [
        [f'{low // 4:02d}:{low % 4 * 15:02d}', f'{high // 4:02d}:{high % 4 * 15:02d}']
        for low, high in zip(sorted(cuts)[::2], sorted(cuts)[1::2], strict=False)
    ]
)


@given(st.dictionaries(st.sampled_from(WEEKDAYS), WINDOWS))
def test_what_is_shown_can_be_written(value: dict[str, list[list[str]]]) -> None:
    kept = check_working_hours(value)
    assert parse_hours(show_hours(hours_of({'working_hours': kept}, Defaults()))) == kept


def test_days_off_can_be_cut_in_two() -> None:
    assert parse_days('2026-05-01') == [['2026-05-01', '2026-05-01']]
    off = parse_days(' 2026-05-01 .. 2026-05-09 ')
    assert remove_days(off, parse_days('2026-05-04..2026-05-05')) == [
        ['2026-05-01', '2026-05-03'],
        ['2026-05-06', '2026-05-09'],
    ]
    assert remove_days(off, parse_days('2026-04-01..2026-06-01')) == []
    with pytest.raises(Refused, match='is no day off'):
        remove_days(off, parse_days('2026-05-10'))


@pytest.mark.parametrize(
    ('text', 'zone', 'at'),
    [
        ('tue 10:00', 'Europe/London', datetime(2026, 12, 1, 10, tzinfo=UTC)),
        ('Tuesday 10:31', 'Europe/London', datetime(2026, 11, 24, 10, 31, tzinfo=UTC)),
        ('wed at 9:00', 'Asia/Kolkata', datetime(2026, 11, 25, 3, 30, tzinfo=UTC)),
        ('mon 10:00', 'Pacific/Auckland', datetime(2026, 11, 29, 21, tzinfo=UTC)),
    ],
)
def test_a_weekday_is_the_next_one_on_the_admins_clock(text: str, zone: str, at: datetime) -> None:
    assert parse_when(text, ZoneInfo(zone), NOW) == at


@pytest.mark.parametrize('text', ['2026-11-24T10:00', 'tue 24:00', 'xyz 10:00', 'tue', '10:00'])
def test_anything_else_is_no_weekday(text: str) -> None:
    assert parse_when(text, ZoneInfo('UTC'), NOW) is None


def test_a_set_up_file_keeps_hours_and_days_off() -> None:
    admin = {'email': 'ada@example.com', 'working_hours': {'mon': TEN, 'tue': []}, 'days_off': parse_days('2026-05-01')}
    assert tomllib.loads(write_toml({'admin': [{**admin, 'daily_cap': None}]})) == {'admin': [admin]}
    assert tomllib.loads(write_toml({'admin': [{'working_hours': {}}]})) == {'admin': [{'working_hours': {}}]}
