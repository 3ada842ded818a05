"""Draws a dashboard of deploy/grafana as Grafana would about show it: its panels on its grid, in one page of HTML."""

import html
import re
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from tests.plotting import Line, plotted, shown_as

Series = tuple[Mapping[str, str], Sequence[tuple[float, float]]]
"""Labels, and points of Unix time and value."""
Ask = Callable[[str], Sequence[Series]]

_PALETTE = (
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
_NAMED = {
    "text": "#ccccdc",
    "green": "#73bf69",
    "light-green": "#96d98d",
    "dark-green": "#37872d",
    "blue": "#5794f2",
    "light-blue": "#8ab8ff",
    "dark-blue": "#1f60c4",
    "purple": "#b877d9",
    "light-purple": "#ca95e5",
    "dark-purple": "#8f3bb8",
    "yellow": "#f2cc0c",
    "super-light-yellow": "#fff899",
    "dark-yellow": "#e0b400",
    "orange": "#ff9830",
    "dark-orange": "#fa6400",
    "red": "#f2495c",
    "light-red": "#ff7383",
    "dark-red": "#c4162a",
}
"""Grafana's dark theme."""
_ROW_PX, _COLUMN_PX, _GAP_PX = 30, 56, 6
_STYLE = """
body { margin: 0; background: #111217; color: #ccccdc; font: 12px Inter, "DejaVu Sans", Arial, sans-serif }
h1 { font-size: 18px; font-weight: 500; margin: 12px 14px 8px }
h2 { font-size: 15px; font-weight: 500; margin: 5px 8px; position: absolute }
#board { position: relative; margin: 0 8px }
.panel { position: absolute; background: #181b1f; border: 1px solid #25272d; border-radius: 2px; box-sizing: border-box;
         overflow: hidden; padding: 7px 9px }
.panel b { font-weight: 500; font-size: 13px }
.figures { display: flex; flex-wrap: wrap; height: 80%; align-items: center; align-content: space-evenly;
           justify-content: space-around; gap: 0 14px }
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
    return (
        f'<div class=panel style="left:{left}px;top:{top}px;width:{width - _GAP_PX}px;height:{height - _GAP_PX}px">'
        f"<b>{title}</b>{_inside(panel, _lines(panel, ask), width=width - 98, height=height - 98)}</div>"
    )


def _lines(panel: Mapping[str, Any], ask: Ask) -> list[Line]:
    answers = [
        (_called(target["legendFormat"], labels), points)
        for target in panel["targets"]
        for labels, points in _newest(ask(target["expr"]), only=target.get("instant", False))
        if points
    ]
    return [
        Line(name, _colour_of(name, panel) or _PALETTE[place % len(_PALETTE)], points)
        for place, (name, points) in enumerate(answers)
    ]


def _newest(answer: Sequence[Series], *, only: bool) -> Sequence[Series]:
    """All series, or those alone that still answer at the end."""
    if not only:
        return answer
    end = max((points[-1][0] for _, points in answer if points), default=0.0)
    return [(labels, points) for labels, points in answer if points and points[-1][0] == end]


def _called(legend: str, labels: Mapping[str, str]) -> str:
    return re.sub(r"{{(\w+)}}", lambda label: labels.get(label[1], ""), legend)


def _colour_of(name: str, panel: Mapping[str, Any]) -> str | None:
    for override in panel["fieldConfig"]["overrides"]:
        if override["matcher"]["options"] == name:
            return _NAMED[override["properties"][0]["value"]["fixedColor"]]
    return None


def _inside(panel: Mapping[str, Any], lines: Sequence[Line], *, width: int, height: int) -> str:
    defaults = panel["fieldConfig"]["defaults"]
    if not lines:
        return f"<div class=figures>{defaults.get('noValue', 'No data')}</div>"
    if panel["type"] == "stat":
        return f"<div class=figures>{''.join(_figure(line, defaults) for line in lines)}</div>"
    legend = "".join(f'<span><s style="background:{line.colour}"></s>{html.escape(line.name)}</span>' for line in lines)
    return f"{plotted(lines, defaults, width=width, height=height)}<div class=legend>{legend}</div>"


def _figure(line: Line, defaults: Mapping[str, Any]) -> str:
    value = line.points[-1][1]
    reached = [step["color"] for step in defaults["thresholds"]["steps"] if (step["value"] or 0) <= value]
    return (
        f'<span><i style="color:{_NAMED[reached[-1]]}">{shown_as(value, defaults)}</i>'
        f"<br>{html.escape(line.name)}</span>"
    )
