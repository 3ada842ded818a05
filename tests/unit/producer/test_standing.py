"""How users stand: whether a call may be made, what is in the way, which windows are shown, and what waits."""

from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest

from services.producer.domain.showing import standing_shown
from services.producer.domain.standing import Standing
from shared.audit import Actor
from shared.bookmarks import Tokens
from shared.errors import QuotaUnavailable
from shared.keys import DEPLOYMENT
from shared.keys.in_memory import InMemoryKeyRegistry
from shared.ledger.views import LaneProgress, Waiting
from shared.quota import (
    DEFAULT_KEY,
    Account,
    Learned,
    Limits,
    QuotaStatus,
    UserLimits,
    WindowName,
    account_of,
    share_of,
)
from shared.quota.calendar import Calendar
from shared.quota.in_memory import InMemoryLimits, InMemoryQuota
from shared.quota.journaled import JournaledStatus
from shared.quota.limits import DeploymentLimits
from shared.usage.in_memory import InMemoryUsage
from shared.users import user_id
from shared.values import DefaultKeyPolicy, KeySource, KeyStatus, Stage, UserId, WaitReason

ADA = user_id("ada")
BY = Actor("operator:grace", "ops.example")
NOON = datetime(2026, 11, 25, 12, tzinfo=UTC)
MIDNIGHT, NEXT_MONTH = datetime(2026, 11, 26, tzinfo=UTC), datetime(2026, 12, 1, tzinfo=UTC)
LIMITS = DeploymentLimits(
    user=Limits(minute=3, day=10, month=100),
    share=Limits(minute=2, day=4, month=50),
    default_key=Limits(minute=5, day=6, month=500),
)


class Away(InMemoryQuota):
    """Counters nobody can ask."""

    async def status(self, account: Account) -> QuotaStatus:
        raise QuotaUnavailable(f"The counters of {account.name} cannot be asked.", until=NOON)


class Lanes:
    """The ledger's word on what waits."""

    def __init__(self, *lanes: LaneProgress) -> None:
        self._lanes = list(lanes)

    async def lanes(self, user: UserId) -> list[LaneProgress]:
        return self._lanes if user == ADA else []


@dataclass
class House:
    """Everything a standing is made of, at noon."""

    policy: DefaultKeyPolicy = DefaultKeyPolicy.OFF
    lanes: Lanes = field(default_factory=Lanes)
    registry: InMemoryKeyRegistry = field(default_factory=InMemoryKeyRegistry)
    limits: InMemoryLimits = field(default_factory=lambda: InMemoryLimits(LIMITS, now=lambda: NOON))
    usage: InMemoryUsage = field(default_factory=lambda: InMemoryUsage(now=lambda: NOON))
    quota_is_away: bool = False
    now: datetime = NOON
    quota: InMemoryQuota = field(init=False)

    def __post_init__(self) -> None:
        quota = Away if self.quota_is_away else InMemoryQuota
        self.quota = quota(limits=self.limits, now=lambda: self.now)

    @property
    def standing(self) -> Standing:
        return Standing(
            quota=self.quota,
            journaled=JournaledStatus(self.usage, self.limits, Calendar(UTC), timedelta(seconds=60), now=lambda: NOON),
            registry=self.registry,
            reports=self.lanes,  # type: ignore[arg-type]  # nothing else of it is asked
            usage=self.usage,
            policy=self.policy,
            month_began=lambda: datetime(2026, 11, 1, tzinfo=UTC),
        )

    async def key(self, status: KeyStatus = KeyStatus.ACTIVE, *, of: UserId = ADA) -> None:
        await self.registry.record(
            of, name="mine", fingerprint="f", version=1, status=status, reason="So it was said.", by=BY
        )

    async def calls(self, number: int, account: Account) -> None:
        for _ in range(number):
            await self.quota.take(account)


async def test_with_a_key_and_room_a_call_can_be_made() -> None:
    house = House()
    await house.key()
    await house.calls(2, account_of(ADA))

    limits = await house.standing.rate_limit(ADA)

    assert (limits.can_make_request, limits.cannot_because) == (True, None)
    assert (limits.requests_this_minute, limits.requests_today, limits.requests_this_month) == (2, 2, 2)
    assert (limits.minute_limit, limits.daily_limit, limits.monthly_limit) == (3, 10, 100)
    assert [(window.window, window.left, window.resets_at) for window in limits.windows] == [
        ("minute", 1, NOON + timedelta(seconds=60)),
        ("day", 8, MIDNIGHT),
        ("month", 98, NEXT_MONTH),
    ]


@pytest.mark.parametrize(
    ("status", "reason"), [(None, "no_key"), (KeyStatus.INVALID, "key_refused"), (KeyStatus.EXPIRED, "key_refused")]
)
async def test_without_a_key_that_serves_no_call_can_be_made(status: KeyStatus | None, reason: str) -> None:
    house = House()
    if status:
        await house.key(status)

    limits = await house.standing.rate_limit(ADA)

    assert limits.cannot_because is not None
    assert (limits.can_make_request, limits.cannot_because.reason) == (False, reason)
    assert "key" in limits.cannot_because.sentence
    assert limits.cannot_because.advice == limits.key_serving.advice
    assert (limits.requests_today, limits.daily_limit) == (0, 10)


@pytest.mark.parametrize(
    ("policy", "own", "default", "source", "advises"),
    [
        (DefaultKeyPolicy.OFF, KeyStatus.ACTIVE, None, "user", "Nothing to do"),
        (DefaultKeyPolicy.OFF, None, None, "none", "Add a key"),
        (DefaultKeyPolicy.OFF, KeyStatus.INVALID, None, "none", "new key"),
        (DefaultKeyPolicy.FALLBACK, KeyStatus.ACTIVE, KeyStatus.ACTIVE, "user", "Nothing to do"),
        (DefaultKeyPolicy.FALLBACK, None, KeyStatus.ACTIVE, "default", "a quota of its own"),
        (DefaultKeyPolicy.FALLBACK, KeyStatus.EXPIRED, KeyStatus.ACTIVE, "default", "new key"),
        (DefaultKeyPolicy.FALLBACK, None, KeyStatus.INVALID, "none", "Add a key"),
        (DefaultKeyPolicy.ALWAYS, KeyStatus.ACTIVE, KeyStatus.ACTIVE, "default", "Nothing to do"),
        (DefaultKeyPolicy.ALWAYS, KeyStatus.ACTIVE, None, "none", "Ask the operator"),
    ],
)
async def test_the_user_is_told_which_key_serves_why_and_what_to_do(
    policy: DefaultKeyPolicy, own: KeyStatus | None, default: KeyStatus | None, source: str, advises: str
) -> None:
    house = House(policy=policy)
    for owner, status in ((ADA, own), (DEPLOYMENT, default)):
        if status:
            await house.key(status, of=owner)

    key = (await house.standing.rate_limit(ADA)).key_serving

    assert key.source == source
    assert key.sentence.endswith(".")
    assert advises in key.advice


async def test_a_full_window_is_in_the_way_until_it_has_room() -> None:
    house = House()
    await house.key()
    await house.calls(3, account_of(ADA))

    why = (await house.standing.rate_limit(ADA)).cannot_because

    assert why is not None
    assert (why.reason, why.until) == ("quota_minute", NOON + timedelta(seconds=60))
    assert why.sentence == "This minute's calls to the provider are used up."


async def test_of_several_full_windows_the_one_that_is_full_longest_counts() -> None:
    house = House()
    await house.key()
    await house.limits.set(ADA, UserLimits(minute=2, day=2, month=2), by=BY)
    await house.calls(2, account_of(ADA))

    why = (await house.standing.rate_limit(ADA)).cannot_because

    assert why is not None
    assert (why.reason, why.until) == ("quota_month", NEXT_MONTH)


async def test_a_limit_of_zero_is_over_when_somebody_raises_it() -> None:
    house = House()
    await house.key()
    await house.limits.set(ADA, UserLimits(day=0), by=BY)

    limits = await house.standing.rate_limit(ADA)

    assert limits.cannot_because is not None
    assert (limits.cannot_because.reason, limits.cannot_because.until) == ("quota_day", None)
    assert limits.cannot_because.sentence == "The limit of calls a day is 0."
    assert "raised" in limits.cannot_because.advice


async def test_every_window_says_where_its_limit_comes_from() -> None:
    house = House()
    await house.key()
    await house.limits.set(ADA, UserLimits(day=7), by=BY)
    await house.limits.learn(account_of(ADA), Learned(WindowName.MONTH, 20, "GenerateRequestsPerMonth"))

    minute, day, month = (await house.standing.rate_limit(ADA)).windows

    assert (minute.limit_source, minute.limit, minute.limit_from) == ("deployment", 3, "this deployment's default")
    assert (day.limit_source, day.limit, day.limit_from) == ("user", 7, "set for this user by an operator")
    assert (month.limit_source, month.limit, month.quota_id) == ("provider", 20, "GenerateRequestsPerMonth")
    assert month.limit_from == "learned from the provider's quota GenerateRequestsPerMonth"
    assert month.learned_until == NOON + timedelta(days=2)


async def test_what_the_provider_closed_has_nothing_left_until_then() -> None:
    house = House()
    await house.key()
    await house.quota.close(account_of(ADA), WindowName.DAY, MIDNIGHT)

    limits = await house.standing.rate_limit(ADA)

    assert limits.cannot_because is not None
    assert (limits.cannot_because.reason, limits.cannot_because.until) == ("quota_day", MIDNIGHT)
    assert (limits.windows[1].left, limits.windows[1].used, limits.windows[1].resets_at) == (0, 0, MIDNIGHT)


async def test_on_the_deployments_key_the_tighter_of_share_and_own_limit_is_shown() -> None:
    house = House(policy=DefaultKeyPolicy.FALLBACK)
    await house.key(of=DEPLOYMENT)
    await house.limits.set(ADA, UserLimits(month=30), by=BY)
    await house.calls(1, account_of(ADA))
    await house.calls(1, share_of(ADA))

    limits = await house.standing.rate_limit(ADA)

    assert limits.can_make_request
    assert limits.key_serving.source is KeySource.DEFAULT
    assert [(window.used, window.limit) for window in limits.windows] == [(1, 2), (1, 4), (1, 30)]


async def test_what_everybody_used_of_the_deployments_key_is_in_the_way_and_not_shown() -> None:
    house = House(policy=DefaultKeyPolicy.FALLBACK)
    await house.key(of=DEPLOYMENT)
    await house.calls(5, DEFAULT_KEY)

    limits = await house.standing.rate_limit(ADA)

    assert limits.cannot_because is not None
    assert limits.cannot_because.reason == "quota_minute"
    assert "everybody on the deployment's key" in limits.cannot_because.sentence
    assert [window.used for window in limits.windows] == [0, 0, 0]


async def test_an_operators_pause_goes_before_everything_else() -> None:
    house = House(lanes=Lanes(lane(Stage.ANALYZE, waiting=0, paused=True)))

    why = (await house.standing.rate_limit(ADA)).cannot_because

    assert why is not None
    assert (why.reason, why.sentence) == ("paused", "An operator has paused this user.")


async def test_what_waits_is_told_with_how_much_until_when_why_and_what_to_do() -> None:
    until = NOON + timedelta(hours=1)
    house = House(
        lanes=Lanes(
            lane(Stage.SCRAPE, waiting=0),
            lane(Stage.RENDER, waiting=2),
            lane(Stage.ANALYZE, waiting=7, blocked=Waiting.of(WaitReason.PROVIDER_DOWN, until)),
        )
    )

    render, analyze = (await house.standing.rate_limit(ADA)).waiting

    assert (render.jobs, render.reason, render.until) == (2, None, None)
    assert (analyze.jobs, analyze.reason, analyze.until) == (7, "provider_down", until)
    assert analyze.sentence.startswith("7 pages wait to be analysed until 2026-11-25 13:00:00 UTC: the provider")
    assert analyze.advice


async def test_with_the_counters_away_the_rest_is_told_and_no_call_can_be_made() -> None:
    house = House(quota_is_away=True)
    await house.key()
    call = await house.usage.begin(ADA, key_source=KeySource.USER, model="m", items=1)
    await house.usage.end(call, outcome="analysed", tokens=Tokens(10, 5))

    stats = await house.standing.stats(ADA)

    with pytest.raises(QuotaUnavailable):
        await house.standing.rate_limit(ADA)
    for told in (stats, await house.standing.shown(ADA)):
        assert told.cannot_because is not None
        assert (told.can_make_request, told.cannot_because.reason) == (False, "quota_unavailable")
        assert (told.requests_today, told.daily_limit, told.has_api_key) == (1, 10, True)
    assert (stats.tokens, stats.last_used) == (Tokens(10, 5), NOON)


async def test_a_key_used_in_an_earlier_month_was_last_used_then() -> None:
    house = House()
    await house.key()
    await house.registry.touch(ADA)
    record = await house.registry.find(ADA)

    stats = await house.standing.stats(ADA)

    assert record is not None
    assert stats.last_used == record.last_used_at
    assert stats.tokens == Tokens()


@pytest.mark.parametrize("calls", [0, 2])
@pytest.mark.parametrize("day", [0, 10])
async def test_who_watches_is_shown_nothing_new_while_nothing_happens(calls: int, day: int) -> None:
    house = House()
    await house.key()
    await house.calls(calls, account_of(ADA))
    await house.limits.set(ADA, UserLimits(day=day), by=BY)

    before = standing_shown(await house.standing.shown(ADA))
    house.now += timedelta(seconds=1)

    assert standing_shown(await house.standing.shown(ADA)) == before


async def test_of_a_user_nobody_knows_everything_is_empty() -> None:
    stats = await House().standing.stats(user_id("nobody"))

    assert (stats.has_api_key, stats.requests_this_month, stats.waiting, stats.last_used) == (False, 0, (), None)


def lane(stage: Stage, *, waiting: int, paused: bool = False, blocked: Waiting | None = None) -> LaneProgress:
    return LaneProgress(stage, waiting, released=0, running=0, paused=paused, blocked=blocked)
