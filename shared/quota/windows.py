"""The rules of the three windows: which are full for so many calls, and when each next has room."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.quota import Limits, QuotaStatus, Wait, Window
from shared.quota.calendar import Bounds
from shared.values import WaitReason

NEVER = timedelta(days=30)
"""How far away the next look is when a limit leaves no room for the calls at any time (a limit of 0, say)."""

Calls = Sequence[tuple[datetime, int]]
"""Calls one by one, oldest first: when, and how many."""


@dataclass(frozen=True, slots=True)
class Counts:
    """A user's calls so far: in the day, in the month, and one by one in the sliding minute."""

    day: int
    month: int
    recent: Calls


@dataclass(frozen=True, slots=True)
class Rules:
    """The limits, and the length of the sliding window they are held over."""

    limits: Limits
    window: timedelta

    def wait(self, counts: Counts, *, calls: int, bounds: Bounds, now: datetime) -> Wait | None:
        """Why so many calls must wait, with the window that has room last; None when all have room."""
        full = [
            Wait(reason, until if calls <= limit else now + NEVER)
            for reason, used, limit, until in self._windows(counts, calls, bounds, now)
            if used + calls > limit
        ]
        return max(full, key=lambda wait: wait.until, default=None)

    def status(self, counts: Counts, *, bounds: Bounds, now: datetime) -> QuotaStatus:
        """The three windows as a person sees them; the minute's reset is when its next call leaves it."""
        minute, day, month = (
            Window(used=used, limit=limit, resets_at=until if limit else now + NEVER)
            for _, used, limit, until in self._windows(counts, 1, bounds, now)
        )
        return QuotaStatus(minute=minute, day=day, month=month)

    def _windows(
        self, counts: Counts, calls: int, bounds: Bounds, now: datetime
    ) -> Iterable[tuple[WaitReason, int, int, datetime]]:
        """Each window with its calls used, its limit, and when it next has more room than now."""
        used = sum(number for _, number in counts.recent)
        room = self._room_in_minute(counts.recent, used + calls - self.limits.minute, now)
        yield WaitReason.QUOTA_MINUTE, used, self.limits.minute, room
        yield WaitReason.QUOTA_DAY, counts.day, self.limits.day, bounds.day.end
        yield WaitReason.QUOTA_MONTH, counts.month, self.limits.month, bounds.month.end

    def _room_in_minute(self, recent: Calls, excess: int, now: datetime) -> datetime:
        """When the oldest calls, at least one and as many as are too many, will have left the window."""
        left = 0
        for at, number in recent:
            left += number
            if left >= excess:
                return at + self.window
        return now
