"""What waits too long for quota, key or provider is read here meanwhile; its turn comes all the same."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta

from services.analyzer.domain.analysing import analysed_here, was_fetched
from shared.errors import LeaseLost
from shared.ledger import Job, Ledger
from shared.logs import log

_AT_ONCE = 20


@dataclass(frozen=True, slots=True)
class ReadMeanwhile:
    """Gives the built-in analysis to bookmarks that show none while their lane cannot call the provider.

    Attributes:
        after: how long a lane has waited by then.
    """

    ledger: Ledger
    after: timedelta

    async def __call__(self) -> int:
        """Read whatever waits too long now, lane by lane; how many pages."""
        read = 0
        while jobs := await self.ledger.claim_waiting(longer_than=self.after, limit=_AT_ONCE):
            await self._read(jobs)
            log.info("pages_read_meanwhile", user=jobs[0].user, pages=len(jobs))
            read += len(jobs)
        return read

    async def _read(self, jobs: Sequence[Job]) -> None:
        """A page that was never fetched is done with it: the provider is not asked about those."""
        results = [(job, await analysed_here(job)) for job in jobs]
        await self.ledger.show_meanwhile([(job, analysis) for job, analysis in results if was_fetched(job)])
        final = [(job, analysis) for job, analysis in results if not was_fetched(job)]
        try:
            await self.ledger.store_analyses(final)
        except LeaseLost:
            log.info("delivery_stale", job_ids=[job.id for job, _ in final])
