"""Draws a dashboard of deploy/grafana as Grafana would about show it: its panels on its grid, in one page of HTML."""

import html
import math
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

Series = tuple[Mapping[str, str], Sequence[tuple[float, float]]]
"""Labels, and points of Unix time and value."""
Ask = Callable[[str], Sequence[Series]]

_COLOURS = (
    "#73bf69",
    "#f2cc0c",
    "#8ab8ff",
    "#ff780a",
    "#f2495c",
    "#5794f2",
    "#b877d9",
    "#96d98d",
    "#ffcb7d",
    "#c0d8ff",
)
_ROW_PX, _COLUMN_PX, _GAP_PX = 30, 56, 6
_STYLE = """
body { margin: 0; background: #111217; color: #ccccdc; font: 12px Inter, "DejaVu Sans", Arial, sans-serif }
h1 { font-size: 18px; font-weight: 500; margin: 12px 14px 8px }
h2 { font-size: 15px; font-weight: 500; margin: 5px 8px; position: absolute }
#board { position: relative; margin: 0 8px }
.panel { position: absolute; background: #181b1f; border: 1px solid #25272d; border-radius: 2px; box-sizing: border-box;
         overflow: hidden; padding: 7px 9px }
.panel b { font-weight: 500; font-size: 13px }
.figures { display: flex; height: 80%; align-items: center; justify-content: space-around }
.figures span { display: block; text-align: center; color: #ccccdc }
.figures i { font-style: normal; font-size: 25px; font-weight: 500 }
.legend { position: absolute; bottom: 5px; left: 9px; right: 6px; max-height: 28px; overflow: hidden;
          font-size: 10.5px }
.legend s { display: inline-block; width: 11px; height: 3px; margin: 0 4px 3px 0 }
.legend span { margin-right: 10px; white-space: nowrap }
text { fill: #9fa3ad; font-size: 10px }
"""


def drawn(board: Mapping[str, Any], ask: Ask) -> str:
    """The dashboard as a page of HTML, with what its queries answer."""
    panels = board["panels"]
    height = max(panel["gridPos"]["y"] + panel["gridPos"]["h"] for panel in panels) * _ROW_PX + 10
    shown = "".join(_panel(panel, ask) for panel in panels)
    return (
        f"<!doctype html><meta charset=utf-8><style>{_STYLE}</style><h1>{html.escape(board['title'])}</h1>"
        f'<div id=board style="width:{24 * _COLUMN_PX}px;height:{height}px">{shown}</div>'
    )


def _panel(panel: Mapping[str, Any], ask: Ask) -> str:
    at = panel["gridPos"]
    left, top, width, height = at["x"] * _COLUMN_PX, at["y"] * _ROW_PX, at["w"] * _COLUMN_PX, at["h"] * _ROW_PX
    title = html.escape(panel["title"])
    if panel["type"] == "row":
        return f'<h2 style="top:{top}px">⌄ {title}</h2>'
    lines = [
        (_called(target["legendFormat"], labels), points)
        for target in panel["targets"]
        for labels, points in ask(target["expr"])
    ]
    draw = _figures if panel["type"] == "stat" else _graph
    return (
        f'<div class=panel style="left:{left}px;top:{top}px;width:{width - _GAP_PX}px;height:{height - _GAP_PX}px">'
        f"<b>{title}</b>{draw(panel, lines)}</div>"
    )


def _called(legend: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda label: labels.get(label[1], ""), legend)


def _figures(panel: Mapping[str, Any], lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    shown = [
        f'<span><i style="color:{_colour(points[-1][1], defaults["thresholds"]["steps"])}">'
        f"{_number(points[-1][1], defaults['unit'])}</i><br>{html.escape(name)}</span>"
        for name, points in lines
        if points
    ]
    return f"<div class=figures>{''.join(shown)}</div>"


def _colour(value: float, steps: Sequence[Mapping[str, Any]]) -> str:
    reached = [step["color"] for step in steps if step["value"] is None or value >= step["value"]]
    return {"green": "#73bf69", "red": "#f2495c"}[reached[-1]]


def _graph(panel: Mapping[str, Any], lines: Sequence[tuple[str, Sequence[tuple[float, float]]]]) -> str:
    defaults, at = panel["fieldConfig"]["defaults"], panel["gridPos"]
    custom = defaults.get("custom", {})
    stacked = custom.get("stacking", {}).get("mode") == "normal"
    width, height = at["w"] * _COLUMN_PX - 78, at["h"] * _ROW_PX - 88
    times = sorted({moment for _, points in lines for moment, _ in points})
    if not times:
        return "<div class=figures>No data</div>"
    if stacked:  # what is not there adds nothing
        lines = [(name, [(moment, dict(points).get(moment, 0.0)) for moment in times]) for name, points in lines]
    floors = dict.fromkeys(times, 0.0)
    curves = []
    for _, points in lines:
        curve = [(moment, value + (floors[moment] if stacked else 0.0)) for moment, value in points]
        curves.append([(moment, top, floors[moment] if stacked else 0.0) for moment, top in curve])
        floors.update(curve if stacked else ())
    most = defaults.get("max") or _round_up(max((top for curve in curves for _, top, _ in curve), default=1.0))
    span = max(times[-1] - times[0], 1.0)

    def place(moment: float, value: float) -> str:
        return f"{46 + (moment - times[0]) / span * width:.1f},{8 + height - min(value / most, 1) * height:.1f}"

    def path(points: Iterable[tuple[float, float]]) -> str:
        return " ".join(place(moment, value) for moment, value in points)

    heights = [(8 + height * part / 4, most * (4 - part) / 4) for part in range(5)]
    grid = "".join(
        f'<line x1=46 x2={46 + width} y1={y} y2={y} stroke="#2a2d33"/>'
        f"<text x=40 y={y + 3} text-anchor=end>{_number(value, defaults['unit'])}</text>"
        for y, value in heights
    )
    areas = "".join(
        f'<polygon fill="{colour}" opacity={0.3 if stacked else 0.05} points="'
        f'{path((m, top) for m, top, _ in curve)} {path((m, low) for m, _, low in reversed(curve))}"/>'
        f'<polyline fill=none stroke="{colour}" stroke-width=1.4 points="{path((m, top) for m, top, _ in curve)}"/>'
        for colour, curve in zip(_COLOURS * len(curves), curves, strict=False)
    )
    legend = "".join(
        f'<span><s style="background:{colour}"></s>{html.escape(name)}</span>'
        for colour, (name, _) in zip(_COLOURS * len(lines), lines, strict=False)
    )
    return f"<svg width={width + 60} height={height + 18}>{grid}{areas}</svg><div class=legend>{legend}</div>"


def _round_up(value: float) -> float:
    if value <= 0:
        return 1.0
    power: float = 10.0 ** math.floor(math.log10(value))
    return next(step * power for step in (1, 2, 4, 5, 8, 10) if step * power >= value * 0.999)


def _number(value: float, unit: str) -> str:
    if unit == "percentunit":
        return f"{value:.1%}".replace(".0%", "%")
    shown = f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"
    return f"{shown} s" if unit == "s" else shown
