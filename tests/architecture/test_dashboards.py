"""The dashboards in the repository are what the code beside them makes, and ask for metrics that exist."""

import html
import json
import re
from pathlib import Path
from typing import Any

import pytest

from deploy.grafana.building.__main__ import FOLDER, as_json
from deploy.grafana.building.looks import KEYS, REASONS, STAGES
from shared.values import KeyStatus, Stage, WaitReason
from tests.drawing import drawn
from tests.observing import RULES, known_metrics, metrics_named_in

ROOT = Path(__file__).parents[2]
MADE = as_json()


def test_the_files_are_what_the_code_makes() -> None:
    assert {path.name: path.read_text(encoding="utf-8") for path in FOLDER.iterdir()} == MADE, "run: make dashboards"


@pytest.mark.parametrize("name", MADE)
def test_every_panel_says_what_to_make_of_it_and_asks_for_metrics_that_exist(name: str) -> None:
    panels = panels_of(json.loads(MADE[name]))

    assert panels
    for panel in panels:
        assert panel["description"].endswith("."), panel["title"]
        for target in panel["targets"]:
            assert metrics_named_in(target["expr"]) <= known_metrics()
            assert target["legendFormat"], panel["title"]


SHOWN_NOWHERE = {
    "fleet_trace_spans_total": "tracing is off unless somebody wants it; docs/operations/tracing.md has the query",
}
"""Metrics that no dashboard and no alert asks for, and why."""


def test_every_metric_is_on_a_dashboard_or_watched_by_a_rule_or_left_out_for_a_reason() -> None:
    rules = [path.read_text(encoding="utf-8") for path in RULES.iterdir()]
    asked_for = {metric for text in (*MADE.values(), *rules) for metric in metrics_named_in(text)}

    assert known_metrics() - asked_for == set(SHOWN_NOWHERE)


def panels_of(dashboard: dict[str, Any]) -> list[dict[str, Any]]:
    return [panel for panel in dashboard["panels"] if panel["type"] != "row"]


@pytest.mark.parametrize("name", MADE)
def test_every_panel_has_a_place_a_number_and_a_title_of_its_own_and_asks_the_chosen_prometheus(name: str) -> None:
    board = json.loads(MADE[name])
    covered = [
        (at["x"] + column, at["y"] + line)
        for at in (panel["gridPos"] for panel in board["panels"])
        for column in range(at["w"])
        for line in range(at["h"])
    ]

    assert len(covered) == len(set(covered))
    assert max(column for column, _ in covered) < 24
    assert sorted(panel["id"] for panel in board["panels"]) == list(range(1, len(board["panels"]) + 1))
    assert len({panel["title"] for panel in panels_of(board)}) == len(panels_of(board))
    assert {panel["title"] for panel in panels_of(board) if panel["datasource"]["uid"] != "${datasource}"} == set()
    assert all(link["includeVars"] and link["keepTime"] for link in board["links"])


@pytest.mark.parametrize("name", MADE)
def test_alerts_and_starts_are_marked_on_every_panel(name: str) -> None:
    marks = {mark["name"]: mark["expr"] for mark in json.loads(MADE[name])["annotations"]["list"]}
    assert marks.keys() == {"Alerts", "Starts"}


def test_every_page_that_a_panel_names_exists() -> None:
    pages = set(re.findall(r"docs/[\w./-]*\w", " ".join(MADE.values())))
    assert pages
    assert {page for page in pages if not (ROOT / page).exists()} == set()


def test_the_runbook_and_the_guide_speak_of_panels_that_exist() -> None:
    boards = {board["title"]: board for board in map(json.loads, MADE.values())}
    spoken_of = [
        (board, panel)
        for page in (*(ROOT / "docs/runbook").glob("Fleet*.md"), ROOT / "docs/operations/watching.md")
        for board, panels in re.findall(
            r'Dashboard \*([^*]+)\*,(?: panel)? ("[^"]+"(?: and "[^"]+")*)', page.read_text(encoding="utf-8")
        )
        for panel in re.findall(r'"([^"]+)"', panels)
    ]
    assert len(spoken_of) > 5
    for board, panel in spoken_of:
        assert panel in {each["title"] for each in panels_of(boards[board])}, (board, panel)


def test_a_click_leads_to_a_dashboard_that_exists_and_chooses_what_can_be_chosen_there() -> None:
    variables = {
        board["uid"]: {variable["name"] for variable in board["templating"]["list"]}
        for board in map(json.loads, MADE.values())
    }
    addresses = {
        link["url"]
        for board in map(json.loads, MADE.values())
        for panel in panels_of(board)
        for link in panel["fieldConfig"]["defaults"]["links"]
    }

    assert len(addresses) == len(MADE) - 1, "from Fleet to each other dashboard"
    for address in addresses:
        [board] = re.findall(r"^/d/([\w-]+)\?", address)
        assert set(re.findall(r"&var-(\w+)=", address)) <= variables[board]
        assert "${datasource:queryparam}" in address
        assert "${__url_time_range}" in address


@pytest.mark.parametrize("name", MADE)
def test_every_axis_has_its_unit(name: str) -> None:
    for panel in panels_of(json.loads(MADE[name])):
        asked = {target["expr"].partition(" or 0 * ")[0] for target in panel["targets"]}
        unit = panel["fieldConfig"]["defaults"]["unit"]
        if all(expr.startswith("60 * sum") and "60 * 60" not in expr for expr in asked):
            assert unit == "suffix:/min", panel["title"]
        if any("seconds" in expr and "_count" not in expr for expr in asked):
            assert unit == "s", panel["title"]


def test_every_status_of_a_key_and_every_reason_to_wait_has_a_colour_of_its_own() -> None:
    for named, colours in ((KeyStatus, KEYS), (WaitReason, REASONS), (Stage, STAGES)):
        assert colours.keys() == {each.value for each in named}
        assert len(set(colours.values())) == len(colours)


@pytest.mark.parametrize("name", MADE)
def test_a_dashboard_can_be_drawn_with_answers_and_without(name: str) -> None:
    board = json.loads(MADE[name])
    points = [(1_000.0, 1.0), (1_002.0, 0.0), (1_008.0, 3.5)]
    labels = ("stage", "state", "status", "reason", "outcome", "result", "verdict")
    names = set(re.findall(r'"options": "(\w+)"', MADE[name])) | {"another"}

    picture = drawn(board, lambda _: [(dict.fromkeys(labels, name), points) for name in names] + [({}, [])])
    empty = drawn(board, lambda _: [])

    for panel in panels_of(board):
        assert html.escape(panel["title"]) in picture
    assert "No data" not in picture
    assert empty.count("<div class=figures>No") == len(panels_of(board))
