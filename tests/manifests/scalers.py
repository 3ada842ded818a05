"""What our house asks of scalers: each role has one, that asks for the role's own work and lets go slowly."""

import re
from collections.abc import Iterator
from typing import Any

from services.producer import intake
from shared import metrics
from shared.broker import queue_name
from shared.values import Stage
from tests.manifests import Resource, name_of, of_kind, workloads

_FIXED = {"dispatch"}  # two are enough for any load, and always there
_TO_NONE = {"render"}  # what no page needs for hours
_SLOWLY_S = 300
_SLOWLY_PERCENT = 50
_PROMETHEUS = re.compile(r"http://[a-z-]+\.monitoring\.svc:9090")
_OWN_RECORDS = re.compile(r"fleet:\w+|fleet_\w+")


def every_role_has_one_scaler(resources: list[Resource]) -> Iterator[str]:
    """Where there are scalers at all: clusters of one's own go without."""
    scaled = [scaler["spec"]["scaleTargetRef"] for scaler in _scalers(resources)]
    for work in workloads(resources):
        if not scaled or work.resource["kind"] != "Deployment":
            continue
        own = [ref for ref in scaled if (ref.get("kind", "Deployment"), ref["name"]) == ("Deployment", work.role)]
        if len(own) != (work.role not in _FIXED):
            yield f"{work.name} has {len(own)} scalers"
        if own and "replicas" in work.resource["spec"]:
            yield f"{work.name} says how many there are, against its scaler"
        if not own and work.resource["spec"].get("replicas", 1) < 2:
            yield f"{work.name} is not there when a node is drained"


def scalers_let_go_slowly(resources: list[Resource]) -> Iterator[str]:
    for scaler in _scalers(resources):
        down = _behavior(scaler).get("scaleDown", {})
        if down.get("stabilizationWindowSeconds", 0) < _SLOWLY_S:
            yield f"{name_of(scaler)} lets go of pods before it is sure"
        if not any(
            policy["type"] == "Percent" and policy["value"] <= _SLOWLY_PERCENT for policy in down.get("policies", [])
        ):
            yield f"{name_of(scaler)} lets go of many pods at once"


def _scalers(resources: list[Resource]) -> list[Resource]:
    return list(of_kind(resources, "ScaledObject", "HorizontalPodAutoscaler"))


def _behavior(scaler: Resource) -> dict[str, Any]:
    spec = scaler["spec"]
    own = spec if "metrics" in spec else spec.get("advanced", {}).get("horizontalPodAutoscalerConfig", {})
    return dict(own.get("behavior", {}))


def scalers_keep_within_their_numbers(resources: list[Resource]) -> Iterator[str]:
    for scaler in of_kind(resources, "ScaledObject"):
        spec, role = scaler["spec"], scaler["spec"]["scaleTargetRef"]["name"]
        least, most = spec.get("minReplicaCount", 0), spec["maxReplicaCount"]
        if not least <= most or (least == 0) is not (role in _TO_NONE):
            yield f"{name_of(scaler)} goes from {least} to {most}"
        if _of_type(scaler, "prometheus") and not max(least, 1) <= spec.get("fallback", {}).get("replicas", 0) <= most:
            yield f"{name_of(scaler)} has no fallback within its numbers"
        if spec.get("pollingInterval", 30) > 30:
            yield f"{name_of(scaler)} seldom looks"
    for scaler in of_kind(resources, "HorizontalPodAutoscaler"):
        if not 1 <= scaler["spec"]["minReplicas"] <= scaler["spec"]["maxReplicas"]:
            yield f"{name_of(scaler)} has numbers that cannot be kept"


def scalers_look_at_all_there_is_to_see(resources: list[Resource]) -> Iterator[str]:
    """Backlog and oldest wait by Prometheus, with the queues' depth where it is away; of the API, its processor."""
    for scaler in of_kind(resources, "ScaledObject"):
        role = scaler["spec"]["scaleTargetRef"]["name"]
        asked = [trigger.get("name") for trigger in scaler["spec"]["triggers"]]
        by_prometheus = {trigger["name"] for trigger in _of_type(scaler, "prometheus")}
        if role != "api" and by_prometheus != {"backlog", "oldest-wait"}:
            yield f"{name_of(scaler)} looks at {sorted(by_prometheus)} alone"
        if by_prometheus and len(_of_type(scaler, "rabbitmq")) != 1:
            yield f"{name_of(scaler)} is blind without Prometheus"
        if len(set(asked)) != len(asked):
            yield f"{name_of(scaler)} has two triggers of one name"


def _of_type(scaler: Resource, kind: str) -> list[dict[str, Any]]:
    return [trigger for trigger in scaler["spec"]["triggers"] if trigger["type"] == kind]


def triggers_can_be_asked(resources: list[Resource]) -> Iterator[str]:
    logins = {login["metadata"]["name"] for login in of_kind(resources, "TriggerAuthentication")}
    clusters = {_management(cluster) for cluster in of_kind(resources, "RabbitmqCluster")}
    for scaler in of_kind(resources, "ScaledObject"):
        for trigger in scaler["spec"]["triggers"]:
            told = trigger["metadata"]
            if "metricType" not in trigger:  # KEDA refuses `fallback` beside a type that is not written out
                yield f"{name_of(scaler)} leaves a metricType out"
            if not float(told.get("threshold", told.get("value", 0))) > 0:
                yield f"{name_of(scaler)} has a trigger without a threshold"
            if trigger["type"] == "prometheus" and told.get("ignoreNullValues") != "false":
                yield f"{name_of(scaler)} takes no answer for no work"
            if trigger["type"] == "prometheus" and not _PROMETHEUS.fullmatch(told["serverAddress"]):
                yield f"{name_of(scaler)} asks {told['serverAddress']}, which is no Prometheus"
            if trigger["type"] == "rabbitmq" and trigger.get("authenticationRef", {}).get("name") not in logins:
                yield f"{name_of(scaler)} asks RabbitMQ without a login that is there"
            if trigger["type"] == "rabbitmq" and clusters and told["host"] not in clusters:
                yield f"{name_of(scaler)} asks {told['host']}, which is no RabbitMQ"


def _management(cluster: Resource) -> str:
    return f"http://{cluster['metadata']['name']}.{cluster['metadata']['namespace']}.svc:15672"


def logins_are_there(resources: list[Resource]) -> Iterator[str]:
    mounted = {
        volume["secret"]["secretName"]
        for work in workloads(resources)
        for volume in work.pod.get("volumes", [])
        if "secret" in volume
    }
    for login in of_kind(resources, "TriggerAuthentication"):
        for entry in login["spec"]["secretTargetRef"]:
            if entry["name"] not in mounted or entry["key"] != entry["parameter"]:
                yield f"{name_of(login)} reads {entry['key']} of {entry['name']}, which is not there"


def queries_ask_for_what_is_there(resources: list[Resource]) -> Iterator[str]:
    records = {
        rule["record"]
        for found in of_kind(resources, "PrometheusRule")
        for group in found["spec"]["groups"]
        for rule in group["rules"]
        if "record" in rule
    }
    known = records | {name for metric in vars(metrics).values() for name in _samples(metric)}
    for scaler in of_kind(resources, "ScaledObject"):
        for trigger in scaler["spec"]["triggers"]:
            asked = set(_OWN_RECORDS.findall(trigger["metadata"].get("query", "")))
            yield from (f"{name_of(scaler)} asks for {name}, which nobody makes" for name in asked - known)


def queues_are_the_fleets(resources: list[Resource]) -> Iterator[str]:
    fleets = {queue_name(stage, partition) for stage in Stage for partition in range(100)} | {intake.INTAKE.name}
    for scaler in of_kind(resources, "ScaledObject"):
        role = scaler["spec"]["scaleTargetRef"]["name"]
        own = {queue for queue in fleets if re.search(rf"\b{role}\b", queue)}
        for trigger in _of_type(scaler, "rabbitmq"):
            told = trigger["metadata"]
            by_pattern = (told.get("useRegex"), told.get("operation")) == ("true", "sum")
            counted = {q for q in fleets if (re.search(told["queueName"], q) if by_pattern else told["queueName"] == q)}
            if counted != own:
                yield f"{name_of(scaler)} counts {sorted(counted)[:3]} for {role}"


def _samples(metric: object) -> Iterator[str]:
    name = getattr(metric, "_name", None)
    if isinstance(name, str):
        yield from (name + suffix for suffix in ("", "_total", "_bucket", "_count", "_sum"))


RULES = (
    every_role_has_one_scaler,
    scalers_let_go_slowly,
    scalers_keep_within_their_numbers,
    scalers_look_at_all_there_is_to_see,
    triggers_can_be_asked,
    logins_are_there,
    queries_ask_for_what_is_there,
    queues_are_the_fleets,
)
