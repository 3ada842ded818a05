"""Draws the lines of one panel as SVG: their scale, what they add up to, and where an alert begins."""

import math
import time
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

_LEFT_PX, _TOP_PX = 66, 8
_TIMES, _HEIGHTS = 3, 4


@dataclass(frozen=True, slots=True)
class Line:
    """What one line is called, how it looks, and its points of Unix time and value."""

    name: str
    colour: str
    points: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Area:
    """A line with what it stands on: nothing, or the lines below it."""

    colour: str
    top: Sequence[tuple[float, float]]
    floor: Sequence[tuple[float, float]]


@dataclass(frozen=True, slots=True)
class Scale:
    """Where on the picture a time and a value are."""

    first: float
    last: float
    most: float
    width: int
    height: int

    def x(self, moment: float) -> float:
        """Pixels from the left."""
        return _LEFT_PX + (moment - self.first) / max(self.last - self.first, 1.0) * self.width

    def y(self, value: float) -> float:
        """Pixels from the top."""
        return _TOP_PX + self.height - min(value / self.most, 1) * self.height

    def path(self, points: Iterable[tuple[float, float]]) -> str:
        """Points, as SVG writes them."""
        return " ".join(f"{self.x(moment):.1f},{self.y(value):.1f}" for moment, value in points)


def plotted(lines: Sequence[Line], defaults: Mapping[str, Any], *, width: int, height: int) -> str:
    """The lines on their grid; `defaults` are the panel's: unit, end of the scale, stacking, thresholds."""
    stacked = defaults["custom"].get("stacking", {}).get("mode") == "normal"
    areas = _stacked(lines) if stacked else [area for line in lines for area in _on_the_ground(line)]
    times = [moment for line in lines for moment, _ in line.points]
    most = defaults.get("max") or _round_up(max(value for area in areas for _, value in area.top))
    scale = Scale(min(times), max(times), most, width, height)
    curves = "".join(
        f'<polygon fill="{area.colour}" opacity={0.3 if stacked else 0.05}'
        f' points="{scale.path(area.top)} {scale.path(reversed(area.floor))}"/>'
        f'<polyline fill=none stroke="{area.colour}" stroke-width=1.4 points="{scale.path(area.top)}"/>'
        for area in areas
    )
    picture = _grid(scale, defaults) + curves + _limit(scale, defaults)
    return f"<svg width={width + _LEFT_PX + 6} height={height + 30}>{picture}</svg>"


def _on_the_ground(line: Line) -> Iterable[Area]:
    """A line in as many pieces as it has: where it has no points, nothing is drawn."""
    begins = [place for place in range(1, len(line.points)) if _gap(line.points, place) > 1.5 * _step([line])]
    for begin, end in pairwise([0, *begins, len(line.points)]):
        piece = line.points[begin:end]
        yield Area(line.colour, piece, [(moment, 0.0) for moment, _ in piece])


def _stacked(lines: Sequence[Line]) -> list[Area]:
    """Each line on those before it; what is not there at a time adds nothing."""
    times = [moment for line in lines for moment, _ in line.points]
    step = _step(lines)
    height = {min(times) + step * place: 0.0 for place in range(round((max(times) - min(times)) / step) + 1)}
    areas = []
    for line in lines:
        values = dict(line.points)
        floor = list(height.items())
        height = {moment: low + values.get(moment, 0.0) for moment, low in floor}
        areas.append(Area(line.colour, list(height.items()), floor))
    return areas


def _step(lines: Iterable[Line]) -> float:
    """The time between two points that follow each other at once."""
    return min((_gap(line.points, place) for line in lines for place in range(1, len(line.points))), default=1.0)


def _gap(points: Sequence[tuple[float, float]], place: int) -> float:
    return points[place][0] - points[place - 1][0]


def _grid(scale: Scale, defaults: Mapping[str, Any]) -> str:
    steps = int(scale.most) if defaults.get("decimals") == 0 and scale.most < _HEIGHTS else _HEIGHTS
    values = [scale.most * step / steps for step in range(steps + 1)]
    moments = [scale.first + (scale.last - scale.first) * (step + 0.5) / _TIMES for step in range(_TIMES)]
    return "".join(
        f'<line x1={_LEFT_PX} x2={_LEFT_PX + scale.width} y1={scale.y(value)} y2={scale.y(value)} stroke="#2a2d33"/>'
        f"<text x={_LEFT_PX - 6} y={scale.y(value) + 3} text-anchor=end>{shown_as(value, defaults)}</text>"
        for value in values
    ) + "".join(
        f"<text x={scale.x(moment):.0f} y={_TOP_PX + scale.height + 14} text-anchor=middle>"
        f"{time.strftime('%H:%M:%S', time.gmtime(moment))}</text>"
        for moment in moments
    )


def _limit(scale: Scale, defaults: Mapping[str, Any]) -> str:
    """Where an alert begins, when the scale goes so far."""
    return "".join(
        f"<line x1={_LEFT_PX} x2={_LEFT_PX + scale.width} y1={scale.y(step['value'])} y2={scale.y(step['value'])}"
        ' stroke="#f2495c" stroke-dasharray="6 5"/>'
        for step in defaults.get("thresholds", {}).get("steps", ())
        if step["value"] is not None and step["value"] <= scale.most
    )


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value * 0.999)


def shown_as(value: float, defaults: Mapping[str, Any]) -> str:
    """A value with its unit, or the word it is mapped to."""
    for mapping in defaults.get("mappings", ()):
        if word := mapping["options"].get(f"{value:g}"):
            return str(word["text"])
    if defaults["unit"] == "percentunit":
        return f"{value:.1%}".replace(".0%", "%")
    short = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    unit = defaults["unit"].removeprefix("suffix:")
    return short if unit in {"short", "none"} else f"{short} {unit}"
