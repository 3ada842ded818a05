"""Redis is disposable: whatever it forgets, no user exceeds a limit (with the real usage journal)."""

import asyncio
import random
import shutil
import sys
import time
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, timezone

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis
from sqlalchemy import select

from shared.bookmarks import Tokens
from shared.database import Database
from shared.errors import QuotaUnavailable
from shared.in_redis import open_redis
from shared.ledger.tables import lanes, provider_calls
from shared.quota import Account, Taken, Wait, account_of
from shared.quota.in_redis import PERMIT_LIFE, RedisQuota
from shared.usage import NOT_SENT, CallId, Usage
from shared.usage.in_memory import InMemoryUsage
from shared.usage.in_postgres import PostgresUsage
from shared.users import user_id
from shared.values import KeySource, Stage, UserId, WaitReason
from tests.conftest import OwnValkey
from tests.quotas import limits_of

USER = user_id("ada")
ADA = account_of(USER)
MOST_LOSSES = 6
COUNTERS, FENCE = "fleet:quota:{user:ada}:counters", "fleet:quota:{user:ada}:fence"


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    redis = open_redis(SecretStr(redis_url))
    yield redis
    await redis.aclose()


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def journal(database: Database) -> PostgresUsage:
    async with database.begin(USER) as work:
        await work.execute(lanes.insert().values(user_id=USER, stage=Stage.ANALYZE))
    return PostgresUsage(database)


async def journal_calls(journal: PostgresUsage | InMemoryUsage, *, calls: int) -> None:
    for _ in range(calls):
        await journal.begin(USER, key_source=KeySource.USER, model="m", items=1)


@dataclass
class Provider:
    """Notes when calls leave for it."""

    left: list[float] = field(default_factory=list)

    async def call(self, quota: RedisQuota, journal: PostgresUsage, chance: random.Random) -> Wait | None:
        """One call as the analyzer makes it: permit, journal, a last look at the permit, and off."""
        try:
            permit = await quota.take(ADA)
        except QuotaUnavailable as lost_too_often:
            return Wait(WaitReason.QUOTA_MINUTE, lost_too_often.until)
        if isinstance(permit, Wait):
            return permit
        await asyncio.sleep(chance.choice((0, 0.05, 0.2, 0.35)))  # the caller is slow, or far too slow
        call = await journal.begin(USER, key_source=KeySource.USER, model="m", items=1)
        if permit.lapsed:
            await quota.refund(permit)
            await journal.end(call, outcome=NOT_SENT, tokens=Tokens())
        else:
            self.left.append(time.monotonic())
        return None


async def test_flushed_again_and_again_no_user_exceeds_the_minute_or_the_day(
    redis: Redis, journal: PostgresUsage
) -> None:
    minute, day, window = 5, 12, timedelta(seconds=0.6)
    limits = limits_of(minute=minute, day=day)
    quota = RedisQuota(redis, limits=limits, timezone=far_from_midnight(), journal=journal, minute=window)
    provider, chance = Provider(), random.Random(7)
    deadline = time.monotonic() + 30

    async def caller() -> None:
        wait = None
        while time.monotonic() < deadline and (wait is None or wait.reason is not WaitReason.QUOTA_DAY):
            wait = await provider.call(quota, journal, chance)
            await asyncio.sleep(0.05)

    async def lose_everything() -> None:
        while True:
            await asyncio.sleep(chance.uniform(0.2, 1.8))
            await redis.flushdb()

    losing = asyncio.create_task(lose_everything())
    await asyncio.gather(*(caller() for _ in range(12)))
    losing.cancel()

    assert minute < len(provider.left) <= day
    for first, last in zip(provider.left, provider.left[minute:], strict=False):
        assert last - first >= window.total_seconds()


def flushed(valkey: OwnValkey) -> None:
    valkey.flush()


def restarted(valkey: OwnValkey) -> None:
    valkey.restart()


def failed_over_to_an_empty_one(valkey: OwnValkey) -> None:
    valkey.kill()
    shutil.rmtree(valkey.server.folder / "data")
    valkey.server.prepare()
    valkey.start()


def failed_over_to_one_that_lags_behind(valkey: OwnValkey) -> None:
    """Takes the first one's place with what it remembered of the first loss or before."""
    data, behind = valkey.server.folder / "data", valkey.server.folder / "behind"
    valkey.kill()
    if not behind.exists():
        shutil.copytree(data, behind)
    shutil.rmtree(data)
    shutil.copytree(behind, data)
    valkey.start()


@pytest.mark.parametrize("lost", [flushed, restarted, failed_over_to_an_empty_one, failed_over_to_one_that_lags_behind])
async def test_whatever_becomes_of_redis_three_processes_never_exceed_a_limit_by_the_journals_own_times(
    lost: Callable[[OwnValkey], None], valkey: OwnValkey, database_url: str, database: Database, journal: PostgresUsage
) -> None:
    minute, day, window = 5, 18, timedelta(seconds=0.8)
    losses = 0
    async with (
        asyncio.timeout(90),
        spenders(database_url, valkey.url, minute=minute, day=day, window=window) as spending,
    ):
        while any(process.returncode is None for process in spending):
            before = len(await calls_that_left(database))
            await asyncio.sleep(1.2)
            if len(await calls_that_left(database)) > before and losses < MOST_LOSSES:  # they are at work
                await asyncio.to_thread(lost, valkey)
                losses += 1

    assert [process.returncode for process in spending] == [0, 0, 0]
    left = await calls_that_left(database)
    assert losses >= 2
    assert minute * 2 < len(left) <= day
    for first, last in zip(left, left[minute:], strict=False):
        assert last - first >= window


@asynccontextmanager
async def spenders(
    database_url: str, redis_url: str, *, minute: int, day: int, window: timedelta
) -> AsyncIterator[list[Process]]:
    """Three processes that spend a day; they end with it, or else with the block."""
    zone = far_from_midnight().utcoffset(None)
    details = [database_url, redis_url, minute, day, window.total_seconds(), zone.total_seconds()]
    command = [sys.executable, "-m", "tests.integration.quota_spenders", *map(str, details)]
    processes = [await asyncio.create_subprocess_exec(*command) for _ in range(3)]
    try:
        yield processes
    finally:
        for process in processes:
            if process.returncode is None:
                process.kill()
            await process.wait()


async def calls_that_left(database: Database) -> list[datetime]:
    calls = select(provider_calls.c.started_at).where(provider_calls.c.outcome != NOT_SENT)
    async with database.begin() as work:
        return list((await work.execute(calls.order_by(provider_calls.c.started_at))).scalars())


async def test_a_call_on_its_way_when_redis_forgot_it_is_counted(redis: Redis) -> None:
    journal = InMemoryUsage()
    quota = RedisQuota(redis, limits=limits_of(day=1), timezone=far_from_midnight(), journal=journal)
    on_its_way = await quota.take(ADA)
    await redis.flushdb()

    next_take = asyncio.create_task(quota.take(ADA))
    await rebuild_begun(redis)
    await asyncio.sleep(PERMIT_LIFE.total_seconds() / 8)  # long enough to read a journal that is in memory
    await journal_calls(journal, calls=1)

    assert isinstance(on_its_way, Taken)
    assert not on_its_way.lapsed, "this machine was too slow; else the call had to be taken back"
    assert isinstance(await next_take, Wait)


async def rebuild_begun(redis: Redis) -> None:
    async with asyncio.timeout(10):
        while True:
            if await redis.exists(FENCE):
                return
            await asyncio.sleep(0.001)


def far_from_midnight() -> timezone:
    """A time zone in which it is noon, so that no test meets a midnight."""
    noon = datetime.now(UTC).replace(hour=12)
    return timezone((noon - datetime.now(UTC)) % timedelta(days=1))


async def test_a_spent_day_is_still_spent_after_a_flush(redis: Redis, journal: PostgresUsage) -> None:
    quota = RedisQuota(redis, limits=limits_of(day=3), timezone=far_from_midnight(), journal=journal)
    await journal_calls(journal, calls=3)

    wait = await quota.take(ADA)

    assert isinstance(wait, Wait)
    assert wait.reason is WaitReason.QUOTA_DAY
    assert (await quota.status(ADA)).day.used == 3


async def test_status_tells_what_the_journal_knows_and_leaves_redis_as_it_is(
    redis: Redis, journal: PostgresUsage
) -> None:
    quota = RedisQuota(redis, limits=limits_of(minute=2), timezone=far_from_midnight(), journal=journal)
    await journal_calls(journal, calls=2)

    status = await quota.status(ADA)

    assert (status.minute.used, status.day.used, status.month.used) == (2, 2, 2)
    assert not status.can_call
    assert [key async for key in redis.scan_iter("*")] == []


async def test_what_a_restarted_server_remembers_is_not_believed(valkey: OwnValkey, journal: PostgresUsage) -> None:
    redis = open_redis(SecretStr(valkey.url))
    quota = RedisQuota(redis, limits=limits_of(day=3), timezone=far_from_midnight(), journal=journal)
    assert isinstance(await quota.take(ADA), Taken)
    await journal_calls(journal, calls=3)  # the one taken, and two the snapshot had missed

    valkey.restart()
    assert await redis.exists(COUNTERS), "this server keeps its data; else the test shows nothing"

    assert isinstance(await quota.take(ADA), Wait)
    await redis.aclose()


async def test_counters_of_another_time_zone_are_rebuilt_for_this_one(redis: Redis) -> None:
    journal = InMemoryUsage()
    before = RedisQuota(redis, limits=limits_of(day=3), timezone=timezone(timedelta(hours=3)), journal=journal)
    await before.take(ADA)
    await journal_calls(journal, calls=3)

    after = RedisQuota(redis, limits=limits_of(day=3), timezone=far_from_midnight(), journal=journal)

    assert isinstance(await after.take(ADA), Wait)


@dataclass
class SlowJournal(InMemoryUsage):
    """Answers a rebuild only when it is let go, with what it had read before."""

    inner: InMemoryUsage
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    let_go: asyncio.Event = field(default_factory=asyncio.Event)

    async def calls_since(self, account: Account, since: datetime) -> Sequence[tuple[datetime, int]]:
        return await self.inner.calls_since(account, since)

    async def usage_since(self, account: Account, since: datetime) -> Usage:
        found = await self.inner.usage_since(account, since)
        self.asked.set()
        await self.let_go.wait()
        return found

    async def begin(self, user: UserId, *, key_source: KeySource, model: str, items: int, weight: int = 1) -> CallId:
        return await self.inner.begin(user, key_source=key_source, model=model, items=items, weight=weight)


@pytest.mark.parametrize("lost_again", [False, True])
async def test_a_slow_rebuild_does_not_forget_what_was_taken_meanwhile(redis: Redis, lost_again: bool) -> None:
    journal = InMemoryUsage()
    slow_journal = SlowJournal(journal)
    limits, zone = limits_of(month=3), far_from_midnight()
    slow = RedisQuota(redis, limits=limits, timezone=zone, journal=slow_journal)
    quick = RedisQuota(redis, limits=limits, timezone=zone, journal=journal)

    slow_take = asyncio.create_task(slow.take(ADA))
    await slow_journal.asked.wait()  # it has read that there were no calls
    for _ in range(2):
        assert isinstance(await quick.take(ADA), Taken)
        await journal_calls(journal, calls=1)
    if lost_again:
        await redis.flushdb()
    slow_journal.let_go.set()

    assert isinstance(await slow_take, Taken)
    assert isinstance(await quick.take(ADA), Wait)


async def test_callers_that_rebuild_at_the_same_time_get_exactly_what_is_left(
    redis: Redis, journal: PostgresUsage
) -> None:
    quota = RedisQuota(redis, limits=limits_of(minute=10), timezone=far_from_midnight(), journal=journal)
    await journal_calls(journal, calls=4)

    answers = await asyncio.gather(*(quota.take(ADA) for _ in range(20)))

    assert sum(isinstance(answer, Taken) for answer in answers) == 6
    assert not await redis.exists(FENCE)


async def test_when_the_journal_is_away_too_nobody_may_call(redis: Redis) -> None:
    database = Database("postgresql://fleet@127.0.0.1:1/none")
    quota = RedisQuota(redis, limits=limits_of(), timezone=UTC, journal=PostgresUsage(database))

    with pytest.raises(QuotaUnavailable, match="journal"):
        await quota.take(ADA)
    with pytest.raises(QuotaUnavailable, match="journal"):
        await quota.status(ADA)
    await database.close()
