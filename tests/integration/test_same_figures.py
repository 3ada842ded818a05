"""What the dashboards count is what the overview, `fleet status` and the live page say, on a real PostgreSQL."""

from datetime import UTC, datetime, timedelta

import psycopg
import pytest

from services.producer.adapters.counting_in_postgres import PostgresCounting
from shared.database import Database
from shared.ledger import Pause
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.reports import Reports
from shared.users import user_id
from shared.values import WaitReason
from tests.contract.ledger.kit import (
    ADA,
    ANALYZE,
    BOB,
    OPERATOR,
    POLICIES,
    RETRIES,
    SCRAPE,
    claim_all,
    content,
    pages,
)

CYD, DAN = user_id("cyd"), user_id("dan")


async def test_the_gauges_and_the_overview_count_the_same(database_url: str) -> None:
    database = Database(database_url)
    ledger = PostgresLedger(database, policies=POLICIES, retries=RETRIES)
    later = datetime.now(UTC) + timedelta(hours=1)
    for user, reason in ((ADA, WaitReason.QUOTA_DAY), (BOB, WaitReason.QUOTA_UNAVAILABLE)):
        await ledger.submit(user, pages(4, of=user))
        for job in await claim_all(ledger, SCRAPE):
            await ledger.store_content(job, content())
        await ledger.postpone(await claim_all(ledger, ANALYZE), Pause(reason, later))
    await ledger.submit(CYD, pages(9, of="cyd"))
    await claim_all(ledger, SCRAPE)
    await ledger.submit(DAN, pages(3, of="dan"))
    await ledger.release(SCRAPE)
    await ledger.pause(CYD, by=OPERATOR)
    with psycopg.connect(database_url) as connection:
        connection.execute(
            "UPDATE jobs SET ready_at = now() - interval '90 seconds' WHERE state IN ('queued', 'released')"
        )

    overview = await Reports(database).overview()
    gauges = await PostgresCounting(database).standing()

    states = [
        ((stage.stage, state), jobs)
        for stage in overview.stages
        for state, jobs in (("queued", stage.waiting), ("released", stage.released), ("running", stage.running))
    ]
    assert gauges.jobs == {which: jobs for which, jobs in states if jobs}
    assert {state for _, state in gauges.jobs} == {"queued", "released", "running"}
    assert gauges.lanes == {(lanes.stage, lanes.reason): lanes.lanes for lanes in overview.lanes}
    assert {reason for _, reason in gauges.lanes} == {"quota_day", "quota_unavailable", "paused"}
    assert overview.health.held_back == {"day": 1}
    assert gauges.outbox == overview.outbox_pending > 0
    assert gauges.keys == overview.health.keys
    waits = {stage.stage: stage.oldest_wait_s for stage in overview.stages if stage.oldest_wait_s}
    assert gauges.oldest_wait_s == pytest.approx(waits, abs=5)
    await database.close()
