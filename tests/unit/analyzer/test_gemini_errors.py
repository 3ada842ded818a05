"""What Gemini's 429s are read as: which window is spent, until when, what is learned, and when no wait will help."""

from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest

from services.analyzer.adapters.gemini_errors import Refusal, meaning, next_midnight, next_month
from shared.errors import FleetError, KeyRefused, ProviderQuotaSpent
from shared.quota import Learned, WindowName
from shared.values import WaitReason
from tests.gemini_emulator import bodies

NOW = datetime(2026, 11, 25, 12, 0, tzinfo=UTC)
THERE = ZoneInfo("America/Los_Angeles")
PER_MINUTE, PER_DAY, PER_MONTH = (
    f"GenerateRequestsPer{window}PerProjectPerModel-FreeTier" for window in ("Minute", "Day", "Month")
)
CALLS = "generativelanguage.googleapis.com/generate_content_free_tier_requests"
TOKENS = "generativelanguage.googleapis.com/generate_content_free_tier_input_token_count"


def violation(quota_id: str, value: Any = None, metric: str = CALLS) -> dict[str, Any]:
    told = {"quotaMetric": metric, "quotaId": quota_id}
    return told if value is None else {**told, "quotaValue": value}


def read(*violations: Any, message: str = "Quota exceeded.", retry: str | None = "7s") -> FleetError:
    details: list[Any] = [{"violations": list(violations)}] if violations else []
    if retry is not None:
        details.append({"retryDelay": retry})
    found = meaning(Refusal.of(429, bodies.error(429, "RESOURCE_EXHAUSTED", message, *details)), now=NOW)
    assert found is not None
    return found


def spent(*violations: Any, **how: Any) -> ProviderQuotaSpent:
    found = read(*violations, **how)
    assert isinstance(found, ProviderQuotaSpent)
    return found


@pytest.mark.parametrize(
    ("quota_id", "window", "reason", "until"),
    [
        (PER_MINUTE, WindowName.MINUTE, WaitReason.QUOTA_MINUTE, NOW + timedelta(seconds=7)),
        (PER_DAY, WindowName.DAY, WaitReason.QUOTA_DAY, datetime(2026, 11, 26, 8, tzinfo=UTC)),
        (PER_MONTH, WindowName.MONTH, WaitReason.QUOTA_MONTH, datetime(2026, 12, 1, 8, tzinfo=UTC)),
    ],
)
def test_a_spent_window_is_named_with_its_end_and_its_limit_is_learned(
    quota_id: str, window: WindowName, reason: WaitReason, until: datetime
) -> None:
    error = spent(violation(quota_id, "250"))

    assert (error.reason, error.until) == (reason, until)
    assert list(error.learned) == [Learned(window, 250, quota_id)]


def test_of_several_windows_the_longest_is_waited_for_and_each_is_learned() -> None:
    error = spent(violation(PER_MINUTE, "5"), violation(PER_DAY, 100))

    assert error.reason is WaitReason.QUOTA_DAY
    assert list(error.learned) == [
        Learned(WindowName.MINUTE, 5, PER_MINUTE),
        Learned(WindowName.DAY, 100, PER_DAY),
    ]


def test_a_limit_of_tokens_closes_its_window_and_is_not_taken_for_one_of_calls() -> None:
    error = spent(violation("GenerateContentInputTokensPerModelPerDay-FreeTier", "250000", TOKENS))

    assert error.reason is WaitReason.QUOTA_DAY
    assert list(error.learned) == []


@pytest.mark.parametrize("metric", [CALLS, "generativelanguage.googleapis.com/generate_requests_per_model", ""])
def test_calls_are_recognised_by_the_metric_or_by_the_quotas_name(metric: str) -> None:
    assert len(spent(violation(PER_MINUTE, "5", metric)).learned) == 1


@pytest.mark.parametrize("value", [None, "", "many", "-3", "1.5", True, "٣"])
def test_a_value_that_is_no_number_teaches_nothing(value: Any) -> None:
    assert list(spent(violation(PER_MINUTE, value)).learned) == []


@pytest.mark.parametrize(
    "refused",
    [
        {"violations": (violation(PER_DAY, "0"),)},
        {"violations": (violation(PER_MINUTE, 0),)},
        {"violations": (violation(PER_DAY),), "message": "Quota exceeded for metric: …, limit: 0, model: gemini-pro"},
        {"violations": (), "message": "* Quota exceeded, limit: 0"},
    ],
)
def test_a_plan_that_allows_no_calls_refuses_the_key_since_no_wait_will_help(refused: dict[str, Any]) -> None:
    error = read(*refused["violations"], message=refused.get("message", "Quota exceeded."))

    assert type(error) is KeyRefused
    assert "allows no calls to this model" in error.sentence


def test_a_limit_that_only_begins_with_a_zero_or_ends_with_one_is_no_refusal() -> None:
    for message in ("limit: 10", "limit: 05", "limit: 1500"):
        assert spent(violation(PER_DAY, "10"), message=message)


@pytest.mark.parametrize(
    ("retry", "message", "seconds"),
    [
        ("21.5s", "", 21.5),
        (None, "Please retry in 39.4s.", 39.4),
        (None, "", 60),
        ("0s", "", 60),
        ("86400s", "", 3600),
        ("soon", "", 60),
    ],
)
def test_a_minute_is_waited_for_as_long_as_is_said_within_an_hour(
    retry: str | None, message: str, seconds: float
) -> None:
    error = spent(violation(PER_MINUTE, "5"), retry=retry, message=message)

    assert error.until == NOW + timedelta(seconds=seconds)


@pytest.mark.parametrize(
    "violations", [(), ("nonsense", None, 7), ({},), (violation("SomethingPerSecond", "3"),), ({"quotaId": None},)]
)
def test_a_refusal_that_names_no_window_is_a_spent_minute_of_which_nothing_is_learned(violations: Any) -> None:
    error = spent(*violations)

    assert (error.reason, list(error.learned)) == (WaitReason.QUOTA_MINUTE, [])


@pytest.mark.parametrize(
    ("now", "day_ends", "month_ends"),
    [
        ((2026, 12, 31, 23, 59), (2027, 1, 1), (2027, 1, 1)),
        ((2026, 1, 31, 0, 0), (2026, 2, 1), (2026, 2, 1)),
        ((2026, 3, 7, 12, 0), (2026, 3, 8), (2026, 4, 1)),  # the night after, an hour is left out
        ((2026, 10, 31, 12, 0), (2026, 11, 1), (2026, 11, 1)),  # the night after, an hour comes twice
    ],
)
def test_days_and_months_end_at_midnight_in_los_angeles(
    now: tuple[int, int, int, int, int], day_ends: tuple[int, int, int], month_ends: tuple[int, int, int]
) -> None:
    moment = datetime(*now, tzinfo=THERE).astimezone(UTC)

    assert next_midnight(moment) == datetime(*day_ends, tzinfo=THERE)
    assert next_month(moment) == datetime(*month_ends, tzinfo=THERE)
    assert next_midnight(moment).tzinfo is UTC
