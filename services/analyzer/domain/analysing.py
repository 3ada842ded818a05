"""The analyzer's story: pages of one user go to the provider on the key that serves the user, or are read here."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.analyzer.domain.asking import Asking
from services.analyzer.domain.batch import Batch
from services.analyzer.domain.heuristic import read_here
from services.analyzer.domain.lessons import Lessons
from services.analyzer.domain.usable_keys import UsableKey, UsableKeys
from shared.bookmarks import Analysis
from shared.errors import ContentBlocked, FleetError, KeyRefused, ProviderQuotaSpent
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
    lessons: Lessons
    batch_pause: timedelta
    now: Callable[[], datetime] = _now

    async def __call__(self, jobs: Sequence[Job], /) -> Worked:
        """Analyse every job, keep what came of it, and say which did not make it."""
        batch = Batch(jobs)
        await _read(batch, [job for job in jobs if not was_fetched(job)])
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
        """Ask about all pages at once; when one of them is blocked, about each alone, so that it goes alone.

        The key is looked up before every request: it may have been replaced, removed or refused since the last one.
        """
        at_once = len(batch.rest)
        while batch.rest:
            key = await self.keys.find(batch.user)
            if key is None:
                await _read(batch, batch.rest)
                return
            try:
                await self._ask(batch, batch.rest[:at_once], key)
            except ContentBlocked as blocked:
                if at_once == 1:
                    batch.fail(batch.rest[:1], blocked)
                at_once = 1

    async def _ask(self, batch: Batch, jobs: Sequence[Job], key: UsableKey) -> None:
        """One request, and what it shows of the key; one refused is marked, and the next look-up finds another or none.

        Raises:
            Postponed: the quota or the provider does not permit it now, or the key was changed meanwhile.
            ContentBlocked, AnswerUnusable: nothing came of it.
        """
        try:
            await self.asking(batch, jobs, key)
        except KeyRefused as refusal:
            await self.keys.refuse(key, refusal)
        except ProviderQuotaSpent as spent:
            await self._heed(key, spent)
            raise
        except ContentBlocked:
            await self.keys.accepted(key)  # it is the page that was not
            raise
        else:
            await self.keys.accepted(key)

    async def _heed(self, key: UsableKey, spent: ProviderQuotaSpent) -> None:
        """Learn from a 429, unless the key was changed meanwhile: what is said of an old key is not true of a new."""
        await self.lessons.heed(key.account, spent)
        if not await self.keys.is_spent(key, spent):
            await self.lessons.forget(key.account)
            raise self.keys.changed()

    async def _keep(self, batch: Batch) -> None:
        """Results and the lane's rest in one transaction; a ledger that is away is waited for: quota was spent."""
        results = batch.done
        if not results:
            return
        rests = batch.asked and self.batch_pause > timedelta(0)
        pause = Pause(WaitReason.BATCH_PAUSE, self.now() + self.batch_pause) if rests else None
        deadline = min(job.deadline for job in batch.jobs)
        await patiently(lambda: self.ledger.store_analyses(results, pause=pause), until=deadline)


def was_fetched(job: Job) -> bool:
    """Whether the page itself was read: nobody asks the provider about what was put together in its place."""
    return job.content is not None and job.content.strategy is not Strategy.FALLBACK


async def analysed_here(job: Job) -> Analysis:
    """The built-in analysis, beside the event loop: other users' permits lapse while it stands still."""
    return await asyncio.to_thread(read_here, job.bookmark, job.content)


async def _read(batch: Batch, jobs: Sequence[Job]) -> None:
    for job in jobs:
        batch.finish([(job, await analysed_here(job))])


def _told(batch: Batch) -> Worked:
    by_provider = sum(analysis.analysed_by is AnalysedBy.GEMINI for _, analysis in batch.done)
    return Worked(
        strategy=(AnalysedBy.GEMINI if batch.asked else AnalysedBy.HEURISTIC).value,
        facts={"items": len(batch.jobs), "by_provider": by_provider},
        failed=batch.failed,
    )
