"""The analyzer's story: pages of one user go to the provider on the key that serves the user, or are read here."""

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.analyzer.domain.asking import Asking
from services.analyzer.domain.batch import Batch
from services.analyzer.domain.budget import in_requests
from services.analyzer.domain.heuristic import read_here
from services.analyzer.domain.lessons import Lessons
from services.analyzer.domain.usable_keys import UsableKey, UsableKeys
from shared.bookmarks import Analysis
from shared.errors import AnswerUnusable, ContentBlocked, FleetError, KeyRefused, ProviderQuotaSpent
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
        """Ask about as many pages at once as fit into a request, and find the page that spoils the answer for others.

        What is blocked, or cannot be used a second time, is asked about by halves, until the page that it is due to is
        alone; a page that an answer misses is asked about alone, once. The key is looked up before every request: it
        may have been replaced, removed or refused since the last one.
        """
        asks: list[Sequence[Job]] = [*in_requests(batch.rest, tokens=self.asking.text_tokens)]
        while asks:
            key = await self.keys.find(batch.user)
            if key is None:
                await _read(batch, batch.rest)
                return
            jobs = asks.pop(0)
            try:
                answered = await self._ask(batch, jobs, key)
            except (ContentBlocked, AnswerUnusable) as error:
                asks[:0] = _after(error, batch, jobs)
            else:
                asks[:0] = _missed(batch, jobs) if answered else [jobs]

    async def _ask(self, batch: Batch, jobs: Sequence[Job], key: UsableKey) -> bool:
        """One request, and what it shows of the key; False for a key that is refused: the next look-up finds another.

        Raises:
            Postponed: the quota or the provider does not permit it now, or the key was changed meanwhile.
            ContentBlocked, AnswerUnusable: nothing came of it.
        """
        try:
            await self.asking(batch, jobs, key)
        except KeyRefused as refusal:
            await self.keys.refuse(key, refusal)
            return False
        except ProviderQuotaSpent as spent:
            await self._heed(key, spent)
            raise
        except ContentBlocked:
            await self.keys.accepted(key)  # it is the page that was not
            raise
        await self.keys.accepted(key)
        return True

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


def _after(error: ContentBlocked | AnswerUnusable, batch: Batch, jobs: Sequence[Job]) -> list[Sequence[Job]]:
    """What is asked next about pages nothing came of: their halves; none where it is clear what becomes of them.

    What cannot be used is tried again as it was, later: mostly it was chance. The second time it is due to a page.
    """
    if len(jobs) == 1 or (isinstance(error, AnswerUnusable) and all(job.attempt == 1 for job in jobs)):
        batch.fail(jobs, error)
        return []
    middle = len(jobs) // 2
    return [jobs[:middle], jobs[middle:]]


def _missed(batch: Batch, jobs: Sequence[Job]) -> list[Sequence[Job]]:
    """Each page an answer says nothing usable of is asked about alone; one that was alone is tried again later."""
    missed = [job for job in batch.rest if job in jobs]
    if len(jobs) == 1:
        batch.fail(missed, AnswerUnusable("The provider's answer says nothing usable of this page."))
        return []
    return [[job] for job in missed]


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
