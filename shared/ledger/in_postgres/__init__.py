"""The ledger in PostgreSQL: each method one transaction, each transaction a short story in a module of its own."""

from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from random import random as any_chance

from shared.audit import Actor
from shared.bookmarks import Analysis, Content, NewBookmark
from shared.database import Database
from shared.errors import FleetError
from shared.ledger import Accepted, Erased, Job, Outage, Pause, Reaped, Receipt, Released, StagePolicy
from shared.ledger.in_postgres import (
    beginning_anew,
    claiming,
    finishing,
    reaping,
    releasing,
    removing,
    setbacks,
    spacing,
    steering,
    submitting,
)
from shared.ledger.policies import RetryPolicy
from shared.values import BookmarkId, JobId, Stage, UserId, WaitReason


class PostgresLedger:
    """The `Ledger` on PostgreSQL 15 or newer; any number of processes may each have one."""

    def __init__(
        self,
        database: Database,
        *,
        policies: Mapping[Stage, StagePolicy],
        retries: RetryPolicy,
        random: Callable[[], float] = any_chance,
    ) -> None:
        """Keep how to serve; the first call connects. `random` is the jitter's chance: from 0 up to, not with, 1."""
        self._database = database
        self._policies = policies
        self._windows = {stage: policy.window for stage, policy in policies.items()}
        self._retries = retries
        self._random = random
        self._swept_to = reaping.START

    async def submit(
        self, user: UserId, bookmarks: Sequence[NewBookmark], *, receipt: Receipt | None = None
    ) -> list[Accepted]:
        """See `Ledger.submit`."""
        async with self._database.begin(user) as work:
            return await submitting.submit(work, self._windows, user, bookmarks, receipt)

    async def release(self, stage: Stage) -> list[Released]:
        """See `Ledger.release`."""
        async with self._database.begin() as work:
            return await releasing.release(work, self._windows, stage, self._policies[stage])

    async def take_back(self, releases: Sequence[Released]) -> None:
        """See `Ledger.take_back`."""
        async with self._database.begin() as work:
            await releasing.take_back(work, self._windows, releases)

    async def claim(self, stage: Stage, job_ids: Sequence[JobId], token: str) -> list[Job]:
        """See `Ledger.claim`."""
        async with self._database.one_statement() as work:
            return await claiming.claim(work, stage, job_ids, token, lease=self._policies[stage].run_lease)

    async def store_content(self, job: Job, content: Content) -> None:
        """See `Ledger.store_content`."""
        async with self._database.begin(job.user) as work:
            await finishing.store_content(work, self._windows, job, content)

    async def store_analyses(self, results: Sequence[tuple[Job, Analysis]], *, pause: Pause | None = None) -> None:
        """See `Ledger.store_analyses`."""
        if results:
            async with self._database.begin(results[0][0].user) as work:
                await finishing.store_analyses(work, self._windows, results, pause)

    async def claim_waiting(self, *, longer_than: timedelta, limit: int) -> list[Job]:
        """See `Ledger.claim_waiting`."""
        lease = self._policies[Stage.ANALYZE].run_lease
        async with self._database.begin() as work:
            return await claiming.claim_waiting(work, self._windows, longer_than=longer_than, limit=limit, lease=lease)

    async def show_meanwhile(self, results: Sequence[tuple[Job, Analysis]]) -> None:
        """See `Ledger.show_meanwhile`."""
        if results:
            async with self._database.begin(results[0][0].user) as work:
                await finishing.show_meanwhile(work, self._windows, results)

    async def advance(self, job: Job, *, to: Stage, fallback: Content | None = None) -> None:
        """See `Ledger.advance`."""
        async with self._database.begin(job.user) as work:
            await finishing.advance(work, self._windows, job, to, fallback)

    async def postpone(self, jobs: Sequence[Job], pause: Pause, *, whole_lane: bool = True) -> None:
        """See `Ledger.postpone`."""
        if jobs:
            async with self._database.begin(jobs[0].user) as work:
                await setbacks.postpone(work, self._windows, jobs, pause, whole_lane=whole_lane)

    async def space_out(self, job: Job, *, until: datetime, every: timedelta) -> None:
        """See `Ledger.space_out`."""
        async with self._database.begin(job.user) as work:
            await spacing.space_out(work, self._windows, job, until=until, every=every)

    async def retry(self, jobs: Sequence[Job], error: FleetError, *, fallback: Content | None = None) -> list[Job]:
        """See `Ledger.retry`."""
        if not jobs:
            return []
        async with self._database.begin(jobs[0].user) as work:
            return await setbacks.retry(
                work, self._windows, jobs, error, fallback, retries=self._retries, random=self._random
            )

    async def fail(self, jobs: Sequence[Job], error: FleetError, *, fallback: Content | None = None) -> None:
        """See `Ledger.fail`."""
        if jobs:
            async with self._database.begin(jobs[0].user) as work:
                await setbacks.fail(work, self._windows, jobs, error, fallback)

    async def requeue_heuristic(self, user: UserId, *, limit: int | None = None) -> int:
        """See `Ledger.requeue_heuristic`."""
        async with self._database.begin(user) as work:
            return await steering.requeue_heuristic(work, self._windows, user, limit)

    async def requeue_outdated(self, user: UserId, *, prompt_versions: Sequence[str], by: Actor) -> int:
        """See `Ledger.requeue_outdated`."""
        async with self._database.begin(user) as work:
            return await steering.requeue_outdated(work, self._windows, user, prompt_versions, by=by)

    async def requeue_failed(
        self, user: UserId, *, jobs: Sequence[JobId] = (), code: str | None = None, by: Actor
    ) -> int:
        """See `Ledger.requeue_failed`."""
        async with self._database.begin(user) as work:
            return await beginning_anew.requeue_failed(work, self._windows, user, jobs, code, by=by)

    async def remove(self, user: UserId, *, ids: Sequence[BookmarkId] = (), urls: Sequence[str] = ()) -> int:
        """See `Ledger.remove`."""
        async with self._database.begin(user) as work:
            return await removing.remove(work, self._windows, user, ids, urls)

    async def erase(self, user: UserId, *, by: Actor) -> Erased:
        """See `Ledger.erase`."""
        async with self._database.begin(user) as work:
            return await removing.erase(work, user, by)

    async def wake(self, user: UserId, stage: Stage, *, reasons: Sequence[WaitReason]) -> bool:
        """See `Ledger.wake`."""
        async with self._database.begin(user) as work:
            return await steering.wake(work, self._windows, user, stage, reasons)

    async def wake_all(self, stage: Stage, *, reasons: Sequence[WaitReason]) -> int:
        """See `Ledger.wake_all`."""
        async with self._database.begin() as work:
            users = await steering.resting(work, stage, reasons)
        return sum([await self.wake(user, stage, reasons=reasons) for user in users])

    async def pause(self, user: UserId, *, by: Actor) -> bool:
        """See `Ledger.pause`."""
        async with self._database.begin(user) as work:
            return await steering.set_paused(work, user, paused=True, by=by)

    async def resume(self, user: UserId, *, by: Actor) -> bool:
        """See `Ledger.resume`."""
        async with self._database.begin(user) as work:
            return await steering.set_paused(work, user, paused=False, by=by)

    async def waiting(self, user: UserId, stage: Stage, *, at_most: int) -> int:
        """See `Ledger.waiting`."""
        async with self._database.begin(user) as work:
            return await steering.waiting(work, user, stage, at_most)

    async def reap(self, *, outage: Outage | None = None) -> Reaped:
        """See `Ledger.reap`; the lanes are looked at slice by slice, one a call."""
        async with self._database.begin() as work:
            reaped, self._swept_to = await reaping.reap(
                work, self._windows, self._retries, outage=outage, after=self._swept_to
            )
        return reaped
