"""What KEDA asks of Prometheus counts the work of the role it scales, where Prometheus has the shipped rules."""

import shutil
import subprocess
from collections.abc import Mapping
from pathlib import Path

import pytest
import yaml

from shared.values import Stage
from tests.manifests import ROOT, of_kind, shipped

STATES = {"queued": 100, "released": 10, "running": 1}
COUNTED = 11  # what waits for a quota, a retry or a pause wants no worker; who waits for one shows in the oldest wait
COUNTED_JUST_NOW = [f'fleet_counted_timestamp_seconds{{source="ledger",job="fleet",instance="{pod}"}}' for pod in "ab"]
pytestmark = pytest.mark.skipif(shutil.which("promtool") is None, reason="tests/install-servers installs it")


def queries(name: str) -> dict[str, str]:
    """What is asked for each role by the triggers of this name."""
    return {
        scaler["spec"]["scaleTargetRef"]["name"]: trigger["metadata"]["query"]
        for scaler in of_kind(shipped("overlays/production"), "ScaledObject")
        for trigger in scaler["spec"]["triggers"]
        if trigger.get("name") == name
    }


def backlog(stage: Stage, times: int) -> dict[str, int]:
    """The series of two dispatchers, which count the same."""
    return {
        f'fleet_backlog_jobs{{stage="{stage}",state="{state}",job="fleet",instance="{pod}"}}': jobs * times
        for state, jobs in STATES.items()
        for pod in "ab"
    }


def waits(stage: Stage, seconds: int) -> dict[str, int]:
    return {f'fleet_oldest_wait_seconds{{stage="{stage}",job="fleet",instance="a"}}': seconds}


def answers(folder: Path, series: Mapping[str, int | str], expected: dict[str, int | None]) -> str:
    """What promtool has against these answers to these queries; nothing when they are the answers."""
    told = {
        "rule_files": [str(file) for file in (ROOT / "deploy/prometheus/rules").glob("*.yml")],
        "tests": [
            {
                "interval": "15s",
                "input_series": [
                    *(
                        {"series": name, "values": value if isinstance(value, str) else f"{value}x8"}
                        for name, value in series.items()
                    ),
                    *({"series": counted, "values": "0+15x8"} for counted in COUNTED_JUST_NOW),
                ],
                "promql_expr_test": [
                    {
                        "expr": query,
                        "eval_time": "2m",
                        "exp_samples": [] if value is None else [{"labels": "{}", "value": value}],
                    }
                    for query, value in expected.items()
                ],
            }
        ],
    }
    file = folder / "asked.test.yml"
    file.write_text(yaml.safe_dump(told), encoding="utf-8")
    done = subprocess.run(["promtool", "test", "rules", file], capture_output=True, text=True, check=False)
    return "" if done.returncode == 0 else done.stdout + done.stderr


def test_each_stage_is_asked_for_its_own_backlog_and_its_own_oldest_wait(tmp_path: Path) -> None:
    series, expected = {}, {}
    for times, stage in enumerate(Stage, start=1):
        series |= backlog(stage, times) | waits(stage, 7 * times)
        expected[queries("backlog")[stage]] = COUNTED * times
        expected[queries("oldest-wait")[stage]] = 7 * times

    assert answers(tmp_path, series, expected) == ""


def test_a_stage_without_work_is_counted_as_none_and_one_that_nobody_counts_is_not_counted(tmp_path: Path) -> None:
    asked = {stage: queries("backlog")[stage] for stage in Stage}
    counted = {name: 0 for stage in Stage for name in waits(stage, 0)}

    assert answers(tmp_path, counted, dict.fromkeys(asked.values(), 0)) == ""
    assert answers(tmp_path, {}, dict.fromkeys(asked.values(), None)) == ""


@pytest.mark.parametrize(("events", "waits_s"), [(6000, 300), (0, 0)])
def test_the_intake_is_asked_for_its_events_and_how_long_the_newest_will_wait(
    events: int, waits_s: int, tmp_path: Path
) -> None:
    queue = {'rabbitmq_detailed_queue_messages_ready{queue="producer.intake",instance="a"}': f"{events}x8"}
    pace = {
        f'fleet_events_total{{type="bookmark.added",result="{result}",instance="{pod}"}}': f"0+{events // 40}x8"
        for result, pod in (("accepted", "a"), ("accepted", "b"), ("published", "c"))
    }

    expected = {queries("backlog")["intake"]: events, queries("oldest-wait")["intake"]: waits_s}

    assert answers(tmp_path, queue | pace, expected) == ""


@pytest.mark.parametrize(("right", "wrong"), [('stage="render"', 'stage="scrape"'), ("sum(", "max("), ("sum(", "(")])
def test_a_query_for_something_else_is_noticed(right: str, wrong: str, tmp_path: Path) -> None:
    query = queries("backlog")[Stage.RENDER]
    assert right in query

    planted = {query.replace(right, wrong): COUNTED}

    assert answers(tmp_path, backlog(Stage.RENDER, 1) | backlog(Stage.SCRAPE, 3), planted) != ""
