"""The rules of the three windows: which are full for so many calls, and when each next has room."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from shared.quota import LimitInForce, LimitsInForce, QuotaStatus, Wait, Window, WindowName
from shared.quota.calendar import Bounds
from shared.values import WaitReason

NEVER = timedelta(days=30)
"""How far away the next look is when a limit leaves no room for the calls at any time (a limit of 0, say)."""

REASONS = {
    WindowName.MINUTE: WaitReason.QUOTA_MINUTE,
    WindowName.DAY: WaitReason.QUOTA_DAY,
    WindowName.MONTH: WaitReason.QUOTA_MONTH,
}
"""Why work waits, by the window that is full."""

Calls = Sequence[tuple[datetime, int]]
"""Calls one by one, oldest first: when, and how many."""


@dataclass(frozen=True, slots=True)
class Counts:
    """An account's calls so far: in the day, in the month, and one by one in the sliding minute.

    Attributes:
        closed: until when the provider's word closes a window; moments that have passed say nothing.
    """

    day: int
    month: int
    recent: Calls
    closed: Mapping[WindowName, datetime] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class _Standing:
    """One window: calls used, its limit, when it next has more room than now, and until when it is closed."""

    name: WindowName
    used: int
    limit: LimitInForce
    room_at: datetime
    closed_until: datetime | None

    def wait(self, calls: int, now: datetime) -> Wait | None:
        """Why so many calls must wait for this window; None when it has room."""
        full_until = self._full_until(calls, now)
        until = max((moment for moment in (full_until, self.closed_until) if moment is not None), default=None)
        return Wait(REASONS[self.name], until) if until is not None else None

    def _full_until(self, calls: int, now: datetime) -> datetime | None:
        if calls > self.limit.calls:
            return now + NEVER
        return self.room_at if self.used + calls > self.limit.calls else None

    def shown(self, now: datetime) -> Window:
        """The window as a person sees it."""
        more_room_at = self.room_at if self.limit.calls else now + NEVER
        return Window(
            used=self.used,
            limit=self.limit.calls,
            resets_at=max(more_room_at, self.closed_until or more_room_at),
            source=self.limit.source,
            learned_until=self.limit.until,
            quota_id=self.limit.quota_id,
            closed_until=self.closed_until,
        )


@dataclass(frozen=True, slots=True)
class Rules:
    """What follows from counts and limits; `window` is the length of the sliding minute."""

    window: timedelta

    def wait(self, counts: Counts, limits: LimitsInForce, *, calls: int, bounds: Bounds, now: datetime) -> Wait | None:
        """Why so many calls must wait, with the window that has room last; None when all have room."""
        waits = (standing.wait(calls, now) for standing in self._standings(counts, limits, calls, bounds, now))
        return max((wait for wait in waits if wait is not None), key=lambda wait: wait.until, default=None)

    def status(self, counts: Counts, limits: LimitsInForce, *, bounds: Bounds, now: datetime) -> QuotaStatus:
        """The three windows as a person sees them; the minute's reset is when its next call leaves it."""
        minute, day, month = (standing.shown(now) for standing in self._standings(counts, limits, 1, bounds, now))
        return QuotaStatus(minute=minute, day=day, month=month)

    def _standings(
        self, counts: Counts, limits: LimitsInForce, calls: int, bounds: Bounds, now: datetime
    ) -> Iterable[_Standing]:
        """The minute, the day and the month for so many calls more."""
        closed = {name: until for name, until in counts.closed.items() if until > now}
        used = sum(number for _, number in counts.recent)
        room = self._room_in_minute(counts.recent, used + calls - limits.minute.calls, now)
        for name, spent, limit, room_at in (
            (WindowName.MINUTE, used, limits.minute, room),
            (WindowName.DAY, counts.day, limits.day, bounds.day.end),
            (WindowName.MONTH, counts.month, limits.month, bounds.month.end),
        ):
            yield _Standing(name, spent, limit, room_at, closed.get(name))

    def _room_in_minute(self, recent: Calls, excess: int, now: datetime) -> datetime:
        """When the oldest calls, at least one and as many as are too many, will have left the window."""
        left = 0
        for at, number in recent:
            left += number
            if left >= excess:
                return at + self.window
        return now
