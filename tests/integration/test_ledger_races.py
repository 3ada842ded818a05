"""What only a real PostgreSQL with many at once can show: no job lost, doubled or forgotten."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from itertools import count

import pytest

from shared.bookmarks import NewBookmark
from shared.database import Database
from shared.errors import LeaseLost, PageUnreachable
from shared.ledger import Job, Released
from shared.ledger.checks import inconsistencies
from shared.ledger.in_postgres import PostgresLedger, lanes, releasing
from shared.ledger.policies import RetryPolicy
from shared.ledger.reports import Reports
from shared.users import user_id
from tests.contract.ledger.kit import (
    ADA,
    ANALYZE,
    POLICIES,
    SCRAPE,
    analysis,
    claim_all,
    content,
    pages,
    release_all,
)

DEADLINE_S = 60
Make = Callable[[], PostgresLedger]


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool=20)
    yield database
    await database.close()


@pytest.fixture
def make(database: Database) -> Make:
    return lambda: PostgresLedger(database, policies=POLICIES, retries=RetryPolicy(retries=50), random=lambda: 0.0)


class Storm:
    """Dispatchers, workers and a sweeper side by side, in which much goes wrong and nothing may be lost."""

    def __init__(self, database: Database, make: Make) -> None:
        self.database, self.make = database, make
        self.queue: asyncio.Queue[Released] = asyncio.Queue()
        self.claimed_to_the_end: Counter[tuple[str, int]] = Counter()
        self.most_unclaimed = 0

    async def dispatch(self, number: int) -> None:
        """Release and send; some messages come twice, and one dispatcher often cannot send."""
        ledger = self.make()
        for turn in count():
            released = await ledger.release(SCRAPE) + await ledger.release(ANALYZE)
            if number == 0 and turn % 5 == 1:
                await ledger.take_back(released)
                continue
            for each in released * (1 + (turn % 3 == 0)):
                self.queue.put_nowait(each)
            await asyncio.sleep(0.005)

    async def work(self, number: int) -> None:
        """Claim and finish; every seventh try fails."""
        ledger = self.make()
        for turn in count(number):
            released = await self.queue.get()
            jobs = await ledger.claim(released.stage, released.job_ids, released.token)
            if turn % 7 == 3:
                await ledger.retry(jobs, PageUnreachable("No answer."))
                continue
            self.claimed_to_the_end.update((job.stage, job.bookmark.id) for job in jobs)
            await self.finish(ledger, jobs)

    async def finish(self, ledger: PostgresLedger, jobs: Sequence[Job]) -> None:
        for job in jobs:
            if job.stage is SCRAPE:
                await ledger.store_content(job, content())
        await ledger.store_analyses([(job, analysis()) for job in jobs if job.stage is ANALYZE])

    async def sweep(self) -> None:
        """No lane may ever stand still, nor too much be released."""
        ledger = self.make()
        for _ in count():
            assert (await ledger.reap()).lanes == 0
            async with self.database.begin() as work:
                self.most_unclaimed = max(self.most_unclaimed, await releasing._unclaimed(work, SCRAPE))
            await asyncio.sleep(0.02)

    async def rages(self, *, during: Awaitable[int]) -> int:
        """Until what comes in meanwhile has come, and every job has ended."""
        crew = [
            *(asyncio.create_task(self.dispatch(number)) for number in range(3)),
            *(asyncio.create_task(self.work(number)) for number in range(8)),
            asyncio.create_task(self.sweep()),
        ]
        reports = Reports(self.database)
        async with asyncio.timeout(DEADLINE_S):
            came = await during
            while await reports.unfinished() and not any(task.done() for task in crew):  # noqa: ASYNC110 - the ledger is asked, nobody tells
                await asyncio.sleep(0.05)
        for task in crew:
            task.cancel()
        for outcome in await asyncio.gather(*crew, return_exceptions=True):
            assert isinstance(outcome, asyncio.CancelledError), outcome
        return came


async def test_in_a_storm_of_doubled_lost_and_failed_messages_everything_is_finished_once(
    database: Database, make: Make
) -> None:
    users = [user_id(f"user-{number}") for number in range(7)]
    submissions = [make().submit(user, pages(3 + 4 * place, of=user)) for place, user in enumerate(users)]
    submitted = sum(len(each) for each in await asyncio.gather(*submissions))

    async def latecomers() -> int:
        single = [[NewBookmark(f"https://late.example/{number}")] for number in range(20)]
        return sum([len(await make().submit(ADA, each)) for each in single])

    storm = Storm(database, make)
    submitted += await storm.rages(during=latecomers())

    assert len(storm.claimed_to_the_end) == 2 * submitted
    assert set(storm.claimed_to_the_end.values()) == {1}
    assert storm.most_unclaimed <= POLICIES[SCRAPE].ready_buffer
    assert await inconsistencies(database) == []
    done = [(await Reports(database).progress(user)).bookmarks for user in (*users, ADA)]
    assert sum(each.get("done", 0) for each in done) == submitted


async def test_a_submission_that_meets_the_last_release_is_not_forgotten(database: Database, make: Make) -> None:
    """A dispatcher has looked at the lane's last job; a submission waits for the lane and comes right behind."""
    await make().submit(ADA, pages(1))
    async with database.begin() as dispatcher:
        released = await releasing.release(dispatcher, {SCRAPE: 2, ANALYZE: 5}, SCRAPE, POLICIES[SCRAPE])
        assert len(released) == 1
        submission = asyncio.create_task(make().submit(ADA, pages(2)))
        await _until_somebody_waits(database)
        assert not submission.done()
    await submission
    assert len(await make().release(SCRAPE)) == 1
    assert await inconsistencies(database) == []


async def test_a_result_that_meets_a_sweep_is_kept_or_dropped_as_a_whole(database: Database, make: Make) -> None:
    [accepted] = await make().submit(ADA, pages(1))
    [job] = await claim_all(make(), SCRAPE)
    async with database.begin() as work:
        await work.exec_driver_sql("UPDATE jobs SET lease_until = now() - interval '1 second'")
    kept, reaped = await asyncio.gather(make().store_content(job, content()), make().reap(), return_exceptions=True)
    if isinstance(kept, LeaseLost):
        [again] = await claim_all(make(), SCRAPE)
        await make().store_content(again, content())
    else:
        assert kept is None
    assert not isinstance(reaped, BaseException)
    [analyze] = await claim_all(make(), ANALYZE)
    assert analyze.bookmark.id == accepted.id
    assert await inconsistencies(database) == []


async def test_a_lane_held_by_somebody_is_passed_over_and_served_next_time(database: Database, make: Make) -> None:
    bob = user_id("bob")
    await make().submit(ADA, pages(1))
    await make().submit(bob, pages(1, of="bob"))
    async with database.begin() as somebody:
        await lanes.hold(somebody, [ADA])
        async with asyncio.timeout(5):
            assert [each.user for each in await make().release(SCRAPE)] == [bob]
    assert [each.user for each in await make().release(SCRAPE)] == [ADA]


async def test_a_lane_that_stands_still_by_mistake_is_set_going_by_the_sweeper(database: Database, make: Make) -> None:
    await make().submit(ADA, pages(3))
    for mistake in (
        "UPDATE lanes SET state = 'idle'",
        "UPDATE lanes SET state = 'full'",
        "UPDATE lanes SET state = 'asleep', wake_at = now() + interval '1 day'",
    ):
        async with database.begin() as work:
            await work.exec_driver_sql(mistake)
        assert await make().release(SCRAPE) == []
        assert (await make().reap()).lanes == 1
        [released] = await make().release(SCRAPE)
        await make().take_back([released])


async def test_a_dispatcher_that_dies_in_the_middle_leaves_nothing_half_released(database_url: str, make: Make) -> None:
    await make().submit(ADA, pages(3))
    dying = Database(database_url, pool=1)
    async with asyncio.timeout(DEADLINE_S), dying.begin() as work:
        assert await releasing.release(work, {SCRAPE: 2}, SCRAPE, POLICIES[SCRAPE])
        await work.rollback()
    await dying.close()
    assert len(await release_all(make(), SCRAPE)) == POLICIES[SCRAPE].window


async def _until_somebody_waits(database: Database) -> None:
    async with asyncio.timeout(DEADLINE_S):
        while True:
            async with database.begin() as work:
                await work.exec_driver_sql("SET LOCAL ROLE NONE")  # the login sees what its own connections wait for
                waiting = await work.exec_driver_sql(
                    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                    " AND wait_event_type = 'Lock'"
                )
                if waiting.scalar_one():
                    return
            await asyncio.sleep(0.01)
