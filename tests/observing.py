"""What tests of rules and dashboards share: the metrics there are, those a text names, and a running Prometheus."""

import importlib
import json
import math
import re
import socket
import subprocess
import time
import urllib.error
import urllib.parse
import urllib.request
from pathlib import Path
from typing import Any, Self

import yaml

ROOT = Path(__file__).parents[1]
RULES = ROOT / "deploy/prometheus/rules"
DASHBOARDS = ROOT / "deploy/grafana/dashboards"
RUNBOOK = ROOT / "docs/runbook"
_NO_NUMBER = {"NaN", "+Inf", "-Inf"}


def metrics_named_in(text: str) -> set[str]:
    """The fleet's metrics a text speaks of; a histogram's parts are the histogram."""
    named = re.findall(r"\bfleet_[a-z_]+[a-z]\b(?=[\s`{\[)]|$)", text)
    return {re.sub(r"_(bucket|count|sum)$", "", name) for name in named}


def known_metrics() -> set[str]:
    return set(labels_of_metrics())


def labels_of_metrics() -> dict[str, set[str]]:
    """The fleet's metrics as Prometheus calls them, and their labels."""
    declared = vars(importlib.import_module("shared.metrics")).values()
    return {
        metric._name + ("_total" if metric._type == "counter" else ""): set(metric._labelnames)
        for metric in declared
        if hasattr(metric, "_labelnames")
    }


def panel_queries() -> dict[str, str]:
    """Every query of every panel of every dashboard, by where it stands."""
    return {
        f"{board['title']} / {panel['title']} / {target['refId']}": target["expr"]
        for board in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json")))
        for panel in board["panels"]
        for target in panel.get("targets", ())
    }


def choices() -> dict[str, str]:
    """Every query that finds what can be chosen at the top of a dashboard, by where it stands."""
    asked = [
        (f"{board['title']} / ${variable['name']}", re.findall(r"\w+", variable["query"]))
        for board in (json.loads(path.read_text(encoding="utf-8")) for path in sorted(DASHBOARDS.glob("*.json")))
        for variable in board["templating"]["list"]
        if variable["type"] == "query"
    ]
    return {where: f"count by ({label}) ({metric})" for where, (_, metric, label) in asked}


def marks() -> dict[str, str]:
    """What the dashboards mark on their panels, by name."""
    board = json.loads((DASHBOARDS / "fleet.json").read_text(encoding="utf-8"))
    return {mark["name"]: mark["expr"] for mark in board["annotations"]["list"]}


def scaler_queries() -> dict[str, str]:
    """Every query by which KEDA counts the fleet's work, by where it stands."""
    return {
        f"{scaler['metadata']['name']} / {trigger['name']}": trigger["metadata"]["query"]
        for file in sorted((ROOT / "deploy/k8s/components/keda").glob("*.yaml"))
        for scaler in yaml.safe_load_all(file.read_text(encoding="utf-8"))
        for trigger in scaler.get("spec", {}).get("triggers", ())
        if "fleet:" in trigger["metadata"].get("query", "")
    }


def runbook_queries() -> dict[str, str]:
    """Every query that a page of the runbook puts between back-quotes, by where it stands."""
    pages = {page.stem: page.read_text(encoding="utf-8") for page in sorted(RUNBOOK.glob("Fleet*.md"))}
    return {
        f"{name} / {quoted}": quoted
        for name, text in pages.items()
        for quoted in re.findall(r"`([^`]+)`", text)
        if re.match(r"(sum|max|count|time|up|histogram_quantile|fleet[_:])[\w:]*\b", quoted)
        and re.search(r"[{(:]|^fleet_", quoted)
    }


def hurried(rule: str, *, seconds: int) -> str:
    """A rule or a query whose every span of time, and every wait of a minute, is this short; for a fleet of moments."""
    brief = re.sub(r"\[\d+[smhd]\]", f"[{seconds}s]", rule)
    brief = re.sub(r"(interval|for): \d+[smhd]", r"\1: 1s", brief)
    brief = re.sub(r"(offset) \d+[smhd]", rf"\1 {seconds}s", brief)
    brief = brief.replace("fleet:oldest_wait_seconds > 60", "fleet:oldest_wait_seconds > 2")
    brief = brief.replace("$__rate_interval", f"{seconds}s").replace("STAGE", "scrape")
    return re.sub(r"\$(stage|partition)", ".*", brief)


class Prometheus:
    """A Prometheus that scrapes the targets a fleet lists, every second, with the shipped rules in haste."""

    def __init__(self, folder: Path, targets: Path, *, seconds: int = 15) -> None:
        self._folder = folder
        self.seconds = seconds
        with socket.socket() as probe:
            probe.bind(("127.0.0.1", 0))
            self._port = probe.getsockname()[1]
        for rules in RULES.glob("*.yml"):
            (folder / rules.name).write_text(hurried(rules.read_text(encoding="utf-8"), seconds=seconds))
        (folder / "prometheus.json").write_text(json.dumps(self._configuration(targets)))  # YAML reads JSON

    def _configuration(self, targets: Path) -> dict[str, Any]:
        watched = {"files": [str(targets)], "refresh_interval": "1s"}
        return {
            "global": {"scrape_interval": "1s", "scrape_timeout": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(self._folder / "*.yml")],
            "scrape_configs": [{"job_name": "bookmark-fleet", "file_sd_configs": [watched]}],
        }

    def __enter__(self) -> Self:
        self._process = subprocess.Popen(
            [
                "prometheus",
                f"--config.file={self._folder / 'prometheus.json'}",
                f"--storage.tsdb.path={self._folder / 'data'}",
                f"--web.listen-address=127.0.0.1:{self._port}",
                "--log.level=error",
            ]
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=30)

    def asks(self, expr: str) -> list[dict[str, Any]]:
        """The series that answer a query now with a number; none while Prometheus does not answer."""
        try:
            answer = self._get("/api/v1/query?" + urllib.parse.urlencode({"query": expr}))
        except urllib.error.HTTPError as error:
            raise AssertionError(f"{expr}: {error.read().decode()}") from error
        except OSError:
            return []
        return [series for series in answer["result"] if math.isfinite(float(series["value"][1]))]

    def asks_over(
        self, expr: str, *, last_s: int, step_s: int = 2
    ) -> list[tuple[dict[str, str], list[tuple[float, float]]]]:
        """The labels and the points of the series that answer a query over the last seconds."""
        now = int(time.time())
        asked = {"query": expr, "start": now - last_s, "end": now, "step": step_s}
        found = self._get("/api/v1/query_range?" + urllib.parse.urlencode(asked))["result"]
        return [
            (
                series["metric"],
                [(moment, float(value)) for moment, value in series["values"] if value not in _NO_NUMBER],
            )
            for series in found
        ]

    def firing(self) -> list[dict[str, str]]:
        """The labels of the alerts that fire."""
        return [alert["labels"] for alert in self._get("/api/v1/alerts")["alerts"] if alert["state"] == "firing"]

    def _get(self, path: str) -> dict[str, Any]:
        with urllib.request.urlopen(f"http://127.0.0.1:{self._port}{path}", timeout=10) as response:
            data: dict[str, Any] = json.load(response)["data"]
        return data
