"""What Gemini's errors mean to us: whose fault it is, and when to ask again; an error body in, one of ours out."""

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from http import HTTPStatus
from typing import Any
from zoneinfo import ZoneInfo

from shared.errors import AnswerUnusable, FleetError, KeyExpired, KeyRefused, ProviderQuotaSpent
from shared.quota import Learned, WindowName
from shared.values import WaitReason

_PROVIDERS_DAY = ZoneInfo("America/Los_Angeles")
_WINDOWS = {"PerMonth": WindowName.MONTH, "PerDay": WindowName.DAY, "PerMinute": WindowName.MINUTE}
_MINUTE = timedelta(seconds=60)
_LONGEST_PAUSE = timedelta(hours=1)
_DURATION = re.compile(r"(\d+(?:\.\d+)?)s")
_RETRY_IN = re.compile(r"retry in (\d+(?:\.\d+)?)\s*s", re.IGNORECASE)
_NONE_ALLOWED = re.compile(r"limit: 0\b")
_OF_CALLS = re.compile(r"requests?(_|$|per)", re.IGNORECASE)  # others count tokens
_OF_THE_KEY = re.compile(r"api[ _]key|billing|user location|consumer|project", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Violation:
    """One quota that a refusal says was used up; `limit` is None where it does not say how much it holds."""

    quota_id: str
    metric: str
    limit: int | None

    @classmethod
    def of(cls, body: Mapping[str, Any]) -> "Violation":
        """The violation in a body of whatever shape."""
        value = str(body.get("quotaValue", ""))
        return cls(
            str(body.get("quotaId") or ""),
            str(body.get("quotaMetric") or ""),
            int(value) if value.isascii() and value.isdigit() else None,
        )

    @property
    def window(self) -> WindowName | None:
        """The window it counts in; None for one we have no counter of."""
        for name, window in _WINDOWS.items():
            if name in self.quota_id:
                return window
        return None

    @property
    def learned(self) -> Learned | None:
        """What it says of how many calls are allowed; None when it counts something else, or does not say."""
        if self.window is None or self.limit is None or not _counts_calls(self):
            return None
        return Learned(self.window, self.limit, self.quota_id)


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
    def violations(self) -> Iterator[Violation]:
        """The quotas it says were used up."""
        for detail in self.details:
            violations = detail.get("violations")
            for violation in violations if isinstance(violations, list) else ():
                if isinstance(violation, dict):
                    yield Violation.of(violation)

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
    return _midnight(now.astimezone(_PROVIDERS_DAY).date() + timedelta(days=1)).astimezone(now.tzinfo)


def next_month(now: datetime) -> datetime:
    """When the provider's month ends."""
    in_the_next = now.astimezone(_PROVIDERS_DAY).date().replace(day=1) + timedelta(days=31)
    return _midnight(in_the_next.replace(day=1)).astimezone(now.tzinfo)


def _midnight(day: date) -> datetime:
    return datetime.combine(day, time(), _PROVIDERS_DAY)


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


def _quota_spent(refusal: Refusal, now: datetime) -> FleetError:
    """The violated quotas first: a spent day carries a short retry delay all the same."""
    violations = list(refusal.violations)
    if _NONE_ALLOWED.search(refusal.message) or any(violation.limit == 0 for violation in violations):
        return KeyRefused("its plan allows no calls to this model; choose another plan or add a key of another project")
    windows = {violation.window for violation in violations}
    learned = [violation.learned for violation in violations if violation.learned is not None]
    if WindowName.MONTH in windows:
        return _spent("this month", WaitReason.QUOTA_MONTH, next_month(now), learned)
    if WindowName.DAY in windows:
        return _spent("today", WaitReason.QUOTA_DAY, next_midnight(now), learned)
    pause = min(refusal.retry_after or _MINUTE, _LONGEST_PAUSE)
    return _spent("this minute", WaitReason.QUOTA_MINUTE, now + pause, learned)


def _spent(when: str, reason: WaitReason, until: datetime, learned: Sequence[Learned]) -> ProviderQuotaSpent:
    sentence = f"The provider says this key's calls for {when} are used up."
    return ProviderQuotaSpent(sentence, until=until, reason=reason, learned=learned)


def _counts_calls(violation: Violation) -> bool:
    return bool(_OF_CALLS.search(violation.metric) or _OF_CALLS.search(violation.quota_id))
