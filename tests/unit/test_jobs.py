"""The story every worker shares: what the ledger is told, whatever becomes of the work."""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime, timedelta

import pytest
from prometheus_client import REGISTRY

from shared.bookmarks import Content, NewBookmark
from shared.errors import (
    FleetError,
    HostBusy,
    InternalError,
    LeaseLost,
    LedgerUnavailable,
    PageGone,
    PageUnreachable,
    QuotaSpent,
    TookTooLong,
)
from shared.jobs import JobRunner, Work, Worked
from shared.ledger import Job, Released, StagePolicy
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy
from shared.values import JobId, JobState, Stage, Strategy, UserId, WaitReason

ADA = UserId("ada")
LEASE = timedelta(seconds=30)
CONTENT = Content(Strategy.STATIC, "ok", "http://example.org/", "title", "text")
FALLBACK = Content(Strategy.FALLBACK, "fallback", "http://example.org/", "title", "")
Act = Callable[[Sequence[Job]], Awaitable[Worked]]


class OutOfReach(MemoryLedger):
    """A ledger that is away for the next `away` questions."""

    away = 0

    def _answer(self) -> None:
        if self.away:
            self.away -= 1
            raise LedgerUnavailable("PostgreSQL cannot be reached.")

    async def claim(self, stage: Stage, job_ids: Sequence[JobId], token: str) -> list[Job]:
        self._answer()
        return await super().claim(stage, job_ids, token)

    async def retry(self, jobs: Sequence[Job], error: FleetError, *, fallback: Content | None = None) -> list[Job]:
        self._answer()
        return await super().retry(jobs, error, fallback=fallback)


def make_ledger(*, retries: int = 3, group: int = 1, run_lease: timedelta = LEASE) -> OutOfReach:
    policy = StagePolicy(window=5, group=group, ready_buffer=64, release_lease=LEASE, run_lease=run_lease)
    return OutOfReach(policies=dict.fromkeys(Stage, policy), retries=RetryPolicy(retries=retries))


@pytest.fixture
def ledger() -> OutOfReach:
    return make_ledger()


async def release_one(ledger: MemoryLedger, *, bookmarks: int = 1) -> Released:
    await ledger.submit(ADA, [NewBookmark(f"http://example.org/{number}") for number in range(bookmarks)])
    [released] = await ledger.release(Stage.SCRAPE)
    return released


async def run(
    ledger: MemoryLedger,
    released: Released,
    act: Act,
    *,
    fallback: Callable[[Job, FleetError], Content] | None = None,
    hold: timedelta = LEASE,
) -> None:
    await JobRunner(Stage.SCRAPE, Work(ledger, act, fallback), hold=hold)(released.job_ids, released.token)


def failing_with(error: BaseException) -> Act:
    async def act(jobs: Sequence[Job]) -> Worked:
        raise error

    return act


def storing(ledger: MemoryLedger) -> Act:
    async def act(jobs: Sequence[Job]) -> Worked:
        for job in jobs:
            await ledger.store_content(job, CONTENT)
        return Worked("static")

    return act


def only_job(ledger: MemoryLedger) -> tuple[JobState, int, WaitReason | None]:
    [job] = ledger._jobs.values()
    return job.state, job.attempts, job.reason


def counted(outcome: str, code: str) -> float:
    labels = {"stage": "scrape", "outcome": outcome, "code": code}
    return REGISTRY.get_sample_value("fleet_jobs_total", labels) or 0.0


async def test_a_claimed_job_is_worked_on_and_counted(ledger: OutOfReach) -> None:
    before = counted("done", "ok")
    released = await release_one(ledger)

    await run(ledger, released, storing(ledger))

    [kept] = ledger.bookmarks.values()
    assert kept.content == CONTENT
    assert counted("done", "ok") == before + 1


async def test_a_doubled_delivery_does_no_work_and_is_counted(ledger: OutOfReach) -> None:
    released = await release_one(ledger)
    await run(ledger, released, storing(ledger))
    stale = REGISTRY.get_sample_value("fleet_stale_deliveries_total", {"stage": "scrape"}) or 0.0

    await run(ledger, released, failing_with(AssertionError("worked twice")))

    assert REGISTRY.get_sample_value("fleet_stale_deliveries_total", {"stage": "scrape"}) == stale + 1
    assert only_states(ledger) == [JobState.DONE, JobState.QUEUED]


def only_states(ledger: MemoryLedger) -> list[JobState]:
    return [job.state for job in ledger._jobs.values()]


async def test_a_spent_quota_puts_the_lane_to_rest_and_costs_no_attempt(ledger: OutOfReach) -> None:
    released = await release_one(ledger)
    until = datetime.now(UTC) + timedelta(hours=3)

    await run(ledger, released, failing_with(QuotaSpent(until=until, reason=WaitReason.QUOTA_DAY)))

    assert only_job(ledger) == (JobState.QUEUED, 0, None)
    rest = ledger._lanes[ADA, Stage.SCRAPE].rest
    assert (rest.reason, rest.until) == (WaitReason.QUOTA_DAY, until)


async def test_a_busy_site_holds_its_own_jobs_alone_one_behind_the_other(ledger: OutOfReach) -> None:
    released = await release_one(ledger, bookmarks=3)
    until = datetime.now(UTC) + LEASE

    await run(ledger, released, failing_with(HostBusy(until=until, every=timedelta(seconds=2))))

    waiting = [(job.state, job.attempts, job.reason, job.ready_at - until) for job in ledger._jobs.values()]
    assert waiting == [(JobState.QUEUED, 0, WaitReason.HOST_BUSY, timedelta(seconds=2 * place)) for place in range(3)]
    assert ledger._lanes[ADA, Stage.SCRAPE].rest.until < datetime.now(UTC)


async def test_a_busy_site_that_a_page_redirects_to_holds_this_page_alone(ledger: OutOfReach) -> None:
    released = await release_one(ledger, bookmarks=2)

    await run(ledger, released, failing_with(HostBusy(until=datetime.now(UTC) + LEASE)))

    assert [job.reason for job in ledger._jobs.values()] == [WaitReason.HOST_BUSY, None]


async def test_a_failed_try_waits_and_costs_an_attempt(ledger: OutOfReach) -> None:
    released = await release_one(ledger)

    await run(ledger, released, failing_with(PageUnreachable("No answer.")))

    assert only_job(ledger) == (JobState.QUEUED, 1, WaitReason.BACKOFF)


async def test_a_lasting_failure_ends_with_its_reason_and_the_fallback() -> None:
    ledger = make_ledger()
    released = await release_one(ledger)
    told: list[str] = []

    def fallback(job: Job, error: FleetError) -> Content:
        told.append(error.code)
        return FALLBACK

    await run(ledger, released, failing_with(PageGone("It is gone.")), fallback=fallback)

    [kept] = ledger.bookmarks.values()
    assert (kept.state, kept.content) == (JobState.FAILED, FALLBACK)
    assert isinstance(kept.error, PageGone)
    assert told == ["page_gone"]


async def test_the_last_try_counts_as_a_failure_and_those_before_as_retried(ledger: OutOfReach) -> None:
    retried, failed = counted("retried", "page_unreachable"), counted("failed", "page_unreachable")
    worn_out = make_ledger(retries=0)

    for each in (ledger, worn_out):
        await run(each, await release_one(each), failing_with(PageUnreachable("No answer.")))

    assert counted("retried", "page_unreachable") == retried + 1
    assert counted("failed", "page_unreachable") == failed + 1


async def test_a_crash_is_a_failed_try_whose_sentence_reveals_nothing() -> None:
    ledger = make_ledger(retries=0)
    released = await release_one(ledger)

    await run(ledger, released, failing_with(ZeroDivisionError("postgresql://fleet:secret@db")))

    [kept] = ledger.bookmarks.values()
    assert isinstance(kept.error, InternalError)
    assert "secret" not in kept.error.sentence


async def test_work_that_outlasts_its_lease_is_ended_in_time_to_say_so() -> None:
    ledger = make_ledger(retries=0, run_lease=timedelta(seconds=0.3))
    released = await release_one(ledger)

    async def never(jobs: Sequence[Job]) -> Worked:
        await asyncio.sleep(60)
        raise AssertionError

    await run(ledger, released, never)

    [kept] = ledger.bookmarks.values()
    assert isinstance(kept.error, TookTooLong)


async def test_a_timeout_of_the_works_own_is_a_crash_and_no_overrun() -> None:
    ledger = make_ledger(retries=0)
    released = await release_one(ledger)

    await run(ledger, released, failing_with(TimeoutError()))

    [kept] = ledger.bookmarks.values()
    assert isinstance(kept.error, InternalError)


async def test_a_lost_lease_is_told_to_nobody(ledger: OutOfReach) -> None:
    before = counted("lost", "lease_lost")
    released = await release_one(ledger)

    await run(ledger, released, failing_with(LeaseLost(released.job_ids)))

    assert only_job(ledger) == (JobState.RUNNING, 0, None)
    assert counted("lost", "lease_lost") == before + 1


async def test_a_ledger_that_is_away_for_a_moment_holds_the_claim(ledger: OutOfReach) -> None:
    released = await release_one(ledger)
    ledger.away = 2

    await run(ledger, released, storing(ledger))

    [kept] = ledger.bookmarks.values()
    assert kept.content == CONTENT


async def test_a_ledger_that_stays_away_costs_no_attempt(ledger: OutOfReach) -> None:
    released = await release_one(ledger)
    ledger.away = 1_000

    await run(ledger, released, failing_with(AssertionError("not claimed")), hold=timedelta(seconds=0.2))

    assert only_job(ledger) == (JobState.RELEASED, 0, None)


async def test_a_failure_is_told_again_until_the_ledger_is_back(ledger: OutOfReach) -> None:
    released = await release_one(ledger)

    async def act(jobs: Sequence[Job]) -> Worked:
        ledger.away = 2
        raise PageUnreachable("No answer.")

    await run(ledger, released, act)

    assert only_job(ledger) == (JobState.QUEUED, 1, WaitReason.BACKOFF)


async def test_work_that_could_not_be_stored_goes_back_at_no_cost(ledger: OutOfReach) -> None:
    released = await release_one(ledger)

    await run(ledger, released, failing_with(LedgerUnavailable("PostgreSQL cannot be reached.")))

    assert only_job(ledger) == (JobState.QUEUED, 0, WaitReason.BACKOFF)


async def test_a_cancelled_job_is_put_back_at_no_cost(ledger: OutOfReach) -> None:
    released = await release_one(ledger)
    working = asyncio.Event()

    async def never(jobs: Sequence[Job]) -> Worked:
        working.set()
        await asyncio.sleep(60)
        raise AssertionError

    task = asyncio.create_task(run(ledger, released, never))
    await working.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task

    assert only_job(ledger) == (JobState.QUEUED, 0, WaitReason.BACKOFF)


async def test_of_a_group_only_the_ones_that_failed_are_tried_again() -> None:
    ledger = make_ledger(group=3)
    released = await release_one(ledger, bookmarks=3)

    async def act(jobs: Sequence[Job]) -> Worked:
        first, second, third = jobs
        await ledger.store_content(first, CONTENT)
        await ledger.store_content(third, CONTENT)
        return Worked("static", failed=[(second, PageUnreachable("No answer."))])

    await run(ledger, released, act)

    scrape = [(job.state, job.attempts) for job in ledger._jobs.values() if job.stage is Stage.SCRAPE]
    assert scrape == [(JobState.DONE, 0), (JobState.QUEUED, 1), (JobState.DONE, 0)]
