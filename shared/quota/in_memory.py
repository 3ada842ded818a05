"""Quotas and their limits in this process's memory: for tests, and for a fleet that is a single process."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta, tzinfo
from uuid import uuid4

from shared.audit import Actor
from shared.audit.in_memory import InMemoryAudit
from shared.quota import (
    MINUTE,
    Account,
    Learned,
    LimitBook,
    LimitsInForce,
    QuotaStatus,
    Taken,
    UserLimits,
    Wait,
    WindowName,
)
from shared.quota.calendar import Bounds, Calendar
from shared.quota.limits import LESSON_LIFE, MOST_CALLS, DeploymentLimits, Lesson, check, in_force, owner_of
from shared.quota.windows import Counts, Rules
from shared.values import UserId


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Permits:
    """One account's permits of this month, oldest first: id → (when, how many calls); and what is closed."""

    given: dict[str, tuple[datetime, int]] = field(default_factory=dict)
    closed: dict[WindowName, datetime] = field(default_factory=dict)

    def counts(self, rules: Rules, bounds: Bounds, now: datetime) -> Counts:
        self.given = {
            id_: call for id_, call in self.given.items() if call[0] in bounds.month or call[0] + rules.window > now
        }
        calls = list(self.given.values())
        return Counts(
            day=sum(number for at, number in calls if at in bounds.day),
            month=sum(number for at, number in calls if at in bounds.month),
            recent=[(at, number) for at, number in calls if at + rules.window > now],
            closed=self.closed,
        )


class InMemoryQuota:
    """Keeps the promises of `shared.quota.Quota` within one process; permits do not lapse, and `forget` is for good."""

    def __init__(
        self,
        *,
        limits: LimitBook,
        timezone: tzinfo = UTC,
        minute: timedelta = MINUTE,
        now: Callable[[], datetime] = _now,
    ) -> None:
        self._limits = limits
        self._rules = Rules(minute)
        self._calendar = Calendar(timezone)
        self._now = now
        self._permits: defaultdict[str, _Permits] = defaultdict(_Permits)

    async def take(self, account: Account, *, calls: int = 1) -> Taken | Wait:
        """Take `calls` from all three windows, or none of them."""
        if calls < 1:
            raise ValueError(f"a permit is for at least one call, not {calls}")
        limits = await self._limits.in_force(account, anew=True)
        now = self._now()
        bounds = self._calendar.bounds(now)
        permits = self._permits[account.name]
        counts = permits.counts(self._rules, bounds, now)
        wait = self._rules.wait(counts, limits, calls=calls, bounds=bounds, now=now)
        if wait is not None:
            return wait
        taken = Taken(account, calls, uuid4().hex)
        permits.given[taken.id] = (now, calls)
        return taken

    async def refund(self, taken: Taken) -> None:
        """Give a permit back; a second time gives back nothing."""
        self._permits[taken.account.name].given.pop(taken.id, None)

    async def close(self, account: Account, window: WindowName, until: datetime) -> None:
        """Hand nothing out of this window until then."""
        closed = self._permits[account.name].closed
        closed[window] = max(until, closed.get(window, until))

    async def forget(self, account: Account) -> None:
        """Drop an account's permits and closings."""
        self._permits.pop(account.name, None)

    async def status(self, account: Account) -> QuotaStatus:
        """What is used and left, without taking anything."""
        limits = await self._limits.in_force(account)
        now = self._now()
        bounds = self._calendar.bounds(now)
        counts = self._permits[account.name].counts(self._rules, bounds, now)
        return self._rules.status(counts, limits, bounds=bounds, now=now)


class InMemoryLimits:
    """Keeps the promises of `shared.quota.LimitBook` until the process ends; `audit` shows who did."""

    def __init__(self, deployment: DeploymentLimits, *, now: Callable[[], datetime] = _now) -> None:
        self.audit = InMemoryAudit()
        self._deployment = deployment
        self._now = now
        self._own: dict[UserId, UserLimits] = {}
        self._lessons: defaultdict[str, dict[WindowName, Lesson]] = defaultdict(dict)

    async def in_force(self, account: Account, *, anew: bool = False) -> LimitsInForce:  # noqa: ARG002 - it always is
        """The account's limits now."""
        own = await self.set_for(owner) if (owner := owner_of(account)) else UserLimits()
        return in_force(self._deployment.of(account), own, self._lessons[account.name], self._now())

    async def learn(self, account: Account, learned: Learned) -> None:
        """Keep what the provider's refusal said."""
        if learned.calls < 0:
            return
        now = self._now()
        lesson = Lesson(min(learned.calls, MOST_CALLS), learned.source, learned_at=now, until=now + LESSON_LIFE)
        self._lessons[account.name][learned.window] = lesson

    async def forget(self, account: Account) -> None:
        """Drop what was learned of an account."""
        self._lessons.pop(account.name, None)

    async def set(self, user: UserId, limits: UserLimits, *, by: Actor) -> None:
        """Set a user's own limits and record it."""
        check(limits)
        self._own[user] = limits
        await self.audit.record(by, "limits_set", user, limits.given())

    async def set_for(self, user: UserId) -> UserLimits:
        """What was set for a user."""
        return self._own.get(user, UserLimits())
