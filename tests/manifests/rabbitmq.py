"""What our house asks of RabbitMQ where its operators make it, beyond what deploy/k8s/validators/rabbitmq.yaml says."""

import re
from collections.abc import Iterator

from services.producer import intake
from shared.broker import queue_name
from shared.values import Stage
from tests.manifests import Resource, name_of, of_kind, workloads

_TOLD = {
    "default_queue_type": "quorum",
    "cluster_partition_handling": "pause_minority",
    "consumer_timeout": "1800000",  # ms; longer than any lease
}


def names_are_those_of_the_cluster(resources: list[Resource]) -> Iterator[str]:
    for cluster in of_kind(resources, "RabbitmqCluster"):
        name = cluster["metadata"]["name"]
        login = f"{name}-default-user"  # which the operator makes
        for work in workloads(resources):
            if login not in {volume.get("secret", {}).get("secretName") for volume in work.pod["volumes"]}:
                yield f"{work.name} has another login than RabbitMQ's"
        for policy in of_kind(resources, "Policy"):
            if policy["spec"]["rabbitmqClusterReference"]["name"] != name:
                yield f"{name_of(policy)} is of another cluster than {name}"
        (spread,) = cluster["spec"]["affinity"]["podAntiAffinity"]["preferredDuringSchedulingIgnoredDuringExecution"]
        if spread["podAffinityTerm"]["labelSelector"] != {"matchLabels": {"app.kubernetes.io/name": name}}:
            yield f"{name_of(cluster)} does not keep its nodes apart"


def its_configuration_keeps_what_it_was_given(resources: list[Resource]) -> Iterator[str]:
    for cluster in of_kind(resources, "RabbitmqCluster"):
        spec = cluster["spec"]
        told = dict(line.split(" = ") for line in spec["rabbitmq"]["additionalConfig"].splitlines())
        yield from (
            f"{name_of(cluster)}: {name} is {told.get(name)}" for name in _TOLD if told.get(name) != _TOLD[name]
        )
        if spec["resources"]["requests"]["memory"] != spec["resources"]["limits"]["memory"]:
            yield f"{name_of(cluster)} is not sure of its memory"  # its watermark is a share of the limit


def it_meets_the_restricted_standard(resources: list[Resource]) -> Iterator[str]:
    closed = {"allowPrivilegeEscalation": False, "capabilities": {"drop": ["ALL"]}}
    for cluster in of_kind(resources, "RabbitmqCluster"):
        pod = cluster["spec"]["override"]["statefulSet"]["spec"]["template"]["spec"]
        held = pod["securityContext"]
        if not held.get("runAsNonRoot") or not held.get("runAsUser") or "seccompProfile" not in held:
            yield f"{name_of(cluster)} is not let into a restricted namespace"
        for container in (*pod["initContainers"], *pod["containers"]):
            if container["securityContext"] != closed:
                yield f"{name_of(cluster)}: {container['name']} is not let into a restricted namespace"


def every_queue_has_members_enough(resources: list[Resource]) -> Iterator[str]:
    queues = {queue_name(stage, partition) for stage in Stage for partition in range(100)} | {intake.INTAKE.name}
    for policy in of_kind(resources, "Policy"):
        left = sorted(queue for queue in queues if not re.search(policy["spec"]["pattern"], queue))
        if left:
            yield f"{name_of(policy)} leaves {left[0]} out"


RULES = (
    names_are_those_of_the_cluster,
    its_configuration_keeps_what_it_was_given,
    it_meets_the_restricted_standard,
    every_queue_has_members_enough,
)
