"""What our house asks of monitors: everything is scraped, and often enough for the rules."""

from collections.abc import Iterator

from tests.manifests import Resource, name_of, of_kind, selects, workloads

_OFTEN = {"15s", "30s"}
_QUEUES = {
    "path": "/metrics/detailed",
    "params": {"family": ["queue_coarse_metrics"]},
}  # what scalers ask for


def everything_is_scraped(resources: list[Resource]) -> Iterator[str]:
    monitors = list(of_kind(resources, "PodMonitor"))
    for work in workloads(resources):
        ports = {port["name"] for port in work.container.get("ports", [])}
        if not monitors or work.ends:
            continue
        if not any(
            selects(monitor["spec"]["selector"], work.labels)
            and any(
                endpoint["port"] in ports and endpoint.get("path", "/metrics") == "/metrics"
                for endpoint in monitor["spec"]["podMetricsEndpoints"]
            )
            for monitor in monitors
        ):
            yield f"{work.name} is not scraped"


def rabbitmqs_queues_are_scraped(resources: list[Resource]) -> Iterator[str]:
    monitors = list(of_kind(resources, "PodMonitor"))
    for cluster in of_kind(resources, "RabbitmqCluster"):
        labels = {"app.kubernetes.io/name": cluster["metadata"]["name"]}
        asked = [
            {name: endpoint.get(name) for name in ("path", "params")}
            for monitor in monitors
            if selects(monitor["spec"]["selector"], labels)
            for endpoint in monitor["spec"]["podMetricsEndpoints"]
            if endpoint["port"] == "prometheus"  # as the operator names it
        ]
        if monitors and asked != [_QUEUES]:
            yield f"{name_of(cluster)}: its queues are not scraped"


def monitors_look_often(resources: list[Resource]) -> Iterator[str]:
    for monitor in of_kind(resources, "PodMonitor"):
        if any(endpoint.get("interval") not in _OFTEN for endpoint in monitor["spec"]["podMetricsEndpoints"]):
            yield f"{name_of(monitor)} seldom looks"


RULES = (everything_is_scraped, rabbitmqs_queues_are_scraped, monitors_look_often)
