"""The three windows over days and months of made-up time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from shared.quota import Taken, Wait, account_of
from shared.quota.in_memory import InMemoryQuota
from shared.users import user_id
from shared.values import WaitReason
from tests.quotas import limits_of

ADA = account_of(user_id("ada"))
LOS_ANGELES = ZoneInfo("America/Los_Angeles")


class Clock:
    def __init__(self, text: str) -> None:
        self.at = datetime.fromisoformat(text).replace(tzinfo=UTC)

    def __call__(self) -> datetime:
        return self.at

    def advance(self, **length: float) -> None:
        self.at += timedelta(**length)


@pytest.fixture
def clock() -> Clock:
    return Clock("2026-11-24T12:00")


def quota_of(clock: Clock, **limits: int) -> InMemoryQuota:
    return InMemoryQuota(limits=limits_of(**limits), timezone=LOS_ANGELES, now=clock)


async def use_up(quota: InMemoryQuota) -> Wait:
    while isinstance(answer := await quota.take(ADA), Taken):
        pass
    return answer


async def test_the_minute_slides_a_call_makes_room_sixty_seconds_after_it_was_made(clock: Clock) -> None:
    quota = quota_of(clock, minute=2)
    await quota.take(ADA)
    clock.advance(seconds=40)
    await quota.take(ADA)

    wait = await quota.take(ADA)
    assert wait == Wait(WaitReason.QUOTA_MINUTE, clock.at + timedelta(seconds=20))

    clock.advance(seconds=20)
    assert isinstance(await quota.take(ADA), Taken)
    assert isinstance(await quota.take(ADA), Wait)


async def test_a_spent_day_waits_for_local_midnight_and_then_starts_at_nothing(clock: Clock) -> None:
    quota = quota_of(clock, minute=99, day=3)

    wait = await use_up(quota)
    assert wait == Wait(WaitReason.QUOTA_DAY, datetime(2026, 11, 25, 8, tzinfo=UTC))

    clock.at = wait.until
    assert (await quota.status(ADA)).day.used == 0
    assert isinstance(await quota.take(ADA), Taken)


async def test_a_spent_month_waits_for_the_first_although_days_begin_before(clock: Clock) -> None:
    quota = quota_of(clock, minute=99, day=99, month=3)

    wait = await use_up(quota)
    assert wait == Wait(WaitReason.QUOTA_MONTH, datetime(2026, 12, 1, 8, tzinfo=UTC))

    clock.at = wait.until - timedelta(seconds=1)
    assert isinstance(await quota.take(ADA), Wait)
    clock.at = wait.until
    assert isinstance(await quota.take(ADA), Taken)


async def test_when_several_windows_are_full_the_one_that_has_room_last_is_named(clock: Clock) -> None:
    quota = quota_of(clock, minute=3, day=3, month=3)

    assert (await use_up(quota)).reason is WaitReason.QUOTA_MONTH


async def test_heavy_calls_wait_until_as_many_have_left_the_minute_as_they_need(clock: Clock) -> None:
    quota = quota_of(clock, minute=5)
    for calls in (1, 3, 1):
        await quota.take(ADA, calls=calls)
        clock.advance(seconds=10)

    wait = await quota.take(ADA, calls=2)

    # The first call alone makes room for one; with the second gone there is room for four.
    assert wait == Wait(WaitReason.QUOTA_MINUTE, clock.at - timedelta(seconds=20) + timedelta(seconds=60))


async def test_a_refund_on_the_next_day_gives_nothing_to_the_new_one(clock: Clock) -> None:
    clock.at = datetime(2026, 11, 25, 7, 59, 59, tzinfo=UTC)
    quota = quota_of(clock, minute=9, day=2)
    taken = await quota.take(ADA)
    clock.advance(seconds=2)
    await quota.take(ADA)

    await quota.refund(taken)

    assert (await quota.status(ADA)).day.used == 1
