"""What lost counters are rebuilt to: every call of the journal that may count, by clocks a second apart."""

from datetime import UTC, datetime, timedelta

import pytest

from shared.quota import DEFAULT_KEY, account_of
from shared.quota.calendar import Bounds, Span
from shared.quota.rebuilding import CLOCK_SKEW, journaled_counts
from shared.quota.windows import Counts
from shared.usage.in_memory import InMemoryUsage
from shared.users import user_id
from shared.values import KeySource

ADA, BOB = user_id("ada"), user_id("bob")
MONTH, DAY, NOW = (datetime(2026, 11, *at, tzinfo=UTC) for at in ((1,), (24,), (24, 12)))
BOUNDS = Bounds(Span(DAY, DAY + timedelta(days=1)), Span(MONTH, MONTH + timedelta(days=30)))
MINUTE = timedelta(seconds=60)
TINY = timedelta(microseconds=1)
SECOND = timedelta(seconds=1)


async def rebuilt(*calls: tuple[datetime, int]) -> Counts:
    at = NOW
    journal = InMemoryUsage(now=lambda: at)
    for at, weight in calls:  # noqa: B007 - the journal's clock reads it
        await journal.begin(ADA, key_source=KeySource.USER, model="m", items=1, weight=weight)
    return await journaled_counts(journal, account_of(ADA), bounds=BOUNDS, window=MINUTE, now=NOW)


async def test_clocks_are_thought_to_be_a_second_apart_at_most() -> None:
    assert CLOCK_SKEW == SECOND


@pytest.mark.parametrize(
    ("at", "day", "month", "recent"),
    [
        (MONTH - SECOND - TINY, 0, 0, 0),
        (MONTH - SECOND, 0, 3, 0),
        (DAY - SECOND - TINY, 0, 3, 0),
        (DAY - SECOND, 3, 3, 0),
        (NOW - MINUTE - SECOND - TINY, 3, 3, 0),
        (NOW - MINUTE - SECOND, 3, 3, 3),
        (NOW + timedelta(hours=13), 3, 3, 3),  # of the future: a clock was set back
    ],
)
async def test_a_call_counts_in_every_window_it_may_lie_in(at: datetime, day: int, month: int, recent: int) -> None:
    counts = await rebuilt((at, 3))

    assert (counts.day, counts.month, sum(calls for _, calls in counts.recent)) == (day, month, recent)


async def test_calls_of_the_minute_keep_their_weight_and_count_as_late_as_they_may_have_been_made() -> None:
    first, second = NOW - 30 * SECOND, NOW - 2 * SECOND

    counts = await rebuilt((first, 2), (second, 1))

    assert counts.recent == [(first + SECOND, 2), (second + SECOND, 1)]
    assert (counts.day, counts.month, counts.closed) == (3, 3, {})


async def test_only_the_accounts_own_calls_count() -> None:
    journal = InMemoryUsage(now=lambda: NOW)
    for user, key_source in ((ADA, KeySource.USER), (BOB, KeySource.DEFAULT), (BOB, KeySource.DEFAULT)):
        await journal.begin(user, key_source=key_source, model="m", items=1)

    counts = [
        await journaled_counts(journal, account, bounds=BOUNDS, window=MINUTE, now=NOW)
        for account in (account_of(ADA), account_of(BOB), DEFAULT_KEY)
    ]

    assert [(found.day, len(found.recent)) for found in counts] == [(1, 1), (2, 2), (2, 2)]
