"""What waits, waits with a reason and costs no attempt; what fails is tried again, and not for ever."""

from datetime import timedelta

import pytest

from shared.errors import LeaseLost
from shared.ledger import Pause
from shared.values import AnalysedBy, Strategy, WaitReason
from tests.contract.ledger.kit import (
    ADA,
    ANALYZE,
    BOB,
    POLICIES,
    RETRIES,
    SCRAPE,
    Fleet,
    Unreachable,
    analysis,
    claim_all,
    content,
    ids,
    later,
    pages,
    release_all,
    scraped,
)

UNREACHABLE = Unreachable("No answer.")


async def test_a_postponed_lane_sleeps_as_a_whole_and_costs_no_attempt(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 5)
    [released, _] = await release_all(fleet.ledger, ANALYZE)
    jobs = await fleet.ledger.claim(ANALYZE, released.job_ids, released.token)
    await fleet.ledger.postpone(jobs, Pause(WaitReason.QUOTA_DAY, later(fleet, 3_600)))
    assert await fleet.ledger.release(ANALYZE) == []
    fleet.passes(timedelta(seconds=3_590))
    assert await fleet.ledger.release(ANALYZE) == []
    fleet.passes(timedelta(seconds=11))
    [again] = await fleet.ledger.release(ANALYZE)
    assert again.job_ids == released.job_ids
    assert {job.attempt for job in await fleet.ledger.claim(ANALYZE, again.job_ids, again.token)} == {1}


async def test_a_shorter_rest_does_not_end_a_longer_one(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 2)
    one, two = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.postpone([one], Pause(WaitReason.QUOTA_DAY, later(fleet, 3_600)))
    await fleet.ledger.postpone([two], Pause(WaitReason.QUOTA_MINUTE, later(fleet, 60)))
    fleet.passes(timedelta(seconds=70))
    assert await fleet.ledger.release(ANALYZE) == []


async def test_a_lane_with_one_postponed_job_serves_its_others_and_new_ones(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(2))
    busy, other = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.store_content(other, content())
    await fleet.ledger.postpone([busy], Pause(WaitReason.HOST_BUSY, later(fleet, 600)), whole_lane=False)
    assert await fleet.ledger.release(SCRAPE) == []
    await fleet.ledger.submit(ADA, pages(3))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    assert job.bookmark.id not in {busy.bookmark.id, other.bookmark.id}
    fleet.passes(timedelta(seconds=601))
    [again] = await claim_all(fleet.ledger, SCRAPE)
    assert (again.bookmark.id, again.attempt) == (busy.bookmark.id, 1)


async def ready_after(fleet: Fleet, seconds: float) -> list[str]:
    """The addresses that may run once so much more time has passed; they go on running."""
    fleet.passes(timedelta(seconds=seconds))
    return [job.bookmark.url for job in await claim_all(fleet.ledger, SCRAPE)]


async def test_jobs_of_a_busy_site_come_one_after_another_and_hold_up_no_others(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(4, of="busy"))
    [release] = await fleet.ledger.release(SCRAPE)
    [first] = await fleet.ledger.claim(SCRAPE, release.job_ids, release.token)
    await fleet.ledger.submit(ADA, pages(1, of="other"))
    await fleet.ledger.submit(BOB, pages(1, of="busy"))

    await fleet.ledger.space_out(first, until=later(fleet, 100), every=timedelta(seconds=10))

    assert sorted(await ready_after(fleet, 0)) == ["https://busy.example/0", "https://other.example/0"]
    assert await ready_after(fleet, 95) == []
    assert await ready_after(fleet, 10) == ["https://busy.example/0"]


async def test_jobs_that_come_later_anyway_are_not_called_earlier_by_a_busy_site(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(2))
    late, busy = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.postpone([late], Pause(WaitReason.HOST_BUSY, later(fleet, 500)), whole_lane=False)

    await fleet.ledger.space_out(busy, until=later(fleet, 100), every=timedelta(seconds=10))

    assert await ready_after(fleet, 105) == [busy.bookmark.url]
    assert await ready_after(fleet, 390) == []
    assert await ready_after(fleet, 10) == [late.bookmark.url]


async def test_a_busy_site_of_a_job_that_was_taken_back_moves_nothing(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(2))
    [release, *_] = await fleet.ledger.release(SCRAPE)
    [lost] = await fleet.ledger.claim(SCRAPE, release.job_ids, release.token)
    fleet.passes(timedelta(seconds=200))
    await fleet.ledger.reap()

    await fleet.ledger.space_out(lost, until=later(fleet, 100), every=timedelta(seconds=10))

    assert len(await ready_after(fleet, 0)) == 2


@pytest.mark.parametrize(("reason", "window"), [(WaitReason.QUOTA_DAY, "day"), (WaitReason.QUOTA_MONTH, "month")])
async def test_others_are_told_once_when_a_users_quota_is_used_up(
    fleet: Fleet, reason: WaitReason, window: str
) -> None:
    await scraped(fleet.ledger, 4)
    one, two, three, four = await claim_all(fleet.ledger, ANALYZE)
    until = later(fleet, 3_600)

    await fleet.ledger.postpone([one, two], Pause(reason, until))
    await fleet.ledger.postpone([three], Pause(reason, until))
    await fleet.ledger.postpone([four], Pause(reason, until + timedelta(seconds=1)))

    assert fleet.exhausted() == [(ADA, window, until)]


async def test_others_are_told_again_when_the_next_day_is_used_up_too_or_the_month(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 1)
    for reason in (WaitReason.QUOTA_DAY, WaitReason.QUOTA_DAY, WaitReason.QUOTA_MONTH):
        await fleet.ledger.postpone(await claim_all(fleet.ledger, ANALYZE), Pause(reason, later(fleet, 60)))
        fleet.passes(timedelta(seconds=61))

    assert [(user, window) for user, window, _ in fleet.exhausted()] == [(ADA, "day"), (ADA, "day"), (ADA, "month")]


async def test_the_month_is_told_also_while_the_lane_waits_for_the_day(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 2)
    one, two = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.postpone([one], Pause(WaitReason.QUOTA_DAY, later(fleet, 60)))
    await fleet.ledger.postpone([two], Pause(WaitReason.QUOTA_MONTH, later(fleet, 600)))
    assert [window for _, window, _ in fleet.exhausted()] == ["day", "month"]


async def test_no_other_wait_says_that_the_quota_is_used_up(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 4)
    one, two, three, four = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.postpone([one], Pause(WaitReason.QUOTA_MINUTE, later(fleet, 60)))
    await fleet.ledger.postpone([two], Pause(WaitReason.PROVIDER_DOWN, later(fleet, 600)))
    await fleet.ledger.postpone([three], Pause(WaitReason.QUOTA_DAY, later(fleet, 300)))  # it rests longer anyway
    await fleet.ledger.postpone([four], Pause(WaitReason.QUOTA_DAY, later(fleet, 900)), whole_lane=False)
    assert fleet.exhausted() == []


async def test_results_that_come_late_tell_nobody_of_the_quota(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 1)
    jobs = await claim_all(fleet.ledger, ANALYZE)
    fleet.passes(POLICIES[ANALYZE].run_lease + timedelta(seconds=1))
    await fleet.ledger.reap()
    await fleet.ledger.postpone(jobs, Pause(WaitReason.QUOTA_DAY, later(fleet, 600)))
    assert fleet.exhausted() == []


async def test_new_work_does_not_wake_a_lane_that_waits_for_quota(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 1)
    await fleet.ledger.postpone(await claim_all(fleet.ledger, ANALYZE), Pause(WaitReason.QUOTA_DAY, later(fleet, 600)))
    await fleet.ledger.submit(ADA, pages(2))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.store_content(job, content())
    assert await fleet.ledger.release(ANALYZE) == []


async def test_one_users_wait_is_nobody_elses(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(2))
    await fleet.ledger.postpone(
        await claim_all(fleet.ledger, SCRAPE), Pause(WaitReason.PROVIDER_DOWN, later(fleet, 600))
    )
    await fleet.ledger.submit(BOB, pages(1, of="bob"))
    [released] = await fleet.ledger.release(SCRAPE)
    assert released.user == BOB


@pytest.mark.parametrize("chance", [0.0, 0.5, 0.999])
async def test_back_off_is_chance_times_a_bound_that_doubles_up_to_its_cap(fleet: Fleet, chance: float) -> None:
    fleet.chance = chance
    await fleet.ledger.submit(ADA, pages(1))
    for attempt, bound in ((1, 10), (2, 15)):
        [job] = await claim_all(fleet.ledger, SCRAPE)
        assert job.attempt == attempt
        await fleet.ledger.retry([job], UNREACHABLE)
        if chance:
            fleet.passes(timedelta(seconds=bound * chance - 1))
            assert await fleet.ledger.release(SCRAPE) == []
            fleet.passes(timedelta(seconds=1.001))
    assert len(ids(await fleet.ledger.release(SCRAPE))) == 1


async def test_after_its_last_retry_a_job_fails_with_its_error_and_fallback(fleet: Fleet) -> None:
    fleet.chance = 0
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    for attempt in range(1, RETRIES.retries + 2):
        seen = fleet.see(accepted.id)
        assert seen is not None
        assert (seen.state, seen.strategy) == ("queued", None if attempt == 1 else "fallback")
        [job] = await claim_all(fleet.ledger, SCRAPE)
        assert job.attempt == attempt
        failed = await fleet.ledger.retry([job], UNREACHABLE, fallback=content(Strategy.FALLBACK))
        assert failed == ([job] if job.attempt > RETRIES.retries else [])
    assert await fleet.ledger.release(SCRAPE) == []
    seen = fleet.see(accepted.id)
    assert seen is not None
    assert (seen.state, seen.error_code, seen.strategy) == ("failed", "page_unreachable", "fallback")
    assert len(await claim_all(fleet.ledger, ANALYZE)) == 1


async def test_a_page_that_is_still_being_tried_shows_analysed_fallback_content_and_is_not_done(fleet: Fleet) -> None:
    fleet.chance = 0
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.retry(await claim_all(fleet.ledger, SCRAPE), UNREACHABLE, fallback=content(Strategy.FALLBACK))
    [job] = await claim_all(fleet.ledger, ANALYZE)

    await fleet.ledger.store_analyses([(job, analysis(AnalysedBy.HEURISTIC))])

    seen = fleet.see(accepted.id)
    assert seen is not None
    assert (seen.state, seen.strategy, seen.analysed_by) == ("queued", "fallback", "heuristic")
    await fleet.ledger.store_content((await claim_all(fleet.ledger, SCRAPE))[0], content())
    [job] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(job, analysis())])
    seen = fleet.see(accepted.id)
    assert seen is not None
    assert (seen.state, seen.strategy, seen.analysed_by) == ("done", "static", "gemini")


async def test_an_analysis_of_fallback_content_is_dropped_when_the_page_is_read_meanwhile(fleet: Fleet) -> None:
    fleet.chance = 0
    [accepted] = await fleet.ledger.submit(ADA, pages(1))
    await fleet.ledger.retry(await claim_all(fleet.ledger, SCRAPE), UNREACHABLE, fallback=content(Strategy.FALLBACK))
    [late] = await claim_all(fleet.ledger, ANALYZE)

    await fleet.ledger.store_content((await claim_all(fleet.ledger, SCRAPE))[0], content())

    with pytest.raises(LeaseLost):
        await fleet.ledger.store_analyses([(late, analysis(AnalysedBy.HEURISTIC))])
    [job] = await claim_all(fleet.ledger, ANALYZE)
    assert job.content is not None
    assert job.content.strategy is Strategy.STATIC
    seen = fleet.see(accepted.id)
    assert seen is not None
    assert seen.state == "queued"


async def test_jobs_of_one_message_are_tried_again_each_on_its_own_count(fleet: Fleet) -> None:
    fleet.chance = 0
    first, second = await scraped(fleet.ledger, 2)
    for _ in range(RETRIES.retries):
        await fleet.ledger.retry([(await claim_all(fleet.ledger, ANALYZE))[0]], UNREACHABLE)
        fleet.passes(timedelta(seconds=400))
        await fleet.ledger.reap()
    jobs = await claim_all(fleet.ledger, ANALYZE)
    assert [job.attempt for job in jobs] == [RETRIES.retries + 1, RETRIES.retries + 1]
    await fleet.ledger.postpone(jobs[1:], Pause(WaitReason.PROVIDER_DOWN, later(fleet, 1)))
    await fleet.ledger.retry(jobs[:1], UNREACHABLE)
    assert {bookmark: seen.state for bookmark in (first, second) if (seen := fleet.see(bookmark))} == {
        jobs[0].bookmark.id: "failed",
        jobs[1].bookmark.id: "queued",
    }


async def test_a_lane_with_a_job_in_back_off_serves_new_work(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.retry([job], UNREACHABLE)
    assert await fleet.ledger.release(SCRAPE) == []
    await fleet.ledger.submit(ADA, pages(2))
    [new] = await claim_all(fleet.ledger, SCRAPE)
    assert new.bookmark.id != job.bookmark.id


async def test_a_full_lane_whose_job_is_postponed_alone_goes_on_with_the_next(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(3))
    [job, _] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.postpone([job], Pause(WaitReason.HOST_BUSY, later(fleet, 600)), whole_lane=False)
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 1


async def test_nothing_to_say_is_no_error(fleet: Fleet) -> None:
    await fleet.ledger.retry([], UNREACHABLE)
    await fleet.ledger.fail([], UNREACHABLE)
    await fleet.ledger.postpone([], Pause(WaitReason.BACKOFF, later(fleet, 1)))
    await fleet.ledger.store_analyses([])
    await fleet.ledger.take_back([])
    assert await fleet.ledger.claim(SCRAPE, [], "token") == []


async def test_what_failed_together_comes_back_together(fleet: Fleet, monkeypatch: pytest.MonkeyPatch) -> None:
    await scraped(fleet.ledger, 3)
    chances = iter([0.2, 0.9, 0.5])
    monkeypatch.setattr(fleet, "draw", lambda: next(chances))
    failed = await claim_all(fleet.ledger, ANALYZE)

    await fleet.ledger.retry(failed, UNREACHABLE)

    fleet.passes(0.3 * RETRIES.longest_wait(attempt=1))
    (released,) = await release_all(fleet.ledger, ANALYZE)
    assert len(released.job_ids) == 3
