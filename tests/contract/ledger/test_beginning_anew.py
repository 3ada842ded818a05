"""Failed bookmarks begun anew: where they first failed, with fresh attempts, and what came after dropped."""

from datetime import timedelta

import pytest

from shared.errors import ContentBlocked, LeaseLost, PageGone, PageUnreachable
from shared.values import AnalysedBy, JobId, Strategy
from tests.contract.ledger.kit import (
    ADA,
    ANALYZE,
    BOB,
    OPERATOR,
    SCRAPE,
    Fleet,
    analysis,
    claim_all,
    content,
    ids,
    pages,
    scraped,
)

GONE = PageGone("The page is gone.")
BLOCKED = ContentBlocked("The provider refuses it.")


async def test_a_failed_bookmark_waits_again_with_fresh_attempts(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    while jobs := await claim_all(fleet.ledger, SCRAPE):
        await fleet.ledger.retry(jobs, PageUnreachable("No answer."))
        fleet.passes(timedelta(seconds=16))
    assert fleet.see(accepted.id).state == "failed"

    assert await fleet.ledger.requeue_failed(ADA, by=OPERATOR) == 1

    seen = fleet.see(accepted.id)
    assert (seen.state, seen.error_code) == ("queued", None)
    [job] = await claim_all(fleet.ledger, SCRAPE)
    assert job.attempt == 1
    await fleet.ledger.store_content(job, content())
    [job] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(job, analysis())])
    assert fleet.see(accepted.id).state == "done"
    assert await fleet.ledger.requeue_failed(ADA, by=OPERATOR) == 0


async def test_only_what_failed_with_a_code_or_was_named_begins_anew(fleet: Fleet) -> None:
    one, two, three = await fleet.ledger.submit(ADA, pages(3))
    jobs = {}
    while claimed := await claim_all(fleet.ledger, SCRAPE):
        for job in claimed:
            jobs[job.bookmark.id] = job
            await fleet.ledger.fail([job], PageUnreachable("Away.") if job.bookmark.id == one.id else GONE)

    assert await fleet.ledger.requeue_failed(ADA, code="no_such_code", by=OPERATOR) == 0
    assert await fleet.ledger.requeue_failed(ADA, jobs=[jobs[one.id].id], code="page_gone", by=OPERATOR) == 0
    assert await fleet.ledger.requeue_failed(ADA, jobs=[jobs[two.id].id, JobId(10**12)], by=OPERATOR) == 1
    assert [fleet.see(each.id).state for each in (one, two, three)] == ["failed", "queued", "failed"]
    assert await fleet.ledger.requeue_failed(ADA, code="page_unreachable", by=OPERATOR) == 1
    assert [fleet.see(each.id).state for each in (one, two, three)] == ["queued", "queued", "failed"]


async def test_nobody_elses_failures_begin_anew(fleet: Fleet) -> None:
    [mine] = await fleet.ledger.submit(ADA, pages(1))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.fail([job], GONE)

    assert await fleet.ledger.requeue_failed(BOB, jobs=[job.id], by=OPERATOR) == 0
    assert fleet.see(mine.id).state == "failed"


async def test_the_analysis_of_fallback_content_neither_ends_nor_outlives_a_retried_page(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.fail(await claim_all(fleet.ledger, SCRAPE), GONE, fallback=content(Strategy.FALLBACK))
    [running] = await claim_all(fleet.ledger, ANALYZE)

    assert await fleet.ledger.requeue_failed(ADA, by=OPERATOR) == 1
    with pytest.raises(LeaseLost):
        await fleet.ledger.store_analyses([(running, analysis(AnalysedBy.HEURISTIC))])
    assert fleet.see(accepted.id).state == "queued"
    assert await claim_all(fleet.ledger, ANALYZE) == []

    [job] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.store_content(job, content())
    [job] = await claim_all(fleet.ledger, ANALYZE)
    assert job.content.strategy == Strategy.STATIC


async def test_a_page_that_failed_twice_over_begins_with_the_page(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.fail(await claim_all(fleet.ledger, SCRAPE), GONE, fallback=content(Strategy.FALLBACK))
    [late] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.fail([late], BLOCKED)

    assert await fleet.ledger.requeue_failed(ADA, jobs=[late.id], by=OPERATOR) == 1

    assert await claim_all(fleet.ledger, ANALYZE) == []
    [job] = await claim_all(fleet.ledger, SCRAPE)
    assert job.bookmark.id == accepted.id
    assert await fleet.ledger.requeue_failed(ADA, by=OPERATOR) == 0


async def test_what_failed_with_the_provider_begins_there(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 1)
    await fleet.ledger.fail(await claim_all(fleet.ledger, ANALYZE), BLOCKED)

    assert await fleet.ledger.requeue_failed(ADA, by=OPERATOR) == 1

    assert await fleet.ledger.release(SCRAPE) == []
    assert len(ids(await fleet.ledger.release(ANALYZE))) == 1


async def test_a_retried_user_who_is_paused_stays_paused(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.fail(await claim_all(fleet.ledger, SCRAPE), GONE)
    await fleet.ledger.pause(ADA, by=OPERATOR)

    assert await fleet.ledger.requeue_failed(ADA, by=OPERATOR) == 1

    assert await fleet.ledger.release(SCRAPE) == []


async def test_what_operators_do_is_recorded_and_what_came_to_nothing_is_not(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(2))
    await fleet.ledger.fail(await claim_all(fleet.ledger, SCRAPE), GONE)
    for user in (ADA, BOB):
        await fleet.ledger.pause(user, by=OPERATOR)
        await fleet.ledger.resume(user, by=OPERATOR)
        await fleet.ledger.requeue_failed(user, code="page_gone", by=OPERATOR)

    assert await fleet.acts() == [
        (OPERATOR, "user_paused", ADA, {}),
        (OPERATOR, "user_resumed", ADA, {}),
        (OPERATOR, "jobs_retried", ADA, {"bookmarks": 2, "code": "page_gone"}),
    ]
