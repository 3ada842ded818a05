"""The rules of the windows, to the call and to the moment."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.quota import LimitInForce, LimitsInForce, LimitSource, Wait, Window, WindowName
from shared.quota.calendar import Bounds, Span
from shared.quota.windows import NEVER, REASONS, Counts, Rules
from shared.values import WaitReason

NOW = datetime(2026, 11, 24, 12, tzinfo=UTC)
DAY_ENDS, MONTH_ENDS = datetime(2026, 11, 25, 8, tzinfo=UTC), datetime(2026, 12, 1, 8, tzinfo=UTC)
BOUNDS = Bounds(Span(DAY_ENDS - timedelta(days=1), DAY_ENDS), Span(MONTH_ENDS - timedelta(days=30), MONTH_ENDS))
RULES = Rules(timedelta(seconds=60))


def limits(minute: int = 15, day: int = 1_500, month: int = 45_000) -> LimitsInForce:
    return LimitsInForce(*(LimitInForce(calls, LimitSource.DEPLOYMENT) for calls in (minute, day, month)))


def ago(seconds: float) -> datetime:
    return NOW - timedelta(seconds=seconds)


def later(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


def wait(counts: Counts, in_force: LimitsInForce, *, calls: int = 1) -> Wait | None:
    return RULES.wait(counts, in_force, calls=calls, bounds=BOUNDS, now=NOW)


@pytest.mark.parametrize(
    ("counts", "in_force", "calls"),
    [
        (Counts(0, 0, []), limits(minute=1), 1),
        (Counts(0, 0, [(ago(1), 2)]), limits(minute=5), 3),
        (Counts(2, 9, []), limits(day=5), 3),
        (Counts(0, 2, []), limits(month=5), 3),
    ],
)
def test_calls_that_fill_a_window_exactly_need_not_wait(counts: Counts, in_force: LimitsInForce, calls: int) -> None:
    assert wait(counts, in_force, calls=calls) is None


@pytest.mark.parametrize(
    ("counts", "in_force", "calls", "expected"),
    [
        (Counts(0, 0, [(ago(9), 3)]), limits(minute=5), 3, Wait(WaitReason.QUOTA_MINUTE, later(51))),
        (Counts(3, 3, []), limits(day=5), 3, Wait(WaitReason.QUOTA_DAY, DAY_ENDS)),
        (Counts(0, 3, []), limits(month=5), 3, Wait(WaitReason.QUOTA_MONTH, MONTH_ENDS)),
        (Counts(9, 9, [(ago(9), 9)]), limits(9, 9, 9), 1, Wait(WaitReason.QUOTA_MONTH, MONTH_ENDS)),
        (Counts(9, 9, [(ago(9), 9)]), limits(9, 9), 1, Wait(WaitReason.QUOTA_DAY, DAY_ENDS)),
        (Counts(0, 0, []), limits(minute=2), 3, Wait(WaitReason.QUOTA_MINUTE, NOW + NEVER)),
        (Counts(0, 0, []), limits(day=0), 1, Wait(WaitReason.QUOTA_DAY, NOW + NEVER)),
        (Counts(0, 0, []), limits(month=2), 3, Wait(WaitReason.QUOTA_MONTH, NOW + NEVER)),
        # A limit that was lowered below what is used: the newest calls have to leave as well.
        (Counts(0, 0, [(ago(50), 1), (ago(7), 4)]), limits(minute=2), 1, Wait(WaitReason.QUOTA_MINUTE, later(53))),
    ],
)
def test_one_call_too_many_waits_for_the_window_that_has_room_last(
    counts: Counts, in_force: LimitsInForce, calls: int, expected: Wait
) -> None:
    assert wait(counts, in_force, calls=calls) == expected


@pytest.mark.parametrize(("calls", "room_after"), [(1, 10), (2, 20), (3, 20), (4, 20), (5, 30)])
def test_heavy_calls_wait_until_the_oldest_ones_in_their_way_have_left_the_minute(calls: int, room_after: int) -> None:
    recent = [(ago(50), 1), (ago(40), 3), (ago(30), 1)]

    assert wait(Counts(0, 0, recent), limits(minute=5), calls=calls) == Wait(WaitReason.QUOTA_MINUTE, later(room_after))


@pytest.mark.parametrize("name", list(WindowName))
def test_a_closed_window_is_waited_for_whatever_was_counted_and_opens_at_that_very_moment(name: WindowName) -> None:
    closed, passed = ({name: moment} for moment in (later(1), NOW))

    assert wait(Counts(0, 0, [], closed), limits()) == Wait(REASONS[name], later(1))
    assert wait(Counts(0, 0, [], passed), limits()) is None


def test_a_window_that_is_full_and_closed_waits_for_the_later_moment() -> None:
    full = Counts(5, 5, [], {WindowName.DAY: DAY_ENDS + timedelta(hours=1)})
    assert wait(full, limits(day=5)) == Wait(WaitReason.QUOTA_DAY, DAY_ENDS + timedelta(hours=1))

    full = Counts(5, 5, [], {WindowName.DAY: DAY_ENDS - timedelta(hours=1)})
    assert wait(full, limits(day=5)) == Wait(WaitReason.QUOTA_DAY, DAY_ENDS)


def test_the_status_shows_what_is_used_and_left_and_when_there_is_more_room() -> None:
    counts = Counts(7, 70, [(ago(50), 2), (ago(10), 1)])

    status = RULES.status(counts, limits(), bounds=BOUNDS, now=NOW)

    assert status.minute == Window(used=3, limit=15, resets_at=later(10))
    assert status.day == Window(used=7, limit=1_500, resets_at=DAY_ENDS)
    assert status.month == Window(used=70, limit=45_000, resets_at=MONTH_ENDS)
    assert (status.minute.left, status.day.left, status.month.left) == (12, 1_493, 44_930)
    assert status.can_call


def test_the_status_of_an_unused_minute_has_room_now_and_of_one_without_calls_never() -> None:
    unused, none = (RULES.status(Counts(0, 0, []), limits(minute=calls), bounds=BOUNDS, now=NOW) for calls in (1, 0))

    assert (unused.minute.resets_at, unused.can_call) == (NOW, True)
    assert (none.minute.resets_at, none.minute.left, none.can_call) == (NOW + NEVER, 0, False)


@pytest.mark.parametrize("window", range(3))
def test_one_full_window_is_enough_for_no_call_to_be_possible(window: int) -> None:
    in_force = [15, 1_500, 45_000]
    in_force[window] = 2
    counts = Counts(2, 2, [(ago(9), 2)])

    assert not RULES.status(counts, limits(*in_force), bounds=BOUNDS, now=NOW).can_call


def test_the_status_shows_where_a_limit_comes_from() -> None:
    until = later(3_600)
    learned = LimitInForce(250, LimitSource.PROVIDER, until=until, quota_id="PerDay")
    in_force = LimitsInForce(LimitInForce(0, LimitSource.USER), learned, LimitInForce(9, LimitSource.DEPLOYMENT))

    status = RULES.status(Counts(300, 300, []), in_force, bounds=BOUNDS, now=NOW)

    assert status.minute == Window(0, 0, NOW + NEVER, LimitSource.USER)
    assert status.day == Window(300, 250, DAY_ENDS, LimitSource.PROVIDER, learned_until=until, quota_id="PerDay")
    assert status.day.left == 0


@pytest.mark.parametrize(("closed_for", "resets_after"), [(5, 10), (600, 600)])
def test_the_status_of_a_closed_window_has_no_calls_left_and_room_at_the_later_moment(
    closed_for: int, resets_after: int
) -> None:
    counts = Counts(1, 1, [(ago(50), 1)], {WindowName.MINUTE: later(closed_for), WindowName.DAY: NOW})

    status = RULES.status(counts, limits(), bounds=BOUNDS, now=NOW)

    assert (status.minute.closed_until, status.minute.left) == (later(closed_for), 0)
    assert status.minute.resets_at == later(resets_after)
    assert (status.day.closed_until, status.day.left) == (None, 1_499)
