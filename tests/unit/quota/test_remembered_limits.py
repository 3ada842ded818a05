"""Limits remembered for a while: asked once for many callers, never older than said, changed here at once."""

import asyncio
from datetime import timedelta

import pytest

from shared.audit import Actor
from shared.quota import Account, Learned, LimitsInForce, UserLimits, WindowName, account_of, share_of
from shared.quota.in_memory import InMemoryLimits
from shared.quota.limits import DeploymentLimits
from shared.quota.remembered import MAX_AGE, RememberedLimits
from shared.users import user_id
from tests.quotas import limits_of

USER = user_id("ada")
ADA, BOB = account_of(USER), account_of(user_id("bob"))
OPERATOR = Actor("operator:root", "here")
AN_HOUR = timedelta(hours=1)


class SlowBook(InMemoryLimits):
    """Counts who is asked for, and answers only when it is let go, with what it knew when it was asked."""

    def __init__(self) -> None:
        super().__init__(DeploymentLimits(*[limits_of(minute=15)._deployment.user] * 3))
        self.asked: list[Account] = []
        self.let_go = asyncio.Event()
        self.let_go.set()

    async def in_force(self, account: Account, *, anew: bool = False) -> LimitsInForce:
        self.asked.append(account)
        limits = await super().in_force(account, anew=anew)
        await self.let_go.wait()
        return limits


@pytest.fixture
def book() -> SlowBook:
    return SlowBook()


async def minute(limits: RememberedLimits, account: Account = ADA) -> int:
    return (await limits.in_force(account)).minute.calls


async def test_an_answer_is_remembered_for_its_account_alone(book: SlowBook) -> None:
    limits = RememberedLimits(book, max_age=AN_HOUR)

    assert [await minute(limits, account) for account in (ADA, ADA, BOB, ADA, BOB)] == [15] * 5
    assert book.asked == [ADA, BOB]


async def test_one_accounts_slow_answer_holds_up_no_other_account(book: SlowBook) -> None:
    limits = RememberedLimits(book, max_age=AN_HOUR)
    await minute(limits, BOB)
    book.let_go.clear()
    asking = asyncio.create_task(minute(limits, ADA))
    await asyncio.sleep(0)

    async with asyncio.timeout(1):
        assert await minute(limits, BOB) == 15
    assert not asking.done()
    book.let_go.set()
    await asking


async def test_many_callers_at_once_ask_once(book: SlowBook) -> None:
    limits = RememberedLimits(book, max_age=AN_HOUR)

    await asyncio.gather(*(limits.in_force(ADA) for _ in range(64)))

    assert book.asked == [ADA]


async def test_what_another_process_changed_is_heard_of_when_the_answer_is_old(book: SlowBook) -> None:
    limits = RememberedLimits(book, max_age=timedelta(seconds=0.05))
    await minute(limits)
    await book.set(USER, UserLimits(minute=2), by=OPERATOR)
    assert await minute(limits) == 15

    await asyncio.sleep(0.06)

    assert await minute(limits) == 2
    assert timedelta(seconds=1) <= MAX_AGE <= timedelta(seconds=10)


async def test_an_answer_ages_from_when_it_was_asked_for(book: SlowBook) -> None:
    limits = RememberedLimits(book, max_age=timedelta(seconds=0.1))
    book.let_go.clear()
    asking = asyncio.create_task(minute(limits))
    await asyncio.sleep(0.12)
    book.let_go.set()
    await asking

    await minute(limits)

    assert book.asked == [ADA, ADA]


async def test_asked_anew_by_many_at_once_it_asks_twice_at_most_and_remembers_the_answer(book: SlowBook) -> None:
    limits = RememberedLimits(book, max_age=AN_HOUR)
    await minute(limits)
    await book.set(USER, UserLimits(minute=2), by=OPERATOR)

    book.let_go.clear()
    asking = asyncio.gather(*(limits.in_force(ADA, anew=True) for _ in range(64)))
    await asyncio.sleep(0)
    book.let_go.set()
    answers = await asking

    assert {answer.minute.calls for answer in answers} == {2}
    assert await minute(limits) == 2
    assert book.asked == [ADA] * 3  # the second question of these was asked after all of them came


async def test_asked_anew_it_takes_no_answer_to_a_question_from_before(book: SlowBook) -> None:
    limits = RememberedLimits(book, max_age=AN_HOUR)

    await minute(limits)
    await limits.in_force(ADA, anew=True)
    await limits.in_force(ADA, anew=True)

    assert book.asked == [ADA, ADA, ADA]


async def test_what_this_process_sets_learns_or_forgets_holds_at_once(book: SlowBook) -> None:
    limits = RememberedLimits(book, max_age=AN_HOUR)
    assert await minute(limits) == 15
    await limits.set(USER, UserLimits(minute=9), by=OPERATOR)
    assert await minute(limits) == 9
    assert await limits.set_for(USER) == UserLimits(minute=9)
    await limits.learn(ADA, Learned(WindowName.MINUTE, 3, "PerMinute"))
    assert await minute(limits) == 3
    await limits.forget(ADA)
    assert await minute(limits) == 9


async def test_changing_one_account_leaves_the_others_remembered(book: SlowBook) -> None:
    limits = RememberedLimits(book, max_age=AN_HOUR)
    for account in (ADA, BOB, share_of(USER)):
        await minute(limits, account)

    await limits.set(USER, UserLimits(minute=9), by=OPERATOR)
    for account in (ADA, BOB, share_of(USER)):
        await minute(limits, account)

    assert book.asked == [ADA, BOB, share_of(USER), ADA]


async def test_an_answer_from_before_a_change_is_not_kept(book: SlowBook) -> None:
    limits = RememberedLimits(book, max_age=AN_HOUR)
    await limits.set(USER, UserLimits(minute=15), by=OPERATOR)  # an earlier change is another one
    book.let_go.clear()
    asking = asyncio.create_task(minute(limits))
    await asyncio.sleep(0)
    await limits.set(USER, UserLimits(minute=2), by=OPERATOR)
    book.let_go.set()

    assert await asking == 15
    assert await minute(limits) == 2


async def test_accounts_without_end_are_not_all_remembered(book: SlowBook, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.quota.remembered._MOST_ACCOUNTS", 3)
    limits = RememberedLimits(book, max_age=AN_HOUR)

    for number in range(10):
        await minute(limits, account_of(user_id(number)))

    assert len(limits._known) <= 3
