"""The labels that rules, dashboards and the runbook ask for, and what commands name, are what the manifests give."""

import re
from pathlib import Path

import pytest

from tests.manifests import ROOT, Resource, of_kind, put_together, workloads

ASKING = [*(ROOT / "deploy/prometheus/rules").glob("*.yml"), *(ROOT / "deploy/grafana/dashboards").glob("*.json")]
RUNBOOK = list((ROOT / "docs/runbook").glob("*.md"))
A_STAGE = "STAGE"  # where a page leaves it to the reader which


@pytest.fixture(scope="module")
def resources() -> list[Resource]:
    return put_together("overlays/production")


def of_pods(resources: list[Resource], label: str) -> set[str]:
    """The values that the fleet's pods have of a label."""
    ours = [work.labels for work in workloads(resources) if "app.kubernetes.io/component" in work.labels]
    return {labels[label] for labels in ours if label in labels}


def asked(text: str, label: str) -> set[str]:
    """The values a text asks of a label, in PromQL or of kubectl."""
    return set(re.findall(rf'\b{re.escape(label)}=\\?"?([\w-]+)', text))


@pytest.mark.parametrize("place", [*ASKING, *RUNBOOK], ids=lambda path: path.name)
def test_jobs_and_roles_that_are_asked_for_are_there(place: Path, resources: list[Resource]) -> None:
    [monitor] = [each for each in of_kind(resources, "PodMonitor") if each["metadata"]["name"] == "fleet"]
    source = "app.kubernetes.io/component"
    from_the_pod = "__meta_kubernetes_pod_label_" + re.sub(r"\W", "_", source)
    for endpoint in monitor["spec"]["podMetricsEndpoints"]:
        assert endpoint["relabelings"] == [{"sourceLabels": [from_the_pod], "targetLabel": "role"}]
    text = place.read_text(encoding="utf-8")

    assert asked(text, "job") <= of_pods(resources, monitor["spec"]["jobLabel"])
    assert asked(text, "role") | asked(text, source) <= of_pods(resources, source) | {A_STAGE}


@pytest.mark.parametrize("page", RUNBOOK, ids=lambda path: path.stem)
def test_what_the_commands_of_the_runbook_name_is_there(page: Path, resources: list[Resource]) -> None:
    text = page.read_text(encoding="utf-8")
    deployments = list(of_kind(resources, "Deployment"))

    assert set(re.findall(r"\bdeployment/([\w-]+)", text)) <= {each["metadata"]["name"] for each in deployments}
    assert set(re.findall(r"--namespace ([\w-]+)", text)) <= {each["metadata"]["namespace"] for each in deployments}


def test_somebody_asks_for_all_of_these() -> None:
    everything = "".join(path.read_text(encoding="utf-8") for path in [*ASKING, *RUNBOOK])
    assert asked(everything, "job") == {"bookmark-fleet"}
    assert {"api", "dispatch"} <= asked(everything, "role") | asked(everything, "app.kubernetes.io/component")
