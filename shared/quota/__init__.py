"""Quotas: how many provider calls a user may make, in a sliding minute, a calendar day and a calendar month."""

import math
import time
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Protocol

from shared.audit import Actor
from shared.values import KeySource, UserId, WaitReason

MINUTE = timedelta(seconds=60)
"""The length of the sliding window; shorter only in tests."""


@dataclass(frozen=True, slots=True)
class Account:
    """Whose calls are counted together: a user's, a user's share of the default key, or all of the default key's.

    Attributes:
        name: unique among accounts; names the counters and what was learned.
        user: the user whose calls count; None for everybody's.
        key_source: the key whose calls count; None for every key's.
    """

    name: str
    user: UserId | None = None
    key_source: KeySource | None = None


def account_of(user: UserId) -> Account:
    """Every call made for a user, on whichever key."""
    return Account(f"user:{user}", user=user)


def share_of(user: UserId) -> Account:
    """A user's calls on the default key, so that one user cannot drain it."""
    return Account(f"share:{user}", user=user, key_source=KeySource.DEFAULT)


DEFAULT_KEY = Account("default-key", key_source=KeySource.DEFAULT)
"""Everybody's calls on the deployment's default key."""


@dataclass(frozen=True, slots=True)
class Limits:
    """How many calls fit into each window."""

    minute: int = 15
    day: int = 1_500
    month: int = 45_000


class WindowName(StrEnum):
    """The three windows."""

    MINUTE = "minute"
    DAY = "day"
    MONTH = "month"


class LimitSource(StrEnum):
    """Who says how many calls fit into a window."""

    DEPLOYMENT = "deployment"
    USER = "user"  # set for this user by an operator
    PROVIDER = "provider"  # learned from the provider's own refusals


@dataclass(frozen=True, slots=True)
class Learned:
    """What the provider's refusal said of one of its own limits.

    Attributes:
        calls: how many it allows in the window; a negative number (some write -1 for "no limit") says nothing.
        source: its name of the quota (`quotaId`).
    """

    window: WindowName
    calls: int
    source: str


@dataclass(frozen=True, slots=True)
class LimitInForce:
    """How many calls fit into a window now, and who says so.

    Attributes:
        until: when a limit learned from the provider has worn off; None for the others.
        quota_id: the provider's name of the quota it was learned from; None for the others.
    """

    calls: int
    source: LimitSource
    until: datetime | None = None
    quota_id: str | None = None


@dataclass(frozen=True, slots=True)
class LimitsInForce:
    """An account's limits as they stand now."""

    minute: LimitInForce
    day: LimitInForce
    month: LimitInForce


@dataclass(frozen=True, slots=True)
class UserLimits:
    """What an operator set for one user; None leaves a window to the deployment."""

    minute: int | None = None
    day: int | None = None
    month: int | None = None

    def given(self) -> dict[str, int]:
        """The windows that are set."""
        return {window: calls for window, calls in asdict(self).items() if calls is not None}


class LimitBook(Protocol):
    """Knows every account's limits: the deployment's, what was set for a user, what the provider taught.

    Raises `LedgerUnavailable` where it cannot be asked.
    """

    async def in_force(self, account: Account, *, anew: bool = False) -> LimitsInForce:
        """The account's limits now: what was set, lowered by what was learned, which wears off with time.

        Args:
            account: whose limits.
            anew: whether an answer that was remembered for a few seconds will not do.
        """
        ...

    async def learn(self, account: Account, learned: Learned) -> None:
        """Keep what the provider's refusal said; the newest word on a window replaces the one before."""
        ...

    async def forget(self, account: Account) -> None:
        """Drop what was learned of an account; what was set for its user stays."""
        ...

    async def set(self, user: UserId, limits: UserLimits, *, by: Actor) -> None:
        """Set a user's own limits, all three windows anew; recorded in the audit trail together with the act.

        They hold for the user's calls on every key; the share of the default key stays the deployment's.

        Raises:
            InvalidLimits: one is not a whole number from 0 to `limits.MOST_CALLS`.
        """
        ...

    async def set_for(self, user: UserId) -> UserLimits:
        """What was set for a user."""
        ...


@dataclass(frozen=True, slots=True)
class Taken:
    """A permit for `calls` provider calls, to be used at once; `id` names it for a refund.

    A permit soon lapses: the window it was counted in moves on. Ask `lapsed` after the call was recorded in the
    usage journal and right before it leaves; a call whose permit has lapsed must not leave: refund, take anew.

    Attributes:
        lapses_at: the moment of `time.monotonic()` of this process from which the permit is worth nothing.
    """

    account: Account
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
    """One window of an account: calls used, calls allowed, and when it next resets or has room (UTC).

    Attributes:
        source: where the limit comes from.
        learned_until: when a limit learned from the provider has worn off; None for the others.
        quota_id: the provider's name of the quota it was learned from; None for the others.
        closed_until: until when nothing is handed out because the provider says the window is spent; None when it
            does not say so.
    """

    used: int
    limit: int
    resets_at: datetime
    source: LimitSource = LimitSource.DEPLOYMENT
    learned_until: datetime | None = None
    quota_id: str | None = None
    closed_until: datetime | None = None

    @property
    def left(self) -> int:
        """Calls still allowed in this window, never below 0; none while it is closed."""
        return max(0, self.limit - self.used) if self.closed_until is None else 0


@dataclass(frozen=True, slots=True)
class QuotaStatus:
    """An account's three windows as they stand now."""

    minute: Window
    day: Window
    month: Window

    @property
    def can_call(self) -> bool:
        """Whether a call would be permitted now."""
        return min(self.minute.left, self.day.left, self.month.left) > 0


class Quota(Protocol):
    """Hands out provider calls; never more than an account's limits, however many callers."""

    async def take(self, account: Account, *, calls: int = 1) -> Taken | Wait:
        """Take `calls` from the minute, day and month windows together, or none of them.

        Returns:
            `Taken`, or `Wait` with the window that is full and when it next has room (UTC).

        Raises:
            QuotaUnavailable: the store cannot be asked; the caller must not call the provider.
        """
        ...

    async def refund(self, taken: Taken) -> None:
        """Give a permit back whose call provably never left.

        Raises:
            QuotaUnavailable: the store cannot be told; the permit stays used.
        """
        ...

    async def close(self, account: Account, window: WindowName, until: datetime) -> None:
        """The provider says that this window is spent: hand nothing out until then, whatever was counted.

        An earlier moment than one said before changes nothing. A closing that is lost costs one more refusal of the
        provider's, no more.

        Raises:
            QuotaUnavailable: the store cannot be told.
        """
        ...

    async def forget(self, account: Account) -> None:
        """Drop an account's counters and closings; the counters come back from the journal when next asked for.

        For erasure, and for a new key, of which what the provider said of the old one is not true.

        Raises:
            QuotaUnavailable: the store cannot be told.
        """
        ...

    async def status(self, account: Account) -> QuotaStatus:
        """What is used and left, without taking anything.

        Raises:
            QuotaUnavailable: the store cannot be asked.
        """
        ...
