"""What schemas say: Kubernetes' own for several versions, the operators' judges, and ours for RabbitMQ's operators."""

import functools
import json
import subprocess
from collections.abc import Iterator, Sequence
from pathlib import Path

import jsonschema
import kubernetes_validate
import playwright
import yaml

from tests.manifests import ROOT, Resource, name_of

VERSIONS = ("1.29", "1.33", "1.37")
_OPERATORS = ("keda.sh/v1alpha1", "monitoring.coreos.com/v1")
# Each resource would have the same megabytes of definitions read again.
kubernetes_validate.utils.schema_contents = functools.cache(kubernetes_validate.utils.schema_contents)
_VALIDATORS = ROOT / "deploy" / "k8s" / "validators"


def faults(resources: Sequence[Resource], *, versions: Sequence[str] = VERSIONS) -> Iterator[str]:
    """What no cluster would take, or would silently drop."""
    of_operators = [resource for resource in resources if resource["apiVersion"] in _OPERATORS]
    of_rabbitmq = [resource for resource in resources if resource["apiVersion"] == "rabbitmq.com/v1beta1"]
    for resource in resources:
        if resource not in of_operators and resource not in of_rabbitmq:
            yield from _against_kubernetes(resource, versions)
    if of_operators:
        yield from _judged(of_operators)
    for resource in of_rabbitmq:
        yield from _against_ours(resource)


def _against_kubernetes(resource: Resource, versions: Sequence[str]) -> Iterator[str]:
    for version in versions:
        try:
            kubernetes_validate.validate(resource, version, strict=True)
        except kubernetes_validate.ValidationError as error:
            yield f"{name_of(resource)}: Kubernetes {version}: {error.message[:300]}"


def _judged(resources: Sequence[Resource]) -> Iterator[str]:
    """The judges are JavaScript; Playwright's wheel brings a Node."""
    node = Path(playwright.__file__).parent / "driver" / "node"
    judged = subprocess.run(
        [node, _VALIDATORS / "judge.bundle.cjs"],
        input=json.dumps(resources),
        capture_output=True,
        text=True,
        check=True,
    )
    for resource, found in zip(resources, json.loads(judged.stdout), strict=True):
        yield from (f"{name_of(resource)}: {fault}" for fault in found)


def _against_ours(resource: Resource) -> Iterator[str]:
    schema = _rabbitmq()[resource["kind"]]
    for error in jsonschema.Draft202012Validator(schema).iter_errors(resource["spec"]):
        yield f"{name_of(resource)}: {error.json_path}: {error.message[:300]}"


@functools.cache
def _rabbitmq() -> dict[str, dict[str, object]]:
    text = (_VALIDATORS / "rabbitmq.yaml").read_text(encoding="utf-8")
    return dict(yaml.safe_load(text))
