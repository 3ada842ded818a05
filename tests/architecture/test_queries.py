"""What dashboards and rules ask for: labels that metrics have, values that are given, names that part the lines."""

import functools
import json
import re
import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.observing import DASHBOARDS, ROOT, RULES, hurried, labels_of_metrics, panel_queries

OF_PROMETHEUS = {"job", "role", "instance", "le", "alertname", "alertstate"}
TARGETS = {
    f"{board['title']} / {panel['title']} / {target['refId']}": (
        target["legendFormat"],
        json.dumps(panel["fieldConfig"]),
    )
    for board in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json")))
    for panel in board["panels"]
    for target in panel.get("targets", ())
}
LEGENDS = {where: legend for where, (legend, _) in TARGETS.items()}
LEADING = [where for where, (_, looks) in TARGETS.items() if "__field.labels.stage" in looks]
RECORDED = [
    rule
    for path in sorted(RULES.glob("*.yml"))
    for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]
    for rule in group["rules"]
]


@functools.cache
def labels() -> Mapping[str, set[str]]:
    """The labels of every metric, and of what the rules record; a rule follows those it is made of."""
    known = labels_of_metrics()
    for rule in RECORDED:
        if name := rule.get("record"):
            known[name] = known.get(name, set()) | answered(rule["expr"], known) | set(rule.get("labels", {}))
    return known


def answered(expr: str, known: Mapping[str, set[str]]) -> set[str]:
    """The labels by which the lines differ that answer a query."""
    grouped = [set(re.findall(r"\w+", by)) for by in re.findall(r"\bby \(([^)]*)\)", expr)]
    if grouped:
        return set().union(*grouped) - {"le"}
    if re.search(r"\b(sum|max|min|count)\(", expr):
        return set()
    return set().union(*(known[metric] for metric, _ in selected(expr)))


def selected(expr: str) -> list[tuple[str, str]]:
    """The fleet's metrics that are asked for, each with what is asked of its labels."""
    found = re.findall(r"\b(fleet[:_][\w:]+)(?:\{([^}]*)\})?", expr)
    return [(re.sub(r"^(fleet_\w+)_(bucket|count|sum)$", r"\1", metric), asked) for metric, asked in found]


def asked_everywhere() -> dict[str, str]:
    of_rules = {f"{rule.get('record') or rule['alert']} {number}": rule["expr"] for number, rule in enumerate(RECORDED)}
    return panel_queries() | of_rules


@functools.cache
def given() -> frozenset[str]:
    """Every word that the code or a rule may give a label as its value."""
    sources = [
        path.read_text(encoding="utf-8") for top in ("services", "shared") for path in (ROOT / top).rglob("*.py")
    ]
    levels = {rule["labels"]["slo"] for rule in RECORDED if "slo" in rule.get("labels", {})}
    return frozenset(levels.union(*(re.findall(r'"([a-z_]+)"', source) for source in sources)))


def values_of(pattern: str) -> list[str]:
    """The values that a matcher names, each as a regular expression; none when the reader of a dashboard chooses."""
    if pattern.startswith("$"):
        return []
    return [pattern] if "(" in pattern else pattern.split("|")


@pytest.mark.parametrize("where", asked_everywhere())
def test_a_query_asks_for_labels_that_its_metrics_have_and_for_values_that_are_given(where: str) -> None:
    expr = asked_everywhere()[where]
    metrics = selected(expr)

    there = set().union(*(labels()[metric] for metric, _ in metrics)) | OF_PROMETHEUS
    for by in re.findall(r"\b(?:by|on) \(([^)]*)\)", expr):
        assert set(re.findall(r"\w+", by)) <= there, by
    for metric, asked in metrics:
        for label, pattern in re.findall(r'(\w+)(?:=~|!~|!=|=)"([^"]*)"', asked):
            assert label in labels()[metric], (metric, label)
            for value in values_of(pattern):
                assert any(re.fullmatch(value, word) for word in given()), (metric, label, value)


@pytest.mark.parametrize("where", LEGENDS)
def test_a_lines_name_says_all_by_which_it_differs_from_others_and_so_does_the_title(where: str) -> None:
    differ = answered(panel_queries()[where], labels())
    assert set(re.findall(r"{{(\w+)}}", LEGENDS[where])) == differ
    assert set(re.findall(r"\bby (\w+)", where)) <= differ


@pytest.mark.parametrize("where", LEADING)
def test_a_line_that_leads_to_a_stage_is_of_one(where: str) -> None:
    assert "stage" in answered(panel_queries()[where], labels())


@pytest.mark.skipif(shutil.which("promtool") is None, reason="tests/install-servers installs it")
def test_prometheus_takes_every_query_of_every_panel(tmp_path: Path) -> None:
    asked = tmp_path / "queries.yml"
    rules: list[dict[str, Any]] = [
        {"record": "asked", "expr": hurried(expr, seconds=15), "labels": {"where": where}}
        for where, expr in panel_queries().items()
    ]
    asked.write_text(yaml.safe_dump({"groups": [{"name": "panels", "rules": rules}]}), encoding="utf-8")

    done = subprocess.run(["promtool", "check", "rules", asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
