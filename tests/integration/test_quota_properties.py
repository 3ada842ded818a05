"""The quota's scripts on a real Valkey that reads the test's clock: whatever happens, no call too many, none too few.

The model below knows nothing of counters, margins or rebuilds: a call that left counts, in the sixty seconds and on the
local date at which it left. `Story` does at random what may happen to a quota, and looks after each step whether too
many calls left, or whether one was refused for which there surely was room.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from typing import Any
from unittest.mock import patch
from zoneinfo import ZoneInfo

from hypothesis import HealthCheck, example, given, note, settings
from hypothesis import strategies as st
from pydantic import SecretStr

from shared.audit import Actor
from shared.bookmarks import Tokens
from shared.in_redis import open_redis, script
from shared.quota import Learned, Limits, Taken, UserLimits, Wait, WindowName, account_of
from shared.quota.calendar import Calendar
from shared.quota.in_memory import InMemoryLimits
from shared.quota.in_redis import MARGIN, PERMIT_LIFE, RedisQuota
from shared.quota.limits import DeploymentLimits
from shared.quota.rebuilding import CLOCK_SKEW
from shared.usage import NOT_SENT
from shared.usage.in_memory import InMemoryUsage
from shared.users import user_id
from shared.values import KeySource

USER = user_id("ada")
ADA = account_of(USER)
OPERATOR = Actor("operator:root", "here")
MINUTE = timedelta(seconds=60)
FAR = timedelta(days=29)
NOTHING, MILLISECOND = timedelta(), timedelta(milliseconds=1)
Step = tuple[str, tuple[Any, ...]]


@dataclass
class Clock:
    """Redis' clock, and time as it really passes: an operator may set back the one, nobody the other."""

    at: datetime
    passed: timedelta = NOTHING

    def __call__(self) -> datetime:
        return self.at

    def advance(self, length: timedelta) -> None:
        self.at += length
        self.passed += length

    def set_back(self, length: timedelta) -> None:
        self.at -= length


@dataclass
class Call:
    """One permit and what became of it."""

    taken: Taken
    limits: tuple[int, int, int]
    order: int
    granted_at: datetime
    granted_after: timedelta
    left_at: datetime | None = None
    left_after: timedelta = NOTHING
    counts: bool = True

    @property
    def weight(self) -> int:
        return self.taken.calls


def weigh(calls: Iterable[Call]) -> int:
    return sum(call.weight for call in calls)


@dataclass
class Story:
    """What happens to one user's quota, which two processes share.

    Attributes:
        skew: by how much the journal's clock is ahead of Redis'.
        rebuilt: something was lost, or the clock was set back: the journal's word counts, with the doubt that brings.
        noticed_after: when somebody first asked after the clock was last set back, None while nobody did: from then on
            it takes a minute until the sliding minute is right again.
    """

    clock: Clock
    zone: ZoneInfo
    skew: timedelta
    deployment: Limits
    steps: list[Step]
    calls: list[Call] = field(default_factory=list)
    on_their_way: list[Call] = field(default_factory=list)
    closed: dict[WindowName, datetime] = field(default_factory=dict)
    rebuilt: bool = False
    noticed_after: timedelta | None = -timedelta(days=1)

    async def happens(self, redis_url: str) -> None:
        self.journal = InMemoryUsage(now=lambda: self.clock.at + self.skew)
        same = self.deployment
        self.limits = InMemoryLimits(DeploymentLimits(same, same, same), now=self.clock)
        async with open_redis(SecretStr(redis_url)) as self.redis:
            await self.redis.flushdb()
            await self.tell_redis_the_time()
            self.processes = [self._process() for _ in range(2)]
            with patch("shared.quota.in_redis.asyncio.sleep", self.rebuild):
                for name, details in self.steps:
                    await getattr(self, name)(*details)

    async def rebuild(self, seconds: float) -> None:
        """While a rebuild waits, its time passes, and those on their way leave."""
        await self.let_leave()
        await self.advance(timedelta(seconds=seconds))

    def _process(self) -> RedisQuota:
        quota = RedisQuota(self.redis, limits=self.limits, timezone=self.zone, journal=self.journal)
        for name in ("take", "mark", "seed", "close"):
            lua = script("shared.quota", name)
            assert "redis.call('TIME')" in lua
            lua = lua.replace("redis.call('TIME')", "redis.call('HMGET', 'clock', 's', 'us')")
            setattr(quota, f"_{name}", self.redis.register_script(lua))
        return quota

    async def tell_redis_the_time(self) -> None:
        since = self.clock.at - datetime.fromtimestamp(0, UTC)
        seconds, rest = divmod(since, timedelta(seconds=1))
        await self.redis.hset("clock", mapping={"s": seconds, "us": rest // timedelta(microseconds=1)})

    async def advance(self, length: timedelta) -> None:
        self.clock.advance(length)
        await self.tell_redis_the_time()

    # ---- what happens -----------------------------------------------------------------------------

    async def take(self, process: int, weight: int) -> Taken | Wait:
        answer = await self.processes[process].take(ADA, calls=weight)
        limits = await self.limits_now()
        if self.noticed_after is None:
            self.noticed_after = self.clock.passed
        note(f"{self.clock.at} take {weight} of {limits}: {answer if isinstance(answer, Wait) else 'taken'}")
        if isinstance(answer, Taken):
            call = Call(answer, limits, len(self.calls), self.clock.at, self.clock.passed)
            self.calls.append(call)
            self.on_their_way.append(call)
        else:
            assert not self.surely_permits(weight, limits), "refused although there was room"
        return answer

    async def call(self, process: int, weight: int, delay: timedelta) -> None:
        """One call as the analyzer makes it, which leaves a little later than it was permitted, or much too late."""
        if isinstance(await self.take(process, weight), Taken):
            await self.advance(delay)
            await self.let_leave()

    async def use_up(self, process: int) -> None:
        while isinstance(await self.take(process, 1), Taken):
            await self.let_leave()

    async def let_leave(self) -> None:
        """Those on their way leave as the analyzer has it: journal, a last look at the permit, and off."""
        while self.on_their_way:
            call = self.on_their_way.pop(0)
            recorded = await self.journal.begin(USER, key_source=KeySource.USER, model="m", items=1, weight=call.weight)
            if self.clock.passed - call.granted_after < PERMIT_LIFE:
                call.left_at, call.left_after, call.counts = self.clock.at, self.clock.passed, True
                self.look_at(call)
            else:
                await self.journal.end(recorded, outcome=NOT_SENT, tokens=Tokens())
                await self._refund(call)

    async def let_give_back(self) -> None:
        while self.on_their_way:
            await self._refund(self.on_their_way.pop(0))

    async def _refund(self, call: Call) -> None:
        await self.processes[0].refund(call.taken)
        if self.clock.passed - call.granted_after < MINUTE:
            call.counts = False  # one that is given back later has done its time in the minute, and stays in the day

    async def die(self) -> None:
        """The processes of those on their way die: nobody knows of these permits but Redis."""
        self.on_their_way.clear()

    async def wait_for_room(self, process: int, weight: int) -> None:
        answer = await self.take(process, weight)
        if isinstance(answer, Taken) or answer.until > self.clock.at + FAR:
            return
        self.on_their_way.clear()
        await self.advance(answer.until - self.clock.at)
        again = await self.take(process, weight)
        if not self.rebuilt:
            assert isinstance(again, Taken) or again.until <= self.clock.at + MARGIN, "room did not come when promised"

    async def go_to_midnight(self, offset: timedelta) -> None:
        end = Calendar(self.zone).day(self.clock.at).end
        await self.advance(max(end + offset - self.clock.at, NOTHING))

    async def set_back(self, length: timedelta) -> None:
        await self.let_leave()
        self.clock.set_back(length)
        self.rebuilt, self.noticed_after = True, None
        await self.tell_redis_the_time()

    async def go_back_to_yesterday(self, offset: timedelta) -> None:
        begin = Calendar(self.zone).day(self.clock.at).start
        await self.set_back(max(self.clock.at - begin - offset, NOTHING))

    async def lose_everything(self) -> None:
        await self.redis.flushdb()
        await self.tell_redis_the_time()
        self.rebuilt = True
        self.closed.clear()
        for call in self.calls:
            call.counts = call.left_at is not None
            if call.left_at and call.left_at + self.skew > self.clock.at:
                self.noticed_after = None  # by the journal it is still to come: it is taken to have left just now

    async def set_limits(self, limits: UserLimits) -> None:
        await self.limits.set(USER, limits, by=OPERATOR)

    async def learn(self, learned: Learned) -> None:
        await self.limits.learn(ADA, learned)

    async def close(self, window: WindowName, length: timedelta) -> None:
        until = self.clock.at + length
        await self.processes[0].close(ADA, window, until)
        self.closed[window] = max(until, self.closed.get(window, until))

    async def ask_for_the_status(self, process: int) -> None:
        status, at = await self.processes[process].status(ADA), self.clock.at
        answer = await self.take(process, 1)
        if self.clock.at == at and self.date(at) == self.date(at + MARGIN):
            assert status.can_call == isinstance(answer, Taken), "the status said otherwise"

    # ---- what is permitted --------------------------------------------------------------------------

    async def limits_now(self) -> tuple[int, int, int]:
        limits = await self.limits.in_force(ADA)
        return limits.minute.calls, limits.day.calls, limits.month.calls

    def date(self, at: datetime) -> date:
        return at.astimezone(self.zone).date()

    def look_at(self, newest: Call) -> None:
        """No sixty seconds, no day and no month has more calls than the limit in force for its newest one."""
        left = [call for call in self.calls if call.left_at is not None]
        today = self.date(self.clock.at)
        spans = (
            [call for call in left if call.left_after > newest.left_after - MINUTE],
            [call for call in left if self.date(call.left_at) == today],
            [call for call in left if self.date(call.left_at).replace(day=1) == today.replace(day=1)],
        )
        for window, span in enumerate(spans):
            limit = max(span, key=lambda call: call.order).limits[window]
            assert weigh(span) <= limit, f"{weigh(span)} calls left where {limit} may"

    def surely_permits(self, weight: int, limits: tuple[int, int, int]) -> bool:
        """Whether so many calls fit although all that is in doubt counts, by the margins the quota documents."""
        now, today = self.clock.at, self.date(self.clock.at)
        doubt = PERMIT_LIFE + 2 * CLOCK_SKEW if self.rebuilt else NOTHING
        counted = [call for call in self.calls if call.counts]
        minute = MINUTE + MARGIN + doubt
        spans = (
            [
                call
                for call in counted
                if self.clock.passed - call.granted_after < minute or (self.rebuilt and now - call.granted_at < minute)
            ],
            [call for call in counted if self.date(call.granted_at + doubt) >= today],
            [call for call in counted if self.date(call.granted_at + doubt) >= today.replace(day=1)],
        )
        undisturbed = (
            all(until <= now for until in self.closed.values())
            and self.date(now + MARGIN) == today
            and self.clock.passed - self.noticed_after >= MINUTE + MARGIN
        )
        return undisturbed and all(weigh(span) + weight <= limit for span, limit in zip(spans, limits, strict=True))


# ---- the stories -----------------------------------------------------------------------------------


def lengths(longest: timedelta) -> st.SearchStrategy[timedelta]:
    return st.integers(0, longest // MILLISECOND).map(MILLISECOND.__mul__)


def step(what: Callable[..., Awaitable[object]], *details: st.SearchStrategy[Any]) -> st.SearchStrategy[Step]:
    return st.tuples(st.just(what.__name__), st.tuples(*details))


PROCESSES, WEIGHTS = st.integers(0, 1), st.sampled_from([1, 1, 1, 2, 3])
WINDOWS, CALLS = st.sampled_from(WindowName), st.integers(0, 8)
AROUND = lengths(timedelta(seconds=4)).map(lambda length: length - timedelta(seconds=2))
SOON, LATER = lengths(timedelta(seconds=1)), lengths(timedelta(seconds=70)) | lengths(timedelta(days=35))
STEPS = st.one_of(
    step(Story.call, PROCESSES, WEIGHTS, SOON),
    step(Story.call, PROCESSES, WEIGHTS, SOON),
    step(Story.use_up, PROCESSES),
    step(Story.use_up, PROCESSES),
    step(Story.take, PROCESSES, WEIGHTS),
    step(Story.let_leave),
    step(Story.let_give_back),
    step(Story.die),
    step(Story.advance, SOON),
    step(Story.advance, LATER),
    step(Story.advance, AROUND.map((MINUTE + MARGIN).__add__)),
    step(Story.go_to_midnight, AROUND),
    step(Story.go_to_midnight, SOON.map(timedelta.__neg__)),
    step(Story.wait_for_room, PROCESSES, WEIGHTS),
    step(Story.ask_for_the_status, PROCESSES),
    step(Story.lose_everything),
    step(Story.set_back, lengths(timedelta(seconds=90)) | lengths(timedelta(days=3))),
    step(Story.go_back_to_yesterday, AROUND),
    step(Story.set_limits, st.builds(UserLimits, minute=CALLS, day=CALLS, month=CALLS)),
    step(Story.learn, st.builds(Learned, window=WINDOWS, calls=CALLS, source=st.just("PerDay"))),
    step(Story.close, WINDOWS, lengths(timedelta(hours=30)).map(MINUTE.__add__)),  # Redis' own expiry must not be near
)
LIMITS = st.builds(Limits, minute=st.integers(1, 5), day=st.integers(1, 8), month=st.integers(1, 16))

# A little before: clocks go forward, clocks go back, a month, a leap year's February and a year end, midnight is
# skipped, clocks go back at midnight.
LOS_ANGELES, CAIRO = ZoneInfo("America/Los_Angeles"), ZoneInfo("Africa/Cairo")
BEGINNINGS = st.sampled_from(
    [
        (LOS_ANGELES, datetime(2026, 3, 7, 23, 59, tzinfo=LOS_ANGELES)),
        (LOS_ANGELES, datetime(2026, 10, 31, 23, 59, tzinfo=LOS_ANGELES)),
        (LOS_ANGELES, datetime(2026, 6, 30, 23, 59, tzinfo=LOS_ANGELES)),
        (LOS_ANGELES, datetime(2028, 2, 28, 23, 59, tzinfo=LOS_ANGELES)),
        (LOS_ANGELES, datetime(2026, 12, 31, 23, 59, tzinfo=LOS_ANGELES)),
        (CAIRO, datetime(2026, 4, 23, 23, 59, tzinfo=CAIRO)),
        (CAIRO, datetime(2026, 10, 29, 22, 59, tzinfo=CAIRO)),
    ]
)
SKEWS = st.integers(-1_000, 1_000).map(MILLISECOND.__mul__)


@st.composite
def stories(draw: st.DrawFn) -> Story:
    zone, at = draw(BEGINNINGS)
    return Story(
        Clock(at.astimezone(UTC)), zone, draw(SKEWS), draw(LIMITS), draw(st.lists(STEPS, min_size=4, max_size=40))
    )


def told(*steps: Step, minute: int = 5) -> Story:
    """A story that was hard to find by chance."""
    at = datetime(2026, 3, 7, 12, tzinfo=LOS_ANGELES)
    return Story(Clock(at.astimezone(UTC)), LOS_ANGELES, NOTHING, Limits(minute=minute, day=2, month=16), list(steps))


SECOND = timedelta(seconds=1)
CALL, USE_UP, LOSE = ("call", (0, 1, NOTHING)), ("use_up", (0,)), ("lose_everything", ())
NEXT_DAY, BACK = ("go_to_midnight", (SECOND,)), ("go_back_to_yesterday", (-3_600 * SECOND,))


@example(story=told(("call", (0, 1, SECOND * 0.29)), ("advance", (SECOND * 59.92,)), CALL, minute=1))  # leaves late
@example(story=told(CALL, ("go_to_midnight", (-SECOND / 10,)), ("call", (0, 1, SECOND / 5)), USE_UP))
@example(story=told(CALL, NEXT_DAY, USE_UP, NEXT_DAY, CALL, BACK, USE_UP))  # a day that comes twice
@example(story=told(CALL, NEXT_DAY, USE_UP, BACK, USE_UP, NEXT_DAY, USE_UP))  # and the one after it too
@example(story=told(CALL, NEXT_DAY, USE_UP, ("advance", (MINUTE * 2,)), LOSE, CALL, BACK, CALL, NEXT_DAY, USE_UP))
@settings(suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(story=stories())
def test_whatever_happens_no_span_has_too_many_calls_and_no_call_is_refused_for_which_there_is_room(
    redis_url: str, story: Story
) -> None:
    asyncio.run(story.happens(redis_url))
