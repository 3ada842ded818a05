"""How a user stands: calls made and left, which key serves, what waits and why, and what to do about it."""

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from services.producer.domain.hindrances import Hindrance, KeyServing, Statuses, hindrance
from services.producer.domain.reports import Reports
from shared.bookmarks import Tokens
from shared.errors import KeyRefused, QuotaUnavailable
from shared.keys import KeyRecord, KeyRegistry
from shared.keys.serving import serving
from shared.ledger.views import LaneProgress
from shared.quota import (
    DEFAULT_KEY,
    Account,
    LimitSource,
    Quota,
    QuotaStatus,
    Window,
    WindowName,
    account_of,
    share_of,
)
from shared.usage import Usage, UsageJournal
from shared.values import DefaultKeyPolicy, KeySource, KeyStatus, Stage, UserId, WaitReason
from shared.waiting import wait_sentence, what_waits, words_of


@dataclass(frozen=True, slots=True)
class WindowStanding:
    """One window of the user's calls.

    Attributes:
        limit_source: `deployment`; `user`, set for this user; or `provider`, learned from its refusals.
        limit_from: the same for a person, without the time.
        quota_id: the provider's name of the quota the limit was learned from.
        learned_until: when a learned limit has worn off.
        closed_until: until when nothing goes out because the provider says the window is spent.
        resets_at: when it next has more room (UTC); None where nothing is used, or no call is ever permitted.
    """

    window: WindowName
    used: int
    left: int
    limit: int
    limit_source: LimitSource
    limit_from: str
    quota_id: str | None
    learned_until: datetime | None
    closed_until: datetime | None
    resets_at: datetime | None


@dataclass(frozen=True, slots=True)
class WaitingWork:
    """What waits in one stage.

    Attributes:
        reason: None where it is merely not its turn yet.
        what: how much waits for what, for a person; the beginning of `sentence`.
        because: why, for a person; the end of it.
    """

    stage: Stage
    jobs: int
    reason: WaitReason | None
    until: datetime | None
    what: str
    because: str
    sentence: str
    advice: str


@dataclass(frozen=True, slots=True)
class RateLimit:
    """Whether a call may be made for a user, and what was made and is left of each window.

    Attributes:
        can_make_request: whether a call to the provider would be permitted at this moment: the user is not paused, a
            key serves, and every window it counts in has room. `cannot_because` says what is in the way. Bookmarks
            are taken either way: what may not be asked now waits, or the built-in analyser reads it.
        minute_resets_at: when the window next has more room (UTC); so for the others.
        windows: the minute, the day and the month with where their limits come from. On the deployment's key they are
            the tighter of the user's own and the user's share of that key.
        has_api_key: whether the user has a key of their own, whichever serves.
        key_serving: which key the next call is made on, and why.
        waiting: what of the user's waits, stage by stage.
    """

    user_id: UserId
    can_make_request: bool
    cannot_because: Hindrance | None
    requests_this_minute: int
    minute_limit: int
    minute_resets_at: datetime
    requests_today: int
    daily_limit: int
    day_resets_at: datetime
    requests_this_month: int
    monthly_limit: int
    month_resets_at: datetime
    windows: tuple[WindowStanding, ...]
    has_api_key: bool
    api_key_status: KeyStatus | None
    key_serving: KeyServing
    waiting: tuple[WaitingWork, ...]


@dataclass(frozen=True, slots=True)
class Stats(RateLimit):
    """How a user stands, with more on the user's own key and what was spent.

    Attributes:
        tokens: sent to the provider and received from it this month.
        cost_usd: what they cost at the deployment's prices, US dollars.
        last_used: when the provider was last asked for this user.
    """

    api_key_name: str | None
    api_key_reason: str | None
    api_key_added_at: datetime | None
    api_key_checked_at: datetime | None
    tokens: Tokens
    cost_usd: float
    last_used: datetime | None


@dataclass(frozen=True, slots=True)
class _Seen:
    """What is known of a user, but for the figures of the windows."""

    user: UserId
    own: KeyRecord | None
    key: KeyServing
    lanes: Sequence[LaneProgress]


class Standing:
    """Answers how a user stands; also for users nothing is known of, whose windows are empty."""

    def __init__(
        self,
        *,
        quota: Quota,
        journaled: Callable[[Account], Awaitable[QuotaStatus]],
        registry: KeyRegistry,
        reports: Reports,
        usage: UsageJournal,
        policy: DefaultKeyPolicy,
        month_began: Callable[[], datetime],
    ) -> None:
        """Keep the collaborators.

        Args:
            quota: the counters.
            journaled: tells an account's windows from the journal while the counters are away.
            registry: knows of keys.
            reports: tell what waits.
            usage: tells what was spent.
            policy: when the deployment's key serves.
            month_began: when the running month began in the quota's time zone.
        """
        self._quota = quota
        self._journaled = journaled
        self._registry = registry
        self._reports = reports
        self._usage = usage
        self._policy = policy
        self._month_began = month_began

    async def rate_limit(self, user: UserId) -> RateLimit:
        """How the user stands.

        Raises:
            QuotaUnavailable: nobody can say how many calls are left; `stats` and `shown` tell the rest.
        """
        seen = await self._look(user)
        statuses = await self._statuses(seen)
        if isinstance(statuses, QuotaUnavailable):
            raise statuses
        return RateLimit(**_facts(seen, statuses, statuses))

    async def shown(self, user: UserId) -> RateLimit:
        """How the user stands; while the counters are away no call can be made, and the journal tells the figures."""
        seen = await self._look(user)
        return RateLimit(**await self._known_facts(seen))

    async def stats(self, user: UserId) -> Stats:
        """As `shown`, with the user's own key and what was spent this month."""
        seen = await self._look(user)
        usage = await self._usage.usage_since(account_of(user), self._month_began())
        return Stats(**await self._known_facts(seen), **_own_key(seen.own, usage))

    async def _look(self, user: UserId) -> _Seen:
        own = await self._registry.find(user)
        serves = await serving(self._registry, self._policy, user)
        key = KeyServing(serves.source, serves.why, _key_advice(serves.source, self._policy, own))
        return _Seen(user, own, key, await self._reports.lanes(user))

    async def _known_facts(self, seen: _Seen) -> dict[str, Any]:
        statuses = await self._statuses(seen)
        if isinstance(statuses, QuotaUnavailable):
            return _facts(seen, statuses, {account: await self._journaled(account) for account in _of_user(seen)})
        return _facts(seen, statuses, statuses)

    async def _statuses(self, seen: _Seen) -> Statuses | QuotaUnavailable:
        accounts = (*_of_user(seen), DEFAULT_KEY) if seen.key.source is KeySource.DEFAULT else _of_user(seen)
        try:
            return {account: await self._quota.status(account) for account in accounts}
        except QuotaUnavailable as away:
            return away


def _key_advice(source: KeySource, policy: DefaultKeyPolicy, own: KeyRecord | None) -> str:
    if source is KeySource.USER or (source is KeySource.DEFAULT and policy is DefaultKeyPolicy.ALWAYS):
        return "Nothing to do."
    if policy is DefaultKeyPolicy.ALWAYS:
        return "Ask the operator, whose key is the only one that serves here."
    if own is not None:
        return KeyRefused.advice
    return f"{words_of(WaitReason.NO_KEY).advice[:-1]}; it brings a quota of its own."


def _of_user(seen: _Seen) -> tuple[Account, ...]:
    """The user's own accounts that the next call counts in."""
    own = account_of(seen.user)
    return (own, share_of(seen.user)) if seen.key.source is KeySource.DEFAULT else (own,)


def _facts(seen: _Seen, statuses: Statuses | QuotaUnavailable, figures: Statuses) -> dict[str, Any]:
    """The fields of `RateLimit`; `figures` are of the user's accounts, also while `statuses` cannot be had."""
    in_the_way = hindrance(lanes=seen.lanes, key=seen.key, own=seen.own, statuses=statuses)
    tightest = {name: _tightest(name, [figures[account] for account in _of_user(seen)]) for name in WindowName}
    minute, day, month = tightest.values()
    return {
        "user_id": seen.user,
        "can_make_request": in_the_way is None,
        "cannot_because": in_the_way,
        "requests_this_minute": minute.used,
        "minute_limit": minute.limit,
        "minute_resets_at": minute.resets_at,
        "requests_today": day.used,
        "daily_limit": day.limit,
        "day_resets_at": day.resets_at,
        "requests_this_month": month.used,
        "monthly_limit": month.limit,
        "month_resets_at": month.resets_at,
        "windows": tuple(_window(name, window) for name, window in tightest.items()),
        "has_api_key": seen.own is not None,
        "api_key_status": seen.own.status if seen.own else None,
        "key_serving": seen.key,
        "waiting": tuple(_waiting(lane) for lane in seen.lanes if lane.waiting),
    }


def _tightest(name: WindowName, statuses: Sequence[QuotaStatus]) -> Window:
    windows: list[Window] = [getattr(status, name) for status in statuses]
    return min(windows, key=lambda window: (window.left, window.limit))


def _window(name: WindowName, window: Window) -> WindowStanding:
    return WindowStanding(
        window=name,
        used=window.used,
        left=window.left,
        limit=window.limit,
        limit_source=window.source,
        limit_from=_limit_from(window),
        quota_id=window.quota_id,
        learned_until=window.learned_until,
        closed_until=window.closed_until,
        resets_at=window.resets_at if window.limit and window.left < window.limit else None,
    )


def _limit_from(window: Window) -> str:
    match window.source:
        case LimitSource.DEPLOYMENT:
            return "this deployment's default"
        case LimitSource.USER:
            return "set for this user by an operator"
        case LimitSource.PROVIDER:
            return f"learned from the provider's quota {window.quota_id}"


def _waiting(lane: LaneProgress) -> WaitingWork:
    reason, until = (lane.blocked.reason, lane.blocked.until) if lane.blocked else (None, None)
    words = words_of(reason)
    return WaitingWork(
        stage=lane.stage,
        jobs=lane.waiting,
        reason=reason,
        until=until,
        what=what_waits(lane.stage, lane.waiting),
        because=words.because,
        sentence=wait_sentence(lane.stage, lane.waiting, reason, until),
        advice=words.advice,
    )


def _own_key(own: KeyRecord | None, usage: Usage) -> dict[str, Any]:
    return {
        "api_key_name": own.name if own else None,
        "api_key_reason": own.reason if own else None,
        "api_key_added_at": own.created_at if own else None,
        "api_key_checked_at": own.checked_at if own else None,
        "tokens": usage.tokens,
        "cost_usd": usage.cost_micros / 1_000_000,
        "last_used": usage.last_used or (own.last_used_at if own else None),
    }
