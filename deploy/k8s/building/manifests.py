"""Writes as resources of Kubernetes what other files of deploy/ say: `python -m deploy.k8s.building.manifests`."""

from pathlib import Path
from typing import Any

import yaml

DEPLOY = Path(__file__).parents[2]
_HEAD = "# Made from {source} by `make manifests`.\n"


def prometheus_rule() -> dict[str, Any]:
    """Every rule and alert of deploy/prometheus/rules."""
    files = sorted((DEPLOY / "prometheus" / "rules").glob("*.yml"))
    groups = [group for file in files for group in yaml.safe_load(file.read_text(encoding="utf-8"))["groups"]]
    return _resource("monitoring.coreos.com/v1", "PrometheusRule", "fleet") | {"spec": {"groups": groups}}


def vault_policies() -> dict[str, Any]:
    """The policies of deploy/vault, as files for the Job that sets a vault up."""
    files = sorted((DEPLOY / "vault" / "policies").glob("*.hcl"))
    return _resource("v1", "ConfigMap", "vault-policies") | {
        "data": {file.name: file.read_text(encoding="utf-8") for file in files}
    }


def as_yaml() -> dict[Path, str]:
    """Every file that is made, with its text."""
    components = DEPLOY / "k8s" / "components"
    return {
        components / "monitoring" / "rules.yaml": _HEAD.format(source="deploy/prometheus/rules")
        + yaml.safe_dump(prometheus_rule(), sort_keys=False, width=1000),
        DEPLOY / "k8s" / "vault-set-up" / "policies.yaml": _HEAD.format(source="deploy/vault/policies")
        + yaml.safe_dump(vault_policies(), sort_keys=False, width=1000),
    }


def _resource(version: str, kind: str, name: str) -> dict[str, Any]:
    return {"apiVersion": version, "kind": kind, "metadata": {"name": name}}


if __name__ == "__main__":
    for path, text in as_yaml().items():
        path.write_text(text, encoding="utf-8")
