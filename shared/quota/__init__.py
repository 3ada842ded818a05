"""Quotas: how many provider calls a user may make, in a sliding minute, a calendar day and a calendar month."""

import math
import time
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.values import UserId, WaitReason


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls fit into each window; `minute_window` is 60 s but in tests."""

    minute: int = 15
    day: int = 1_500
    month: int = 45_000
    minute_window: timedelta = timedelta(seconds=60)


@dataclass(frozen=True, slots=True)
class Taken:
    """A permit for `calls` provider calls, to be used at once; `id` names it for a refund.

    A permit soon lapses: the window it was counted in moves on. Ask `lapsed` after the call was recorded in the
    usage journal and right before it leaves; a call whose permit has lapsed must not leave: refund, take anew.

    Attributes:
        lapses_at: the moment of `time.monotonic()` of this process from which the permit is worth nothing.
    """

    user: UserId
    calls: int
    id: str
    lapses_at: float = math.inf

    @property
    def lapsed(self) -> bool:
        """Whether it is too late to use the permit."""
        return time.monotonic() >= self.lapses_at


@dataclass(frozen=True, slots=True)
class Wait:
    """No permit: which window is full, and when it next has room (UTC)."""

    reason: WaitReason
    until: datetime


@dataclass(frozen=True, slots=True)
class Window:
    """One window of a user's quota: calls used, calls allowed, and when it next resets or has room (UTC)."""

    used: int
    limit: int
    resets_at: datetime

    @property
    def left(self) -> int:
        """Calls still allowed in this window, never below 0."""
        return max(0, self.limit - self.used)


@dataclass(frozen=True, slots=True)
class QuotaStatus:
    """A user's three windows as they stand now."""

    minute: Window
    day: Window
    month: Window

    @property
    def can_call(self) -> bool:
        """Whether a call would be permitted now."""
        return min(self.minute.left, self.day.left, self.month.left) > 0


class Quota(Protocol):
    """Hands out provider calls; never more than a user's limits, however many callers."""

    async def take(self, user: UserId, *, calls: int = 1) -> Taken | Wait:
        """Take `calls` from the minute, day and month windows together, or none of them.

        Returns:
            `Taken`, or `Wait` with the window that is full and when it next has room (UTC).

        Raises:
            QuotaUnavailable: the store cannot be asked; the caller must not call the provider.
        """
        ...

    async def refund(self, taken: Taken) -> None:
        """Give a permit back whose call provably never left."""
        ...

    async def status(self, user: UserId) -> QuotaStatus:
        """What is used and left, without taking anything.

        Raises:
            QuotaUnavailable: the store cannot be asked.
        """
        ...
