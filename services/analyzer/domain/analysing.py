"""The analyzer's story: pages of one user go to the provider on the user's own key, or are read here."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.analyzer.domain.asking import Asking
from services.analyzer.domain.batch import Batch
from services.analyzer.domain.heuristic import read_here
from services.analyzer.domain.usable_keys import UsableKey, UsableKeys
from shared.errors import ContentBlocked, FleetError, KeyRefused
from shared.jobs import Worked
from shared.ledger import Job, Ledger, Pause
from shared.patience import patiently
from shared.values import AnalysedBy, Strategy, WaitReason


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class Analysing:
    """Analyses the jobs of one message.

    Attributes:
        batch_pause: how long the user's lane rests after the provider was asked; none when zero.
    """

    ledger: Ledger
    keys: UsableKeys
    asking: Asking
    batch_pause: timedelta
    now: Callable[[], datetime] = _now

    async def __call__(self, jobs: Sequence[Job], /) -> Worked:
        """Analyse every job, keep what came of it, and say which did not make it."""
        batch = Batch(jobs)
        await _read(batch, [job for job in jobs if not _was_fetched(job)])
        try:
            if batch.rest:
                await self._analyse(batch)
        except FleetError as error:
            if not batch.done and not batch.failed:
                raise
            batch.fail(batch.rest, error)
        await self._keep(batch)
        return _told(batch)

    async def _analyse(self, batch: Batch) -> None:
        key = await self.keys.find(batch.user)
        if key is None:
            return await _read(batch, batch.rest)
        try:
            await self._ask(batch, key)
        except KeyRefused as refusal:
            await self.keys.refuse(batch.user, key, refusal)
            await _read(batch, batch.rest)
        else:
            await self.keys.accepted(batch.user, key)

    async def _ask(self, batch: Batch, key: UsableKey) -> None:
        """One request for all; when one page is blocked, one for each, so that it goes alone."""
        jobs = batch.rest
        try:
            await self.asking(batch, jobs, key.stored)
        except ContentBlocked as blocked:
            if len(jobs) == 1:
                return batch.fail(jobs, blocked)
            for job in jobs:
                await self._ask_alone(batch, job, key)

    async def _ask_alone(self, batch: Batch, job: Job, key: UsableKey) -> None:
        try:
            await self.asking(batch, [job], key.stored)
        except ContentBlocked as blocked:
            batch.fail([job], blocked)

    async def _keep(self, batch: Batch) -> None:
        """Results and the lane's rest in one transaction; a ledger that is away is waited for: quota was spent."""
        results = batch.done
        if not results:
            return
        rests = batch.asked and self.batch_pause > timedelta(0)
        pause = Pause(WaitReason.BATCH_PAUSE, self.now() + self.batch_pause) if rests else None
        deadline = min(job.deadline for job in batch.jobs)
        await patiently(lambda: self.ledger.store_analyses(results, pause=pause), until=deadline)


def _was_fetched(job: Job) -> bool:
    return job.content is not None and job.content.strategy is not Strategy.FALLBACK


async def _read(batch: Batch, jobs: Sequence[Job]) -> None:
    """Read pages here, beside the event loop: other users' permits lapse while it stands still."""
    for job in jobs:
        batch.finish([(job, await asyncio.to_thread(read_here, job.bookmark, job.content))])


def _told(batch: Batch) -> Worked:
    by_provider = sum(analysis.analysed_by is AnalysedBy.GEMINI for _, analysis in batch.done)
    return Worked(
        strategy=(AnalysedBy.GEMINI if batch.asked else AnalysedBy.HEURISTIC).value,
        facts={"items": len(batch.jobs), "by_provider": by_provider},
        failed=batch.failed,
    )
