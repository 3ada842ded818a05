"""What every `LimitBook` promises: in memory, in a real PostgreSQL, and remembered for a while."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from shared.audit import Actor
from shared.database import Database
from shared.errors import InvalidLimits, LedgerUnavailable
from shared.ledger.tables import audit
from shared.quota import (
    DEFAULT_KEY,
    Learned,
    LimitBook,
    LimitInForce,
    Limits,
    LimitsInForce,
    LimitSource,
    UserLimits,
    WindowName,
    account_of,
    share_of,
)
from shared.quota.in_memory import InMemoryLimits
from shared.quota.in_postgres import PostgresLimits
from shared.quota.limits import LESSON_LIFE, MOST_CALLS, DeploymentLimits
from shared.quota.remembered import RememberedLimits
from shared.users import user_id

ADA, BOB = user_id("ada"), user_id("bob")
OPERATOR, BILLING = Actor("operator:root", "node-7"), Actor("service:billing", "192.0.2.7")
DEPLOYMENT = DeploymentLimits(
    user=Limits(15, 1_500, 45_000), share=Limits(5, 100, 1_000), default_key=Limits(60, 6_000, 90_000)
)
TOLD = Learned(WindowName.DAY, 250, "GenerateRequestsPerDayPerProjectPerModel-FreeTier")
Trail = Callable[[], Awaitable[list[tuple[object, ...]]]]


@pytest.fixture(params=["memory", "postgres", "remembered"])
async def opened(request: pytest.FixtureRequest) -> AsyncIterator[tuple[LimitBook, Trail]]:
    """A book, and a way to read what it recorded in the audit trail."""
    if request.param == "memory":
        memory = InMemoryLimits(DEPLOYMENT)

        async def remembered() -> list[tuple[object, ...]]:
            return [(entry.actor, entry.action, entry.user, dict(entry.details)) for entry in memory.audit.entries]

        yield memory, remembered
        return
    database = Database(request.getfixturevalue("database_url"))

    async def stored() -> list[tuple[object, ...]]:
        columns = (audit.c.actor, audit.c.origin, audit.c.action, audit.c.user_id, audit.c.details)
        entries = select(*columns).order_by(audit.c.id)
        async with database.begin() as connection:
            return [(Actor(*row[:2]), *row[2:]) for row in await connection.execute(entries)]

    book = PostgresLimits(database, DEPLOYMENT)
    yield (RememberedLimits(book) if request.param == "remembered" else book), stored
    await database.close()


@pytest.fixture
def book(opened: tuple[LimitBook, Trail]) -> LimitBook:
    return opened[0]


@pytest.fixture
def trail(opened: tuple[LimitBook, Trail]) -> Trail:
    return opened[1]


def calls(limits: LimitsInForce) -> tuple[int, int, int]:
    return limits.minute.calls, limits.day.calls, limits.month.calls


async def test_where_nobody_says_otherwise_the_deployments_limits_hold_for_each_kind_of_account(
    book: LimitBook,
) -> None:
    limits = [await book.in_force(account) for account in (account_of(ADA), share_of(ADA), DEFAULT_KEY)]

    assert [calls(found) for found in limits] == [(15, 1_500, 45_000), (5, 100, 1_000), (60, 6_000, 90_000)]
    assert limits[0].day == LimitInForce(1_500, LimitSource.DEPLOYMENT)


async def test_what_is_set_for_a_user_holds_at_once_for_this_user_and_no_other(book: LimitBook) -> None:
    before = await book.in_force(account_of(ADA))

    await book.set(ADA, UserLimits(minute=0, month=90_000), by=OPERATOR)

    assert calls(before) == (15, 1_500, 45_000)
    assert await book.in_force(account_of(ADA)) == LimitsInForce(
        minute=LimitInForce(0, LimitSource.USER),
        day=LimitInForce(1_500, LimitSource.DEPLOYMENT),
        month=LimitInForce(90_000, LimitSource.USER),
    )
    assert calls(await book.in_force(share_of(ADA))) == (5, 100, 1_000)
    assert calls(await book.in_force(account_of(BOB))) == (15, 1_500, 45_000)


async def test_setting_limits_sets_all_windows_anew(book: LimitBook) -> None:
    assert await book.set_for(ADA) == UserLimits()
    await book.set(ADA, UserLimits(minute=3, day=30), by=OPERATOR)

    await book.set(ADA, UserLimits(day=MOST_CALLS), by=OPERATOR)

    assert await book.set_for(ADA) == UserLimits(day=MOST_CALLS)
    assert calls(await book.in_force(account_of(ADA))) == (15, MOST_CALLS, 45_000)


async def test_who_set_which_limits_is_in_the_audit_trail(book: LimitBook, trail: Trail) -> None:
    await book.set(ADA, UserLimits(minute=3, day=0), by=OPERATOR)
    await book.set(ADA, UserLimits(), by=BILLING)

    assert await trail() == [
        (OPERATOR, "limits_set", ADA, {"minute": 3, "day": 0}),
        (BILLING, "limits_set", ADA, {}),
    ]


@pytest.mark.parametrize("wrong", [-1, MOST_CALLS + 1, 1.5, True, "7"])
@pytest.mark.parametrize("window", list(WindowName))
async def test_limits_that_cannot_be_held_are_refused_and_nothing_is_set(
    book: LimitBook, trail: Trail, window: str, wrong: object
) -> None:
    with pytest.raises(InvalidLimits, match=window):
        await book.set(ADA, UserLimits(**{window: wrong}), by=OPERATOR)  # type: ignore[arg-type]

    assert await book.set_for(ADA) == UserLimits()
    assert await trail() == []


async def test_what_the_provider_taught_lowers_that_window_at_once_and_says_where_it_comes_from(
    book: LimitBook,
) -> None:
    before = await book.in_force(account_of(ADA))
    await book.learn(account_of(ADA), TOLD)

    limits = await book.in_force(account_of(ADA))

    now = datetime.now(UTC)
    assert (limits.day.calls, limits.day.source, limits.day.quota_id) == (250, LimitSource.PROVIDER, TOLD.source)
    assert limits.day.until is not None
    assert abs(now + LESSON_LIFE - limits.day.until) < timedelta(minutes=1)
    assert (limits.minute, limits.month) == (before.minute, before.month)
    assert await book.in_force(account_of(BOB)) == before


@pytest.mark.parametrize("more", [1_500, 1_501, 10**30])
async def test_what_the_provider_taught_never_raises_a_limit(book: LimitBook, more: int) -> None:
    await book.learn(account_of(ADA), Learned(WindowName.DAY, more, "PerDay"))

    assert (await book.in_force(account_of(ADA))).day == LimitInForce(1_500, LimitSource.DEPLOYMENT)


async def test_the_newest_word_on_a_window_replaces_the_one_before(book: LimitBook) -> None:
    account = account_of(ADA)
    await book.learn(account, TOLD)
    await book.learn(account, Learned(WindowName.MINUTE, 2, "PerMinute"))

    await book.learn(account, Learned(WindowName.DAY, 1_000, "PerDay-Tier1"))

    limits = await book.in_force(account)
    assert (limits.day.calls, limits.day.quota_id, limits.minute.calls) == (1_000, "PerDay-Tier1", 2)


async def test_a_negative_number_of_calls_teaches_nothing(book: LimitBook) -> None:
    await book.learn(account_of(ADA), Learned(WindowName.DAY, -1, "PerDay"))

    assert calls(await book.in_force(account_of(ADA))) == (15, 1_500, 45_000)


async def test_no_calls_at_all_can_be_learned(book: LimitBook) -> None:
    await book.learn(DEFAULT_KEY, Learned(WindowName.MINUTE, 0, "PerMinute"))

    assert (await book.in_force(DEFAULT_KEY)).minute.calls == 0


async def test_a_limit_set_below_what_was_learned_stays_the_users(book: LimitBook) -> None:
    await book.learn(account_of(ADA), TOLD)

    await book.set(ADA, UserLimits(day=100), by=OPERATOR)

    assert (await book.in_force(account_of(ADA))).day == LimitInForce(100, LimitSource.USER)


async def test_what_was_learned_is_forgotten_and_what_was_set_stays(book: LimitBook) -> None:
    await book.set(ADA, UserLimits(minute=9), by=OPERATOR)
    for account in (account_of(ADA), share_of(ADA), DEFAULT_KEY):
        await book.learn(account, Learned(WindowName.DAY, 1, "PerDay"))
        await book.in_force(account)

    await book.forget(account_of(ADA))
    await book.forget(DEFAULT_KEY)

    assert calls(await book.in_force(account_of(ADA))) == (9, 1_500, 45_000)
    assert (await book.in_force(share_of(ADA))).day.calls == 1
    assert (await book.in_force(DEFAULT_KEY)).day.calls == 6_000


async def test_limits_that_nobody_can_read_are_not_made_up() -> None:
    database = Database("postgresql://fleet@127.0.0.1:1/none")
    book = RememberedLimits(PostgresLimits(database, DEPLOYMENT))

    with pytest.raises(LedgerUnavailable):
        await book.in_force(account_of(ADA))
    await database.close()
