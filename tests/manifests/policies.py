"""What our house asks of resources beyond what a schema can say; a rule yields a sentence for all it refuses."""

import re
from collections.abc import Callable, Iterator

from tests.manifests import (
    Resource,
    lifetimes,
    monitoring,
    name_of,
    network,
    of_kind,
    rabbitmq,
    replacing,
    replicas,
    scalers,
    selects,
    settings,
    sizes,
    wiring,
    workloads,
)
from tests.manifests.sizes import in_bytes

Rule = Callable[[list[Resource]], Iterator[str]]

_SIGNS_IN = {"api", "intake", "analyze"}
ACCOUNT = 10001  # the images' own
_IDS = {"runAsUser", "runAsGroup", "fsGroup"}
_KINDS = {
    *(
        "Namespace",
        "Deployment",
        "Job",
        "Service",
        "ServiceAccount",
        "ConfigMap",
        "PodDisruptionBudget",
        "PriorityClass",
    ),
    *("NetworkPolicy", "ScaledObject", "TriggerAuthentication", "HorizontalPodAutoscaler"),
    *("PodMonitor", "PrometheusRule", "RabbitmqCluster", "Policy"),
}
_PROFILES = {"render": {"type": "Localhost", "localhostProfile": "bookmark-fleet/chromium.json"}}


def pods_have_no_rights(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        held = work.pod["securityContext"]
        if not held.get("runAsNonRoot") or {held.get(name) for name in _IDS} != {ACCOUNT}:
            yield f"{work.name} runs as root, or not as the images' account"
        if held.get("seccompProfile") != _PROFILES.get(work.role, {"type": "RuntimeDefault"}):
            yield f"{work.name} has another seccomp profile than it needs"
        if held.keys() != _IDS | {"runAsNonRoot", "seccompProfile"}:
            yield f"{work.name} asks for rights of its own for its pod"
        if any(work.pod.get(name) for name in ("hostNetwork", "hostPID", "hostIPC")):
            yield f"{work.name} shares the node's namespaces"
        for volume in work.pod.get("volumes", []):
            if not volume.keys() & {"emptyDir", "secret", "configMap"}:
                yield f"{work.name} mounts {volume}"


def containers_have_no_rights(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        held = work.container.get("securityContext", {})
        if held.get("allowPrivilegeEscalation") is not False or held.get("privileged"):
            yield f"{work.name} may gain privileges"
        if held.get("capabilities") != {"drop": ["ALL"]}:
            yield f"{work.name} keeps capabilities"
        if not held.get("readOnlyRootFilesystem"):
            yield f"{work.name} may write its root"
        if held.keys() - {"allowPrivilegeEscalation", "capabilities", "readOnlyRootFilesystem"}:
            yield f"{work.name} asks for rights of its own"
        if any(port.keys() - {"name", "containerPort"} for port in work.container.get("ports", [])):
            yield f"{work.name} takes a port of the node"


def containers_are_limited(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        held = work.container.get("resources", {})
        requests, limits = held.get("requests", {}), held.get("limits", {})
        if "memory" not in limits:
            yield f"{work.name} has no limit of memory"
        elif not {"cpu", "memory"} <= requests.keys():
            yield f"{work.name} requests no processor or memory"
        elif not 2**25 <= in_bytes(requests["memory"]) <= in_bytes(limits["memory"]):
            yield f"{work.name} requests {requests['memory']} of {limits['memory']}"
        if "cpu" in limits:  # docs/operations/sizing.md says why
            yield f"{work.name} is throttled"
        for volume in work.pod.get("volumes", []):
            if "emptyDir" in volume and "sizeLimit" not in volume["emptyDir"]:
                yield f"{work.name}: the volume {volume['name']} has no limit"


def images_are_pinned(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        image = work.container["image"]
        if not re.search(r"(@sha256:[0-9a-f]{64}|:v?[0-9]+(\.[0-9]+)+[\w.-]*)$", image):
            yield f"{work.name}: the image {image} is not pinned"


def names_lead_somewhere(resources: list[Resource]) -> Iterator[str]:
    deployments = {work.role: work for work in workloads(resources)}
    for scaler in of_kind(resources, "ScaledObject", "HorizontalPodAutoscaler"):
        target = scaler["spec"]["scaleTargetRef"]["name"]
        if target not in deployments:
            yield f"{name_of(scaler)} scales {target}, which is not there"
    for picker in of_kind(resources, "Service", "PodDisruptionBudget"):
        selector = picker["spec"]["selector"]
        wanted = selector if picker["kind"] == "PodDisruptionBudget" else {"matchLabels": selector}
        if not any(selects(wanted, work.labels) for work in deployments.values()):
            yield f"{name_of(picker)} selects no pod"
    accounts = {account["metadata"]["name"] for account in of_kind(resources, "ServiceAccount")}
    for work in deployments.values():
        if work.pod["serviceAccountName"] not in accounts:
            yield f"{work.name} runs as {work.pod['serviceAccountName']}, which is not there"
        volumes = {volume["name"] for volume in work.pod.get("volumes", [])}
        yield from (
            f"{work.name} mounts {mount['name']}, which is not there"
            for mount in work.container.get("volumeMounts", [])
            if mount["name"] not in volumes
        )


def only_what_we_know_of_is_there(resources: list[Resource]) -> Iterator[str]:
    """No roles and bindings, no secrets, no other workloads than these rules look at."""
    for resource in resources:
        if resource["kind"] not in _KINDS:
            yield f"{name_of(resource)} is of a kind that no rule looks at"


def accounts_are_shown_to_those_who_sign_in(resources: list[Resource]) -> Iterator[str]:
    for work in workloads(resources):
        if work.pod.get("automountServiceAccountToken") is not (work.role in _SIGNS_IN):
            yield f"{work.name}: its service account's token is where it should not be, or is not where it should"
    for account in of_kind(resources, "ServiceAccount"):
        if account.get("automountServiceAccountToken") is not False:
            yield f"{name_of(account)} is shown to every pod that does not refuse it"


def the_namespace_is_restricted(resources: list[Resource]) -> Iterator[str]:
    for namespace in of_kind(resources, "Namespace"):
        if namespace["metadata"]["labels"].get("pod-security.kubernetes.io/enforce") != "restricted":
            yield f"{name_of(namespace)} does not enforce the restricted standard"


RULES: tuple[Rule, ...] = (
    pods_have_no_rights,
    containers_have_no_rights,
    containers_are_limited,
    images_are_pinned,
    names_lead_somewhere,
    only_what_we_know_of_is_there,
    accounts_are_shown_to_those_who_sign_in,
    the_namespace_is_restricted,
    *lifetimes.RULES,
    *monitoring.RULES,
    *network.RULES,
    *rabbitmq.RULES,
    *replacing.RULES,
    *replicas.RULES,
    *scalers.RULES,
    *settings.RULES,
    *sizes.RULES,
    *wiring.RULES,
)


def faults(resources: list[Resource]) -> Iterator[str]:
    """Everything that a rule of ours refuses."""
    for rule in RULES:
        yield from rule(resources)
