"""What every `UsageJournal` promises: in memory, and in a real PostgreSQL."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest

from shared.bookmarks import Tokens
from shared.database import Database
from shared.errors import LedgerUnavailable, UserErased
from shared.ledger.tables import lanes
from shared.quota import DEFAULT_KEY, Account, account_of, share_of
from shared.usage import NOT_SENT, CallId, Prices, Usage, UsageJournal
from shared.usage.in_memory import InMemoryUsage
from shared.usage.in_postgres import PostgresUsage
from shared.users import user_id
from shared.values import KeySource, Stage, UserId

ADA, BOB = user_id("ada"), user_id("bob")
ADAS = account_of(ADA)
PRICES = Prices(prompt=0.30, answer=2.50)


@pytest.fixture(params=["memory", "postgres"])
async def journal(request: pytest.FixtureRequest) -> AsyncIterator[UsageJournal]:
    if request.param == "memory":
        yield InMemoryUsage(knows={ADA, BOB}.__contains__, prices=PRICES)
        return
    database = Database(request.getfixturevalue("database_url"))
    for user in (ADA, BOB):
        await with_a_lane(database, user)
    yield PostgresUsage(database, prices=PRICES)
    await database.close()


async def begin(
    journal: UsageJournal, user: UserId = ADA, *, key_source: KeySource = KeySource.USER, weight: int = 1
) -> CallId:
    return await journal.begin(user, key_source=key_source, model="gemini", items=3, weight=weight)


async def with_a_lane(database: Database, user: UserId) -> None:
    """Somebody of whom something is kept."""
    async with database.begin(user) as work:
        await work.execute(lanes.insert().values(user_id=user, stage=Stage.ANALYZE))


def long_ago() -> datetime:
    return datetime.now(UTC) - timedelta(hours=1)


async def test_a_call_counts_from_the_moment_it_is_begun(journal: UsageJournal) -> None:
    before = datetime.now(UTC) - timedelta(seconds=1)
    await begin(journal)

    [(began, weight)] = await journal.calls_since(ADAS, before)

    assert before < began < datetime.now(UTC) + timedelta(seconds=1)
    assert weight == 1
    assert (await journal.usage_since(ADAS, before)).calls == 1


async def test_calls_come_oldest_first_and_only_those_since_then(journal: UsageJournal) -> None:
    for _ in range(3):
        await begin(journal)
        await asyncio.sleep(0.002)
    first, second, third = (began for began, _ in await journal.calls_since(ADAS, long_ago()))
    assert first < second < third

    assert [began for began, _ in await journal.calls_since(ADAS, second)] == [second, third]
    assert (await journal.usage_since(ADAS, second)).calls == 2


async def test_usage_sums_tokens_and_tells_the_last_use(journal: UsageJournal) -> None:
    for tokens in (Tokens(10, 1), Tokens(200, 20)):
        await journal.end(await begin(journal), outcome="analysed", tokens=tokens)

    usage = await journal.usage_since(ADAS, long_ago())

    assert (usage.calls, usage.tokens) == (2, Tokens(210, 21))
    assert usage.last_used == (await journal.calls_since(ADAS, long_ago()))[-1][0]


async def test_usage_sums_what_calls_cost_at_the_prices_of_their_day(journal: UsageJournal) -> None:
    for tokens in (Tokens(1_000_000, 0), Tokens(1_000, 1_000)):
        await journal.end(await begin(journal), outcome="analysed", tokens=tokens)

    assert (await journal.usage_since(ADAS, long_ago())).cost_micros == 300_000 + 300 + 2_500


async def test_a_call_that_failed_at_the_provider_counts_and_one_that_never_left_does_not(
    journal: UsageJournal,
) -> None:
    failed, unsent = await begin(journal), await begin(journal)

    await journal.end(failed, outcome="provider_down", tokens=Tokens())
    await journal.end(unsent, outcome=NOT_SENT, tokens=Tokens())

    assert (await journal.usage_since(ADAS, long_ago())).calls == 1
    assert len(await journal.calls_since(ADAS, long_ago())) == 1


async def test_how_a_call_ended_is_recorded_once(journal: UsageJournal) -> None:
    call = await begin(journal)
    await journal.end(call, outcome="analysed", tokens=Tokens(5, 5))

    await journal.end(call, outcome=NOT_SENT, tokens=Tokens(0, 0))

    assert await usage(journal) == (1, Tokens(5, 5))


async def test_users_do_not_see_each_others_calls(journal: UsageJournal) -> None:
    await begin(journal, BOB)

    assert await journal.usage_since(ADAS, long_ago()) == Usage(0, Tokens(), None)
    assert await journal.calls_since(ADAS, long_ago()) == []


async def test_a_heavy_call_counts_its_weight(journal: UsageJournal) -> None:
    await begin(journal, weight=4)

    assert [weight for _, weight in await journal.calls_since(ADAS, long_ago())] == [4]
    assert (await journal.usage_since(ADAS, long_ago())).calls == 4


async def test_calls_are_counted_by_user_by_share_of_the_default_key_and_by_that_key(journal: UsageJournal) -> None:
    for user, key_source in [
        (ADA, KeySource.USER),
        (ADA, KeySource.USER),
        (ADA, KeySource.DEFAULT),
        (BOB, KeySource.DEFAULT),
        (BOB, KeySource.DEFAULT),
        (BOB, KeySource.DEFAULT),
    ]:
        await begin(journal, user, key_source=key_source)

    async def calls_of(account: Account) -> int:
        calls = await journal.calls_since(account, long_ago())
        assert (await journal.usage_since(account, long_ago())).calls == len(calls)
        return len(calls)

    assert [await calls_of(account) for account in (ADAS, share_of(ADA), share_of(BOB), DEFAULT_KEY)] == [3, 1, 3, 4]


async def usage(journal: UsageJournal) -> tuple[int, Tokens]:
    found = await journal.usage_since(ADAS, long_ago())
    return found.calls, found.tokens


async def test_without_its_database_nothing_is_recorded_silently() -> None:
    database = Database("postgresql://fleet@127.0.0.1:1/none")

    with pytest.raises(LedgerUnavailable):
        await begin(PostgresUsage(database))
    await database.close()


async def test_no_call_begins_for_a_user_of_whom_nothing_is_kept(journal: UsageJournal) -> None:
    with pytest.raises(UserErased):
        await begin(journal, user_id("erased"))

    assert await journal.calls_since(account_of(user_id("erased")), long_ago()) == []


async def test_a_forgotten_users_calls_are_gone_and_count_on_for_the_default_key_alone(journal: UsageJournal) -> None:
    for user in (ADA, BOB):
        for source in (KeySource.USER, KeySource.DEFAULT):
            await journal.end(
                await begin(journal, user, key_source=source), outcome="analysed", tokens=Tokens(prompt=5, answer=1)
            )
    before = await journal.usage_since(DEFAULT_KEY, long_ago())

    for _ in range(2):
        await journal.forget(ADA)

    for account in (ADAS, share_of(ADA)):
        assert (await journal.usage_since(account, long_ago())).calls == 0
    assert await journal.usage_since(DEFAULT_KEY, long_ago()) == before
    assert (await journal.usage_since(account_of(BOB), long_ago())).calls == 2
    assert (await journal.usage_since(share_of(BOB), long_ago())).calls == 1


async def test_a_call_that_runs_while_its_user_is_forgotten_ends_without_a_trace(journal: UsageJournal) -> None:
    call = await begin(journal)

    await journal.forget(ADA)
    await journal.end(call, outcome="analysed", tokens=Tokens(prompt=5, answer=1))

    assert await journal.usage_since(ADAS, long_ago()) == Usage(calls=0, tokens=Tokens(), last_used=None)
