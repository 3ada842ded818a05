"""Bookmarks of a lane that cannot call the provider for long show something meanwhile; what is renewed goes last."""

from datetime import timedelta

import pytest

from shared.bookmarks import Analysis
from shared.errors import AnswerUnusable
from shared.ledger import NO_CALLS, Job, Pause
from shared.values import AnalysedBy, JobState, Stage, Strategy, WaitReason
from tests.contract.ledger.kit import (
    ADA,
    ANALYZE,
    BOB,
    OPERATOR,
    Fleet,
    analysis,
    claim_all,
    content,
    later,
    pages,
    release_all,
    scraped,
)

LONG = timedelta(seconds=300)


async def wait_for(fleet: Fleet, reason: WaitReason, *, seconds: float = 3_600, jobs: list[Job] | None = None) -> None:
    """The lanes of some jobs, or of all that may run, rest for this reason."""
    for job in jobs or await claim_all(fleet.ledger, ANALYZE):
        await fleet.ledger.postpone([job], Pause(reason, later(fleet, seconds)))


async def read_here(fleet: Fleet, *, limit: int = 100) -> list[Job]:
    """What an analyzer does of whatever waits too long; the jobs it read."""
    read = []
    while jobs := await fleet.ledger.claim_waiting(longer_than=LONG, limit=limit):
        await fleet.ledger.show_meanwhile([(job, heuristic()) for job in jobs])
        read += jobs
    return read


def heuristic() -> Analysis:
    return analysis(AnalysedBy.HEURISTIC)


@pytest.mark.parametrize("reason", NO_CALLS)
async def test_what_waits_long_for_calls_is_read_here_once_and_replaced_once(fleet: Fleet, reason: WaitReason) -> None:
    bookmarks = await scraped(fleet.ledger, 4)
    await wait_for(fleet, reason)
    assert await read_here(fleet) == []
    fleet.passes(LONG)

    read = await read_here(fleet, limit=3)

    assert sorted(job.bookmark.id for job in read) == bookmarks
    assert all(job.content for job in read)
    assert await read_here(fleet) == []
    assert {fleet.see(id_).analysed_by for id_ in bookmarks if fleet.see(id_)} == {"heuristic"}
    assert {fleet.see(id_).state for id_ in bookmarks if fleet.see(id_)} == {JobState.DONE}
    assert await fleet.ledger.release(ANALYZE) == []  # it waits as before
    fleet.passes(timedelta(hours=1))
    jobs = await claim_all(fleet.ledger, ANALYZE)
    assert {job.attempt for job in jobs} == {1}
    await fleet.ledger.store_analyses([(job, analysis()) for job in jobs])
    assert {fleet.see(id_).analysed_by for id_ in bookmarks if fleet.see(id_)} == {"gemini"}
    assert await claim_all(fleet.ledger, ANALYZE) == await read_here(fleet) == []
    assert [fleet.events()["bookmark.analyzed", id_] for id_ in bookmarks] == [2] * 4


@pytest.mark.parametrize("reason", [WaitReason.BATCH_PAUSE, WaitReason.BACKOFF])
async def test_who_waits_for_anything_else_is_not_read_here(fleet: Fleet, reason: WaitReason) -> None:
    await scraped(fleet.ledger)
    await wait_for(fleet, reason)
    fleet.passes(LONG)

    assert await read_here(fleet) == []


async def test_a_wait_over_short_wakings_is_one_wait_until_a_call_is_answered(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 2)
    await wait_for(fleet, WaitReason.PROVIDER_DOWN, seconds=200)
    fleet.passes(timedelta(seconds=205))
    await wait_for(fleet, WaitReason.PROVIDER_DOWN, seconds=200)
    fleet.passes(timedelta(seconds=100))
    assert len(await read_here(fleet)) == 2
    fleet.passes(timedelta(seconds=105))

    one, other = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(one, analysis())])
    await fleet.ledger.postpone([other], Pause(WaitReason.QUOTA_MINUTE, later(fleet, 60)))
    await fleet.ledger.submit(ADA, pages(3))
    for job in await claim_all(fleet.ledger, Stage.SCRAPE):
        await fleet.ledger.store_content(job, content())

    assert await read_here(fleet) == []  # it waits anew, and not for long


async def test_a_call_that_is_answered_after_the_wait_began_does_not_end_it(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 2)
    answered, refused = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.postpone([refused], Pause(WaitReason.QUOTA_DAY, later(fleet, 3_600)))
    await fleet.ledger.store_analyses([(answered, analysis())])
    fleet.passes(LONG)

    assert [job.id for job in await read_here(fleet)] == [refused.id]


async def test_a_lane_that_woke_long_ago_waits_anew(fleet: Fleet) -> None:
    await scraped(fleet.ledger)
    await wait_for(fleet, WaitReason.PROVIDER_DOWN, seconds=10)
    fleet.passes(timedelta(hours=2))
    await wait_for(fleet, WaitReason.PROVIDER_DOWN)

    assert await read_here(fleet) == []


async def test_lanes_are_read_one_by_one_and_paused_ones_not(fleet: Fleet) -> None:
    await scraped(fleet.ledger)
    await scraped(fleet.ledger, user=BOB)
    await wait_for(fleet, WaitReason.QUOTA_DAY)
    await fleet.ledger.pause(BOB, by=OPERATOR)
    fleet.passes(LONG)

    assert [job.user for job in await read_here(fleet)] == [ADA]
    await fleet.ledger.resume(BOB, by=OPERATOR)
    assert [job.user for job in await read_here(fleet)] == [BOB]


async def test_what_is_read_at_this_moment_is_read_by_nobody_else(fleet: Fleet) -> None:
    await scraped(fleet.ledger)
    await wait_for(fleet, WaitReason.QUOTA_DAY)
    fleet.passes(LONG)

    [job] = await fleet.ledger.claim_waiting(longer_than=LONG, limit=5)

    assert await fleet.another().claim_waiting(longer_than=LONG, limit=5) == []
    await fleet.ledger.remove(ADA, ids=[job.bookmark.id])
    await fleet.ledger.show_meanwhile([(job, heuristic())])  # nothing to show it for any more
    assert fleet.see(job.bookmark.id) is None


async def test_who_shows_nothing_yet_goes_before_whom_is_replaced(fleet: Fleet) -> None:
    old = await scraped(fleet.ledger, 6)
    await wait_for(fleet, WaitReason.QUOTA_DAY)
    fleet.passes(LONG)
    await read_here(fleet)
    await fleet.ledger.submit(ADA, pages(8))
    for job in await claim_all(fleet.ledger, Stage.SCRAPE):
        await fleet.ledger.store_content(job, content())
    fleet.passes(timedelta(hours=2))

    [first, second] = await release_all(fleet.ledger, ANALYZE)

    jobs = await fleet.ledger.claim(ANALYZE, first.job_ids, first.token)
    assert [job.bookmark.id in old for job in jobs] == [True, False, False]
    assert all(job.bookmark.id in old for job in await fleet.ledger.claim(ANALYZE, second.job_ids, second.token))


async def test_outdated_analyses_are_queued_again_once_and_show_until_replaced(fleet: Fleet) -> None:
    bookmarks = await scraped(fleet.ledger, 3)
    jobs = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([*((job, analysis()) for job in jobs[:2]), (jobs[2], heuristic())])

    assert await fleet.ledger.requeue_outdated(ADA, prompt_versions=["2"], by=OPERATOR) == 0
    assert await fleet.ledger.requeue_outdated(ADA, prompt_versions=["1", "0"], by=OPERATOR) == 2
    assert await fleet.ledger.requeue_outdated(ADA, prompt_versions=["1", "0"], by=OPERATOR) == 0
    assert await fleet.ledger.requeue_outdated(BOB, prompt_versions=["1", "0"], by=OPERATOR) == 0

    again = await claim_all(fleet.ledger, ANALYZE)
    assert sorted(job.bookmark.id for job in again) == bookmarks[:2]
    seen = [fleet.see(id_) for id_ in bookmarks]
    assert [each.analysed_by for each in seen if each] == ["gemini", "gemini", "heuristic"]
    assert [act for _, act, _, _ in await fleet.acts()] == ["analyses_requeued"]
    assert (await fleet.acts())[0][3] == {"bookmarks": 2}


async def test_a_renewal_that_fails_leaves_the_old_analysis(fleet: Fleet) -> None:
    [bookmark] = await scraped(fleet.ledger)
    [job] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(job, analysis())])
    await fleet.ledger.requeue_outdated(ADA, prompt_versions=["1"], by=OPERATOR)
    [job] = await claim_all(fleet.ledger, ANALYZE)

    await fleet.ledger.fail([job], AnswerUnusable("Nothing usable."))

    seen = fleet.see(bookmark)
    assert seen
    assert seen.analysed_by == "gemini"


async def test_what_could_not_be_read_is_not_renewed(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [job] = await claim_all(fleet.ledger, Stage.SCRAPE)
    await fleet.ledger.store_content(job, content(Strategy.FALLBACK))
    [job] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(job, analysis())])

    assert await fleet.ledger.requeue_outdated(ADA, prompt_versions=["1"], by=OPERATOR) == 0
