"""Quotas whose limits are the same for every account."""

from shared.quota import Limits
from shared.quota.in_memory import InMemoryLimits
from shared.quota.limits import DeploymentLimits


def limits_of(**limits: int) -> InMemoryLimits:
    """A book in which every account may call so often."""
    same = Limits(**limits)
    return InMemoryLimits(DeploymentLimits(user=same, share=same, default_key=same))
