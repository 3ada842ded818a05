"""Every alert is a rule with a test and a page of the runbook, and neither names anything that does not exist."""

import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import pytest
import yaml

from services.cli.main import main
from shared import errors
from shared.errors import pages, provider, work
from tests.manifests import of_kind, put_together
from tests.observing import known_metrics, metrics_named_in, runbook_queries

ROOT = Path(__file__).parents[2]
RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
TESTS = sorted((ROOT / "tests/prometheus").glob("*.test.yml"))
RUNBOOK = ROOT / "docs/runbook"
PAGES = sorted(RUNBOOK.glob("Fleet*.md"))

needs_promtool = pytest.mark.skipif(shutil.which("promtool") is None, reason="tests/install-servers installs it")


def rules() -> Iterator[dict[str, Any]]:
    for path in RULES:
        for group in yaml.safe_load(path.read_text(encoding="utf-8"))["groups"]:
            yield from group["rules"]


def alerts() -> set[str]:
    return {rule["alert"] for rule in rules() if "alert" in rule}


@needs_promtool
@pytest.mark.parametrize("test", TESTS, ids=lambda path: path.name)
def test_the_rules_keep_what_their_tests_say(test: Path) -> None:
    done = subprocess.run(["promtool", "test", "rules", test], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@needs_promtool
def test_prometheus_takes_the_rules() -> None:
    done = subprocess.run(["promtool", "check", "rules", *RULES], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


MISTAKES = [
    pytest.param("burn-rates", '1h{slo="content"} > 14.4', '1h{slo="content"} > 28.8', id="twice the factor"),
    pytest.param("burn-rates", 'ratio6h{slo="analysis"} > 6', 'ratio1d{slo="analysis"} > 6', id="the wrong window"),
    pytest.param("burn-rates", '3d{slo="success"} > 1 ', '3d{slo="success"} < 1 ', id="the wrong comparison"),
    pytest.param("burn-rates", "[1h])) > 10", "[1h])) > 0", id="alarm over a handful"),
    pytest.param(
        "alerts", "for: 10m\n        expr: |\n          fleet:oldest", "expr: |\n          fleet:oldest", id="no for"
    ),
    pytest.param(
        "alerts", "max by (source) (fleet_counted", "min by (source) (fleet_counted", id="one replica that is stuck"
    ),
    pytest.param(
        "alerts",
        "fleet:oldest_wait_seconds > 600",
        "max by (stage) (fleet_oldest_wait_seconds) > 600",
        id="old figures",
    ),
]


@needs_promtool
@pytest.mark.parametrize(("test", "right", "wrong"), MISTAKES)
def test_the_tests_of_the_rules_notice(test: str, right: str, wrong: str, tmp_path: Path) -> None:
    shutil.copytree(ROOT / "deploy/prometheus/rules", tmp_path / "deploy/prometheus/rules")
    (tmp_path / "tests/prometheus").mkdir(parents=True)
    copied = shutil.copy(ROOT / f"tests/prometheus/{test}.test.yml", tmp_path / "tests/prometheus")
    alerts_file = tmp_path / "deploy/prometheus/rules/alerts.yml"
    text = alerts_file.read_text(encoding="utf-8")
    assert right in text
    alerts_file.write_text(text.replace(right, wrong, 1), encoding="utf-8")

    assert subprocess.run(["promtool", "test", "rules", copied], capture_output=True, check=False).returncode != 0


def test_a_burn_rate_looks_over_the_time_its_name_says() -> None:
    burns = [rule for rule in rules() if rule.get("record", "").startswith("fleet:slo_burn:ratio")]
    assert len(burns) == 16
    for rule in burns:
        over = rule["record"].removeprefix("fleet:slo_burn:ratio")
        assert set(re.findall(r"\[(\w+)\]", rule["expr"])) == {over}, rule["record"]


def test_every_alert_has_a_test_in_which_it_fires_and_one_in_which_it_is_silent() -> None:
    asked = [
        (case["alertname"], bool(case["exp_alerts"]))
        for path in TESTS
        for test in yaml.safe_load(path.read_text(encoding="utf-8"))["tests"]
        for case in test.get("alert_rule_test", ())
    ]

    assert {name for name, fires in asked if fires} == alerts()
    assert {name for name, fires in asked if not fires} == alerts()


OURS = {"internal_fault", "took_too_long", "lease_expired", "answer_unusable"}
"""Codes of failed jobs that spend the budget of the service level `success`."""
NOT_OURS = {
    # the page's, its site's or the web's
    "address_refused",
    "page_blocked",
    "page_empty",
    "page_gone",
    "page_refused",
    "page_unreachable",
    "page_unusable",
    "robots_refused",
    "content_blocked",  # by the provider's rules
    "key_expired",
    "key_refused",  # the user's
    "user_erased",
    "lease_lost",  # no job fails for it: somebody else has it, or nobody wants it
}


def test_a_job_that_fails_for_a_reason_of_ours_spends_the_budget_of_success() -> None:
    ways = {error for module in (pages, provider, work) for error in vars(module).values() if is_how_a_job_ends(error)}
    assert {error.code for error in ways} == OURS | NOT_OURS
    counted = {
        code
        for rule in rules()
        if rule.get("labels", {}).get("slo") == "success" and "outcome" in rule["expr"]
        for code in re.findall(r'code=~"([^"]+)"', rule["expr"])
    }
    assert [set(codes.split("|")) for codes in counted] == [OURS]


def is_how_a_job_ends(error: object) -> bool:
    """What waits has not failed, and what is set up wrongly does not start."""
    branches = (errors.Permanent, errors.Transient)
    return isinstance(error, type) and issubclass(error, branches) and error not in branches


def test_an_alert_leads_to_its_page_wherever_the_overlay_says_that_this_repository_can_be_read() -> None:
    overlay = yaml.safe_load((ROOT / "deploy/k8s/overlays/production/kustomization.yaml").read_text(encoding="utf-8"))
    [runbook] = [made for made in overlay["configMapGenerator"] if made["name"] == "runbook"]
    [repository] = [said.removeprefix("repository=") for said in runbook["literals"]]
    resources = put_together("overlays/production")
    [made] = of_kind(resources, "PrometheusRule")

    assert repository.startswith("https://")
    assert [each for each in of_kind(resources, "ConfigMap") if each["metadata"]["name"].startswith("runbook")] == []
    for rule in (rule for group in made["spec"]["groups"] for rule in group["rules"] if "alert" in rule):
        assert rule["annotations"]["runbook_url"] == f"{repository}/docs/runbook/{rule['alert']}.md"


def test_every_alert_has_a_page_and_every_page_an_alert() -> None:
    assert {page.stem for page in PAGES} == alerts()
    assert all(f"]({page.name})" in (RUNBOOK / "README.md").read_text(encoding="utf-8") for page in PAGES)
    for rule in rules():
        if "alert" in rule:
            assert rule["annotations"]["runbook_url"] == f"docs/runbook/{rule['alert']}.md"
            assert rule["labels"]["severity"] in {"page", "ticket"}


@pytest.mark.parametrize("page", PAGES, ids=lambda path: path.stem)
def test_a_page_says_what_it_means_where_to_look_and_what_to_do_in_things_that_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")

    assert re.findall(r"^## (.+)$", text, re.MULTILINE) == ["What it means", "Look here", "Do this", "It is over when"]
    assert {link for link in re.findall(r"\]\(([^)]+)\)", text) if not (RUNBOOK / link).exists()} == set()
    for command in re.findall(r"`fleet ([^`]+)`", text):
        assert_is_a_command(command.split())
    configuration = (ROOT / "docs/configuration.md").read_text(encoding="utf-8")
    for setting in re.findall(r"FLEET_[A-Z_]+[A-Z]", text):
        assert f"`{setting.removesuffix('_FILE')}`" in configuration, setting
    assert metrics_named_in(text) <= known_metrics()


RABBITMQS_OWN = {"delivery_limit", "purge_queue", "list_queues", "list_connections"}


def test_codes_and_events_that_the_runbook_names_are_in_the_code() -> None:
    words = {word for page in PAGES for word in re.findall(r"`([a-z]+(?:_[a-z]+)+)`", page.read_text(encoding="utf-8"))}
    code = "".join(
        path.read_text(encoding="utf-8") for top in ("services", "shared") for path in (ROOT / top).rglob("*.py")
    )

    assert len(words) > 15
    assert {word for word in words if word not in code} - RABBITMQS_OWN == set()


@needs_promtool
def test_prometheus_takes_the_queries_of_the_runbook_and_records_what_they_ask_for(tmp_path: Path) -> None:
    queries = list(runbook_queries().values())
    assert len(queries) > 20
    asked = tmp_path / "queries.yml"
    records = [{"record": "asked", "expr": query, "labels": {"n": str(n)}} for n, query in enumerate(queries)]
    asked.write_text(yaml.safe_dump({"groups": [{"name": "runbook", "rules": records}]}), encoding="utf-8")

    done = subprocess.run(["promtool", "check", "rules", asked], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    recorded = {rule["record"] for rule in rules() if "record" in rule}
    assert {name for query in queries for name in re.findall(r"fleet:[\w:]+", query)} <= recorded


def test_commands_of_the_runbook_say_in_which_namespace() -> None:
    said = [line for page in PAGES for line in re.findall(r"`(kubectl [^`]+)`", page.read_text(encoding="utf-8"))]
    assert said
    assert [command for command in said if "--namespace fleet" not in command] == []


def test_the_rules_ask_for_metrics_that_exist() -> None:
    assert set().union(*(metrics_named_in(str(rule["expr"])) for rule in rules())) <= known_metrics()


def assert_is_a_command(words: list[str]) -> None:
    command: click.Command = main
    while isinstance(command, click.Group):
        found = command.get_command(click.Context(command), words[0])
        assert found is not None, words
        command, words = found, words[1:]
    options = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= options, (command.name, words)
