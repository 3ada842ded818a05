"""What an account may call: the deployment's limits or its user's own, lowered by what the provider taught.

A lesson holds in full for the first half of its life. In the second half the limit climbs evenly from it to the
configured one: should the provider still think as before, one refusal on the way teaches it anew. A lesson that allows
more than is configured changes nothing.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from shared.errors import InvalidLimits
from shared.quota import (
    Account,
    LimitInForce,
    Limits,
    LimitsInForce,
    LimitSource,
    UserLimits,
    WindowName,
)
from shared.values import UserId

MOST_CALLS = 10_000_000
"""No limit is higher, and the provider is not believed to have one."""

LESSON_LIFE = timedelta(days=2)
"""How long what the provider taught lowers a limit."""


@dataclass(frozen=True, slots=True)
class DeploymentLimits:
    """What the deployment allows where nobody says otherwise: a user, a user's share of the default key, that key."""

    user: Limits
    share: Limits
    default_key: Limits

    def of(self, account: Account) -> Limits:
        """The limits of this kind of account."""
        if account.user is None:
            return self.default_key
        return self.user if owner_of(account) else self.share


def owner_of(account: Account) -> UserId | None:
    """The user whose own limits hold for this account; None where only the deployment's do."""
    return account.user if account.key_source is None else None


@dataclass(frozen=True, slots=True)
class Lesson:
    """How many calls the provider once said it allows in a window, by its name of the quota."""

    calls: int
    source: str
    learned_at: datetime
    until: datetime


def check(limits: UserLimits) -> None:
    """See to it that a user's own limits can be held.

    Raises:
        InvalidLimits: one is no whole number, negative or absurd.
    """
    for window in WindowName:
        calls = getattr(limits, window)
        if calls is not None and (type(calls) is not int or not 0 <= calls <= MOST_CALLS):
            raise InvalidLimits(window, calls)


def in_force(deployment: Limits, own: UserLimits, lessons: Mapping[WindowName, Lesson], now: datetime) -> LimitsInForce:
    """The limits at this moment."""
    return LimitsInForce(
        **{
            window: _lowered(_configured(getattr(deployment, window), getattr(own, window)), lessons.get(window), now)
            for window in WindowName
        }
    )


def _configured(deployment: int, own: int | None) -> LimitInForce:
    if own is None:
        return LimitInForce(deployment, LimitSource.DEPLOYMENT)
    return LimitInForce(own, LimitSource.USER)


def _lowered(configured: LimitInForce, lesson: Lesson | None, now: datetime) -> LimitInForce:
    if lesson is None or lesson.calls >= configured.calls or now >= lesson.until:
        return configured
    half = (lesson.until - lesson.learned_at) / 2
    climbed = max(now - lesson.learned_at - half, timedelta())
    calls = lesson.calls + (configured.calls - lesson.calls) * climbed // half
    return LimitInForce(calls, LimitSource.PROVIDER, until=lesson.until, quota_id=lesson.source)
