"""What is handed in is kept once, brought up to date, and never answered twice in different ways."""

import asyncio

import pytest

from shared.bookmarks import NewBookmark
from shared.errors import IdempotencyConflict
from shared.ledger import Receipt
from tests.contract.ledger.kit import ADA, BOB, SCRAPE, Fleet, claim_all, ids, pages, release_all


async def test_a_submitted_bookmark_is_queued_and_released(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, [NewBookmark("https://a.example/", "A", ("x", "y"), "ex")])
    assert accepted.created
    [job] = await claim_all(fleet.ledger, SCRAPE)
    assert (job.bookmark.id, job.bookmark.url, job.bookmark.title) == (accepted.id, "https://a.example/", "A")
    assert (job.bookmark.tags, job.bookmark.excerpt, job.user, job.attempt) == (("x", "y"), "ex", ADA, 1)


async def test_a_known_url_is_not_queued_again_and_only_what_is_given_changes(fleet: Fleet) -> None:
    [first] = await fleet.ledger.submit(ADA, [NewBookmark("https://a.example/", "Old", ("x",))])
    [again] = await fleet.ledger.submit(ADA, [NewBookmark("https://a.example/", "New")])
    assert (again.id, again.created) == (first.id, False)
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 1
    seen = fleet.see(first.id)
    assert seen is not None
    assert (seen.title, seen.tags) == ("New", ("x",))


async def test_doubles_in_one_call_are_created_once_and_what_the_later_says_goes(fleet: Fleet) -> None:
    doubled = [NewBookmark("https://a.example/", "One", ("x",)), *pages(1), NewBookmark("https://a.example/", "Two")]
    first, other, second = await fleet.ledger.submit(ADA, doubled)
    assert (first.id, first.created, second.id, second.created) == (second.id, True, first.id, False)
    assert other.created
    seen = fleet.see(first.id)
    assert seen is not None
    assert (seen.title, seen.tags) == ("Two", ("x",))
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 2


async def test_the_same_url_of_two_users_is_two_bookmarks(fleet: Fleet) -> None:
    [ada], [bob] = [await fleet.ledger.submit(user, [NewBookmark("https://a.example/")]) for user in (ADA, BOB)]
    assert ada.id != bob.id
    assert ada.created
    assert bob.created


async def test_a_thousand_bookmarks_are_accepted_in_order(fleet: Fleet) -> None:
    accepted = await fleet.ledger.submit(ADA, pages(1_000))
    assert [each.url for each in accepted] == [each.url for each in pages(1_000)]
    assert len({each.id for each in accepted}) == 1_000


async def test_a_receipt_seen_before_gets_the_same_answer_and_writes_nothing(fleet: Fleet) -> None:
    receipt = Receipt("http", "key-1", "digest")
    first = await fleet.ledger.submit(ADA, pages(2), receipt=receipt)
    assert await fleet.ledger.submit(ADA, pages(3), receipt=receipt) == first
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 2


async def test_a_receipt_with_another_digest_is_a_conflict(fleet: Fleet) -> None:
    await fleet.ledger.submit(ADA, pages(1), receipt=Receipt("http", "key-1", "digest"))
    with pytest.raises(IdempotencyConflict):
        await fleet.ledger.submit(ADA, pages(2), receipt=Receipt("http", "key-1", "another"))
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 1


async def test_one_users_receipts_mean_nothing_to_another(fleet: Fleet) -> None:
    receipt = Receipt("http", "key-1", "digest")
    [ada] = await fleet.ledger.submit(ADA, pages(1), receipt=receipt)
    [bob] = await fleet.ledger.submit(BOB, pages(1, of="bob"), receipt=receipt)
    assert ada != bob


async def test_the_same_receipt_twice_at_once_is_answered_once(fleet: Fleet) -> None:
    receipt = Receipt("amqp", "event-1", "digest")
    ledgers = [fleet.another() for _ in range(8)]
    answers = await asyncio.gather(*(ledger.submit(ADA, pages(3), receipt=receipt) for ledger in ledgers))
    assert all(answer == answers[0] for answer in answers)
    assert len(ids(await release_all(fleet.ledger, SCRAPE))) == 2  # the window


async def test_the_same_bookmarks_from_many_callers_at_once_are_created_once(fleet: Fleet) -> None:
    answers = await asyncio.gather(*(fleet.another().submit(ADA, pages(5)) for _ in range(8)))
    assert sum(each.created for answer in answers for each in answer) == 5


async def test_text_that_postgresql_cannot_keep_is_made_keepable(fleet: Fleet) -> None:
    [accepted] = await fleet.ledger.submit(ADA, [NewBookmark("https://a.example/\0", "a\0b", ("\ud800",), "\0")])
    assert (await fleet.ledger.submit(ADA, [NewBookmark("https://a.example/\0")]))[0].id == accepted.id


async def test_nothing_submitted_is_nothing_accepted(fleet: Fleet) -> None:
    assert await fleet.ledger.submit(ADA, []) == []
