"""What users and operators ask of the ledger: as `shared.ledger.in_postgres` does it, in memory."""

from collections.abc import Callable, Sequence

from shared.audit import Actor
from shared.bookmarks import Analysis
from shared.ledger import (
    Erased,
    Pause,
)
from shared.ledger.in_memory.keeping import Keeping, stands_in
from shared.values import AnalysedBy, BookmarkId, JobId, JobState, Stage, UserId, WaitReason

_ORDER = (Stage.SCRAPE, Stage.RENDER, Stage.ANALYZE)


class Steering(Keeping):
    """Begins anew, removes, erases, wakes and pauses."""

    async def requeue_heuristic(self, user: UserId, *, limit: int | None = None) -> int:
        """See `Ledger.requeue_heuristic`."""
        return self._requeue(user, lambda analysis: analysis.analysed_by is AnalysedBy.HEURISTIC, limit=limit)

    async def requeue_outdated(self, user: UserId, *, prompt_versions: Sequence[str], by: Actor) -> int:
        """See `Ledger.requeue_outdated`."""
        requeued = self._requeue(
            user,
            lambda analysis: analysis.analysed_by is AnalysedBy.GEMINI and analysis.prompt_version in prompt_versions,
        )
        if requeued:
            await self.audit.record(by, "analyses_requeued", user, {"bookmarks": requeued})
        return requeued

    def _requeue(self, user: UserId, is_stale: Callable[[Analysis], bool], *, limit: int | None = None) -> int:
        stale = [
            kept
            for kept in self.bookmarks.values()
            if kept.user == user
            and kept.analysis
            and is_stale(kept.analysis)
            and kept.content
            and not stands_in(kept)
            and not self._is_open(kept, Stage.ANALYZE)
        ]
        return sum(self._enqueue(kept, Stage.ANALYZE, replaces=True) for kept in stale[:limit])

    async def requeue_failed(
        self, user: UserId, *, jobs: Sequence[JobId] = (), code: str | None = None, by: Actor
    ) -> int:
        """See `Ledger.requeue_failed`."""
        failed = [job for job in self._jobs.values() if job.bookmark.user == user and job.state is JobState.FAILED]
        chosen = {
            job.bookmark.id
            for job in failed
            if job.bookmark.state is JobState.FAILED
            and (not jobs or job.id in jobs)
            and (code is None or (job.error and job.error.code == code))
        }
        for id_ in chosen:
            of_it = [job for job in self._jobs.values() if job.bookmark.id == id_]
            first = min((job for job in of_it if job in failed), key=lambda job: (_ORDER.index(job.stage), -job.id))
            for job in of_it:
                if job is not first and job.state is not JobState.DONE:
                    job.end(JobState.CANCELLED)
            first.back_in_line()
            first.attempts, first.error, first.ready_at = 0, None, self._clock()
            first.bookmark.state, first.bookmark.error = JobState.QUEUED, None
        if chosen:
            await self.audit.record(
                by, "jobs_retried", user, {"bookmarks": len(chosen)} | ({"code": code} if code else {})
            )
        return len(chosen)

    async def remove(self, user: UserId, *, ids: Sequence[BookmarkId] = (), urls: Sequence[str] = ()) -> int:
        """See `Ledger.remove`."""
        gone = [
            kept.id
            for kept in self.bookmarks.values()
            if kept.user == user and (kept.id in ids or kept.new.url in urls)
        ]
        for id_ in gone:
            del self.bookmarks[id_]
        self._jobs = {id_: job for id_, job in self._jobs.items() if job.bookmark.id in self.bookmarks}
        return len(gone)

    async def erase(self, user: UserId, *, by: Actor) -> Erased:
        """See `Ledger.erase`."""
        gone = {kept.id for kept in self.bookmarks.values() if kept.user == user}
        anything = any(owner == user for owner, _ in self._lanes)
        self.events = [(type_, id_) for type_, id_ in self.events if id_ not in gone]
        self.exhausted = [(owner, pause) for owner, pause in self.exhausted if owner != user]
        for lane in [lane for lane in self._lanes if lane[0] == user]:
            del self._lanes[lane]
        for place in [place for place in self._receipts if place[0] == user]:
            del self._receipts[place]
        erased = await self.remove(user, ids=list(gone))
        await self.audit.record(by, "user_erased", user, {"bookmarks": erased})
        return Erased(bookmarks=erased, anything=anything)

    async def wake(self, user: UserId, stage: Stage, *, reasons: Sequence[WaitReason]) -> bool:
        """See `Ledger.wake`."""
        now, woken = self._clock(), False
        lane = self._lanes.get((user, stage))
        if lane and lane.rest.until > now and lane.rest.reason in reasons:
            lane.rest, woken = Pause(lane.rest.reason, now), True
        for job in self._in(stage, JobState.QUEUED):
            if job.bookmark.user == user and job.ready_at > now and job.reason in reasons:
                job.ready_at, job.reason, woken = now, None, True
        return woken

    async def wake_all(self, stage: Stage, *, reasons: Sequence[WaitReason]) -> int:
        """See `Ledger.wake_all`."""
        users = [user for user, place in self._lanes if place is stage]
        return sum([await self.wake(user, stage, reasons=reasons) for user in users])

    async def pause(self, user: UserId, *, by: Actor) -> bool:
        """See `Ledger.pause`."""
        return await self._set_paused(user, paused=True, by=by)

    async def resume(self, user: UserId, *, by: Actor) -> bool:
        """See `Ledger.resume`."""
        return await self._set_paused(user, paused=False, by=by)

    async def _set_paused(self, user: UserId, *, paused: bool, by: Actor) -> bool:
        mine = [lane for (owner, _), lane in self._lanes.items() if owner == user]
        for lane in mine:
            lane.paused = paused
        if mine:
            await self.audit.record(by, "user_paused" if paused else "user_resumed", user)
        return bool(mine)

    async def waiting(self, user: UserId, stage: Stage, *, at_most: int) -> int:
        """See `Ledger.waiting`."""
        return min(at_most, sum(job.bookmark.user == user for job in self._in(stage, JobState.QUEUED)))
