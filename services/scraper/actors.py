"""The scrape and render stages' messages: each names released jobs, and nothing else."""

import dramatiq

from shared.worker import RunReleased


def make_scrape_actor(broker: dramatiq.Broker, queue: str, run: RunReleased) -> object:
    """Declare the actor that `scrape` messages are for."""

    @dramatiq.actor(broker=broker, actor_name="scrape", queue_name=queue, max_retries=0)
    async def scrape(job_ids: list[int], release: str) -> None:
        """Run released jobs of the scrape stage; doubled deliveries are dropped by the claim."""
        await run(job_ids, release)

    return scrape


def make_render_actor(broker: dramatiq.Broker, queue: str, run: RunReleased) -> object:
    """Declare the actor that `render` messages are for."""

    @dramatiq.actor(broker=broker, actor_name="render", queue_name=queue, max_retries=0)
    async def render(job_ids: list[int], release: str) -> None:
        """Run released jobs of the render stage; doubled deliveries are dropped by the claim."""
        await run(job_ids, release)

    return render
