"""Line charts as SVG, drawn on the server: they need no script and can be printed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from console.shell.formatting import number

WIDTH, HEIGHT = 360, 168
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 8, 8, 22
_MAX_POINTS = 300
# The difference of larger values overflows.
_LARGEST = 1e300
_TICKS = 4

Point = tuple[float, float]


@dataclass(frozen=True, slots=True)
class Line:
    """One series: the number of its colour (1 to 6), its name, its path, its last point, and its last value as text."""

    colour: int
    name: str
    path: str
    end: Point
    last: str


@dataclass(frozen=True, slots=True)
class Tick:
    """A mark on an axis: its coordinate and its label."""

    at: float
    label: str


@dataclass(frozen=True, slots=True)
class Chart:
    """A chart with a line for each series. ``across`` are the ticks of the x axis, ``up`` those of the y axis."""

    title: str
    lines: tuple[Line, ...]
    across: tuple[Tick, ...]
    up: tuple[Tick, ...]
    width: int = WIDTH
    height: int = HEIGHT

    @property
    def last_values(self) -> str:
        """Return the last value of each line."""
        return " · ".join(line.last for line in self.lines)

    @property
    def alt(self) -> str:
        """Return the chart as text, for screen readers."""
        return f"{self.title}: " + "; ".join(f"{line.name} ends at {line.last}" for line in self.lines)


def draw(title: str, series: Mapping[str, Sequence[Point]]) -> Chart | None:
    """Return the chart of ``series`` (name → points in the order of their steps), None where no value can be drawn."""
    finite = {name: [p for p in points if abs(p[1]) < _LARGEST] for name, points in series.items()}
    values = [p for points in finite.values() for p in points]
    if not values:
        return None
    x = _Scale.over([p[0] for p in values], _LEFT, WIDTH - _RIGHT)
    y = _Scale.over([p[1] for p in values], HEIGHT - _BOTTOM, _TOP, padded=True)
    lines = tuple(
        _line(index % 6 + 1, name, points, x, y) for index, (name, points) in enumerate(finite.items()) if points
    )
    return Chart(
        title=title,
        lines=lines,
        across=tuple(Tick(x.at(value), number(value)) for value in x.ticks(whole=True)),
        up=tuple(Tick(y.at(value), number(value)) for value in y.ticks(whole=False)),
    )


def thin(points: Sequence[Point], limit: int = _MAX_POINTS) -> list[Point]:
    """Return at most about ``limit`` points: both ends, and the lowest and highest of each interval between them."""
    if len(points) <= limit:
        return list(points)
    interval = math.ceil(len(points) / (limit // 2))
    points_by_index: dict[int, Point] = {0: points[0], len(points) - 1: points[-1]}
    for start in range(0, len(points), interval):
        indexes = range(start, min(start + interval, len(points)))
        for index in (min(indexes, key=lambda i: points[i][1]), max(indexes, key=lambda i: points[i][1])):
            points_by_index[index] = points[index]
    return [points_by_index[index] for index in sorted(points_by_index)]


@dataclass(frozen=True, slots=True)
class _Scale:
    """The scale of one axis: it turns values into pixels."""

    low: float
    high: float
    start: float
    end: float

    @classmethod
    def over(cls, values: Sequence[float], start: float, end: float, *, padded: bool = False) -> _Scale:
        """Return the scale of values between two pixels; ``padded`` leaves room above and below."""
        low, high = min(values), max(values)
        if low == high:
            room = abs(low) * 0.05 or 1.0
            return cls(low - room, high + room, start, end)
        room = (high - low) * 0.06 if padded else 0.0
        return cls(low - room, high + room, start, end)

    def at(self, value: float) -> float:
        """Return the pixel of a value."""
        return round(self.start + (value - self.low) / (self.high - self.low) * (self.end - self.start), 1)

    def ticks(self, *, whole: bool) -> list[float]:
        """Return at most eight round values on the axis, with ``whole`` only whole numbers."""
        step = _round_up((self.high - self.low) / _TICKS)
        step = max(step, 1.0) if whole else step
        first = math.ceil(self.low / step)
        return [round(index * step, 12) for index in range(first, math.floor(self.high / step) + 1)][:8]


def _round_up(step: float) -> float:
    """Return the next larger of 1, 2, 5 times a power of ten."""
    if not math.isfinite(step) or step <= 0:
        return 1.0
    power = 10.0 ** math.floor(math.log10(step))
    return next((factor * power for factor in (1, 2, 5) if factor * power >= step), 10 * power)


def _line(colour: int, name: str, points: Sequence[Point], x: _Scale, y: _Scale) -> Line:
    dots = [(x.at(step), y.at(value)) for step, value in thin(points)]
    path = "M" + "L".join(f"{across:g} {up:g}" for across, up in dots)
    return Line(colour, name, path, dots[-1], number(points[-1][1]))
