"""Who is served, in which order, and how much is out at most."""

import asyncio
from datetime import timedelta

from shared.ledger import Pause, Released
from shared.users import user_id
from shared.values import WaitReason
from tests.contract.ledger.kit import (
    ADA,
    ANALYZE,
    BOB,
    POLICIES,
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


async def test_a_lane_has_at_most_its_window_out(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(5))
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == POLICIES[SCRAPE].window


async def test_running_jobs_count_for_the_window_too(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(5))
    await claim_all(fleet.ledger, SCRAPE)
    assert await fleet.ledger.release(SCRAPE) == []


async def test_a_finished_job_makes_room_for_the_next_of_its_lane(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(5))
    job, _ = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.store_content(job, content())
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 1


async def test_a_stage_has_at_most_its_ready_buffer_unclaimed(fleet: Fleet) -> None:
    for number in range(20):
        await fleet.ledger.submit(user_id(number), pages(3, of=str(number)))
    released = await release_all(fleet.ledger, SCRAPE)
    assert len(ids(released)) == POLICIES[SCRAPE].ready_buffer

    first, second = released[:2]
    await fleet.ledger.claim(SCRAPE, first.job_ids, first.token)
    await fleet.ledger.claim(SCRAPE, second.job_ids, second.token)
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 2


async def test_dispatchers_side_by_side_release_each_job_once_and_no_more_than_the_buffer(fleet: Fleet) -> None:
    for number in range(40):
        await fleet.ledger.submit(user_id(number), pages(2, of=str(number)))
    dispatchers = [fleet.another() for _ in range(4)]
    released: list[Released] = []
    for _ in range(5):
        for more in await asyncio.gather(*(each.release(SCRAPE) for each in dispatchers)):
            released += more
    assert len(ids(released)) == len(set(ids(released))) == POLICIES[SCRAPE].ready_buffer


async def test_a_group_that_does_not_fit_waits_for_room_instead_of_being_torn(fleet: Fleet) -> None:
    policy = POLICIES[ANALYZE]
    for number in range(policy.ready_buffer):
        await scraped(fleet.ledger, policy.group, user=user_id(f"user-{number}"))

    released = await release_all(fleet.ledger, ANALYZE)

    assert {len(each.job_ids) for each in released} == {policy.group}
    assert len(released) == policy.ready_buffer // policy.group


async def test_jobs_of_one_message_are_of_one_user_and_at_most_a_group(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 5)
    first, second = await release_all(fleet.ledger, ANALYZE)
    assert (len(first.job_ids), len(second.job_ids)) == (3, 2)
    assert first.token != second.token
    assert {first.user, second.user} == {ADA}
    assert first.lease == POLICIES[ANALYZE].release_lease


async def test_lanes_are_served_in_turn_least_recently_served_first(fleet: Fleet) -> None:
    users = [user_id(name) for name in ("one", "two", "three")]
    for user in users:
        await fleet.ledger.submit(user, pages(20, of=user))
    served = []
    for _ in range(4):
        for each in await fleet.ledger.release(SCRAPE):
            served.append(each.user)
            [job] = await fleet.ledger.claim(SCRAPE, each.job_ids, each.token)
            await fleet.ledger.store_content(job, content())
    assert len(served) == 12
    for turn in range(0, 12, 3):
        assert set(served[turn : turn + 3]) == set(users)
        assert served[turn : turn + 3] == served[:3]


async def test_a_user_with_one_bookmark_is_released_in_the_next_tick_after_anothers_thousands(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(5_000))
    await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.submit(BOB, pages(1, of="bob"))
    assert BOB in {each.user for each in await fleet.ledger.release(SCRAPE)}


async def test_a_new_user_goes_before_those_who_were_served(fleet: Fleet) -> None:
    for number in range(POLICIES[SCRAPE].ready_buffer):
        await fleet.ledger.submit(user_id(number), pages(9, of=str(number)))
    [first, *_] = await fleet.ledger.release(SCRAPE)
    await fleet.ledger.claim(SCRAPE, first.job_ids, first.token)
    await fleet.ledger.submit(BOB, pages(1, of="bob"))
    [only] = await fleet.ledger.release(SCRAPE)
    assert only.user == BOB


async def test_a_lane_is_first_in_first_out(fleet: Fleet) -> None:
    accepted = await fleet.ledger.submit(ADA, pages(6))
    order = []
    while jobs := await claim_all(fleet.ledger, SCRAPE):
        for job in jobs:
            order.append(job.bookmark.id)
            await fleet.ledger.store_content(job, content())
    assert order == [each.id for each in accepted]


async def test_work_submitted_to_a_lane_that_just_ran_dry_is_released(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 2)
    await fleet.ledger.submit(ADA, pages(3))
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 1


async def test_a_lane_that_rests_with_nothing_to_do_still_rests_when_work_comes(fleet: Fleet) -> None:
    await scraped(fleet.ledger, 1)
    [job] = await claim_all(fleet.ledger, ANALYZE)
    pause = Pause(WaitReason.BATCH_PAUSE, later(fleet, 60))
    await fleet.ledger.store_analyses([(job, analysis())], pause=pause)
    await fleet.ledger.submit(ADA, pages(2))
    [scrape] = await claim_all(fleet.ledger, SCRAPE)
    await fleet.ledger.store_content(scrape, content())
    assert await fleet.ledger.release(ANALYZE) == []
    fleet.passes(timedelta(seconds=61))
    assert len(ids(await release_all(fleet.ledger, ANALYZE))) == 1


async def test_releases_that_could_not_be_sent_come_out_again_under_a_new_token(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [unsent] = await fleet.ledger.release(SCRAPE)
    await fleet.ledger.take_back([unsent])
    [again] = await fleet.ledger.release(SCRAPE)
    assert again.job_ids == unsent.job_ids
    assert await fleet.ledger.claim(SCRAPE, unsent.job_ids, unsent.token) == []
    [job] = await fleet.ledger.claim(SCRAPE, again.job_ids, again.token)
    assert job.attempt == 1


async def test_a_release_that_was_claimed_after_all_is_not_taken_back(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1))
    [released] = await fleet.ledger.release(SCRAPE)
    [job] = await fleet.ledger.claim(SCRAPE, released.job_ids, released.token)
    await fleet.ledger.take_back([released])
    await fleet.ledger.store_content(job, content())
    assert await fleet.ledger.release(SCRAPE) == []
