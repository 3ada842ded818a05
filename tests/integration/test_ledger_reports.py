"""What the read side shows of a real PostgreSQL's ledger."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta

import pytest

from shared.bookmarks import Link, NewBookmark
from shared.database import Database
from shared.errors import NotFound, PageGone, PageUnreachable
from shared.ledger import Pause
from shared.ledger.checks import inconsistencies
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.reports import Reports
from shared.ledger.summing import Paced
from shared.values import AnalysedBy, BookmarkId, JobState, Strategy, WaitReason
from tests.contract.ledger.kit import (
    ADA,
    ANALYZE,
    BOB,
    OPERATOR,
    POLICIES,
    RENDER,
    RETRIES,
    SCRAPE,
    analysis,
    claim_all,
    content,
    pages,
)


@dataclass
class Fleet:
    database: Database
    ledger: PostgresLedger
    reports: Reports


@pytest.fixture
async def fleet(database_url: str) -> AsyncIterator[Fleet]:
    database = Database(database_url)
    yield Fleet(database, PostgresLedger(database, policies=POLICIES, retries=RETRIES), Reports(database))
    await database.close()


async def test_a_bookmark_shows_its_page_and_its_analysis(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, [NewBookmark("https://a.example/", "Mine", ("x",), external_id="e1")])
    before = await fleet.reports.bookmark(ADA, accepted.id)
    assert (before.title, before.state, before.stage, before.job_state) == ("Mine", "queued", "scrape", "queued")
    assert (before.content, before.analysis, before.error, before.waiting, before.strategy) == (None,) * 5

    [job] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.store_content(job, content())
    [job] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(job, analysis())])
    view = await fleet.reports.bookmark(ADA, accepted.id)
    assert (view.title, view.state, view.strategy, view.analysed_by) == ("A page", "done", "static", "gemini")
    assert (view.external_id, view.tags, view.words) == ("e1", ["x"], 5)
    assert view.analysis is not None
    assert (view.analysis.summary, view.analysis.technologies) == ("A summary.", ["python"])
    written = json.loads(json.dumps(view.as_json()))
    assert written["analysis"]["tokens"] == {"prompt": 0, "answer": 0}
    assert datetime.fromisoformat(written["content"]["fetched_at"]).tzinfo is not None


async def test_a_failed_bookmark_shows_its_error_and_its_fallback(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    jobs = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.fail(jobs, PageGone("The page is gone."), fallback=content(Strategy.FALLBACK))
    view = await fleet.reports.bookmark(ADA, accepted.id)
    assert view.error is not None
    assert (view.error.code, view.error.sentence, view.error.advice) == (
        "page_gone",
        "The page is gone.",
        PageGone.advice,
    )
    assert (view.strategy, view.stage, view.job_state) == ("fallback", "analyze", "queued")


async def test_what_was_read_is_shown_with_where_its_links_lead(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    with pytest.raises(NotFound):
        await fleet.reports.text(ADA, accepted.id)
    links = (Link("the second\0 page", "https://a.example/2"), Link("a third", "https://a.example/3?q=\ud800"))
    await fleet.ledger.store_content(job, replace(content(), links=links))

    shown = await fleet.reports.text(ADA, accepted.id)
    assert (shown.title, shown.strategy, shown.text) == ("A page", "static", "Some words of text ?")
    assert shown.links == [Link("the second page", "https://a.example/2"), Link("a third", "https://a.example/3?q=?")]
    [analysed] = await claim_all(fleet.ledger, ANALYZE)
    assert analysed.content is not None
    assert analysed.content.links == tuple(shown.links)
    with pytest.raises(NotFound):
        await fleet.reports.text(BOB, accepted.id)


async def test_a_bookmark_whose_page_is_tried_again_shows_that_and_what_stands_in_for_it(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    meanwhile = replace(content(Strategy.FALLBACK), image="https://a.example/lead.png", pages=3)
    await fleet.ledger.advance(job, to=RENDER, fallback=meanwhile)
    view = await fleet.reports.bookmark(ADA, accepted.id)
    assert (view.title, view.state, view.strategy) == ("A page", "queued", "fallback")
    assert (view.stage, view.job_state, view.waiting) == ("render", "queued", None)
    assert view.content is not None
    assert (view.content.image, view.content.pages) == ("https://a.example/lead.png", 3)

    await fleet.ledger.retry(await claim_all(fleet.ledger, RENDER), PageUnreachable("No."), fallback=meanwhile)
    [analysed] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(analysed, analysis(AnalysedBy.HEURISTIC))])
    view = await fleet.reports.bookmark(ADA, accepted.id)
    assert (view.state, view.stage, view.attempts, view.analysed_by) == ("queued", "render", 1, "heuristic")
    assert view.waiting is not None
    assert view.waiting.reason is WaitReason.BACKOFF


async def test_nobody_sees_anothers_bookmark(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    with pytest.raises(NotFound):
        await fleet.reports.bookmark(BOB, accepted.id)
    with pytest.raises(NotFound):
        await fleet.reports.bookmark(ADA, BookmarkId(10**12))
    assert (await fleet.reports.bookmarks(BOB)).bookmarks == []


async def test_a_users_bookmarks_come_in_pages_that_neither_miss_nor_repeat(fleet: Fleet) -> None:
    accepted = await fleet.ledger.submit(ADA, pages(7))
    seen: list[int] = []
    after = None
    while True:
        page = await fleet.reports.bookmarks(ADA, after=after, limit=3)
        seen += [view.id for view in page.bookmarks]
        after = page.after
        if after is None:
            break
    assert seen == [each.id for each in accepted]
    assert (await fleet.reports.bookmarks(ADA, limit=7)).after is None


async def test_bookmarks_are_listed_by_state(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(3))
    [job, _] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.fail([job], PageGone("The page is gone."))
    failed = await fleet.reports.bookmarks(ADA, state=JobState.FAILED)
    assert [view.id for view in failed.bookmarks] == [job.bookmark.id]
    assert len((await fleet.reports.bookmarks(ADA, state=JobState.QUEUED)).bookmarks) == 2


async def test_what_waits_says_why_and_until_when(fleet: Fleet) -> None:
    [one, two, *_] = await fleet.ledger.submit(ADA, pages(3))
    first, second = await claim_all(fleet.ledger, SCRAPE)
    until = datetime.now(UTC) + timedelta(hours=1)
    await fleet.ledger.postpone([first], Pause(WaitReason.HOST_BUSY, until), whole_lane=False)
    await fleet.ledger.retry([second], PageUnreachable("No answer."))
    alone = (await fleet.reports.bookmark(ADA, one.id)).waiting
    backoff = (await fleet.reports.bookmark(ADA, two.id)).waiting
    assert alone is not None
    assert (alone.reason, alone.until) == (WaitReason.HOST_BUSY, until)
    assert backoff is not None
    assert backoff.reason is WaitReason.BACKOFF

    [third] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.postpone([third], Pause(WaitReason.PROVIDER_DOWN, until))
    [lane] = (await fleet.reports.progress(ADA)).lanes
    assert lane.blocked is not None
    assert (lane.blocked.reason, lane.blocked.until, lane.waiting) == (WaitReason.PROVIDER_DOWN, until, 3)

    await fleet.ledger.pause(ADA, by=OPERATOR)
    paused = (await fleet.reports.bookmark(ADA, one.id)).waiting
    assert paused is not None
    assert (paused.reason, paused.until) == (WaitReason.PAUSED, None)


async def test_progress_counts_what_is_done_and_what_is_not(fleet: Fleet) -> None:
    assert (await fleet.reports.progress(ADA)).total == 0
    await fleet.ledger.submit(ADA, pages(5))
    await fleet.ledger.submit(BOB, pages(2, of="bob"))
    jobs = [job for job in await claim_all(fleet.ledger, SCRAPE) if job.user == ADA]
    for job in jobs:
        await fleet.ledger.store_content(job, content())
    [analyze, *_] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(analyze, analysis(AnalysedBy.HEURISTIC))])
    progress = await fleet.reports.progress(ADA)
    assert (progress.total, progress.bookmarks) == (5, {"done": 1, "queued": 4})
    assert (progress.analysed, progress.unfinished) == ({"heuristic": 1}, 4)
    assert [(lane.stage, lane.waiting, lane.running) for lane in progress.lanes] == [(SCRAPE, 3, 0), (ANALYZE, 0, 1)]
    assert (await fleet.reports.unfinished(ADA), await fleet.reports.unfinished()) == (4, 6)
    assert json.dumps(progress.as_json())


async def test_the_overview_adds_everybody_up(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(5))
    await fleet.ledger.submit(BOB, pages(2, of="bob"))
    await fleet.ledger.pause(BOB, by=OPERATOR)
    first, second = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.store_content(first, content())
    await fleet.ledger.postpone([second], Pause(WaitReason.PROVIDER_DOWN, datetime.now(UTC) + timedelta(hours=1)))
    overview = await fleet.reports.overview()
    stages = {sums.stage: sums for sums in overview.stages}
    assert (stages[SCRAPE].waiting, stages[SCRAPE].done, stages[ANALYZE].waiting) == (6, 1, 1)
    assert stages[ANALYZE].oldest_wait_s > 0
    assert (overview.bookmarks, overview.contents, overview.users) == ({"queued": 7}, 1, 2)
    assert (overview.outbox_pending, overview.paused) == (1, [BOB])
    assert {(lanes.stage, lanes.reason): lanes.lanes for lanes in overview.lanes} == {
        (SCRAPE, WaitReason.PROVIDER_DOWN): 1,
        (SCRAPE, WaitReason.PAUSED): 1,
    }
    assert json.dumps(overview.as_json())


async def test_the_overview_says_how_well_the_last_hour_went(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(4))
    done, late = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.store_content(done, content())
    await fleet.ledger.fail([late], PageGone("The page is gone."))
    [gone, *_] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.fail([gone], PageGone("The page is gone."))
    async with fleet.database.begin() as work:
        await work.exec_driver_sql("UPDATE jobs SET claimed_at = ended_at - interval '4 seconds' WHERE state = 'done'")
        two_hours_ago = "UPDATE jobs SET ended_at = now() - interval '2 hours' WHERE id = %s"
        await work.exec_driver_sql(two_hours_ago, (late.id,))
    [analyze] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.postpone([analyze], Pause(WaitReason.QUOTA_DAY, datetime.now(UTC) + timedelta(hours=1)))

    seen = (await fleet.reports.overview()).health

    [scrape] = seen.stages
    assert (scrape.stage, scrape.done, scrape.failed, scrape.success) == (SCRAPE, 1, 1, 0.5)
    assert scrape.slow_s is not None
    assert 3 < scrape.slow_s <= 4
    assert [(kind.code, kind.jobs) for kind in scrape.failures] == [("page_gone", 1)]
    assert (seen.keys, seen.held_back) == ({}, {"day": 1})


async def test_the_newest_results_come_first_and_only_results(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(3))
    ended = []
    for _ in range(2):
        job, *_ = await claim_all(fleet.ledger, SCRAPE)
        await fleet.ledger.fail([job], PageGone("The page is gone."))
        ended.append(job.bookmark.id)
    assert [view.id for view in await fleet.reports.newest()] == ended[::-1]
    assert len(await fleet.reports.newest(1)) == 1


async def test_a_user_is_known_from_the_first_submission_until_the_erasure(fleet: Fleet) -> None:
    assert not await fleet.reports.knows(ADA)
    await fleet.ledger.submit(ADA, pages(1))
    assert await fleet.reports.knows(ADA)
    await fleet.ledger.erase(ADA, by=OPERATOR)
    assert not await fleet.reports.knows(ADA)


async def test_what_was_handed_in_lately_is_counted_no_further_than_asked(fleet: Fleet) -> None:
    an_hour_ago = datetime.now(UTC) - timedelta(hours=1)
    await fleet.ledger.submit(ADA, pages(4))
    async with fleet.database.begin() as work:
        await work.exec_driver_sql("UPDATE bookmarks SET submitted_at = now() - interval '2 hours' WHERE id = 1")
    await fleet.ledger.submit(BOB, pages(9))

    assert await fleet.reports.handed_in_since(ADA, an_hour_ago, at_most=100) == 3
    assert await fleet.reports.handed_in_since(BOB, an_hour_ago, at_most=5) == 5
    assert await fleet.reports.handed_in_since(ADA, datetime.now(UTC), at_most=100) == 0


async def test_the_checks_find_what_was_broken_by_hand(fleet: Fleet, database_url: str) -> None:
    await fleet.ledger.submit(ADA, pages(3))
    await claim_all(fleet.ledger, SCRAPE)
    assert await inconsistencies(fleet.database) == []
    async with fleet.database.begin() as work:
        await work.exec_driver_sql("UPDATE lanes SET state = 'idle'")
        await work.exec_driver_sql("UPDATE bookmarks SET state = 'done'")
    assert await inconsistencies(fleet.database) == [
        "1 lanes are idle although they have work.",
        "3 bookmarks are done without content or analysis.",
    ]


async def test_an_answer_that_was_dear_is_remembered_longer() -> None:
    now, asked = 0.0, 0

    async def ask() -> int:
        nonlocal now, asked
        now, asked = now + 0.1, asked + 1
        return asked

    paced = Paced(ask, clock=lambda: now)
    assert [await paced(), await paced()] == [1, 1]
    now += 1.9
    assert await paced() == 1
    now += 0.2
    assert await paced() == 2
