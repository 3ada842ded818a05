"""What came of claimed jobs: as `shared.ledger.in_postgres` does it, in memory."""

from collections import Counter
from collections.abc import Sequence
from datetime import datetime, timedelta

from shared.bookmarks import Analysis, Content
from shared.errors import FleetError, LeaseExpired, LeaseLost
from shared.ledger import (
    EXPECTED_WITHIN,
    NO_CALLS,
    SHORT_WAKING,
    Job,
    Outage,
    Pause,
    Reaped,
)
from shared.ledger.in_memory.keeping import OUT, Entry, Keeping, Kept, Lane, stands_in
from shared.values import AnalysedBy, JobState, Stage, WaitReason


class Ending(Keeping):
    """Keeps results, puts back what has to wait or failed, and takes back what came to naught."""

    async def store_content(self, job: Job, content: Content) -> None:
        """See `Ledger.store_content`."""
        kept = self._end(job)
        kept.content = content
        self._analyse_anew(kept)
        self._tell("bookmark.scraped", kept.id)

    async def advance(self, job: Job, *, to: Stage, fallback: Content | None = None) -> None:
        """See `Ledger.advance`."""
        kept = self._end(job)
        self._enqueue(kept, to)
        self._stand_in(kept, fallback, page_expected_for=EXPECTED_WITHIN)

    def _end(self, job: Job) -> Kept:
        held = self._running([job])
        if not held:
            raise LeaseLost((job.id,))
        held[0].end(JobState.DONE)
        return held[0].bookmark

    async def store_analyses(self, results: Sequence[tuple[Job, Analysis]], *, pause: Pause | None = None) -> None:
        """See `Ledger.store_analyses`."""
        analysis_of = {job.id: analysis for job, analysis in results}
        held = self._running([job for job, _ in results])
        if results and not held:
            raise LeaseLost(tuple(analysis_of))
        for job in held:
            job.end(JobState.DONE)
            self._keep_analysis(job.bookmark, analysis_of[job.id])
        if held and any(analysis.analysed_by is AnalysedBy.GEMINI for _, analysis in results):
            self._calls_go(self._lanes[held[0].bookmark.user, held[0].stage])
        if pause:
            self._rest(held, pause)

    def _calls_go(self, lane: Lane) -> None:
        if lane.rest.until <= self._clock():
            lane.waits_since = None

    async def show_meanwhile(self, results: Sequence[tuple[Job, Analysis]]) -> None:
        """See `Ledger.show_meanwhile`."""
        analysis_of = {job.id: analysis for job, analysis in results}
        for job in self._running([job for job, _ in results]):
            job.back_in_line()
            job.replaces = True
            self._keep_analysis(job.bookmark, analysis_of[job.id])

    def _keep_analysis(self, kept: Kept, analysis: Analysis) -> None:
        if kept.state is JobState.QUEUED and kept.content and not stands_in(kept):
            kept.state = JobState.DONE
        better = kept.analysis is not None and kept.analysis.analysed_by is AnalysedBy.GEMINI
        if not (better and analysis.analysed_by is AnalysedBy.HEURISTIC):
            kept.analysis = analysis
            self._tell("bookmark.analyzed", kept.id)

    async def postpone(self, jobs: Sequence[Job], pause: Pause, *, whole_lane: bool = True) -> None:
        """See `Ledger.postpone`."""
        held = self._running(jobs)
        for job in held:
            job.back_in_line()
            if not whole_lane:
                job.ready_at, job.reason = pause.until, pause.reason
        if whole_lane and self._rest(held, pause) and pause.spent_window:
            self.exhausted.append((held[0].bookmark.user, pause))

    def _rest(self, held: Sequence[Entry], pause: Pause) -> bool:
        """Let the lane of these jobs rest; whether a new wait begins."""
        if not held:
            return False
        lane = self._lanes[held[0].bookmark.user, held[0].stage]
        before = lane.rest
        if before.until >= pause.until:
            return False
        lane.rest = pause
        goes_on = lane.waits_since is not None and before.until > self._clock() - SHORT_WAKING
        lane.waits_since = (lane.waits_since if goes_on else self._clock()) if pause.reason in NO_CALLS else None
        return before.until <= self._clock() or before.reason is not pause.reason

    async def space_out(self, job: Job, *, until: datetime, every: timedelta) -> None:
        """See `Ledger.space_out`."""
        for held in self._running([job]):
            held.back_in_line()
            held.ready_at, held.reason = until, WaitReason.HOST_BUSY
            mine = [other for other in self._in(job.stage, JobState.QUEUED) if other.bookmark.user == job.user]
            site = _site(job.bookmark.url)
            behind = [other for other in mine if other is not held and _site(other.bookmark.new.url) == site]
            for place, other in enumerate(sorted(behind, key=lambda other: (other.ready_at, other.id)), start=1):
                if other.ready_at < until + place * every:
                    other.ready_at, other.reason = until + place * every, WaitReason.HOST_BUSY

    async def retry(self, jobs: Sequence[Job], error: FleetError, *, fallback: Content | None = None) -> list[Job]:
        """See `Ledger.retry`."""
        failed, chance = set(), self._random()
        for job in self._running(jobs):
            if job.attempts >= self._retries.retries:
                self._fail(job, error, fallback)
                failed.add(job.id)
                continue
            job.back_in_line()
            job.attempts += 1
            job.reason = WaitReason.BACKOFF
            job.ready_at = self._clock() + error.rest + chance * self._retries.longest_wait(attempt=job.attempts)
            self._stand_in(job.bookmark, fallback)
        return [job for job in jobs if job.id in failed]

    async def fail(self, jobs: Sequence[Job], error: FleetError, *, fallback: Content | None = None) -> None:
        """See `Ledger.fail`."""
        for job in self._running(jobs):
            self._fail(job, error, fallback)

    def _fail(self, job: Entry, error: FleetError, fallback: Content | None) -> None:
        job.attempts += 1
        job.end(JobState.FAILED)
        job.error = error
        kept = job.bookmark
        if not (job.stage is Stage.ANALYZE and stands_in(kept)):
            kept.state, kept.error = JobState.FAILED, error
            self._tell("bookmark.failed", kept.id)
        self._stand_in(kept, fallback)

    async def reap(self, *, outage: Outage | None = None) -> Reaped:
        """See `Ledger.reap`."""
        now = self._clock()
        expired = [job for job in self._jobs.values() if job.state in OUT and job.lease_until <= now]
        ran = [job for job in expired if job.state is JobState.RUNNING]
        blamed = [job for job in ran if not (outage and now - outage.began <= job.lease_until <= now - outage.ended)]
        worn_out = [job for job in blamed if job.attempts >= self._retries.retries]
        for job in expired:
            if job in worn_out:
                self._fail(job, LeaseExpired(tries=self._retries.retries + 1), None)
                continue
            job.attempts += job in blamed
            job.back_in_line()
        return Reaped(
            len(expired) - len(ran),
            len(ran),
            by_stage=Counter(job.stage for job in expired),
            failed=Counter(job.stage for job in worn_out),
        )


def _site(url: str) -> str:
    return url.split("/")[2]
