"""A tick costs what it releases and a transition what it changes, not what waits: counted in rows, not in time."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import psycopg
import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.ledger.in_postgres import PostgresLedger, claiming, finishing, reaping, releasing, submitting
from shared.users import user_id
from shared.values import UserId
from tests.contract.ledger.kit import ADA, OPERATOR, POLICIES, RETRIES, SCRAPE, claim_all, content, pages
from tests.integration.waiting import until

WINDOWS = {stage: policy.window for stage, policy in POLICIES.items()}

# Filled behind the planner's back, as by a sudden import: plans were made, and kept, while the tables were small.
# Every lane but the hog's is asleep.
FILL = """
    INSERT INTO bookmarks (user_id, url, url_digest)
    SELECT CASE WHEN n <= 6000 THEN 'hog' ELSE 'sleeper-' || n END, 'https://x.example/' || n, n
      FROM generate_series(1, 9000) AS n;
    INSERT INTO jobs (bookmark_id, user_id, stage) SELECT id, user_id, 'scrape' FROM bookmarks;
    INSERT INTO jobs (bookmark_id, user_id, stage, state) SELECT id, user_id, 'analyze', 'done' FROM bookmarks;
    INSERT INTO lanes (user_id, stage, state, wake_at, reason)
    SELECT DISTINCT user_id, 'scrape', 'asleep', now() + interval '1 day', 'quota_day' FROM bookmarks;
    UPDATE lanes SET rest_until = wake_at, rest_reason = reason;
    UPDATE lanes SET state = 'ready', wake_at = NULL, reason = NULL, rest_until = NULL WHERE user_id = 'hog';
"""
# Rows that scans of tables returned, and entries that scans of indexes returned, of dead rows too.
READ = text("""
    SELECT sum(pg_stat_get_xact_tuples_returned(oid)) FROM pg_class
     WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'i')
""")


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool=1)  # so that a plan, were it kept, would be used again
    await ledger(database).submit(ADA, pages(3))
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("VACUUM ANALYZE")
        for table in ("jobs", "lanes"):  # while it looks at them, the server's own sweeper keeps dead entries alive
            connection.execute(f"ALTER TABLE {table} SET (autovacuum_enabled = false)")
    for _ in range(12):
        await ledger(database).submit(ADA, pages(1))
        for job in await claim_all(ledger(database), SCRAPE):
            await ledger(database).store_content(job, content())
        await ledger(database).reap()
        await ledger(database).erase(ADA, by=OPERATOR)
    async with database.begin() as work:
        for statement in FILL.split(";"):
            if statement.strip():
                await work.execute(text(statement))
    yield database
    await database.close()


class Meter:
    """Counts what one transaction reads, from whichever table or index."""

    def __init__(self, work: AsyncConnection) -> None:
        self._work, self._before = work, 0

    async def read(self) -> int:
        """Rows and index entries since it was asked last."""
        now = int((await self._work.execute(READ)).scalar_one())
        read, self._before = now - self._before, now
        return read


@asynccontextmanager
async def metered(database: Database, user: UserId | None = None) -> AsyncIterator[tuple[AsyncConnection, Meter]]:
    async with database.begin(user) as work:
        meter = Meter(work)
        await meter.read()
        yield work, meter


async def test_a_tick_reads_a_few_rows_for_each_job_it_releases(database: Database) -> None:
    for number in range(4):
        await ledger(database).submit(user_id(number), pages(2, of=str(number)))
    async with metered(database) as (work, meter):
        released = await releasing.release(work, WINDOWS, SCRAPE, POLICIES[SCRAPE])
        assert len(released) == 5
        assert await meter.read() < 20 * len(released)


async def test_a_tick_that_finds_nothing_reads_next_to_nothing(database: Database) -> None:
    await claim_all(ledger(database), SCRAPE)
    async with metered(database) as (work, meter):
        assert await releasing.release(work, WINDOWS, SCRAPE, POLICIES[SCRAPE]) == []
        assert await meter.read() < 20


async def test_ticks_do_not_get_dearer_behind_a_trail_of_finished_jobs(database: Database) -> None:
    """Dead entries pile up at the head of a busy lane; reading them must clear them away."""
    hog = ledger(database)
    for _ in range(60):
        for job in await claim_all(hog, SCRAPE):
            await hog.store_content(job, content())

    # An `ANALYZE` of the server's own may keep them alive for a moment; nothing else looks into this database.
    async def a_tick_is_cheap() -> bool:
        return await tick_and_forget(database) < 60

    await until(a_tick_is_cheap, what="the dead entries are out of the way")


async def tick_and_forget(database: Database) -> int:
    """What a tick that has something to release reads; it is taken back, so that the next one finds the same."""
    async with metered(database) as (work, meter):
        assert await releasing.release(work, WINDOWS, SCRAPE, POLICIES[SCRAPE])
        read = await meter.read()
        await work.rollback()
    return read


async def test_every_transition_reads_a_few_rows_only(database: Database) -> None:
    [released, *_] = await ledger(database).release(SCRAPE)
    async with metered(database) as (work, meter):
        [job] = await claiming.claim(work, SCRAPE, released.job_ids, released.token, lease=POLICIES[SCRAPE].run_lease)
        assert await meter.read() < 20
    async with metered(database, job.user) as (work, meter):
        await finishing.store_content(work, WINDOWS, job, content())
        assert await meter.read() < 40
    async with metered(database, ADA) as (work, meter):
        await submitting.submit(work, WINDOWS, ADA, pages(10), None)
        assert await meter.read() < 100


async def test_the_wall_reads_a_users_rows_by_index_where_a_question_names_no_user(database: Database) -> None:
    """9,000 bookmarks are there, one of them this user's."""
    async with metered(database, user_id("sleeper-7000")) as (work, meter):
        everything = await work.execute(text("SELECT * FROM bookmarks JOIN jobs ON jobs.bookmark_id = bookmarks.id"))
        assert len(everything.all()) == 2
        assert await meter.read() < 100


async def test_a_sweep_reads_a_slice_of_the_lanes_and_not_their_jobs(database: Database) -> None:
    async with metered(database) as (work, meter):
        await reaping.reap(work, WINDOWS, RETRIES, outage=None, after=reaping.START)
        assert await meter.read() < 6 * reaping._AT_ONCE


def ledger(database: Database) -> PostgresLedger:
    return PostgresLedger(database, policies=POLICIES, retries=RETRIES)
