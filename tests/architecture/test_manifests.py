"""deploy/k8s is what a cluster takes, what our rules ask for, and whole."""

import shutil
from importlib import metadata
from pathlib import Path

import pytest

from deploy.k8s.building import manifests
from tests.manifests import FOLDERS, ROOT, policies, put_together, schemas, shipped, workloads

BROUGHT = {
    "overlays/dev": set(),
    "overlays/plain": {"HorizontalPodAutoscaler"},
    "overlays/production": {"ScaledObject", "PodMonitor", "PrometheusRule", "RabbitmqCluster", "Policy"},
}


@pytest.mark.parametrize("folder", FOLDERS)
def test_every_version_of_kubernetes_takes_the_resources_and_no_rule_refuses_them(folder: str) -> None:
    found = [*schemas.faults(shipped(folder)), *policies.faults(shipped(folder))]

    assert found == []


@pytest.mark.parametrize("overlay", BROUGHT)
def test_an_overlay_brings_the_components_that_the_guide_says(overlay: str) -> None:
    optional = set().union(*BROUGHT.values())

    assert {resource["kind"] for resource in shipped(overlay)} & optional == BROUGHT[overlay]


def test_all_images_of_a_release_are_of_its_version() -> None:
    images = {work.container["image"] for folder in FOLDERS for work in workloads(shipped(folder))}
    version = metadata.version("bookmark-fleet")

    assert {image.rpartition(":")[2] for image in images if "bookmark-fleet/" in image} == {version}


def test_the_vault_is_set_up_where_the_fleet_looks_for_it() -> None:
    (set_up,), fleet = workloads(shipped("vault-set-up")), workloads(shipped("overlays/production"))

    told = {work.environment().get("FLEET_VAULT_ADDR") for work in fleet}

    assert told == {set_up.environment()["BAO_ADDR"]}


def test_the_component_for_traces_is_taken_and_lets_every_role_reach_the_collector(tmp_path: Path) -> None:
    for part in ("k8s", "grafana"):
        shutil.copytree(ROOT / "deploy" / part, tmp_path / "deploy" / part)
    overlay = tmp_path / "deploy" / "k8s" / "overlays" / "production" / "kustomization.yaml"
    text = overlay.read_text(encoding="utf-8")
    overlay.write_text(text.replace("components:\n", "components:\n  - ../../components/tracing\n"), encoding="utf-8")

    traced = put_together("overlays/production", root=tmp_path)

    changed = [resource for resource in traced if resource not in shipped("overlays/production")]
    assert len(changed) == 7, "the policy and six roles"
    assert [*schemas.faults(changed, versions=schemas.VERSIONS[-1:]), *policies.faults(traced)] == []


def test_what_is_made_from_other_files_is_up_to_date() -> None:
    for path, text in manifests.as_yaml().items():
        assert path.read_text(encoding="utf-8") == text, "run `make manifests`"


def test_every_dashboard_reaches_grafana() -> None:
    brought = {
        name
        for resource in shipped("overlays/production")
        if resource["metadata"].get("labels", {}).get("grafana_dashboard")
        for name in resource["data"]
    }
    assert brought == {file.name for file in (ROOT / "deploy" / "grafana" / "dashboards").glob("*.json")}
