"""Line charts as SVG shapes, worked out on the server: no script, no third party. Pure.

Only shapes are in the SVG, which stretches to any width; the labels beside it are text of the page,
so that they stay readable on a phone.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

WIDTH, HEIGHT = 600, 120
HOVER_COLUMNS = 60
TICKS = 3

Points = Sequence[tuple[int, float]]


@dataclass(frozen=True, slots=True)
class ChartLine:
    """One drawn series: `path` is its outline, `area` the filled shape below it."""

    name: str
    path: str
    area: str


@dataclass(frozen=True, slots=True)
class Hover:
    """A column that shows its values when pointed at."""

    x: float
    width: float
    title: str


@dataclass(frozen=True, slots=True)
class Chart:
    """Everything a template needs; labels are texts, from the top and from the left."""

    lines: tuple[ChartLine, ...]
    hovers: tuple[Hover, ...]
    y_labels: tuple[str, ...]
    x_labels: tuple[str, ...]
    summary: str
    width: int = WIDTH
    height: int = HEIGHT


def draw(
    series: Mapping[str, Points],
    *,
    start_ms: int,
    end_ms: int,
    show: Callable[[float], str],
    least_top: float = 1.0,
) -> Chart:
    """Return the chart of named series (time in ms, value) between two times.

    `show` writes a value; the axis reaches `least_top` at least.
    """
    highest = max((value for points in series.values() for _, value in points), default=0.0)
    top = round_up(max(highest, least_top))
    lines = tuple(
        _line(name, [(_x(at, start_ms, end_ms), _y(value, top)) for at, value in points])
        for name, points in series.items()
    )
    latest = [f"{name} {show(points[-1][1])}" for name, points in series.items() if points]
    return Chart(
        lines=lines,
        hovers=_hovers(series, start_ms, end_ms, show),
        y_labels=tuple(show(top * part / (TICKS - 1)) for part in reversed(range(TICKS))),
        x_labels=tuple(
            clock(start_ms + (end_ms - start_ms) * part // (TICKS - 1)) for part in range(TICKS)
        ),
        summary="; ".join(latest) or "no data yet",
    )


def round_up(value: float) -> float:
    """Return the next of 1, 2, 5, 10, 20, 50 … (or 0.1, 0.2 …): the top of an axis."""
    if value <= 0:
        return 1.0
    size = 10.0 ** math.floor(math.log10(value))
    return next(step * size for step in (1.0, 2.0, 5.0, 10.0) if value <= step * size * 1.000001)


def clock(at_ms: int) -> str:
    """Return the time of day in UTC."""
    return datetime.fromtimestamp(at_ms / 1000, UTC).strftime("%H:%M")


def _x(at_ms: int, start_ms: int, end_ms: int) -> float:
    return round((at_ms - start_ms) / max(1, end_ms - start_ms) * WIDTH, 1)


def _y(value: float, top: float) -> float:
    return round(HEIGHT - max(0.0, value) / top * HEIGHT, 1)


def _line(name: str, places: Sequence[tuple[float, float]]) -> ChartLine:
    if not places:
        return ChartLine(name, "", "")
    outline = " L".join(f"{x:g} {y:g}" for x, y in places)
    first, last = places[0][0], places[-1][0]
    area = f"M{first:g} {HEIGHT} L{outline} L{last:g} {HEIGHT} Z"
    return ChartLine(name, f"M{outline}", area)


def _hovers(
    series: Mapping[str, Points], start_ms: int, end_ms: int, show: Callable[[float], str]
) -> tuple[Hover, ...]:
    """Return columns over the chart, each with the last values inside it."""
    width = WIDTH / HOVER_COLUMNS
    texts: dict[int, dict[str, str]] = {}
    times: dict[int, int] = {}
    for name, points in series.items():
        for at_ms, value in points:
            column = min(HOVER_COLUMNS - 1, int(_x(at_ms, start_ms, end_ms) // width))
            texts.setdefault(column, {})[name] = f"{name} {show(value)}"
            times[column] = at_ms
    return tuple(
        Hover(column * width, width, f"{clock(times[column])} UTC: {', '.join(values.values())}")
        for column, values in sorted(texts.items())
        if column >= 0
    )
