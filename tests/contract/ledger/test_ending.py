"""What becomes of bookmarks whose jobs end, well or badly, and what others are told."""

import pytest

from shared.errors import LeaseLost, PageGone
from shared.ledger import Job
from shared.values import AnalysedBy, Strategy
from tests.contract.ledger.kit import (
    ADA,
    ANALYZE,
    RENDER,
    SCRAPE,
    Fleet,
    analysis,
    claim_all,
    content,
    pages,
    scraped,
)

GONE = PageGone("The page is gone.")


async def test_content_and_analysis_make_a_bookmark_done_and_are_told(fleet: Fleet) -> None:
    [bookmark] = await scraped(fleet.ledger, 1)
    seen = fleet.see(bookmark)
    assert seen is not None
    assert (seen.state, seen.strategy, seen.analysed_by) == ("queued", "static", None)
    [job] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(job, analysis())])
    seen = fleet.see(bookmark)
    assert seen is not None
    assert (seen.state, seen.analysed_by) == ("done", "gemini")
    assert fleet.events() == {("bookmark.scraped", bookmark): 1, ("bookmark.analyzed", bookmark): 1}


async def test_analyses_whose_lease_was_lost_are_left_out_and_the_others_kept(fleet: Fleet) -> None:
    first, second = await scraped(fleet.ledger, 2)
    jobs = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(jobs[0], analysis())])
    await fleet.ledger.store_analyses([(job, analysis()) for job in jobs])
    assert fleet.events()["bookmark.analyzed", first] == 1
    assert fleet.events()["bookmark.analyzed", second] == 1
    with pytest.raises(LeaseLost):
        await fleet.ledger.store_analyses([(job, analysis()) for job in jobs])


async def test_a_job_may_advance_to_another_stage_without_content(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.advance(job, to=ANALYZE)
    [next_] = await claim_all(fleet.ledger, ANALYZE)
    assert (next_.bookmark.id, next_.content, next_.attempt) == (job.bookmark.id, None, 1)


async def test_a_stage_that_nobody_serves_keeps_its_jobs(fleet: Fleet) -> None:
    fleet.serves_only(SCRAPE, ANALYZE)
    await fleet.ledger.submit(ADA, pages(1))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.advance(job, to=RENDER)
    assert (await fleet.ledger.reap()).lanes == 0
    with pytest.raises(LeaseLost):
        await fleet.ledger.advance(job, to=RENDER)


async def test_a_failed_bookmark_shows_why_and_others_are_told(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    jobs = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.fail(jobs, GONE)
    seen = fleet.see(accepted.id)
    assert seen is not None
    assert (seen.state, seen.error_code, seen.strategy) == ("failed", "page_gone", None)
    assert fleet.events() == {("bookmark.failed", accepted.id): 1}
    assert await claim_all(fleet.ledger, ANALYZE) == []


async def test_fallback_content_is_analysed_and_its_bookmark_stays_failed(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.fail(await claim_all(fleet.ledger, SCRAPE), GONE, fallback=content(Strategy.FALLBACK))
    [job] = await claim_all(fleet.ledger, ANALYZE)
    assert job.content is not None
    assert job.content.strategy is Strategy.FALLBACK
    await fleet.ledger.store_analyses([(job, analysis(AnalysedBy.HEURISTIC))])
    seen = fleet.see(accepted.id)
    assert seen is not None
    assert (seen.state, seen.error_code, seen.analysed_by) == ("failed", "page_gone", "heuristic")


async def test_a_heuristic_analysis_never_replaces_the_providers(fleet: Fleet) -> None:
    [bookmark] = await scraped(fleet.ledger, 1)
    await fleet.ledger.store_analyses([(await analyze_job(fleet), analysis(AnalysedBy.HEURISTIC))])
    await fleet.ledger.requeue_heuristic(ADA)
    await fleet.ledger.advance(await analyze_job(fleet), to=SCRAPE)
    await fleet.ledger.requeue_heuristic(ADA)
    await fleet.ledger.store_analyses([(await analyze_job(fleet), analysis(AnalysedBy.GEMINI))])
    [scrape_job] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.store_content(scrape_job, content())
    await fleet.ledger.store_analyses([(await analyze_job(fleet), analysis(AnalysedBy.HEURISTIC))])
    seen = fleet.see(bookmark)
    assert seen is not None
    assert (seen.state, seen.analysed_by) == ("done", "gemini")
    assert fleet.events()["bookmark.analyzed", bookmark] == 2


async def analyze_job(fleet: Fleet) -> Job:
    [job] = await claim_all(fleet.ledger, ANALYZE)
    return job


async def test_only_heuristic_analyses_of_pages_that_were_read_are_queued_again(fleet: Fleet) -> None:
    by = (AnalysedBy.GEMINI, AnalysedBy.HEURISTIC, AnalysedBy.HEURISTIC)
    bookmarks = await scraped(fleet.ledger, 3)
    jobs = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(job, analysis(who)) for job, who in zip(jobs, by, strict=True)])
    await fleet.ledger.submit(ADA, pages(4))
    await fleet.ledger.fail(await claim_all(fleet.ledger, SCRAPE), GONE, fallback=content(Strategy.FALLBACK))
    [fallback] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(fallback, analysis(AnalysedBy.HEURISTIC))])

    assert await fleet.ledger.requeue_heuristic(ADA) == 2
    assert await fleet.ledger.requeue_heuristic(ADA) == 0
    again = await claim_all(fleet.ledger, ANALYZE)
    assert {job.bookmark.id for job in again} == set(bookmarks[1:])


async def test_analyses_are_queued_again_a_few_at_a_time_when_asked_so(fleet: Fleet) -> None:
    bookmarks = await scraped(fleet.ledger, 3)
    jobs = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(job, analysis(AnalysedBy.HEURISTIC)) for job in jobs])

    assert await fleet.ledger.requeue_heuristic(ADA, limit=2) == 2
    assert await fleet.ledger.requeue_heuristic(ADA, limit=2) == 1
    assert {job.bookmark.id for job in await claim_all(fleet.ledger, ANALYZE)} == set(bookmarks)
