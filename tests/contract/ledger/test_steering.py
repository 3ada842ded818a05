"""What operators and users change from outside: waking, pausing, removing, erasing."""

import asyncio
from datetime import timedelta

import pytest

from shared.errors import LeaseLost
from shared.ledger import Erased, Pause, Receipt
from shared.users import user_id
from shared.values import WaitReason
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
    later,
    pages,
    release_all,
    scraped,
)

EVE = user_id("eve")
NO_KEY = [WaitReason.NO_KEY, WaitReason.KEY_REFUSED]


async def test_a_lane_that_waits_for_a_key_wakes_when_one_is_added(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 2)
    await fleet.ledger.postpone(await claim_all(fleet.ledger, ANALYZE), Pause(WaitReason.NO_KEY, later(fleet, 3_600)))
    assert not await fleet.ledger.wake(ADA, ANALYZE, reasons=[WaitReason.QUOTA_DAY])
    assert await fleet.ledger.release(ANALYZE) == []
    assert await fleet.ledger.wake(ADA, ANALYZE, reasons=NO_KEY)
    assert len(ids(await fleet.ledger.release(ANALYZE))) == 2
    assert not await fleet.ledger.wake(ADA, ANALYZE, reasons=NO_KEY)


async def test_a_job_that_waits_alone_wakes_too(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    jobs = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.postpone(jobs, Pause(WaitReason.HOST_BUSY, later(fleet, 600)), whole_lane=False)
    assert await fleet.ledger.wake(ADA, SCRAPE, reasons=[WaitReason.HOST_BUSY])
    assert len(ids(await fleet.ledger.release(SCRAPE))) == 1


async def test_all_lanes_that_rest_for_a_reason_are_woken_and_the_others_rest_on(fleet: Fleet) -> None:
    for user in (ADA, BOB, EVE):
        await scraped(fleet.ledger, 1, user=user)
    for job in await claim_all(fleet.ledger, ANALYZE):
        reason = WaitReason.BATCH_PAUSE if job.user == EVE else WaitReason.QUOTA_DAY
        await fleet.ledger.postpone([job], Pause(reason, later(fleet, 3_600)))

    assert await fleet.ledger.wake_all(SCRAPE, reasons=[WaitReason.QUOTA_DAY]) == 0
    assert await fleet.ledger.wake_all(ANALYZE, reasons=[WaitReason.QUOTA_DAY, WaitReason.NO_KEY]) == 2

    assert {each.user for each in await release_all(fleet.ledger, ANALYZE)} == {ADA, BOB}
    assert await fleet.ledger.wake_all(ANALYZE, reasons=[WaitReason.QUOTA_DAY]) == 0


async def test_waking_an_unknown_user_does_nothing(fleet: Fleet) -> None:
    assert not await fleet.ledger.wake(ADA, SCRAPE, reasons=NO_KEY)
    assert not await fleet.ledger.pause(ADA, by=OPERATOR)
    assert not await fleet.ledger.resume(ADA, by=OPERATOR)


async def test_a_paused_user_is_not_served_until_resumed_and_others_are(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(2))
    await fleet.ledger.submit(BOB, pages(1, of="bob"))
    assert await fleet.ledger.pause(ADA, by=OPERATOR)
    assert [each.user for each in await release_all(fleet.ledger, SCRAPE)] == [BOB]
    await fleet.ledger.submit(ADA, pages(3))
    assert await fleet.ledger.release(SCRAPE) == []
    assert await fleet.ledger.resume(ADA, by=OPERATOR)
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 2


async def test_what_runs_when_its_user_is_paused_ends_as_usual_and_the_next_stage_waits(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [job] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.pause(ADA, by=OPERATOR)
    await fleet.ledger.store_content(job, content())
    assert await fleet.ledger.release(ANALYZE) == []
    await fleet.ledger.resume(ADA, by=OPERATOR)
    assert len(ids(await fleet.ledger.release(ANALYZE))) == 1


async def test_a_removed_bookmark_goes_with_its_jobs_and_a_running_result_is_dropped(fleet: Fleet) -> None:
    first, second = await fleet.ledger.submit(ADA, pages(2))
    jobs = {job.bookmark.id: job for job in await claim_all(fleet.ledger, SCRAPE)}
    assert await fleet.ledger.remove(ADA, ids=[first.id]) == 1
    with pytest.raises(LeaseLost):
        await fleet.ledger.store_content(jobs[first.id], content())
    await fleet.ledger.store_content(jobs[second.id], content())
    assert fleet.see(first.id) is None
    assert len(ids(await release_all(fleet.ledger, ANALYZE))) == 1


async def test_bookmarks_are_removed_by_url_too_and_never_another_users(fleet: Fleet) -> None:
    [mine] = await fleet.ledger.submit(ADA, pages(1))
    [theirs] = await fleet.ledger.submit(BOB, pages(1))
    assert await fleet.ledger.remove(BOB, ids=[mine.id]) == 0
    assert await fleet.ledger.remove(ADA, urls=[mine.url, "https://unknown.example/"]) == 1
    assert fleet.see(mine.id) is None
    assert fleet.see(theirs.id) is not None


async def test_removing_what_was_out_makes_room_in_the_window(fleet: Fleet) -> None:
    first, *_ = await fleet.ledger.submit(ADA, pages(3))
    await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.remove(ADA, ids=[first.id])
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 1


async def test_an_erased_user_leaves_nothing_and_may_begin_anew(fleet: Fleet) -> None:
    receipt = Receipt("http", "key", "digest")
    accepted = await fleet.ledger.submit(ADA, pages(2), receipt=receipt)
    [one, _] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.store_content(one, content())
    await fleet.ledger.submit(BOB, pages(1, of="bob"))
    assert await fleet.ledger.erase(ADA, by=OPERATOR) == Erased(bookmarks=2, anything=True)
    assert [fleet.see(each.id) for each in accepted] == [None, None]
    assert fleet.events() == {}
    [released] = await release_all(fleet.ledger, SCRAPE)
    assert released.user == BOB
    assert await fleet.ledger.erase(ADA, by=OPERATOR) == Erased(bookmarks=0, anything=False)
    assert all(each.created for each in await fleet.ledger.submit(ADA, pages(2), receipt=receipt))
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 2


async def test_submissions_and_erasures_at_once_leave_no_lane_asleep_over_work(fleet: Fleet) -> None:
    for _ in range(5):
        await asyncio.gather(
            *(fleet.another().submit(ADA, pages(2)) for _ in range(3)),
            *(fleet.another().erase(ADA, by=OPERATOR) for _ in range(3)),
        )
        await fleet.ledger.submit(ADA, pages(1))
        assert (await fleet.ledger.reap()).lanes == 0
        assert ids(await release_all(fleet.ledger, SCRAPE))
        await fleet.ledger.erase(ADA, by=OPERATOR)


async def test_what_waits_is_counted_for_one_user_and_one_stage_up_to_a_bound(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 2, user=BOB)
    await scraped(fleet.ledger, 7)
    await fleet.ledger.submit(ADA, pages(1, of="new"))
    released = ids(await fleet.ledger.release(ANALYZE))

    assert await fleet.ledger.waiting(ADA, ANALYZE, at_most=100) == 7 + 2 - len(released)
    assert await fleet.ledger.waiting(ADA, ANALYZE, at_most=3) == 3
    assert await fleet.ledger.waiting(BOB, ANALYZE, at_most=100) == 0
    assert await fleet.ledger.waiting(ADA, SCRAPE, at_most=100) == 1


async def test_a_rest_ends_by_itself(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 2)
    [one, _] = await claim_all(fleet.ledger, ANALYZE)
    await fleet.ledger.store_analyses([(one, analysis())], pause=Pause(WaitReason.BATCH_PAUSE, later(fleet, 60)))
    await fleet.ledger.submit(ADA, pages(3))
    for job in await claim_all(fleet.ledger, SCRAPE):
        await fleet.ledger.store_content(job, content())
    assert await fleet.ledger.release(ANALYZE) == []
    fleet.passes(timedelta(seconds=61))
    assert len(ids(await fleet.ledger.release(ANALYZE))) == 1
