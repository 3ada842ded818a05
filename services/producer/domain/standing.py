"""How a user stands: calls made and left, when each window has room again, and what is known of the key."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from shared.bookmarks import Tokens
from shared.keys import KeyRecord, KeyRegistry
from shared.quota import Quota, QuotaStatus, account_of
from shared.usage import UsageJournal
from shared.values import KeyStatus, UserId


@dataclass(frozen=True, slots=True)
class RateLimit:
    """A user's provider calls by window; a window's `…_resets_at` is when it next has more room (UTC)."""

    user_id: UserId
    can_make_request: bool
    requests_this_minute: int
    minute_limit: int
    minute_resets_at: datetime
    requests_today: int
    daily_limit: int
    day_resets_at: datetime
    requests_this_month: int
    monthly_limit: int
    month_resets_at: datetime


@dataclass(frozen=True, slots=True)
class Stats(RateLimit):
    """A user's key, calls and tokens.

    Attributes:
        can_make_request: whether the quota has room; whether there is a key is another question.
        prompt_tokens: sent to the provider this month.
        answer_tokens: received from it this month.
    """

    has_api_key: bool
    api_key_name: str | None
    api_key_status: KeyStatus | None
    api_key_reason: str | None
    api_key_added_at: datetime | None
    api_key_checked_at: datetime | None
    prompt_tokens: int
    answer_tokens: int
    last_used: datetime | None


class Standing:
    """Answers how a user stands; also for users nothing is known of, whose windows are empty."""

    def __init__(
        self, *, quota: Quota, registry: KeyRegistry, usage: UsageJournal, month_began: Callable[[], datetime]
    ) -> None:
        """Keep the collaborators; `month_began` says when the running month began in the quota's time zone."""
        self._quota = quota
        self._registry = registry
        self._usage = usage
        self._month_began = month_began

    async def rate_limit(self, user: UserId) -> RateLimit:
        """The user's windows.

        Raises:
            QuotaUnavailable: nobody can say now.
        """
        return RateLimit(user_id=user, **_windows(await self._quota.status(account_of(user))))

    async def stats(self, user: UserId) -> Stats:
        """The user's windows, key and tokens.

        Raises:
            QuotaUnavailable: nobody can say now.
        """
        status = await self._quota.status(account_of(user))
        record = await self._registry.find(user)
        usage = await self._usage.usage_since(account_of(user), self._month_began())
        return Stats(
            user_id=user, **_windows(status), **_key(record), **_spent(usage.tokens), last_used=usage.last_used
        )


def _windows(status: QuotaStatus) -> dict[str, Any]:
    return {
        "can_make_request": status.can_call,
        "requests_this_minute": status.minute.used,
        "minute_limit": status.minute.limit,
        "minute_resets_at": status.minute.resets_at,
        "requests_today": status.day.used,
        "daily_limit": status.day.limit,
        "day_resets_at": status.day.resets_at,
        "requests_this_month": status.month.used,
        "monthly_limit": status.month.limit,
        "month_resets_at": status.month.resets_at,
    }


def _key(record: KeyRecord | None) -> dict[str, Any]:
    return {
        "has_api_key": record is not None,
        "api_key_name": record.name if record else None,
        "api_key_status": record.status if record else None,
        "api_key_reason": record.reason if record else None,
        "api_key_added_at": record.created_at if record else None,
        "api_key_checked_at": record.checked_at if record else None,
    }


def _spent(tokens: Tokens) -> dict[str, Any]:
    return {"prompt_tokens": tokens.prompt, "answer_tokens": tokens.answer}
