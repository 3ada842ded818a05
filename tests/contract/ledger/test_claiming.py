"""A job has one running claim at most, and who lost it has no say."""

import asyncio
from datetime import timedelta

import pytest

from shared.errors import LeaseLost, PageUnreachable
from shared.ledger import Outage, Pause
from shared.values import WaitReason
from tests.contract.ledger.kit import (
    ADA,
    ANALYZE,
    POLICIES,
    RETRIES,
    SCRAPE,
    Fleet,
    analysis,
    claim_all,
    content,
    later,
    pages,
    scraped,
)


async def test_a_doubled_delivery_claims_nothing(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [released] = await fleet.ledger.release(SCRAPE)
    claims = await asyncio.gather(
        *(fleet.another().claim(SCRAPE, released.job_ids, released.token) for _ in range(6)),
    )
    assert sorted(map(len, claims)) == [0, 0, 0, 0, 0, 1]


async def test_a_wrong_token_or_another_stage_claims_nothing(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [released] = await fleet.ledger.release(SCRAPE)
    assert await fleet.ledger.claim(SCRAPE, released.job_ids, "0" * 32) == []
    assert await fleet.ledger.claim(ANALYZE, released.job_ids, released.token) == []
    assert len(await fleet.ledger.claim(SCRAPE, released.job_ids, released.token)) == 1


async def test_a_message_older_than_its_lease_claims_nothing(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [released] = await fleet.ledger.release(SCRAPE)
    fleet.passes(released.lease + timedelta(seconds=1))
    assert await fleet.ledger.claim(SCRAPE, released.job_ids, released.token) == []


async def test_an_unclaimed_release_goes_back_to_its_lane_and_costs_no_attempt(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [stale] = await fleet.ledger.release(SCRAPE)
    assert (await fleet.ledger.reap()).by_stage == {}
    fleet.passes(stale.lease + timedelta(seconds=1))
    reaped = await fleet.ledger.reap()
    assert (reaped.released, reaped.running, reaped.by_stage) == (1, 0, {SCRAPE: 1})
    [job] = await claim_all(fleet.ledger, SCRAPE)
    assert job.attempt == 1
    assert job.token != stale.token


async def test_a_killed_workers_job_is_run_again_and_the_late_result_is_dropped(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    [lost] = await claim_all(fleet.ledger, SCRAPE)
    fleet.passes(POLICIES[SCRAPE].run_lease + timedelta(seconds=1))
    assert (await fleet.ledger.reap()).running == 1
    [again] = await claim_all(fleet.ledger, SCRAPE)
    assert again.attempt == 2
    with pytest.raises(LeaseLost):
        await fleet.ledger.store_content(lost, content())
    with pytest.raises(LeaseLost):
        await fleet.ledger.advance(lost, to=ANALYZE)
    await fleet.ledger.fail([lost], PageUnreachable("No answer."))
    await fleet.ledger.retry([lost], PageUnreachable("No answer."))
    await fleet.ledger.postpone([lost], Pause(WaitReason.HOST_BUSY, later(fleet, 600)))
    await fleet.ledger.store_content(again, content())
    assert fleet.events() == {("bookmark.scraped", accepted.id): 1}
    seen = fleet.see(accepted.id)
    assert seen is not None
    assert seen.state == "queued"
    assert len(await claim_all(fleet.ledger, ANALYZE)) == 1


@pytest.mark.parametrize(("ended_ago_s", "attempt"), [(0, 1), (60, 2)])
async def test_a_lease_that_ended_while_the_ledger_was_away_costs_no_attempt(
    fleet: Fleet, ended_ago_s: int, attempt: int
) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    await claim_all(fleet.ledger, SCRAPE)
    fleet.passes(POLICIES[SCRAPE].run_lease + timedelta(seconds=30))
    outage = Outage(began=timedelta(seconds=90), ended=timedelta(seconds=ended_ago_s))
    reaped = await fleet.ledger.reap(outage=outage)
    assert (reaped.running, reaped.by_stage, reaped.failed) == (1, {SCRAPE: 1}, {})
    [again] = await claim_all(fleet.ledger, SCRAPE)
    assert again.attempt == attempt


async def test_a_page_that_kills_its_workers_comes_to_an_end(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    failed = []
    for _ in range(RETRIES.retries + 1):
        assert len(await claim_all(fleet.ledger, SCRAPE)) == 1
        fleet.passes(POLICIES[SCRAPE].run_lease + timedelta(seconds=1))
        failed.append((await fleet.ledger.reap()).failed)
    assert failed == [*[{}] * RETRIES.retries, {SCRAPE: 1}]
    assert await claim_all(fleet.ledger, SCRAPE) == []
    seen = fleet.see(accepted.id)
    assert seen is not None
    assert (seen.state, seen.error_code) == ("failed", "lease_expired")
    assert fleet.events() == {("bookmark.failed", accepted.id): 1}


async def test_a_result_within_the_lease_is_kept_once(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    outcomes = await asyncio.gather(
        *(fleet.another().store_content(job, content()) for _ in range(4)), return_exceptions=True
    )
    assert outcomes.count(None) == 1
    assert sum(isinstance(each, LeaseLost) for each in outcomes) == 3, outcomes
    assert len(await claim_all(fleet.ledger, ANALYZE)) == 1


async def test_sweepers_side_by_side_take_a_job_back_once(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    await claim_all(fleet.ledger, SCRAPE)
    fleet.passes(POLICIES[SCRAPE].run_lease + timedelta(seconds=1))
    reaped = await asyncio.gather(*(fleet.another().reap() for _ in range(4)))
    assert sum(each.running for each in reaped) == 1
    [job] = await claim_all(fleet.ledger, SCRAPE)
    assert job.attempt == 2


async def test_a_claimed_job_knows_its_deadline_and_how_long_it_could_have_run(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    fleet.passes(timedelta(seconds=30))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    assert timedelta(seconds=30) <= job.waited < timedelta(seconds=60)
    lease = job.deadline - fleet.now()
    assert timedelta(seconds=60) < lease <= POLICIES[SCRAPE].run_lease


async def test_time_a_lane_rested_is_not_time_its_jobs_waited(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 1)
    jobs = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.postpone(jobs, Pause(WaitReason.QUOTA_MINUTE, later(fleet, 50)))
    fleet.passes(timedelta(seconds=55))
    [job] = await claim_all(fleet.ledger, ANALYZE)
    assert timedelta(seconds=5) <= job.waited < timedelta(seconds=30)


async def test_an_analyze_job_brings_its_content(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 1)
    [job] = await claim_all(fleet.ledger, ANALYZE)
    assert job.content is not None
    assert (job.content.title, job.content.strategy) == ("A page", "static")
    assert job.content.text.startswith("Some words")


async def test_jobs_left_out_of_a_claim_do_not_hold_the_others(fleet: Fleet) -> None:
    [first, *_] = await scraped(fleet.ledger, 3)
    [released] = await fleet.ledger.release(ANALYZE)
    await fleet.ledger.remove(ADA, ids=[first])
    jobs = await fleet.ledger.claim(ANALYZE, released.job_ids, released.token)
    assert len(jobs) == 2
    await fleet.ledger.store_analyses([(job, analysis()) for job in jobs])
