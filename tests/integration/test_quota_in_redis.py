"""The quota on a real Valkey: many processes, sliding minutes, midnights, lost answers and silent servers."""

import asyncio
import json
import random
import sys
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, timezone
from itertools import chain

import pytest
from pydantic import SecretStr
from redis.asyncio import Redis

from shared.errors import QuotaUnavailable
from shared.in_redis import open_redis
from shared.metrics import QUOTA_DENIED
from shared.quota import MINUTE as SIXTY_SECONDS
from shared.quota import Taken, Wait, account_of
from shared.quota.calendar import Bounds, Span
from shared.quota.in_redis import MARGIN, PERMIT_LIFE, RedisQuota
from shared.usage.in_memory import InMemoryUsage
from shared.users import user_id
from shared.values import WaitReason
from tests.quotas import limits_of
from tests.strangers import silent_server

ADA = account_of(user_id("ada"))
COUNTERS, MINUTE = "fleet:quota:{user:ada}:counters", "fleet:quota:{user:ada}:minute"

QuotaOf = Callable[..., RedisQuota]


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    redis = open_redis(SecretStr(redis_url))
    yield redis
    await redis.aclose()


@pytest.fixture
def quota_of(redis: Redis) -> QuotaOf:
    return lambda *, window=SIXTY_SECONDS, **limits: RedisQuota(
        redis, limits=limits_of(**limits), timezone=UTC, journal=InMemoryUsage(), minute=window
    )


# ---- many callers ---------------------------------------------------------------------------------


async def sixty_four_callers(redis_url: str, *, limit: int, window: timedelta, seconds: float) -> list[float]:
    """When the calls left that four processes of sixteen callers each made in so many seconds."""
    details = [redis_url, limit, 16, window.total_seconds(), seconds]
    command = [sys.executable, "-m", "tests.integration.quota_callers", *map(str, details)]
    processes = [await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE) for _ in range(4)]
    answers = [(await process.communicate())[0] for process in processes]
    return sorted(chain(*map(json.loads, answers)))


async def test_sixty_four_callers_in_four_processes_get_exactly_the_limit(redis_url: str) -> None:
    left = await sixty_four_callers(redis_url, limit=101, window=SIXTY_SECONDS, seconds=0)

    assert len(left) == 101


async def test_sixty_four_callers_who_have_work_use_what_every_minute_allows_and_no_more(redis_url: str) -> None:
    limit, window = 40, timedelta(seconds=0.8)
    left = await sixty_four_callers(redis_url, limit=limit, window=window, seconds=6)

    for first, last in zip(left, left[limit:], strict=False):
        assert last - first >= window.total_seconds()
    minutes = (left[-1] - left[0]) // (window + MARGIN).total_seconds() + 1
    assert minutes >= 3
    assert len(left) >= 0.5 * limit * minutes  # a crowded machine wakes callers late


async def test_no_span_as_long_as_the_window_sees_more_calls_than_the_limit_and_hardly_fewer(quota_of: QuotaOf) -> None:
    window, limit = timedelta(seconds=0.5), 6
    quota = quota_of(minute=limit, window=window)
    leaving: list[float] = []
    chance = random.Random(11)
    until = time.monotonic() + 4.0

    async def caller() -> None:
        while time.monotonic() < until:
            answer = await quota.take(ADA)
            if isinstance(answer, Wait):
                await asyncio.sleep(max(0.0, (answer.until - datetime.now(UTC)).total_seconds()))
                continue
            await asyncio.sleep(chance.choice((0, 0, 0.2)))  # a call may leave a little later than it was counted
            if answer.lapsed:
                await quota.refund(answer)
            else:
                leaving.append(time.monotonic())

    await asyncio.gather(*(caller() for _ in range(16)))

    leaving.sort()
    for first, last in zip(leaving, leaving[limit:], strict=False):
        assert last - first >= window.total_seconds()
    spans = int(4.0 / (window + MARGIN).total_seconds())
    assert len(leaving) >= limit * spans / 2  # a crowded machine wakes callers late


async def test_a_permit_lapses_soon_and_before_its_window_moves_on(quota_of: QuotaOf) -> None:
    began = time.monotonic()
    taken = await quota_of().take(ADA)

    assert isinstance(taken, Taken)
    assert not taken.lapsed
    assert taken.lapses_at - began < PERMIT_LIFE.total_seconds() + 5
    assert PERMIT_LIFE < MARGIN


def test_the_margin_leaves_more_than_ninety_nine_percent_of_a_minute_to_be_used() -> None:
    assert SIXTY_SECONDS / (SIXTY_SECONDS + MARGIN) > 0.991


# ---- midnight -------------------------------------------------------------------------------------


@dataclass(frozen=True)
class ShortCalendar:
    """Days and months of made-up length, the first of which began at `start`."""

    start: datetime
    day: timedelta
    month: timedelta

    def bounds(self, at: datetime) -> Bounds:
        return Bounds(self._span(at, self.day), self._span(at, self.month))

    def _span(self, at: datetime, length: timedelta) -> Span:
        begin = self.start + (at - self.start) // length * length
        return Span(begin, begin + length)


def with_short_calendar(quota: RedisQuota, *, day: float, month: float) -> RedisQuota:
    start = datetime.now(UTC)
    start -= timedelta(microseconds=start.microsecond % 1000)
    quota._calendar = ShortCalendar(start, timedelta(seconds=day), timedelta(seconds=month))  # type: ignore[assignment]
    quota._bounds = quota._calendar.bounds(start)
    return quota


async def until(moment: datetime) -> None:
    await asyncio.sleep((moment - datetime.now(UTC)).total_seconds() + 0.01)


def zone_in_which_it_is(hour: int, minute: int, second: int) -> timezone:
    now = datetime.now(UTC)
    wanted = now.replace(hour=hour, minute=minute, second=second)
    return timezone((wanted - now) % timedelta(days=1))


async def test_a_day_begins_anew_at_local_midnight(redis: Redis) -> None:
    zone = zone_in_which_it_is(23, 59, 57)
    quota = RedisQuota(redis, limits=limits_of(day=2), timezone=zone, journal=InMemoryUsage())
    await quota.take(ADA)
    await quota.take(ADA)
    wait = await quota.take(ADA)
    assert isinstance(wait, Wait)
    assert wait.reason is WaitReason.QUOTA_DAY
    assert wait.until.astimezone(zone).time().isoformat() == "00:00:00"

    await until(wait.until)

    assert isinstance(await quota.take(ADA), Taken)
    status = await quota.status(ADA)
    assert (status.day.used, status.minute.used) == (1, 3)


async def test_a_month_goes_on_counting_while_days_pass_and_then_begins_anew(quota_of: QuotaOf) -> None:
    quota = with_short_calendar(quota_of(day=2, month=3), day=2, month=4)
    answers = []
    for _ in range(3):
        while isinstance(answer := await quota.take(ADA), Taken):
            answers.append("taken")
        answers.append(answer.reason)
        await until(answer.until)

    # Two in the first day, one more in the second; and the next month starts at nothing.
    first_day, second_day = WaitReason.QUOTA_DAY, WaitReason.QUOTA_MONTH
    assert answers == ["taken", "taken", first_day, "taken", second_day, "taken", "taken", first_day]


async def test_right_before_midnight_nothing_is_handed_out_that_could_leave_after_it(quota_of: QuotaOf) -> None:
    quota = with_short_calendar(quota_of(), day=3, month=60)
    midnight = quota._bounds.day.end
    assert isinstance(await quota.take(ADA), Taken)
    await until(midnight - MARGIN * 0.8)

    wait = await quota.take(ADA)

    assert wait == Wait(WaitReason.QUOTA_DAY, midnight)
    await until(midnight)
    assert isinstance(await quota.take(ADA), Taken)


async def test_a_clock_set_back_holds_nobody_up_for_longer_than_the_window(quota_of: QuotaOf, redis: Redis) -> None:
    quota = quota_of(minute=2)
    await quota.take(ADA)
    an_hour_ahead = time.time() * 1000 + 3_600_000
    await redis.zadd(MINUTE, {f"{name}|1": an_hour_ahead for name in ("one", "two")})

    wait = await quota.take(ADA)

    assert isinstance(wait, Wait)
    assert wait.until <= datetime.now(UTC) + timedelta(seconds=60) + MARGIN


# ---- answers that are lost, servers that are silent -----------------------------------------------


async def test_asking_again_for_the_same_permit_takes_nothing_more(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=1)
    taken = await quota.take(ADA)

    again = await quota._ask(taken, await limits_of(minute=1).in_force(ADA))

    assert again["verdict"] == "taken"
    assert (await quota.status(ADA)).day.used == 1


async def test_without_redis_no_call_is_permitted() -> None:
    redis = open_redis(SecretStr("redis://127.0.0.1:1/0"))
    quota = RedisQuota(redis, limits=limits_of(), timezone=UTC, journal=InMemoryUsage())

    for question in (quota.take(ADA), quota.status(ADA), quota.refund(Taken(ADA, 1, "permit"))):
        with pytest.raises(QuotaUnavailable, match="Redis cannot say how much quota is left") as refused:
            await question
        assert refused.value.until > datetime.now(UTC)
    await redis.aclose()


async def test_a_redis_that_does_not_answer_is_given_up_within_seconds() -> None:
    with silent_server() as address:
        redis = open_redis(SecretStr(f"redis://{address}/0"))
        quota = RedisQuota(redis, limits=limits_of(), timezone=UTC, journal=InMemoryUsage())
        began = time.monotonic()

        with pytest.raises(QuotaUnavailable):
            await quota.take(ADA)

        assert time.monotonic() - began < 30
        await redis.aclose()


# ---- what is left behind --------------------------------------------------------------------------


async def test_idle_users_vanish_from_redis(quota_of: QuotaOf, redis: Redis) -> None:
    await quota_of().take(ADA)

    keys = [key.decode() async for key in redis.scan_iter("*")]

    assert sorted(keys) == [COUNTERS, MINUTE]
    assert 0 < await redis.ttl(COUNTERS) <= 86_400
    assert 0 < await redis.ttl(MINUTE) <= 61


async def test_denied_calls_are_counted_by_the_window_that_was_full(quota_of: QuotaOf) -> None:
    before = QUOTA_DENIED.labels(window="day")._value.get()
    quota = quota_of(day=0)

    await quota.take(ADA)

    assert QUOTA_DENIED.labels(window="day")._value.get() == before + 1
