"""Quotas in this process's memory: for tests, and for a fleet that is a single process."""

from collections import defaultdict
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, tzinfo
from uuid import uuid4

from shared.quota import Limits, QuotaStatus, Taken, Wait
from shared.quota.calendar import Bounds, Calendar
from shared.quota.windows import Counts, Rules
from shared.values import UserId


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(slots=True)
class _Permits:
    """One user's permits of this month, oldest first: id → (when, how many calls)."""

    given: dict[str, tuple[datetime, int]] = field(default_factory=dict)

    def counts(self, rules: Rules, bounds: Bounds, now: datetime) -> Counts:
        self.given = {
            id_: call for id_, call in self.given.items() if call[0] in bounds.month or call[0] + rules.window > now
        }
        calls = list(self.given.values())
        return Counts(
            day=sum(number for at, number in calls if at in bounds.day),
            month=sum(number for at, number in calls if at in bounds.month),
            recent=[(at, number) for at, number in calls if at + rules.window > now],
        )


class InMemoryQuota:
    """Keeps the promises of `shared.quota.Quota` within one process; permits do not lapse."""

    def __init__(self, *, limits: Limits, timezone: tzinfo = UTC, now: Callable[[], datetime] = _now) -> None:
        self._rules = Rules(limits, limits.minute_window)
        self._calendar = Calendar(timezone)
        self._now = now
        self._permits: defaultdict[UserId, _Permits] = defaultdict(_Permits)

    async def take(self, user: UserId, *, calls: int = 1) -> Taken | Wait:
        """Take `calls` from all three windows, or none of them."""
        if calls < 1:
            raise ValueError(f"a permit is for at least one call, not {calls}")
        now = self._now()
        bounds = self._calendar.bounds(now)
        permits = self._permits[user]
        wait = self._rules.wait(permits.counts(self._rules, bounds, now), calls=calls, bounds=bounds, now=now)
        if wait is not None:
            return wait
        taken = Taken(user, calls, uuid4().hex)
        permits.given[taken.id] = (now, calls)
        return taken

    async def refund(self, taken: Taken) -> None:
        """Give a permit back; a second time gives back nothing."""
        self._permits[taken.user].given.pop(taken.id, None)

    async def status(self, user: UserId) -> QuotaStatus:
        """What is used and left, without taking anything."""
        now = self._now()
        bounds = self._calendar.bounds(now)
        counts = self._permits[user].counts(self._rules, bounds, now)
        return self._rules.status(counts, bounds=bounds, now=now)
