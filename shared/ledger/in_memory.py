"""The ledger in one process's memory: for tests of what stands on it, and as the second word on its rules.

It keeps no lane states: what PostgreSQL derives and stores, it looks up when it releases.
"""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime, timedelta
from itertools import count
from random import random as any_chance
from secrets import token_hex

from shared.audit import Actor
from shared.audit.in_memory import InMemoryAudit
from shared.bookmarks import Analysis, Bookmark, Content, NewBookmark
from shared.errors import FleetError, IdempotencyConflict, LeaseExpired, LeaseLost
from shared.ledger import (
    EXPECTED_WITHIN,
    NO_CALLS,
    SHORT_WAKING,
    Accepted,
    Erased,
    Job,
    Pause,
    Reaped,
    Receipt,
    Released,
    StagePolicy,
)
from shared.ledger.policies import RetryPolicy
from shared.ledger.submissions import answers, details, merged
from shared.tracing import Trace, here
from shared.values import AnalysedBy, BookmarkId, JobId, JobState, Stage, Strategy, UserId, WaitReason

_OUT = (JobState.RELEASED, JobState.RUNNING)
_OPEN = (JobState.QUEUED, *_OUT)
_ORDER = (Stage.SCRAPE, Stage.RENDER, Stage.ANALYZE)
_EPOCH = datetime.fromtimestamp(0, tz=UTC)


@dataclass(slots=True)
class Kept:
    """A bookmark with all that became of it."""

    id: BookmarkId
    user: UserId
    new: NewBookmark
    state: JobState = JobState.QUEUED
    error: FleetError | None = None
    content: Content | None = None
    analysis: Analysis | None = None


@dataclass(slots=True)
class _Entry:
    id: JobId
    bookmark: Kept
    stage: Stage
    ready_at: datetime
    state: JobState = JobState.QUEUED
    attempts: int = 0
    reason: WaitReason | None = None
    token: str | None = None
    lease_until: datetime = _EPOCH
    error: FleetError | None = None
    replaces: bool = False
    trace: Trace | None = None

    def back_in_line(self) -> None:
        self.state, self.token, self.reason = JobState.QUEUED, None, None

    def end(self, state: JobState) -> None:
        self.state, self.token, self.reason = state, None, None


@dataclass(slots=True)
class _Lane:
    paused: bool = False
    served: tuple[datetime, int] = (_EPOCH, 0)
    waits_since: datetime | None = None
    rest: Pause = field(default_factory=lambda: Pause(WaitReason.BATCH_PAUSE, _EPOCH))


class MemoryLedger:
    """The `Ledger` in memory.

    Attributes:
        bookmarks: every bookmark there is, by its id.
        audit: what was recorded of acts upon it.
        events: what others were told of bookmarks, as (type, bookmark's id).
        exhausted: what others were told of quotas, as (user, the wait for its day or month).
    """

    def __init__(
        self,
        *,
        policies: Mapping[Stage, StagePolicy],
        retries: RetryPolicy,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        random: Callable[[], float] = any_chance,
    ) -> None:
        """Start empty. `random` is the jitter's chance: from 0 up to, not with, 1."""
        self._policies, self._retries = policies, retries
        self._clock, self._random = clock, random
        self._numbers = count(1)
        self._jobs: dict[JobId, _Entry] = {}
        self._lanes: defaultdict[tuple[UserId, Stage], _Lane] = defaultdict(_Lane)
        self._receipts: dict[tuple[UserId, str, str], tuple[str, list[Accepted]]] = {}
        self.bookmarks: dict[BookmarkId, Kept] = {}
        self.events: list[tuple[str, BookmarkId]] = []
        self.audit = InMemoryAudit()
        self.exhausted: list[tuple[UserId, Pause]] = []

    # ---- in ---------------------------------------------------------------------------------------

    async def submit(
        self, user: UserId, bookmarks: Sequence[NewBookmark], *, receipt: Receipt | None = None
    ) -> list[Accepted]:
        """See `Ledger.submit`."""
        place = (user, receipt.source, receipt.key) if receipt else None
        if receipt and place in self._receipts:
            digest, answer = self._receipts[place]
            if digest != receipt.digest:
                raise IdempotencyConflict
            return answer
        mine = {kept.new.url: kept for kept in self.bookmarks.values() if kept.user == user}
        known = set(mine)
        for url, new in merged(bookmarks).items():
            if url in known:
                mine[url].new = replace(mine[url].new, **details(new))
            else:
                mine[url] = self._keep(user, new)
        answer = answers(bookmarks, {url: kept.id for url, kept in mine.items()}, known=known)
        if receipt and place:
            self._receipts[place] = receipt.digest, answer
        return answer

    def _keep(self, user: UserId, new: NewBookmark) -> Kept:
        kept = Kept(BookmarkId(next(self._numbers)), user, new)
        self.bookmarks[kept.id] = kept
        self._enqueue(kept, Stage.SCRAPE)
        return kept

    def _enqueue(self, kept: Kept, stage: Stage, *, replaces: bool = False, after: timedelta = timedelta(0)) -> bool:
        if self._is_open(kept, stage):
            return False
        id_ = JobId(next(self._numbers))
        reason = WaitReason.PAGE_EXPECTED if after else None
        self._jobs[id_] = _Entry(
            id_, kept, stage, self._clock() + after, replaces=replaces, reason=reason, trace=here()
        )
        self._lanes.setdefault((kept.user, stage), _Lane(paused=self._is_paused(kept.user)))
        return True

    def _is_open(self, kept: Kept, stage: Stage) -> bool:
        return any(job.bookmark is kept and job.stage is stage and job.state in _OPEN for job in self._jobs.values())

    # ---- out --------------------------------------------------------------------------------------

    async def release(self, stage: Stage) -> list[Released]:
        """See `Ledger.release`."""
        policy, now = self._policies[stage], self._clock()
        unclaimed = self._in(stage, JobState.RELEASED)
        room = policy.ready_buffer - len(unclaimed)
        released = []
        for place, user in enumerate(self._in_turn(stage, now)[: max(room, 0)]):
            jobs = self._next_jobs(user, stage, now)
            if len(jobs) > room:
                break  # its group goes whole, or waits
            if jobs:
                room -= len(jobs)
                self._lanes[user, stage].served = (now, place)
                released.append(self._let_out(jobs, stage, user, policy))
        return released

    def _in_turn(self, stage: Stage, now: datetime) -> list[UserId]:
        ready = [
            (lane.served, user)
            for (user, in_stage), lane in self._lanes.items()
            if in_stage is stage and not lane.paused and lane.rest.until <= now and self._next_jobs(user, stage, now)
        ]
        return [user for _, user in sorted(ready, key=lambda each: each[0])]

    def _next_jobs(self, user: UserId, stage: Stage, now: datetime) -> list[_Entry]:
        out = sum(job.bookmark.user == user for job in self._in(stage, *_OUT))
        policy = self._policies[stage]
        ready = [job for job in self._in(stage, JobState.QUEUED) if job.bookmark.user == user and job.ready_at <= now]
        ready.sort(key=lambda job: (job.replaces, job.ready_at, job.id))
        return ready[: max(0, min(policy.group, policy.ready_buffer, policy.window - out))]

    def _let_out(self, jobs: list[_Entry], stage: Stage, user: UserId, policy: StagePolicy) -> Released:
        token = token_hex(16)
        for job in jobs:
            job.state, job.token, job.reason = JobState.RELEASED, token, None
            job.lease_until = self._clock() + policy.release_lease
        traces = tuple(job.trace for job in jobs if job.trace)
        return Released(stage, user, tuple(job.id for job in jobs), token, policy.release_lease, traces)

    async def take_back(self, releases: Sequence[Released]) -> None:
        """See `Ledger.take_back`."""
        for release in releases:
            for job in self._holding(release.job_ids, release.token, JobState.RELEASED):
                job.back_in_line()

    async def claim(self, stage: Stage, job_ids: Sequence[JobId], token: str) -> list[Job]:
        """See `Ledger.claim`."""
        now = self._clock()
        here = [job for job in self._holding(job_ids, token, JobState.RELEASED) if job.stage is stage]
        held = [job for job in here if job.lease_until > now]
        for job in held:
            job.state, job.lease_until = JobState.RUNNING, now + self._policies[stage].run_lease
        return [self._claimed(job, token, now) for job in sorted(held, key=lambda job: job.id)]

    def _claimed(self, job: _Entry, token: str, now: datetime) -> Job:
        kept = job.bookmark
        could_run = max(job.ready_at, self._lanes[kept.user, job.stage].rest.until)
        return Job(
            trace=job.trace,
            id=job.id,
            stage=job.stage,
            bookmark=Bookmark(kept.id, kept.user, kept.new.url, kept.new.title, kept.new.tags, kept.new.excerpt),
            attempt=job.attempts + 1,
            token=token,
            deadline=job.lease_until,
            waited=max(now - could_run, timedelta(0)),
            content=kept.content if job.stage is Stage.ANALYZE or _stands_in(kept) else None,
        )

    # ---- what came of it --------------------------------------------------------------------------

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

    def _analyse_anew(self, kept: Kept, *, after: timedelta = timedelta(0)) -> None:
        for job in self._in(Stage.ANALYZE, JobState.QUEUED, JobState.RUNNING, JobState.FAILED):
            if job.bookmark is kept:
                job.end(JobState.CANCELLED)
        self._enqueue(kept, Stage.ANALYZE, after=after)

    def _stand_in(self, kept: Kept, fallback: Content | None, *, page_expected_for: timedelta = timedelta(0)) -> None:
        if fallback is None or not (kept.content is None or _stands_in(kept)):
            return
        before, kept.content = kept.content, fallback
        if kept.analysis is None or before is None or _what_it_says(before) != _what_it_says(fallback):
            self._analyse_anew(kept, after=page_expected_for)

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

    def _calls_go(self, lane: _Lane) -> None:
        if lane.rest.until <= self._clock():
            lane.waits_since = None

    async def claim_waiting(self, *, longer_than: timedelta, limit: int) -> list[Job]:
        """See `Ledger.claim_waiting`."""
        now, token = self._clock(), token_hex(16)
        waiting = {
            user
            for (user, stage), lane in self._lanes.items()
            if stage is Stage.ANALYZE and lane.waits_since and lane.waits_since <= now - longer_than
            if lane.rest.until > now and not lane.paused
        }
        unread = [
            job for job in self._in(Stage.ANALYZE, JobState.QUEUED) if job.bookmark.user in waiting and not job.replaces
        ]
        mine = [job for job in unread if job.bookmark.user == unread[0].bookmark.user][:limit]
        for job in mine:
            job.state, job.token = JobState.RUNNING, token
            job.lease_until = now + self._policies[Stage.ANALYZE].run_lease
        return [self._claimed(job, token, now) for job in mine]

    async def show_meanwhile(self, results: Sequence[tuple[Job, Analysis]]) -> None:
        """See `Ledger.show_meanwhile`."""
        analysis_of = {job.id: analysis for job, analysis in results}
        for job in self._running([job for job, _ in results]):
            job.back_in_line()
            job.replaces = True
            self._keep_analysis(job.bookmark, analysis_of[job.id])

    def _keep_analysis(self, kept: Kept, analysis: Analysis) -> None:
        if kept.state is JobState.QUEUED and kept.content and not _stands_in(kept):
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

    def _rest(self, held: Sequence[_Entry], pause: Pause) -> bool:
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

    def _fail(self, job: _Entry, error: FleetError, fallback: Content | None) -> None:
        job.attempts += 1
        job.end(JobState.FAILED)
        job.error = error
        kept = job.bookmark
        if not (job.stage is Stage.ANALYZE and _stands_in(kept)):
            kept.state, kept.error = JobState.FAILED, error
            self._tell("bookmark.failed", kept.id)
        self._stand_in(kept, fallback)

    # ---- from outside -----------------------------------------------------------------------------

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
            and not _stands_in(kept)
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

    def _is_paused(self, user: UserId) -> bool:
        return any(lane.paused for (owner, _), lane in self._lanes.items() if owner == user)

    async def waiting(self, user: UserId, stage: Stage, *, at_most: int) -> int:
        """See `Ledger.waiting`."""
        return min(at_most, sum(job.bookmark.user == user for job in self._in(stage, JobState.QUEUED)))

    async def reap(self) -> Reaped:
        """See `Ledger.reap`."""
        now = self._clock()
        expired = [job for job in self._jobs.values() if job.state in _OUT and job.lease_until <= now]
        ran = [job for job in expired if job.state is JobState.RUNNING]
        worn_out = [job for job in ran if job.attempts >= self._retries.retries]
        for job in expired:
            if job in worn_out:
                self._fail(job, LeaseExpired(tries=self._retries.retries + 1), None)
                continue
            job.attempts += job in ran
            job.back_in_line()
        return Reaped(
            len(expired) - len(ran),
            len(ran),
            by_stage=Counter(job.stage for job in expired),
            failed=Counter(job.stage for job in worn_out),
        )

    # ---- looking things up ------------------------------------------------------------------------

    def _in(self, stage: Stage, *states: JobState) -> list[_Entry]:
        return [job for job in self._jobs.values() if job.stage is stage and job.state in states]

    def _holding(self, ids: Iterable[JobId], token: str, state: JobState) -> list[_Entry]:
        jobs = [self._jobs[id_] for id_ in ids if id_ in self._jobs]
        return [job for job in jobs if job.token == token and job.state is state]

    def _running(self, claimed: Sequence[Job]) -> list[_Entry]:
        return [entry for job in claimed for entry in self._holding([job.id], job.token, JobState.RUNNING)]

    def _tell(self, type_: str, about: BookmarkId) -> None:
        self.events.append((type_, about))


def _stands_in(kept: Kept) -> bool:
    return kept.content is not None and kept.content.strategy is Strategy.FALLBACK


def _what_it_says(content: Content) -> tuple[str, str, str]:
    return content.title, content.text, content.description


def _site(url: str) -> str:
    return url.split("/")[2]
