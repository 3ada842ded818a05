"""Bookmarks in, and jobs out to whoever claims them: as `shared.ledger.in_postgres` does it, in memory."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from secrets import token_hex

from shared.bookmarks import Bookmark, NewBookmark
from shared.errors import IdempotencyConflict
from shared.ledger import (
    Accepted,
    Job,
    Receipt,
    Released,
    StagePolicy,
)
from shared.ledger.in_memory.keeping import OUT, Entry, Keeping, Kept, stands_in
from shared.ledger.submissions import answers, details, merged
from shared.values import BookmarkId, JobId, JobState, Stage, UserId


class Serving(Keeping):
    """Takes bookmarks, lets jobs out in turn, and has them claimed."""

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

    def _next_jobs(self, user: UserId, stage: Stage, now: datetime) -> list[Entry]:
        out = sum(job.bookmark.user == user for job in self._in(stage, *OUT))
        policy = self._policies[stage]
        ready = [job for job in self._in(stage, JobState.QUEUED) if job.bookmark.user == user and job.ready_at <= now]
        ready.sort(key=lambda job: (job.replaces, job.ready_at, job.id))
        return ready[: max(0, min(policy.group, policy.ready_buffer, policy.window - out))]

    def _let_out(self, jobs: list[Entry], stage: Stage, user: UserId, policy: StagePolicy) -> Released:
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

    def _claimed(self, job: Entry, token: str, now: datetime) -> Job:
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
            content=kept.content if job.stage is Stage.ANALYZE or stands_in(kept) else None,
        )

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
