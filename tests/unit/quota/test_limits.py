"""The limits in force: what is configured, lowered by what was learned, which wears off."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.errors import InvalidLimits
from shared.quota import (
    DEFAULT_KEY,
    LimitInForce,
    Limits,
    LimitSource,
    UserLimits,
    WindowName,
    account_of,
    share_of,
)
from shared.quota.limits import LESSON_LIFE, MOST_CALLS, DeploymentLimits, Lesson, check, in_force, owner_of
from shared.users import user_id

ADA = user_id("ada")
DEPLOYMENT = Limits(minute=15, day=1_500, month=45_000)
LEARNED_AT = datetime(2026, 11, 24, 12, tzinfo=UTC)
UNTIL = LEARNED_AT + timedelta(hours=48)
LESSON = Lesson(300, "PerDay", LEARNED_AT, UNTIL)


def day_after(hours: float, *, configured: int = 1_500, calls: int = 300) -> LimitInForce:
    lesson = Lesson(calls, "PerDay", LEARNED_AT, UNTIL)
    limits = Limits(minute=15, day=configured, month=45_000)
    return in_force(limits, UserLimits(), {WindowName.DAY: lesson}, LEARNED_AT + timedelta(hours=hours)).day


@pytest.mark.parametrize(
    ("hours", "calls"),
    [(0, 300), (12, 300), (24, 300), (24.01, 300), (24.02, 301), (30, 600), (36, 900), (42, 1_200), (47.999, 1_499)],
)
def test_a_lesson_holds_in_full_for_half_its_life_and_then_climbs_evenly_to_what_is_configured(
    hours: float, calls: int
) -> None:
    assert day_after(hours) == LimitInForce(calls, LimitSource.PROVIDER, until=UNTIL, quota_id="PerDay")


@pytest.mark.parametrize("hours", [48, 48.001, 1_000])
def test_a_lesson_has_worn_off_at_its_end(hours: float) -> None:
    assert day_after(hours) == LimitInForce(1_500, LimitSource.DEPLOYMENT)


def test_a_lesson_seen_by_a_clock_that_is_behind_holds_in_full() -> None:
    assert day_after(-5).calls == 300


@pytest.mark.parametrize(("configured", "shown"), [(299, 299), (300, 300), (301, 300)])
def test_a_lesson_lowers_what_is_configured_and_never_raises_it(configured: int, shown: int) -> None:
    limit = day_after(1, configured=configured)

    assert limit.calls == shown
    assert (limit.source is LimitSource.PROVIDER) == (configured > 300)


def test_a_lesson_of_no_calls_at_all_climbs_too() -> None:
    assert [day_after(hours, configured=15, calls=0).calls for hours in (0, 24, 25.7, 36)] == [0, 0, 1, 7]


def test_lessons_live_for_two_days() -> None:
    assert timedelta(days=2) == LESSON_LIFE


def test_each_window_has_its_own_limit_its_own_setting_and_its_own_lesson() -> None:
    limits = in_force(DEPLOYMENT, UserLimits(minute=7, month=0), {WindowName.DAY: LESSON}, LEARNED_AT)

    assert limits.minute == LimitInForce(7, LimitSource.USER)
    assert limits.day == LimitInForce(300, LimitSource.PROVIDER, until=UNTIL, quota_id="PerDay")
    assert limits.month == LimitInForce(0, LimitSource.USER)
    lessons = {WindowName.MINUTE: LESSON, WindowName.MONTH: LESSON}
    limits = in_force(DEPLOYMENT, UserLimits(day=8), lessons, LEARNED_AT)
    assert [limits.minute.calls, limits.day.calls, limits.month.calls] == [15, 8, 300]


def test_each_kind_of_account_has_its_limits_and_only_a_users_whole_account_has_the_users_own() -> None:
    deployment = DeploymentLimits(user=Limits(1), share=Limits(2), default_key=Limits(3))
    accounts = (account_of(ADA), share_of(ADA), DEFAULT_KEY)

    assert [deployment.of(account) for account in accounts] == [Limits(1), Limits(2), Limits(3)]
    assert [owner_of(account) for account in accounts] == [ADA, None, None]


@pytest.mark.parametrize("calls", [None, 0, 1, MOST_CALLS])
@pytest.mark.parametrize("window", list(WindowName))
def test_limits_from_none_at_all_to_the_most_can_be_held(window: str, calls: int | None) -> None:
    check(UserLimits(**{window: calls}))


@pytest.mark.parametrize("calls", [-1, MOST_CALLS + 1, 2.0, True, "3", float("nan"), "9" * 1_000])
@pytest.mark.parametrize("window", list(WindowName))
def test_other_limits_cannot_and_the_sentence_says_which_without_going_on_about_it(window: str, calls: object) -> None:
    with pytest.raises(InvalidLimits) as refused:
        check(UserLimits(**{window: calls}))  # type: ignore[arg-type]

    assert refused.value.sentence == f"A limit of {calls!r:.40} calls a {window} cannot be held."


def test_the_windows_a_user_has_limits_for_are_told() -> None:
    assert UserLimits(minute=0, month=9).given() == {"minute": 0, "month": 9}
    assert UserLimits().given() == {}
