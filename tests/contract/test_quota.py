"""What every `Quota` promises: in memory, and in a real Valkey."""

import asyncio
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr

from shared.audit import Actor
from shared.in_redis import open_redis
from shared.quota import (
    DEFAULT_KEY,
    MINUTE,
    LimitSource,
    Quota,
    Taken,
    UserLimits,
    Wait,
    WindowName,
    account_of,
    share_of,
)
from shared.quota.in_memory import InMemoryQuota
from shared.quota.in_redis import RedisQuota
from shared.quota.remembered import RememberedLimits
from shared.usage.in_memory import InMemoryUsage
from shared.users import user_id
from shared.values import WaitReason
from tests.quotas import limits_of

USER = user_id("ada")
ADA, BOB = account_of(USER), account_of(user_id("b|ob:+=@7"))
FAR = timedelta(days=29)

OPERATOR = Actor("operator:root", "here")

QuotaOf = Callable[..., Quota]


@pytest.fixture(params=["memory", "redis"])
async def quota_of(request: pytest.FixtureRequest) -> AsyncIterator[QuotaOf]:
    zone = ZoneInfo("America/Los_Angeles")
    if request.param == "memory":
        yield lambda *, book=None, window=MINUTE, **limits: InMemoryQuota(
            limits=book or limits_of(**limits), timezone=zone, minute=window
        )
        return
    redis = open_redis(SecretStr(request.getfixturevalue("redis_url")))
    yield lambda *, book=None, window=MINUTE, **limits: RedisQuota(
        redis, limits=book or limits_of(**limits), timezone=zone, journal=InMemoryUsage(), minute=window
    )
    await redis.aclose()


async def granted(quota: Quota, *, tries: int) -> int:
    answers = await asyncio.gather(*(quota.take(ADA) for _ in range(tries)))
    return sum(isinstance(answer, Taken) for answer in answers)


async def test_callers_at_the_same_time_get_exactly_the_limit(quota_of: QuotaOf) -> None:
    assert await granted(quota_of(minute=7), tries=20) == 7


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"minute": 2}, WaitReason.QUOTA_MINUTE),
        ({"day": 2}, WaitReason.QUOTA_DAY),
        ({"month": 2}, WaitReason.QUOTA_MONTH),
    ],
)
async def test_the_full_window_is_named_with_the_time_it_has_room(
    quota_of: QuotaOf, limits: dict[str, int], reason: WaitReason
) -> None:
    quota = quota_of(**limits)
    await quota.take(ADA)
    await quota.take(ADA)

    wait = await quota.take(ADA)

    assert isinstance(wait, Wait)
    assert wait.reason is reason
    assert datetime.now(UTC) < wait.until < datetime.now(UTC) + timedelta(days=32)


async def test_a_denied_call_takes_nothing_from_any_window(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=9, day=1)
    await quota.take(ADA)
    before = await quota.status(ADA)

    await quota.take(ADA)
    await quota.take(ADA)

    after = await quota.status(ADA)
    assert [window.used for window in (after.minute, after.day, after.month)] == [1, 1, 1]
    assert after.day == before.day


async def test_one_user_takes_nothing_from_another(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=1)
    await quota.take(ADA)

    assert isinstance(await quota.take(ADA), Wait)
    assert isinstance(await quota.take(BOB), Taken)


async def test_a_user_a_share_of_the_default_key_and_the_default_key_are_counted_apart(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=1)

    for account in (ADA, share_of(USER), DEFAULT_KEY):
        assert isinstance(await quota.take(account), Taken)
        assert isinstance(await quota.take(account), Wait)


async def test_the_limits_in_force_hold_from_the_next_call_on(quota_of: QuotaOf) -> None:
    book = limits_of(minute=1)
    quota = quota_of(book=book)
    assert await granted(quota, tries=3) == 1

    await book.set(USER, UserLimits(minute=3), by=OPERATOR)
    assert await granted(quota, tries=5) == 2
    await book.set(USER, UserLimits(minute=0), by=OPERATOR)
    assert await granted(quota, tries=1) == 0

    status = await quota.status(ADA)
    assert (status.minute.limit, status.minute.used, status.minute.left) == (0, 3, 0)
    assert (status.minute.source, status.day.source) == (LimitSource.USER, LimitSource.DEPLOYMENT)


async def test_nobody_is_refused_for_a_limit_that_was_raised_elsewhere_a_moment_ago(quota_of: QuotaOf) -> None:
    book = limits_of(minute=0)
    quota = quota_of(book=RememberedLimits(book))
    assert isinstance(await quota.take(ADA), Wait)

    await book.set(USER, UserLimits(minute=1), by=OPERATOR)  # the quota remembers another answer

    assert isinstance(await quota.take(ADA), Taken)
    assert isinstance(await quota.take(ADA), Wait)


async def test_a_heavy_call_takes_its_weight_or_nothing(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=5)

    assert isinstance(await quota.take(ADA, calls=3), Taken)
    assert isinstance(await quota.take(ADA, calls=3), Wait)
    assert isinstance(await quota.take(ADA, calls=2), Taken)
    assert (await quota.status(ADA)).minute.used == 5


@pytest.mark.parametrize(
    ("limits", "calls", "reason"),
    [
        ({"minute": 0}, 1, WaitReason.QUOTA_MINUTE),
        ({"day": 0}, 1, WaitReason.QUOTA_DAY),
        ({"month": 0}, 1, WaitReason.QUOTA_MONTH),
        ({"minute": 2}, 3, WaitReason.QUOTA_MINUTE),
    ],
)
async def test_what_can_never_fit_waits_far_away(
    quota_of: QuotaOf, limits: dict[str, int], calls: int, reason: WaitReason
) -> None:
    wait = await quota_of(**limits).take(ADA, calls=calls)

    assert isinstance(wait, Wait)
    assert wait.reason is reason
    assert wait.until > datetime.now(UTC) + FAR


async def test_no_calls_at_all_cannot_be_taken(quota_of: QuotaOf) -> None:
    with pytest.raises(ValueError, match="at least one call"):
        await quota_of().take(ADA, calls=0)


async def test_the_window_slides_room_comes_when_it_was_promised_and_not_before(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=2, window=timedelta(seconds=0.3))
    await quota.take(ADA)
    await quota.take(ADA)
    wait = await quota.take(ADA)
    assert isinstance(wait, Wait)

    for _ in range(2):
        await taken_at_last(quota)
        assert datetime.now(UTC) >= wait.until

    assert isinstance(await quota.take(ADA), Wait)


async def taken_at_last(quota: Quota) -> None:
    async with asyncio.timeout(10):
        while True:
            if isinstance(await quota.take(ADA), Taken):
                return
            await asyncio.sleep(0.005)


async def test_a_refund_gives_back_all_windows_once(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=3)
    taken = [await quota.take(ADA) for _ in range(3)]

    for _ in range(3):
        await quota.refund(taken[0])

    status = await quota.status(ADA)
    assert [window.used for window in (status.minute, status.day, status.month)] == [2, 2, 2]
    assert await granted(quota, tries=5) == 1


async def test_a_heavy_refund_gives_back_its_weight(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=5)
    heavy = await quota.take(ADA, calls=4)
    await quota.refund(heavy)

    status = await quota.status(ADA)
    assert [window.used for window in (status.minute, status.day, status.month)] == [0, 0, 0]


async def test_status_takes_nothing_and_says_when_windows_reset(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=4, day=50, month=600)
    fresh = await quota.status(ADA)
    assert fresh.can_call
    assert (fresh.minute.left, fresh.day.left, fresh.month.left) == (4, 50, 600)

    await quota.take(ADA)
    for _ in range(3):
        status = await quota.status(ADA)

    now = datetime.now(UTC)
    assert (status.minute.used, status.day.used, status.month.used) == (1, 1, 1)
    assert now < status.minute.resets_at < now + timedelta(seconds=62)
    assert now < status.day.resets_at <= now + timedelta(hours=25)
    assert status.day.resets_at <= status.month.resets_at <= now + timedelta(days=31, hours=1)


async def test_status_of_a_full_minute_says_that_no_call_is_possible_and_when_one_will_be(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=1)
    await quota.take(ADA)
    wait = await quota.take(ADA)
    assert isinstance(wait, Wait)

    status = await quota.status(ADA)

    assert not status.can_call
    assert status.minute.resets_at == wait.until


# ---- the provider's word ---------------------------------------------------------------------------


def in_hours(hours: float) -> datetime:
    moment = datetime.now(UTC) + timedelta(hours=hours)
    return moment.replace(microsecond=moment.microsecond // 1000 * 1000)


@pytest.mark.parametrize(
    ("window", "reason"),
    [
        (WindowName.MINUTE, WaitReason.QUOTA_MINUTE),
        (WindowName.DAY, WaitReason.QUOTA_DAY),
        (WindowName.MONTH, WaitReason.QUOTA_MONTH),
    ],
)
async def test_a_window_the_provider_calls_spent_hands_out_nothing_until_then(
    quota_of: QuotaOf, window: WindowName, reason: WaitReason
) -> None:
    quota, until = quota_of(), in_hours(3)
    await quota.take(ADA)

    await quota.close(ADA, window, until)

    assert await quota.take(ADA) == Wait(reason, until)
    assert isinstance(await quota.take(BOB), Taken)
    status = await quota.status(ADA)
    shown = {WindowName.MINUTE: status.minute, WindowName.DAY: status.day, WindowName.MONTH: status.month}
    assert (shown[window].closed_until, shown[window].left, shown[window].used) == (until, 0, 1)
    assert shown[window].resets_at >= until
    assert not status.can_call
    assert [name for name, other in shown.items() if other.closed_until] == [window]


async def test_a_closed_window_opens_by_itself(quota_of: QuotaOf) -> None:
    quota = quota_of()
    await quota.take(ADA)
    await quota.close(ADA, WindowName.DAY, datetime.now(UTC) + timedelta(seconds=1))
    assert isinstance(await quota.take(ADA), Wait)

    await taken_at_last(quota)

    status = await quota.status(ADA)
    assert (status.day.closed_until, status.can_call) == (None, True)


async def test_a_window_is_closed_until_the_latest_moment_anybody_named(quota_of: QuotaOf) -> None:
    quota, sooner, later = quota_of(), in_hours(1), in_hours(5)

    await quota.close(ADA, WindowName.DAY, sooner)
    await quota.close(ADA, WindowName.DAY, later)
    await quota.close(ADA, WindowName.DAY, sooner)
    await quota.close(ADA, WindowName.MINUTE, sooner)

    assert await quota.take(ADA) == Wait(WaitReason.QUOTA_DAY, later)
    assert (await quota.status(ADA)).minute.closed_until == sooner


async def test_a_window_closed_until_a_moment_that_has_passed_is_open(quota_of: QuotaOf) -> None:
    quota = quota_of()
    await quota.close(ADA, WindowName.DAY, in_hours(-1))

    assert isinstance(await quota.take(ADA), Taken)
    assert (await quota.status(ADA)).day.closed_until is None


async def test_of_a_full_and_a_closed_window_the_one_that_has_room_last_is_named(quota_of: QuotaOf) -> None:
    quota = quota_of(month=1)
    await quota.take(ADA)
    full = await quota.take(ADA)
    assert isinstance(full, Wait)

    await quota.close(ADA, WindowName.DAY, full.until - timedelta(seconds=1))
    assert await quota.take(ADA) == full
    await quota.close(ADA, WindowName.DAY, full.until + timedelta(seconds=1))
    assert await quota.take(ADA) == Wait(WaitReason.QUOTA_DAY, full.until + timedelta(seconds=1))


async def test_a_forgotten_account_is_open_and_starts_at_nothing(quota_of: QuotaOf) -> None:
    quota = quota_of(minute=1)
    await quota.take(ADA)
    await quota.take(BOB)
    await quota.close(ADA, WindowName.MONTH, in_hours(9))

    await quota.forget(ADA)

    assert (await quota.status(ADA)).month.closed_until is None
    assert isinstance(await quota.take(ADA), Taken)
    assert isinstance(await quota.take(BOB), Wait)
