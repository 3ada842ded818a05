"""Fallback content stands in for a page that is still being tried: shown at once, analysed in time, not in the way."""

from dataclasses import replace
from datetime import timedelta

import pytest

from shared.bookmarks import Content
from shared.errors import InternalError, LeaseLost, PageBlocked
from shared.ledger import EXPECTED_WITHIN, Job
from shared.values import AnalysedBy, BookmarkId, Stage, Strategy
from tests.contract.ledger.kit import (
    ADA,
    ANALYZE,
    OPERATOR,
    POLICIES,
    RENDER,
    RETRIES,
    SCRAPE,
    Fleet,
    Seen,
    Unreachable,
    analysis,
    claim_all,
    content,
    pages,
    release_all,
)

UNREACHABLE = Unreachable("No answer.")
BLOCKED = PageBlocked("The site wants proof.")
BY_HAND = analysis(AnalysedBy.HEURISTIC)
SHORT = Content(Strategy.FALLBACK, "thin", "https://example.org/", "A title", "A title, and little else.")
LONG = replace(SHORT, text="A title, a teaser, and more.")


async def on_the_way_to_a_browser(fleet: Fleet, fallback: Content | None = SHORT) -> BookmarkId:
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.advance(job, to=RENDER, fallback=fallback)
    return accepted.id


async def one(fleet: Fleet, stage: Stage) -> Job:
    [job] = await claim_all(fleet.ledger, stage)
    return job


def seen(fleet: Fleet, bookmark: BookmarkId) -> Seen:
    shown = fleet.see(bookmark)
    assert shown is not None
    return shown


async def test_what_was_seen_is_shown_at_once_while_a_browser_is_asked(fleet: Fleet) -> None:
    bookmark = await on_the_way_to_a_browser(fleet)

    assert (seen(fleet, bookmark).state, seen(fleet, bookmark).strategy) == ("queued", "fallback")
    assert (await one(fleet, RENDER)).content == SHORT
    assert fleet.events() == {}


async def test_nothing_is_analysed_that_the_page_replaces_in_a_moment_and_the_page_is_analysed_once(
    fleet: Fleet,
) -> None:
    bookmark = await on_the_way_to_a_browser(fleet)
    assert await release_all(fleet.ledger, ANALYZE) == []

    await fleet.ledger.store_content(await one(fleet, RENDER), content(Strategy.BROWSER))

    job = await one(fleet, ANALYZE)
    assert job.content is not None
    assert job.content.strategy is Strategy.BROWSER
    await fleet.ledger.store_analyses([(job, analysis())])
    fleet.passes(2 * EXPECTED_WITHIN)
    await fleet.ledger.reap()
    assert await release_all(fleet.ledger, ANALYZE) == []
    assert seen(fleet, bookmark).state == "done"
    assert fleet.events() == {("bookmark.scraped", bookmark): 1, ("bookmark.analyzed", bookmark): 1}


async def test_a_page_that_does_not_come_in_time_is_analysed_by_what_stands_in_for_it(fleet: Fleet) -> None:
    bookmark = await on_the_way_to_a_browser(fleet)
    fleet.passes(EXPECTED_WITHIN)

    await fleet.ledger.store_analyses([(await one(fleet, ANALYZE), BY_HAND)])

    assert (seen(fleet, bookmark).state, seen(fleet, bookmark).analysed_by) == ("queued", "heuristic")
    await fleet.ledger.store_content(await one(fleet, RENDER), content(Strategy.BROWSER))
    await fleet.ledger.store_analyses([(await one(fleet, ANALYZE), analysis())])
    assert (seen(fleet, bookmark).state, seen(fleet, bookmark).analysed_by) == ("done", "gemini")


@pytest.mark.parametrize("for_good", [False, True])
async def test_a_try_that_fails_in_the_browser_has_what_stands_there_analysed_now_and_once(
    fleet: Fleet, for_good: bool
) -> None:
    bookmark = await on_the_way_to_a_browser(fleet)
    job = await one(fleet, RENDER)

    await (fleet.ledger.fail if for_good else fleet.ledger.retry)([job], BLOCKED, fallback=SHORT)

    analysed = await one(fleet, ANALYZE)
    assert analysed.content == SHORT
    await fleet.ledger.store_analyses([(analysed, BY_HAND)])
    assert seen(fleet, bookmark).state == ("failed" if for_good else "queued")
    fleet.passes(2 * EXPECTED_WITHIN)
    assert await release_all(fleet.ledger, ANALYZE) == []


async def test_a_site_that_turned_us_away_is_left_in_peace_for_a_while_whatever_the_chance(fleet: Fleet) -> None:
    fleet.chance = 0
    await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.retry([await one(fleet, SCRAPE)], BLOCKED)

    fleet.passes(BLOCKED.rest - timedelta(seconds=2))
    assert await release_all(fleet.ledger, SCRAPE) == []

    fleet.passes(timedelta(seconds=2))
    assert (await one(fleet, SCRAPE)).attempt == 2


async def test_a_bookmark_without_anything_to_show_still_goes_on(fleet: Fleet) -> None:
    bookmark = await on_the_way_to_a_browser(fleet, fallback=None)

    assert seen(fleet, bookmark).strategy is None
    await fleet.ledger.store_content(await one(fleet, RENDER), content(Strategy.BROWSER))
    assert seen(fleet, bookmark).strategy == "browser"


async def test_each_try_may_better_what_stands_there_and_is_told_what_that_is(fleet: Fleet) -> None:
    fleet.chance = 0
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    first = await one(fleet, SCRAPE)
    assert first.content is None
    await fleet.ledger.retry([first], UNREACHABLE, fallback=SHORT)
    await fleet.ledger.store_analyses([(await one(fleet, ANALYZE), BY_HAND)])
    second = await one(fleet, SCRAPE)
    assert second.content == SHORT

    await fleet.ledger.retry([second], UNREACHABLE, fallback=LONG)

    again = await one(fleet, ANALYZE)
    assert again.content == LONG
    await fleet.ledger.store_analyses([(again, BY_HAND)])
    assert (await one(fleet, SCRAPE)).content == LONG
    assert seen(fleet, accepted.id).state == "queued"


async def test_a_try_that_saw_nothing_new_has_nothing_analysed_again(fleet: Fleet) -> None:
    fleet.chance = 0
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.retry([await one(fleet, SCRAPE)], UNREACHABLE, fallback=SHORT)
    await fleet.ledger.store_analyses([(await one(fleet, ANALYZE), BY_HAND)])

    await fleet.ledger.retry([await one(fleet, SCRAPE)], UNREACHABLE, fallback=replace(SHORT, verdict="blocked"))

    assert (await one(fleet, SCRAPE)).content == replace(SHORT, verdict="blocked")
    assert await release_all(fleet.ledger, ANALYZE) == []
    assert fleet.events() == {("bookmark.analyzed", accepted.id): 1}


async def test_an_analysis_under_way_of_what_was_bettered_meanwhile_is_dropped(fleet: Fleet) -> None:
    fleet.chance = 0
    await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.retry([await one(fleet, SCRAPE)], UNREACHABLE, fallback=SHORT)
    late = await one(fleet, ANALYZE)

    await fleet.ledger.retry([await one(fleet, SCRAPE)], UNREACHABLE, fallback=LONG)

    with pytest.raises(LeaseLost):
        await fleet.ledger.store_analyses([(late, BY_HAND)])
    assert (await one(fleet, ANALYZE)).content == LONG


async def worn_out_analysis(fleet: Fleet, *, by_lease: bool) -> None:
    for _ in range(RETRIES.retries + 1):
        job = await one(fleet, ANALYZE)
        if by_lease:
            fleet.passes(POLICIES[ANALYZE].run_lease + timedelta(seconds=1))
            await fleet.ledger.reap()
        else:
            await fleet.ledger.retry([job], InternalError())


@pytest.mark.parametrize("by_lease", [False, True])
async def test_a_failed_analysis_of_what_stands_in_neither_ends_a_bookmark_that_is_being_tried_nor_outlives_it(
    fleet: Fleet, by_lease: bool
) -> None:
    fleet.chance = 0
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.retry([await one(fleet, SCRAPE)], UNREACHABLE, fallback=SHORT)

    await worn_out_analysis(fleet, by_lease=by_lease)

    assert (seen(fleet, accepted.id).state, seen(fleet, accepted.id).error_code) == ("queued", None)
    assert fleet.events() == {}
    assert await fleet.ledger.requeue_failed(ADA, by=OPERATOR) == 0
    await fleet.ledger.store_content(await one(fleet, SCRAPE), content())
    last = await one(fleet, ANALYZE)
    assert last.attempt == 1
    await fleet.ledger.store_analyses([(last, analysis())])
    assert seen(fleet, accepted.id).state == "done"
    assert await fleet.ledger.requeue_failed(ADA, by=OPERATOR) == 0


@pytest.mark.parametrize("by_lease", [False, True])
async def test_a_failed_analysis_of_what_stands_in_leaves_a_failed_bookmark_its_own_reason(
    fleet: Fleet, by_lease: bool
) -> None:
    fleet.chance = 0
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.fail([await one(fleet, SCRAPE)], UNREACHABLE, fallback=SHORT)

    await worn_out_analysis(fleet, by_lease=by_lease)

    assert seen(fleet, accepted.id).error_code == "page_unreachable"
    assert fleet.events() == {("bookmark.failed", accepted.id): 1}


@pytest.mark.parametrize("by_lease", [False, True])
async def test_a_failed_analysis_of_a_page_that_was_read_is_shown(fleet: Fleet, by_lease: bool) -> None:
    fleet.chance = 0
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.store_content(await one(fleet, SCRAPE), content())

    await worn_out_analysis(fleet, by_lease=by_lease)

    assert seen(fleet, accepted.id).state == "failed"
    assert fleet.events()["bookmark.failed", accepted.id] == 1


async def test_all_that_is_known_of_a_page_comes_with_its_job(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    whole = Content(
        *(Strategy.STATIC, "ok", "https://example.org/", "Title", "Text", "Description"),
        *("Ada", "Site", "en", "2024-05-06", "https://example.org/lead.png", 12),
    )

    await fleet.ledger.store_content(await one(fleet, SCRAPE), whole)

    assert (await one(fleet, ANALYZE)).content == whole
