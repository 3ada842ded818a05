"""The analyze stage's messages: each names released jobs of one user, and nothing else."""

import dramatiq

from shared.worker import RunReleased


def make_analyze_actor(broker: dramatiq.Broker, queue: str, run: RunReleased) -> object:
    """Declare the actor that `analyze` messages are for."""

    @dramatiq.actor(broker=broker, actor_name="analyze", queue_name=queue, max_retries=0)
    async def analyze(job_ids: list[int], release: str) -> None:
        """Run released jobs of the analyze stage; doubled deliveries are dropped by the claim."""
        await run(job_ids, release)

    return analyze
