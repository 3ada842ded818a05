"""`make check` notices mistakes in deploy/k8s: those of planted_mistakes.yaml, by what the manifests promise."""

import shutil
from pathlib import Path

import pytest
import yaml

from tests.manifests import ROOT, policies, put_together, schemas, shipped

PLANTED: dict[str, list[list[str]]] = yaml.safe_load(
    Path(__file__).with_name("planted_mistakes.yaml").read_text(encoding="utf-8")
)
ELSEWHERE = {"HPA": "overlays/plain", "migrations": "overlays/production/migration"}


@pytest.mark.parametrize("promise", PLANTED)
def test_mistakes_against_a_promise_are_noticed(promise: str, tmp_path: Path) -> None:
    for part in ("k8s", "grafana"):
        shutil.copytree(ROOT / "deploy" / part, tmp_path / "deploy" / part)
    for _, path, right, wrong in PLANTED[promise]:
        file = tmp_path / "deploy" / "k8s" / path
        text = file.read_text(encoding="utf-8")
        assert right in text
        file.write_text(text.replace(right, wrong), encoding="utf-8")

    folder = ELSEWHERE.get(promise.split(maxsplit=1)[0], "overlays/production")

    planted = put_together(folder, root=tmp_path)

    changed = [resource for resource in planted if resource not in shipped(folder)]
    found = [*schemas.faults(changed, versions=schemas.VERSIONS[-1:]), *policies.faults(planted)]
    assert [noticed for noticed, *_ in PLANTED[promise] if not any(noticed in fault for fault in found)] == []
