"""What every `KeyTries` promises: in memory, and in a real PostgreSQL's audit trail."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import func, select, text

from shared.audit import Actor
from shared.database import Database
from shared.errors import TooManyTries
from shared.keys import DEPLOYMENT, KeyTries
from shared.keys.in_memory import InMemoryKeyTries
from shared.keys.tries_in_postgres import PostgresKeyTries
from shared.ledger.tables import audit
from shared.users import user_id
from shared.values import UserId

ADA, BOB = user_id("ada"), user_id("bob")
BY = Actor("user:ada", "192.0.2.7")
MOST = 3


@dataclass
class Tried:
    """The counter, what it recorded, and a way to have had tries before now."""

    tries: KeyTries
    entries: Callable[[], Awaitable[list[tuple[str, UserId | None, dict[str, str]]]]]
    earlier: Callable[[str, timedelta], Awaitable[None]]

    async def offer(self, user: UserId = ADA) -> None:
        await self.tries.offer(user, fingerprint="f", by=BY)

    async def refuse(self, user: UserId = ADA) -> int:
        return await self.tries.refused(user, fingerprint="f", code="key_refused", by=BY)


@pytest.fixture(params=["memory", "postgres"])
async def tried(request: pytest.FixtureRequest) -> AsyncIterator[Tried]:
    if request.param == "memory":
        yield in_memory()
        return
    database = Database(request.getfixturevalue("database_url"))
    yield in_postgres(database)
    await database.close()


def in_memory() -> Tried:
    ago = timedelta(0)
    tries = InMemoryKeyTries(per_hour=MOST, now=lambda: datetime.now(UTC) - ago)

    async def entries() -> list[tuple[str, UserId | None, dict[str, str]]]:
        return [(entry.action, entry.user, dict(entry.details)) for entry in tries.audit.entries]  # type: ignore[arg-type]

    async def earlier(action: str, before: timedelta) -> None:
        nonlocal ago
        ago = before
        if action == "key_offered":
            await tries.offer(ADA, fingerprint="f", by=BY)
        else:
            await tries.refused(ADA, fingerprint="f", code="c", by=BY)
        ago = timedelta(0)

    return Tried(tries, entries, earlier)


def in_postgres(database: Database) -> Tried:
    async def entries() -> list[tuple[str, UserId | None, dict[str, str]]]:
        async with database.begin() as work:
            rows = await work.execute(select(audit).order_by(audit.c.id))
            return [(row.action, row.user_id, row.details) for row in rows]

    async def earlier(action: str, before: timedelta) -> None:
        entry = audit.insert().values(at=func.now() - before, actor="user:ada", action=action, user_id=ADA, details={})
        async with database.begin() as work:
            await work.execute(text("SET LOCAL ROLE NONE"))  # no role of the fleet may date an entry
            await work.execute(entry)

    return Tried(PostgresKeyTries(database, per_hour=MOST), entries, earlier)


async def test_as_many_keys_as_an_hour_may_hold_are_let_through_and_no_more(tried: Tried) -> None:
    for _ in range(MOST):
        await tried.offer()

    with pytest.raises(TooManyTries) as too_many:
        await tried.offer()

    assert f"{MOST} keys were offered" in too_many.value.sentence
    assert timedelta(minutes=59) < too_many.value.until - datetime.now(UTC) <= timedelta(minutes=60)


async def test_each_user_has_tries_of_their_own_and_so_has_the_deployment(tried: Tried) -> None:
    for _ in range(MOST):
        await tried.offer()

    await tried.offer(BOB)
    await tried.offer(DEPLOYMENT)


async def test_the_next_try_is_told_by_the_oldest_that_still_counts(tried: Tried) -> None:
    for minutes in (50, 20, 10):
        await tried.earlier("key_offered", timedelta(minutes=minutes))

    with pytest.raises(TooManyTries) as too_many:
        await tried.offer()

    assert timedelta(minutes=9) < too_many.value.until - datetime.now(UTC) < timedelta(minutes=11)


async def test_a_try_counts_for_an_hour_and_then_no_more(tried: Tried) -> None:
    await tried.earlier("key_offered", timedelta(minutes=60, seconds=1))
    for _ in range(MOST - 1):
        await tried.earlier("key_offered", timedelta(minutes=59, seconds=50))

    await tried.offer()

    with pytest.raises(TooManyTries):
        await tried.offer()


async def test_a_try_that_is_not_let_through_does_not_count(tried: Tried) -> None:
    for _ in range(MOST):
        await tried.earlier("key_offered", timedelta(minutes=59, seconds=59))
    with pytest.raises(TooManyTries) as too_many:
        await tried.offer()

    assert too_many.value.until - datetime.now(UTC) < timedelta(seconds=2)
    assert len(await tried.entries()) == MOST


async def test_offers_and_refusals_are_recorded_with_what_identifies_them(tried: Tried) -> None:
    await tried.offer()
    await tried.refuse()

    assert await tried.entries() == [
        ("key_offered", ADA, {"fingerprint": "f"}),
        ("key_refused", ADA, {"fingerprint": "f", "code": "key_refused"}),
    ]


async def test_refusals_within_the_hour_are_counted_with_the_newest(tried: Tried) -> None:
    await tried.earlier("key_refused", timedelta(minutes=61))
    await tried.earlier("key_refused", timedelta(minutes=59))
    await tried.refuse(BOB)

    assert await tried.refuse() == 2


async def test_callers_at_the_same_time_get_no_more_tries_than_there_are(tried: Tried) -> None:
    answers = await asyncio.gather(*(tried.offer() for _ in range(8)), return_exceptions=True)

    assert answers.count(None) == MOST
    assert sum(isinstance(answer, TooManyTries) for answer in answers) == 8 - MOST


async def test_refusals_take_no_tries_of_their_own(tried: Tried) -> None:
    for _ in range(MOST - 1):
        await tried.offer()
        await tried.refuse()

    await tried.offer()

    with pytest.raises(TooManyTries):
        await tried.offer()
