"""Why no call to the provider can be made for a user now: the first thing that is in the way, in words."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime

from shared.errors import QuotaUnavailable
from shared.keys import KeyRecord
from shared.ledger.views import LaneProgress
from shared.quota import DEFAULT_KEY, Account, QuotaStatus, Window, WindowName
from shared.quota.windows import REASONS
from shared.values import KeySource, WaitReason
from shared.waiting import words_of


@dataclass(frozen=True, slots=True)
class KeyServing:
    """Which key the next call is made on.

    Attributes:
        source: whose it is; `none` where the built-in analyser works without one.
        sentence: why that one, for a person.
        advice: what the user can do about it.
    """

    source: KeySource
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class Hindrance:
    """What is in the way of the next call.

    Attributes:
        reason: a reason to wait (`quota_day`, `no_key`, `paused`, …), or `quota_unavailable`.
        until: when it is over by itself; None when nobody knows, or somebody has to do something.
        sentence: what is in the way, for a person, without the time.
        advice: what to do about it.
    """

    reason: str
    until: datetime | None
    sentence: str
    advice: str


Statuses = Mapping[Account, QuotaStatus]
"""The accounts the next call would count in, and how each stands."""

_NEVER = datetime.max.replace(tzinfo=UTC)
_RAISE = "No call is possible before the limit is raised: ask the operator, or the provider."


def hindrance(
    *, lanes: Sequence[LaneProgress], key: KeyServing, own: KeyRecord | None, statuses: Statuses | QuotaUnavailable
) -> Hindrance | None:
    """What is in the way; None when a call would be permitted now.

    Args:
        lanes: the user's, which an operator may have paused.
        key: the one that serves.
        own: what is known of the user's own key.
        statuses: of the quota, or why nobody can say.
    """
    if any(lane.paused for lane in lanes):
        return _waiting(WaitReason.PAUSED)
    if key.source is KeySource.NONE:
        reason = WaitReason.NO_KEY if own is None or own.usable else WaitReason.KEY_REFUSED
        return Hindrance(reason, None, _sentence(words_of(reason).because), key.advice)
    if isinstance(statuses, QuotaUnavailable):
        return Hindrance(statuses.code, None, statuses.sentence, statuses.advice)
    return max(_full_windows(statuses), key=lambda full: full.until or _NEVER, default=None)


def _waiting(reason: WaitReason) -> Hindrance:
    words = words_of(reason)
    return Hindrance(reason, None, _sentence(words.because), words.advice)


def _full_windows(statuses: Statuses) -> Iterable[Hindrance]:
    for account, status in statuses.items():
        on = " of everybody on the deployment's key" if account == DEFAULT_KEY else ""
        for name in WindowName:
            window: Window = getattr(status, name)
            if not window.left:
                yield _full(name, window, on)


def _full(name: WindowName, window: Window, on: str) -> Hindrance:
    reason = REASONS[name]
    if not window.limit:
        return Hindrance(reason, None, f"The limit of calls a {name}{on} is 0.", _RAISE)
    words = words_of(reason)
    return Hindrance(reason, window.resets_at, _sentence(f"{words.because}{on}"), words.advice)


def _sentence(clause: str) -> str:
    return f"{clause[0].upper()}{clause[1:]}."
