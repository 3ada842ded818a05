"""What our house asks of how resources name each other: selectors, ports, ways through the network, logins, images."""

import re
from collections.abc import Iterator
from typing import Any

from tests.manifests import Resource, Workload, name_of, of_kind, selects, workloads

_OTHERS = {"rabbitmq": {"app.kubernetes.io/name": "rabbitmq"}}  # pods that an operator makes


def selectors_take_in_their_own_pods(resources: list[Resource]) -> Iterator[str]:
    work_of = {work.role: work for work in workloads(resources) if work.resource["kind"] == "Deployment"}
    for work in work_of.values():
        selector = work.resource["spec"]["selector"]
        chosen = [other.role for other in work_of.values() if selects(selector, other.labels)]
        if chosen != [work.role]:
            yield f"{work.name} selects the pods of {chosen}"
        guards = [
            budget
            for budget in of_kind(resources, "PodDisruptionBudget")
            if _takes_in(budget["spec"]["selector"], work)
        ]
        if [budget["metadata"]["name"] for budget in guards] != [work.role]:
            yield f"{work.name} has {len(guards)} PodDisruptionBudgets of its own name"
        for spread in work.pod.get("topologySpreadConstraints", []):
            if not _takes_in(spread["labelSelector"], work):
                yield f"{work.name} spreads other pods than its own"
    pods = [work.labels for work in workloads(resources)] + list(_OTHERS.values())
    for policy in of_kind(resources, "NetworkPolicy"):
        if not any(selects(policy["spec"]["podSelector"], labels) for labels in pods):
            yield f"{name_of(policy)} selects no pod"


def _takes_in(selector: dict[str, Any], work: Workload) -> bool:
    return bool(selector.get("matchLabels")) and selects(selector, work.labels)


def ports_are_open(resources: list[Resource]) -> Iterator[str]:
    """A port that a Service, a monitor or a policy speaks of is one of the pods it selects."""
    for service in of_kind(resources, "Service"):
        ports = _ports(resources, {"matchLabels": service["spec"]["selector"]})
        for entry in service["spec"]["ports"]:
            if entry.get("targetPort", entry["port"]) not in ports:
                yield f"{name_of(service)} leads to the port {entry.get('targetPort', entry['port'])}, which is closed"
    for monitor in of_kind(resources, "PodMonitor"):
        if ports := _ports(resources, monitor["spec"]["selector"]):
            asked = {endpoint["port"] for endpoint in monitor["spec"]["podMetricsEndpoints"]}
            yield from (f"{name_of(monitor)} asks the port {port}, which is closed" for port in asked - ports)
    for policy in of_kind(resources, "NetworkPolicy"):
        if ports := _ports(resources, policy["spec"]["podSelector"]):
            let_in = {entry["port"] for rule in policy["spec"].get("ingress", []) for entry in rule.get("ports", [])}
            yield from (f"{name_of(policy)} opens the port {port}, which is closed" for port in let_in - ports)


def _ports(resources: list[Resource], selector: dict[str, Any]) -> set[str | int]:
    """The names and numbers of the ports of the pods a selector takes in."""
    return {
        value
        for work in workloads(resources)
        if selects(selector, work.labels)
        for port in work.container.get("ports", [])
        for value in (port["name"], port["containerPort"])
    }


def roles_run_as_themselves(resources: list[Resource]) -> Iterator[str]:
    """Each in its own image, and as the service account to which its role in the vault is bound."""
    for work in workloads(resources):
        image = re.sub(r"[:@].*", "", work.container["image"])
        if "bookmark-fleet/" in image and image.rpartition("/")[2] != work.role:
            yield f"{work.name} runs the image {image}"
        if "bookmark-fleet/" in image and {"command", "args"} & work.container.keys():
            yield f"{work.name} runs another command than its image's"
        role = work.environment().get("FLEET_VAULT_ROLE")
        if role and work.pod["serviceAccountName"] != f"fleet-{role}":
            yield f"{work.name} signs in as {role}, but runs as {work.pod['serviceAccountName']}"


RULES = (
    selectors_take_in_their_own_pods,
    ports_are_open,
    roles_run_as_themselves,
)
