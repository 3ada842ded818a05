"""Jobs a second through the ledger, against a plain table of jobs taken first come, first served."""

from datetime import timedelta

from sqlalchemy import text

from shared.bookmarks import Content, NewBookmark
from shared.database import Database
from shared.ledger import StagePolicy
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import RetryPolicy
from shared.users import user_id
from shared.values import Stage, Strategy
from tests.bench.corners import Servers
from tests.bench.measuring import Measure, Result, in_turn

PAGE = Content(strategy=Strategy.STATIC, verdict="ok", final_url="https://example.org/", title="T", text="word " * 300)
LEASE = timedelta(minutes=5)
POLICY = StagePolicy(window=4, group=1, ready_buffer=64, release_lease=LEASE, run_lease=LEASE)


async def _dispatch(servers: Servers, *, small: bool) -> Result:
    users, each, batch = (50, 20, 200) if small else (500, 20, 1_000)
    database = Database(await servers.database())
    ledger = PostgresLedger(database, policies={Stage.SCRAPE: POLICY}, retries=RetryPolicy())
    for number in range(users):
        pages = [NewBookmark(f"https://example.org/{number}/{page}") for page in range(each)]
        await ledger.submit(user_id(f"user{number}"), pages)
    async with database.begin() as work:
        await work.execute(text("SET LOCAL ROLE NONE"))
        await work.execute(text("CREATE TABLE plain AS SELECT id, false AS done FROM jobs"))
        await work.execute(text("CREATE INDEX ON plain (id) WHERE NOT done"))
        await work.execute(text("CREATE TABLE plain_contents (job_id bigint PRIMARY KEY, text text)"))
        await work.execute(text("GRANT ALL ON plain, plain_contents TO fleet_dispatcher"))

    async def ours() -> None:
        done = 0
        while done < batch:
            for released in await ledger.release(Stage.SCRAPE):
                for job in await ledger.claim(Stage.SCRAPE, released.job_ids, released.token):
                    await ledger.store_content(job, PAGE)
                    done += 1

    async def plainly() -> None:
        for _ in range(batch):
            async with database.begin() as work:
                taken = await work.execute(
                    text(
                        "UPDATE plain SET done = true WHERE id = (SELECT id FROM plain WHERE NOT done "
                        "ORDER BY id LIMIT 1 FOR UPDATE SKIP LOCKED) RETURNING id"
                    )
                )
                await work.execute(
                    text("INSERT INTO plain_contents VALUES (:id, :text)"),
                    {"id": taken.scalar_one(), "text": PAGE.text},
                )

    mine, baseline = await in_turn(batch, ours, plainly)
    await database.close()
    return Result("dispatch", mine, baseline, "jobs/s", "one FIFO table, one transaction a job, nothing fenced")


dispatch = Measure("dispatch", _dispatch)
