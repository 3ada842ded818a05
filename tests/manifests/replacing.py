"""What our house asks of how pods are replaced: by a roll-out without a gap, and by the drain of any node."""

from collections.abc import Iterator

from tests.manifests import Resource, name_of, of_kind

_NONE = {0, "0%"}


def roll_outs_leave_no_gap(resources: list[Resource]) -> Iterator[str]:
    for work in of_kind(resources, "Deployment"):
        strategy = work["spec"].get("strategy", {}).get("rollingUpdate", {})
        if strategy.get("maxUnavailable") not in _NONE or strategy.get("maxSurge", 0) in _NONE:
            yield f"{name_of(work)} gives up a pod before the next is ready"


def nodes_can_be_drained(resources: list[Resource]) -> Iterator[str]:
    for budget in of_kind(resources, "PodDisruptionBudget"):
        if budget["spec"].get("maxUnavailable", 0) in _NONE:
            yield f"{name_of(budget)} lets no pod go where there is but one: its node is never drained"
        if budget["spec"].get("unhealthyPodEvictionPolicy") != "AlwaysAllow":
            yield f"{name_of(budget)} has a drain wait for a pod that does not work anyway"


RULES = (roll_outs_leave_no_gap, nodes_can_be_drained)
