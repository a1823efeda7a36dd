"""Plots and ranges of the desk's health page: what is drawn, where, and what is not (ADM-7)."""

import re
from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree

import pytest

from hermes.web.desk.plots import FLOOR, LEAST, LEFT, RIGHT, TOP, WIDTH, Line, Mark, Plot, linear, logarithmic, times
from hermes.web.desk.ranges import LASTS, LONGEST, read_range
from hermes.web.desk.shown import span

pytestmark = pytest.mark.behaviour('ADM-7')
NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
HOUR = timedelta(hours=1)


def plot(*values: float | None, marks: tuple[Mark, ...] = (), name: str = 'p50') -> Plot:
    """A line over six hours, a point an hour."""
    line = Line(name, [(NOON + number * HOUR, value) for number, value in enumerate(values)])
    return Plot('crm: sent', [line], NOON, NOON + 6 * HOUR, span, logarithmic=True, marks=marks)


def test_fewer_than_three_points_are_no_plot_and_three_are() -> None:
    assert plot(1, 2).svg == ''
    assert plot(1, None, None, 2).svg == ''
    assert plot(*[1.0] * LEAST).svg.startswith('<svg class="plot"')
    assert Plot('', [], NOON, NOON + HOUR).svg == ''


def test_a_plot_is_xml_with_axes_units_and_a_name_at_each_line() -> None:
    drawn = ElementTree.fromstring(plot(0.05, 2, 30, 100).svg)
    texts = [each.text for each in drawn.iter('text')]
    assert {'10 ms', '1 s', '1 min', '10 min', '12:00', '18:00', 'p50', 'time (UTC), values logarithmic'} <= {*texts}
    assert [drawn.findtext('title'), drawn.findtext('desc')] == [
        'crm: sent', 'p50, from 2026-03-02 12:00 to 2026-03-02 18:00 UTC',
    ]  # fmt: skip
    assert 'style=' not in plot(1, 2, 3).svg, 'the policy of the pages allows no inline style'


def test_points_stand_where_their_time_and_value_are() -> None:
    drawn = plot(1, 10, 1, 10, 1, 10, 10).svg
    [path] = re.findall(r'd="M([^"]+)"', drawn)
    placed = [tuple(map(float, point.split())) for point in path.split('L')]
    assert [placed[0], placed[-1]] == [(LEFT, FLOOR), (WIDTH - RIGHT, TOP)]
    assert placed[1][0] - placed[0][0] == pytest.approx((WIDTH - LEFT - RIGHT) / 6, abs=0.2)


def test_what_is_missing_is_a_gap_and_not_a_line_through_it() -> None:
    drawn = plot(1, 1, None, 1, None, 1, 1).svg
    assert (drawn.count('<path'), drawn.count('<circle')) == (2, 1)


def test_what_is_written_into_a_plot_is_escaped() -> None:
    drawn = plot(1, 2, 3, name='<script>', marks=(Mark(NOON + HOUR, 'paused & "held"'),)).svg
    assert '<script>' not in drawn
    assert 'paused &amp;' in drawn
    assert plot(1, 2, 3, marks=(Mark(NOON - HOUR, 'before'),)).svg.count('class="mark"') == 0


def test_the_table_tells_the_same_figures_the_newest_first() -> None:
    assert plot(0.05, None, 90).rows == [
        (NOON + 2 * HOUR, ['1.5 min']), (NOON + HOUR, ['']), (NOON, ['50 ms'])
    ]  # fmt: skip


@pytest.mark.parametrize('high', [0.003, 0.7, 1, 3, 7, 42, 99.9, 1000, 123_456])
def test_an_axis_ends_in_round_steps_above_the_highest_value(high: float) -> None:
    axis = linear(high)
    assert axis.high >= high > axis.high - axis.ticks[1] * 1.01
    assert 2 <= len(axis.ticks) <= 7
    assert [axis.place(0), axis.place(axis.high)] == [0, 1]


def test_an_axis_of_nothing_and_one_of_equal_values_can_be_drawn() -> None:
    assert linear(0).ticks == (0, 1)
    for value in (0.0, 0.001, 1.0, 60.0, 10**9):
        axis = logarithmic(value, value)
        assert axis.low < axis.high
        assert 0 <= axis.place(value) <= 1


@pytest.mark.parametrize('length', [*(last for _, last in LASTS.values()), timedelta(minutes=7), LONGEST])
def test_moments_of_the_axis_are_round_and_few(length: timedelta) -> None:
    told = times(NOON, NOON + length)
    assert 1 <= len(told) <= 9
    assert all(NOON <= at <= NOON + length and at.second == 0 for at in told)


def test_a_range_is_the_usual_one_a_named_one_or_somebodys_own() -> None:
    now = NOON + timedelta(minutes=7)
    usual = read_range({}, now)
    assert (usual.name, usual.since, usual.until) == ('6h', NOON - 6 * HOUR + timedelta(minutes=5), now)
    assert read_range({'range': 'week'}, now).since == NOON - timedelta(days=7) + timedelta(minutes=5)
    assert read_range({'range': 'for ever'}, now).name == '6h'
    own = read_range({'from': '2026-03-01T08:00', 'to': '2026-03-01T10:00+02:00'}, now)
    assert own.wrong == {'from': 'This is not before the end.'}
    own = read_range({'from': '2026-03-01T07:00', 'to': '2026-03-01T10:00+02:00'}, now)
    assert (own.name, own.since.hour, own.until.hour, own.wrong) == ('', 7, 8, {})
    assert 'from' in read_range({'from': 'yesterday'}, now).wrong
    assert 'longer than' in read_range({'from': '1999-01-01'}, now).wrong['from']
    assert 'to' in read_range({'to': '0001-01-01T00:00+14:00'}, now).wrong
