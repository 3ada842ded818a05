"""The resources under deploy/k8s as Kubernetes would be given them, and everything that is wrong with them."""

import functools
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

ROOT = Path(__file__).parents[2]
FOLDERS = (
    "overlays/dev",
    "overlays/dev/migration",
    "overlays/plain",
    "overlays/production",
    "overlays/production/migration",
    "vault-set-up",
)

Resource = dict[str, Any]


def put_together(folder: str, root: Path = ROOT) -> list[Resource]:
    """What `kubectl apply -k deploy/k8s/<folder>` would send."""
    kubectl = Path(sys.executable).with_name("kubectl")
    made = subprocess.run(
        [kubectl, "kustomize", root / "deploy" / "k8s" / folder], capture_output=True, text=True, check=False
    )
    assert made.returncode == 0, made.stderr
    return [resource for resource in yaml.load_all(made.stdout, yaml.CSafeLoader) if resource]


@functools.cache
def shipped(folder: str) -> list[Resource]:
    """The same of the files as they are, put together once."""
    return put_together(folder)


def of_kind(resources: list[Resource], *kinds: str) -> Iterator[Resource]:
    return (resource for resource in resources if resource["kind"] in kinds)


def name_of(resource: Resource) -> str:
    return f"{resource['kind']} {resource['metadata']['name']}"


@dataclass(frozen=True)
class Workload:
    """A Deployment or a Job with what one of its containers is told."""

    resource: Resource
    resources: list[Resource]
    container: dict[str, Any]

    @property
    def name(self) -> str:
        return name_of(self.resource)

    @property
    def role(self) -> str:
        return str(self.resource["metadata"]["name"])

    @property
    def labels(self) -> dict[str, str]:
        return dict(self.resource["spec"]["template"]["metadata"]["labels"])

    @property
    def pod(self) -> dict[str, Any]:
        return dict(self.resource["spec"]["template"]["spec"])

    @property
    def ends(self) -> bool:
        """Whether the container is there for a while only, as a Job's and one that comes before the others."""
        return self.resource["kind"] == "Job" or self.container not in self.pod["containers"]

    @property
    def pause_s(self) -> int:
        """How long it waits, told to end, before it hears of it: its pre-stop hook's sleep."""
        stop: dict[str, Any] = self.container.get("lifecycle", {}).get("preStop", {})
        return int(stop.get("exec", {}).get("command", ["sleep", "0"])[1])

    def environment(self) -> dict[str, str]:
        """Every variable its container has, from the ConfigMaps and from its own list."""
        maps = {resource["metadata"]["name"]: resource for resource in of_kind(self.resources, "ConfigMap")}
        told: dict[str, str] = {}
        for source in self.container.get("envFrom", []):
            told |= maps[source["configMapRef"]["name"]]["data"]
        return told | {entry["name"]: entry.get("value", "") for entry in self.container.get("env", [])}


def workloads(resources: list[Resource]) -> list[Workload]:
    """Every container that runs, those that come before the others included."""
    return [
        Workload(resource, resources, container)
        for resource in of_kind(resources, "Deployment", "Job")
        for part in ("initContainers", "containers")
        for container in resource["spec"]["template"]["spec"].get(part, [])
    ]


def selects(selector: dict[str, Any], labels: Mapping[str, str]) -> bool:
    """Whether a label selector takes in these labels, as Kubernetes reads it."""
    exact = all(labels.get(key) == value for key, value in selector.get("matchLabels", {}).items())
    return exact and all(_meets(wanted, labels) for wanted in selector.get("matchExpressions", []))


def _meets(wanted: dict[str, Any], labels: Mapping[str, str]) -> bool:
    value = labels.get(wanted["key"])
    match wanted["operator"]:
        case "In":
            return value in wanted["values"]
        case "NotIn":
            return value not in wanted["values"]
        case "Exists":
            return value is not None
    return value is None  # DoesNotExist
