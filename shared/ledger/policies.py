"""How each stage is served and failures are tried again, from the settings."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from shared.ledger import StagePolicy
from shared.settings import DispatchSettings
from shared.values import Stage


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """After a failed try: `retries` more, each after a random wait of at most `base` doubled each time, up to `cap`."""

    retries: int = 3
    base: timedelta = timedelta(seconds=10)
    cap: timedelta = timedelta(hours=1)

    def longest_wait(self, *, attempt: int) -> timedelta:
        """The upper bound of the wait after try number `attempt` (1 is the first) failed."""
        doublings = min(attempt - 1, 30)
        return min(self.cap, self.base * (1 << doublings))


def stage_policies(settings: DispatchSettings) -> Mapping[Stage, StagePolicy]:
    """Each stage's policy; the render stage has one only where a pool serves it."""
    release_lease = timedelta(seconds=settings.release_lease_s)
    policies = {
        Stage.SCRAPE: StagePolicy(
            window=settings.scrape_window,
            group=1,
            ready_buffer=settings.scrape_ready_buffer,
            release_lease=release_lease,
            run_lease=timedelta(seconds=settings.scrape_lease_s),
        ),
        Stage.ANALYZE: StagePolicy(
            window=settings.batch_size,
            group=min(settings.batch_size, settings.items_per_request),
            ready_buffer=settings.analyze_ready_buffer,
            release_lease=release_lease,
            run_lease=timedelta(seconds=settings.analyze_lease_s),
        ),
    }
    if settings.render:
        policies[Stage.RENDER] = StagePolicy(
            window=settings.render_window,
            group=1,
            ready_buffer=settings.render_ready_buffer,
            release_lease=release_lease,
            run_lease=timedelta(seconds=settings.render_lease_s),
        )
    return policies


def retry_policy(settings: DispatchSettings) -> RetryPolicy:
    """How failed tries are tried again."""
    return RetryPolicy(
        retries=settings.max_retries,
        base=timedelta(seconds=settings.retry_base_s),
        cap=timedelta(seconds=settings.retry_cap_s),
    )
