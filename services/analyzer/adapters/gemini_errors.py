"""What Gemini's errors mean to us: whose fault it is, and when to ask again; an error body in, one of ours out."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from shared.errors import AnswerUnusable, FleetError, KeyExpired, KeyRefused, ProviderQuotaSpent
from shared.values import WaitReason

_PROVIDERS_DAY = ZoneInfo("America/Los_Angeles")
_MINUTE = timedelta(seconds=60)
_LONGEST_PAUSE = timedelta(hours=1)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")
_RETRY_IN = re.compile(r"retry in (\d+(?:\.\d+)?)\s*s", re.IGNORECASE)
_NONE_ALLOWED = re.compile(r"limit: 0\b")
_OF_THE_KEY = re.compile(r"api[ _]key|billing|user location|consumer|project", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Refusal:
    """One error answer of Gemini's."""

    code: int
    status: str
    message: str
    details: tuple[Mapping[str, Any], ...]

    @classmethod
    def of(cls, code: int, body: object) -> "Refusal":
        """The refusal in a body of whatever shape."""
        error = body.get("error", body) if isinstance(body, dict) else {}
        error = error if isinstance(error, dict) else {}
        details = error.get("details")
        listed = details if isinstance(details, list) else []
        return cls(
            code,
            str(error.get("status") or ""),
            str(error.get("message") or ""),
            tuple(detail for detail in listed if isinstance(detail, dict)),
        )

    @property
    def reasons(self) -> set[str]:
        """The machine's reasons it gives."""
        return {str(detail["reason"]) for detail in self.details if "reason" in detail}

    @property
    def quota_ids(self) -> Iterator[str]:
        """The quotas it says were used up."""
        for detail in self.details:
            violations = detail.get("violations")
            for violation in violations if isinstance(violations, list) else ():
                if isinstance(violation, dict):
                    yield str(violation.get("quotaId") or "")

    @property
    def retry_after(self) -> timedelta | None:
        """When it wants to be asked again, as RetryInfo or else the message says."""
        for detail in self.details:
            if found := _DURATION.fullmatch(str(detail.get("retryDelay") or "")):
                return timedelta(seconds=float(found[1]))
        found = _RETRY_IN.search(self.message)
        return timedelta(seconds=float(found[1])) if found else None


def meaning(refusal: Refusal, *, now: datetime) -> FleetError | None:
    """Our error for a 4xx; None for what only means that the provider is down."""
    match refusal.code:
        case HTTPStatus.TOO_MANY_REQUESTS:
            return _quota_spent(refusal, now)
        case HTTPStatus.UNAUTHORIZED | HTTPStatus.FORBIDDEN:
            return _key_refused(refusal)
        case HTTPStatus.BAD_REQUEST if _names_the_key(refusal):
            return _key_refused(refusal)
        case HTTPStatus.BAD_REQUEST | HTTPStatus.REQUEST_ENTITY_TOO_LARGE | HTTPStatus.UNPROCESSABLE_ENTITY:
            return AnswerUnusable(f"The provider could not accept the request ({refusal.code} {refusal.status}).")
        case _:
            return None


def next_midnight(now: datetime) -> datetime:
    """When the provider's day ends."""
    today = now.astimezone(_PROVIDERS_DAY)
    midnight = today.replace(hour=0, minute=0, second=0, microsecond=0, fold=0) + timedelta(days=1)
    return midnight.astimezone(now.tzinfo)


def _names_the_key(refusal: Refusal) -> bool:
    """Whether a 400 is about the key or its project rather than about what was asked."""
    if any(reason.startswith("API_KEY") for reason in refusal.reasons):
        return True
    return bool(_OF_THE_KEY.search(refusal.message))


def _key_refused(refusal: Refusal) -> KeyRefused:
    if "expired" in refusal.message.lower():
        return KeyExpired("it has expired")
    if refusal.reasons & {"SERVICE_DISABLED", "CONSUMER_SUSPENDED", "BILLING_DISABLED"}:
        return KeyRefused("its project may not use the Gemini API; enable the API, or the project's billing")
    if refusal.status == "FAILED_PRECONDITION":
        return KeyRefused("its project may not use the Gemini API from here without billing")
    if refusal.code == HTTPStatus.FORBIDDEN:
        return KeyRefused("it has no permission for this model or API")
    return KeyRefused("it is not valid")


def _quota_spent(refusal: Refusal, now: datetime) -> ProviderQuotaSpent:
    """The violated quota first: a spent day carries a short retry delay all the same."""
    quotas = " ".join(refusal.quota_ids)
    if _NONE_ALLOWED.search(refusal.message):
        sentence = "The provider's plan of this key allows no calls to this model."
        return ProviderQuotaSpent(sentence, until=next_midnight(now), reason=WaitReason.QUOTA_DAY)
    if "PerDay" in quotas:
        sentence = "The provider says this key's calls for today are used up."
        return ProviderQuotaSpent(sentence, until=next_midnight(now), reason=WaitReason.QUOTA_DAY)
    pause = min(refusal.retry_after or _MINUTE, _LONGEST_PAUSE)
    sentence = "The provider says this key's calls for this minute are used up."
    return ProviderQuotaSpent(sentence, until=now + pause, reason=WaitReason.QUOTA_MINUTE)
