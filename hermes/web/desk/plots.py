"""Plots: lines over time as SVG from the server, and the same figures as a table. Pure.

A line is told from the others by colour, by its dashes, and by a name at its end; colours are the style sheet's, for
both themes. Fewer than three points are no plot.
"""

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Final

from markupsafe import Markup

WIDTH, HEIGHT = 720, 240
LEFT, RIGHT, TOP, BOTTOM = 64, 52, 12, 42
FLOOR = HEIGHT - BOTTOM
LEAST: Final = 3
MOST_LINES: Final = 3
"""So many lines can be told apart."""
TIMES: Final = tuple(
    timedelta(minutes=minutes) for minutes in (5, 10, 15, 30, 60, 120, 180, 360, 720, 1440, 2880, 10080, 40320)
)
SECONDS: Final = (0.001, 0.01, 0.1, 1.0, 10.0, 60.0, 600.0, 3600.0, 36000.0, 86400.0, 864000.0)
"""Where a logarithmic axis of durations has its marks: what people know."""
Said = Callable[[float], str]


@dataclass(frozen=True, slots=True)
class Line:
    """A name and its points, by time; a value of None leaves a gap."""

    name: str
    points: Sequence[tuple[datetime, float | None]]


@dataclass(frozen=True, slots=True)
class Mark:
    """A moment at which something happened that explains what follows."""

    at: datetime
    said: str


@dataclass(frozen=True, slots=True)
class Plot:
    """`said`: how a value is written, with its unit. `logarithmic`: values differ by orders of magnitude."""

    title: str
    lines: Sequence[Line]
    since: datetime
    until: datetime
    said: Said = '{:g}'.format
    logarithmic: bool = False
    marks: Sequence[Mark] = ()

    @property
    def svg(self) -> Markup:
        """The drawing; '' where there is too little to draw."""
        return draw(self)

    @property
    def right(self) -> int:
        """So much room is needed for the names at the ends of the lines."""
        return max(RIGHT, 10 + 7 * max((len(line.name) for line in self.lines), default=0))

    @property
    def rows(self) -> list[tuple[datetime, list[str]]]:
        """The same figures, the newest first: a time, and what each line says there."""
        told: dict[datetime, list[str]] = {}
        for place, line in enumerate(self.lines):
            for at, value in line.points:
                told.setdefault(at, [''] * len(self.lines))[place] = '' if value is None else self.said(value)
        return sorted(told.items(), reverse=True)


@dataclass(frozen=True, slots=True)
class Axis:
    """Values from `low` to `high`, and where its marks are."""

    low: float
    high: float
    ticks: Sequence[float]
    logarithmic: bool = False

    def place(self, value: float) -> float:
        """From 0 at `low` to 1 at `high`."""
        low, high, value = (self._scaled(each) for each in (self.low, self.high, value))
        return min(1.0, max(0.0, (value - low) / (high - low)))

    def _scaled(self, value: float) -> float:
        return math.log10(max(value, self.low)) if self.logarithmic else value


def draw(plot: Plot) -> Markup:
    """A plot as SVG; '' with fewer than three points in its longest line."""
    values = [value for line in plot.lines for _, value in line.points if value is not None]
    if max((sum(value is not None for _, value in line.points) for line in plot.lines), default=0) < LEAST:
        return Markup('')
    axis = logarithmic(min(values), max(values)) if plot.logarithmic else linear(max(values))
    parts = [_frame(plot, axis), *_marks(plot)]
    ends: list[float] = []
    for number, line in enumerate(plot.lines[:MOST_LINES]):
        parts.append(_line(plot, axis, number, line, ends))
    described = f'{", ".join(line.name for line in plot.lines)}, from {_told(plot.since)} to {_told(plot.until)} UTC'
    return Markup('<svg class="plot" viewBox="0 0 {} {}" role="img"><title>{}</title><desc>{}</desc>{}</svg>').format(
        WIDTH, HEIGHT, plot.title, described, Markup('').join(parts)
    )


def linear(high: float) -> Axis:
    """From 0 in four to six round steps."""
    if high <= 0:
        return Axis(0, 1, (0, 1))
    size = 10 ** math.floor(math.log10(high / 4))
    step = next(size * each for each in (1, 2, 2.5, 5, 10) if high / (size * each) <= 5)
    count = math.ceil(high / step - 1e-9)
    return Axis(0, count * step, tuple(step * number for number in range(count + 1)))


def logarithmic(low: float, high: float) -> Axis:
    """From the mark below the least to the mark above the greatest, a decade at least."""
    below = max((each for each in SECONDS[:-1] if each <= low), default=SECONDS[0])
    above = min((each for each in SECONDS if each >= high and each > below), default=SECONDS[-1])
    return Axis(below, above, tuple(each for each in SECONDS if below <= each <= above), logarithmic=True)


def times(since: datetime, until: datetime) -> list[datetime]:
    """Round moments of UTC within the range, eight at most."""
    step = next((each for each in TIMES if (until - since) / each <= 8), (until - since) / 8)
    start = datetime(2024, 1, 1, tzinfo=UTC)
    first = start + math.ceil((since - start) / step) * step
    return [first + number * step for number in range(9) if first + number * step <= until]


def _frame(plot: Plot, axis: Axis) -> Markup:
    """Axes with their marks and units."""
    parts = []
    for tick in axis.ticks:
        if told := plot.said(tick):
            y = _y(axis, tick)
            parts += [_grid(LEFT, WIDTH - plot.right, y, y), _text(LEFT - 6, y + 4, told, 'end')]
    days = plot.until - plot.since > timedelta(days=2)
    for at in times(plot.since, plot.until):
        x, told = _x(plot, at), f'{at:%-d %b}' if days and at.hour == at.minute == 0 else f'{at:%H:%M}'
        parts += [_grid(x, x, FLOOR, FLOOR + 4), _text(x, FLOOR + 17, told)]
    said = f'time (UTC){", values logarithmic" if axis.logarithmic else ""}'
    return Markup('').join([*parts, _text((LEFT + WIDTH - plot.right) / 2, HEIGHT - 6, said)])


def _grid(x1: float, x2: float, y1: float, y2: float) -> Markup:
    return Markup('<line class="grid" x1="{}" x2="{}" y1="{}" y2="{}"/>').format(x1, x2, y1, y2)


def _text(x: float, y: float, said: str, anchor: str = 'middle') -> Markup:
    return Markup('<text x="{}" y="{}" text-anchor="{}">{}</text>').format(x, y, anchor, said)


def _line(plot: Plot, axis: Axis, number: int, line: Line, ends: list[float]) -> Markup:
    """One line with its gaps; what stands alone in a gap is a dot. Its name stands at its end, clear of `ends`."""
    parts, last = [], None
    for run in _runs(line.points):
        placed = [(_x(plot, at), _y(axis, value)) for at, value in run]
        last = placed[-1]
        if len(placed) == 1:
            parts.append(Markup('<circle class="line-{}" cx="{}" cy="{}" r="2"/>').format(number, *placed[0]))
        else:
            path = 'M' + 'L'.join(f'{x} {y}' for x, y in placed)
            parts.append(Markup('<path class="line-{}" d="{}"/>').format(number, path))
    if last is not None:
        y = last[1] + 4
        while any(abs(y - each) < 12 for each in ends):
            y += 12 if last[1] < TOP + 30 else -12
        ends.append(y)
        name = Markup('<text class="name line-{}" x="{}" y="{}">{}</text>')
        parts.append(name.format(number, min(last[0] + 5, WIDTH - plot.right + 5), round(y, 1), line.name))
    return Markup('').join(parts)


def _marks(plot: Plot) -> list[Markup]:
    """Those within the range; the words of neighbours stand on different heights."""
    shown = [mark for mark in plot.marks if plot.since <= mark.at < plot.until]
    return [_mark(plot, mark, TOP + 9 + 12 * (place % 2)) for place, mark in enumerate(shown)]


def _mark(plot: Plot, mark: Mark, y: int) -> Markup:
    x = _x(plot, mark.at)
    return Markup(
        '<g class="mark"><title>{}</title><line x1="{}" x2="{}" y1="{}" y2="{}"/><text x="{}" y="{}">{}</text></g>'
    ).format(f'{mark.said}, {_told(mark.at)} UTC', x, x, TOP, FLOOR, x + 3, y, mark.said)


def _runs(points: Sequence[tuple[datetime, float | None]]) -> list[list[tuple[datetime, float]]]:
    """The stretches without a gap."""
    runs: list[list[tuple[datetime, float]]] = [[]]
    for at, value in points:
        if value is None:
            runs.append([])
        else:
            runs[-1].append((at, value))
    return [run for run in runs if run]


def _x(plot: Plot, at: datetime) -> float:
    return round(LEFT + (WIDTH - LEFT - plot.right) * ((at - plot.since) / (plot.until - plot.since)), 1)


def _y(axis: Axis, value: float) -> float:
    return round(FLOOR - (FLOOR - TOP) * axis.place(value), 1)


def _told(at: datetime) -> str:
    return at.astimezone(UTC).strftime('%Y-%m-%d %H:%M')
