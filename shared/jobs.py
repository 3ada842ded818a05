"""The story every worker shares: claim what was released, work on it within its lease, tell the ledger how it ended."""

import asyncio
import time
from collections.abc import Awaitable, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Protocol

from structlog.contextvars import bound_contextvars

from shared.bookmarks import Content
from shared.errors import (
    FleetError,
    HostBusy,
    InternalError,
    LeaseLost,
    LedgerUnavailable,
    Permanent,
    Postponed,
    TookTooLong,
    UserErased,
)
from shared.ledger import Job, Ledger, Pause
from shared.logs import log
from shared.metrics import JOB_SECONDS, JOBS, STALE_DELIVERIES, WAIT_SECONDS
from shared.patience import patiently
from shared.probes import Check
from shared.tracing import Span, fail_for
from shared.tracing.of_jobs import processing
from shared.values import JobId, Stage, WaitReason

_PUT_BACK_PAUSE = timedelta(seconds=2)
_PUT_BACK_WITHIN = timedelta(seconds=5)


@dataclass(frozen=True, slots=True)
class Worked:
    """What came of a message's jobs, once the ledger holds every result.

    Attributes:
        strategy: how the work was done, for `fleet_job_seconds`: `static`, `gemini`; few values.
        facts: what the success line in the log tells: `{"chars": 5120}`; nothing secret.
        failed: jobs that did not make it, each with its reason; the others did.
    """

    strategy: str
    facts: Mapping[str, object] = field(default_factory=dict)
    failed: Sequence[tuple[Job, FleetError]] = ()


class UseCase(Protocol):
    """Does the work of one message's jobs, all of one user, and stores the results in the ledger."""

    async def __call__(self, jobs: Sequence[Job], /) -> Worked:
        """Work on the jobs; may be cancelled at any await and run again later.

        Raises:
            Postponed: all of them wait, at no cost: the user's lane, or these jobs alone for `host_busy`.
            Transient: this try failed for all of them.
            Permanent: all of them end as failed.
        """
        ...


@dataclass(frozen=True, slots=True)
class Work:
    """What a pool works with: where jobs are claimed, what is done, and what a failed bookmark still gets.

    Attributes:
        fallback: content for a bookmark whose try failed, made without its page and told why; None for none.
        needs: what has to answer before work may be sent here, by name, besides the broker.
    """

    ledger: Ledger
    use_case: UseCase
    fallback: Callable[[Job, FleetError], Content] | None = None
    needs: Mapping[str, Check] = field(default_factory=dict)


class JobRunner:
    """Runs the jobs of one stage's messages; never raises, so that every message is acknowledged or died with us."""

    def __init__(self, stage: Stage, work: Work, *, hold: timedelta) -> None:
        """Keep the collaborators.

        Args:
            stage: whose jobs these are.
            work: the ledger, the use case, the fallback.
            hold: how long a message waits for a ledger that is away; the release lease.
        """
        self._stage = stage
        self._work = work
        self._hold = hold
        WAIT_SECONDS.labels(stage)  # there before the first claim, so that a rate sees that one too
        JOBS.labels(stage, "done", "ok")

    async def __call__(self, job_ids: Sequence[int], release: str) -> None:
        """One message: claim its jobs and run them; stale and doubled deliveries are dropped and counted."""
        with bound_contextvars(stage=self._stage.value):
            jobs = await self._claim(job_ids, release)
            if jobs:
                with bound_contextvars(user=jobs[0].user), processing(self._stage, jobs) as span:
                    await self._run(jobs, span)

    async def _claim(self, job_ids: Sequence[int], release: str) -> list[Job]:
        ids = [JobId(job_id) for job_id in job_ids]
        try:
            jobs = await patiently(
                lambda: self._work.ledger.claim(self._stage, ids, release), until=datetime.now(UTC) + self._hold
            )
        except LedgerUnavailable as error:
            log.warning("claim_abandoned", job_ids=ids, code=error.code)  # its lease ended meanwhile
            return []
        if len(jobs) < len(ids):
            STALE_DELIVERIES.labels(self._stage).inc(len(ids) - len(jobs))
            log.info("delivery_stale", job_ids=sorted(set(ids) - {job.id for job in jobs}))
        for job in jobs:
            WAIT_SECONDS.labels(self._stage).observe(job.waited.total_seconds())
        return jobs

    async def _run(self, jobs: Sequence[Job], span: Span) -> None:
        began = time.perf_counter()
        try:
            worked = await self._within_the_lease(jobs)
        except FleetError as error:
            fail_for(span, error)
            await self._settle(jobs, error)
        except asyncio.CancelledError:
            await self._put_back(jobs)
            raise
        else:
            JOB_SECONDS.labels(self._stage, worked.strategy).observe(time.perf_counter() - began)
            _tell_of(span, worked)
            await self._tell(jobs, worked, seconds=time.perf_counter() - began)

    async def _within_the_lease(self, jobs: Sequence[Job]) -> Worked:
        left = (min(job.deadline for job in jobs) - datetime.now(UTC)).total_seconds()
        seconds = left - min(5.0, left / 10)  # what remains is for telling the ledger
        limit = asyncio.timeout(seconds)
        try:
            async with limit:
                return await self._work.use_case(jobs)
        except FleetError:
            raise
        except Exception as error:
            if limit.expired():
                raise TookTooLong(seconds=seconds) from error
            log.exception("job_crashed", job_ids=[job.id for job in jobs])
            raise InternalError from error

    async def _tell(self, jobs: Sequence[Job], worked: Worked, *, seconds: float) -> None:
        failed = {job.id for job, _ in worked.failed}
        for job in jobs:
            if job.id not in failed:
                self._count("done", "ok")
                log.info(
                    "job_done",
                    job_id=job.id,
                    attempt=job.attempt,
                    seconds=round(seconds, 3),
                    strategy=worked.strategy,
                    **worked.facts,
                )
        for job, error in worked.failed:
            await self._settle([job], error)

    async def _settle(self, jobs: Sequence[Job], error: FleetError) -> None:
        """Tell the ledger that these jobs did not succeed; their lease brings them back if it cannot be told."""
        outcome, tell = self._answer(jobs, error)
        worn_out: Collection[Job] | None = None
        try:
            worn_out = await patiently(tell, until=min(job.deadline for job in jobs))
        except (LedgerUnavailable, LeaseLost) as lost:
            outcome = "left_to_lease"
            log.warning("outcome_untold", job_ids=[job.id for job in jobs], code=lost.code)
        for job in jobs:
            what = "failed" if job in (worn_out or ()) else outcome
            self._count(what, error.code)
            tell_operator = log.info if what == "postponed" else log.warning
            tell_operator(
                "job_not_done",
                job_id=job.id,
                attempt=job.attempt,
                outcome=what,
                code=error.code,
                sentence=error.sentence,
            )

    def _answer(
        self, jobs: Sequence[Job], error: FleetError
    ) -> tuple[str, Callable[[], Awaitable[Collection[Job] | None]]]:
        """What becomes of the jobs, and how the ledger is told; it may answer that this was the last try of some."""
        ledger = self._work.ledger
        match error:
            case LeaseLost() | UserErased():
                return "lost", _nothing
            case LedgerUnavailable():
                return "put_back", lambda: self._wait_a_little(jobs)
            case HostBusy():
                return "postponed", lambda: self._wait_for_site(jobs, error)
            case Postponed():
                return "postponed", lambda: ledger.postpone(jobs, Pause(error.reason, error.until))
            case Permanent():
                return "failed", lambda: self._end(jobs, error, ledger.fail)
            case _:
                return "retried", lambda: self._end(jobs, error, ledger.retry)

    async def _wait_for_site(self, jobs: Sequence[Job], busy: HostBusy) -> None:
        if busy.every:
            for job in jobs:
                await self._work.ledger.space_out(job, until=busy.until, every=busy.every)
        else:
            await self._work.ledger.postpone(jobs, Pause(busy.reason, busy.until), whole_lane=False)

    async def _end(self, jobs: Sequence[Job], error: FleetError, how: "_Ending") -> Collection[Job]:
        if self._work.fallback is None:
            return await how(jobs, error) or ()
        worn_out: list[Job] = []
        for job in jobs:
            worn_out += await how([job], error, fallback=self._work.fallback(job, error)) or ()
        return worn_out

    async def _put_back(self, jobs: Sequence[Job]) -> None:
        """The process is told to stop: the jobs go back at no cost, or wait for their lease."""
        try:
            async with asyncio.timeout(_PUT_BACK_WITHIN.total_seconds()):
                await self._wait_a_little(jobs)
        except (LedgerUnavailable, LeaseLost, TimeoutError):
            log.warning("job_left_to_lease", job_ids=[job.id for job in jobs])
        else:
            log.info("job_put_back", job_ids=[job.id for job in jobs])
        self._count("put_back", "stopping", jobs=len(jobs))

    async def _wait_a_little(self, jobs: Sequence[Job]) -> None:
        pause = Pause(WaitReason.BACKOFF, datetime.now(UTC) + _PUT_BACK_PAUSE)
        await self._work.ledger.postpone(jobs, pause, whole_lane=False)

    def _count(self, outcome: str, code: str, *, jobs: int = 1) -> None:
        JOBS.labels(self._stage, outcome, code).inc(jobs)


class _Ending(Protocol):
    async def __call__(
        self, jobs: Sequence[Job], error: FleetError, *, fallback: Content | None = None
    ) -> Sequence[Job] | None: ...


def _tell_of(span: Span, worked: Worked) -> None:
    """How it was done; where some did not make it, the first one's reason."""
    span.tell({"fleet.strategy": worked.strategy, "fleet.jobs.failed": len(worked.failed)})
    for _, error in worked.failed[:1]:
        fail_for(span, error)


async def _nothing() -> None:
    """Somebody else has the job: nothing may be told."""
