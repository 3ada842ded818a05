"""A release as Dramatiq's workers read it: ids and the fence, no content and no secret."""

import dramatiq

from shared.broker import queue_of
from shared.ledger import Released

TRACEPARENT = "traceparent"


def message_of(released: Released, *, partitions: int) -> dramatiq.Message[None]:
    """The message that tells a stage's actor to run these jobs, addressed to the user's partition."""
    return dramatiq.Message(
        queue_name=queue_of(released, partitions=partitions),
        actor_name=released.stage.value,
        args=(),
        kwargs={"job_ids": list(released.job_ids), "release": released.token},
        options={} if released.trace is None else {TRACEPARENT: str(released.trace)},
    )
