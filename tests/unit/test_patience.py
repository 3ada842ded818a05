"""Waiting for a ledger that is away."""

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import LedgerUnavailable, PageGone
from shared.patience import backoff_s, patiently


@given(failures=st.integers(min_value=0, max_value=10_000))
def test_rests_grow_to_a_bound_and_vary(failures: int) -> None:
    highest = min(5.0, 0.1 * 2 ** min(failures, 30))

    assert highest / 2 <= backoff_s(failures, first=0.1, longest=5.0) <= highest


async def test_a_ledger_that_comes_back_is_asked_until_it_answers() -> None:
    asked = 0

    async def ask() -> str:
        nonlocal asked
        asked += 1
        if asked < 3:
            raise LedgerUnavailable("PostgreSQL cannot be reached.")
        return "answer"

    assert await patiently(ask, until=datetime.now(UTC) + timedelta(seconds=10)) == "answer"
    assert asked == 3


async def test_patience_ends_at_the_deadline() -> None:
    async def ask() -> None:
        raise LedgerUnavailable("PostgreSQL cannot be reached.")

    until = datetime.now(UTC) + timedelta(seconds=0.3)
    with pytest.raises(LedgerUnavailable):
        await patiently(ask, until=until)

    assert datetime.now(UTC) <= until + timedelta(seconds=0.2)


async def test_other_errors_are_nothing_to_wait_for() -> None:
    async def ask() -> None:
        raise PageGone("It is gone.")

    with pytest.raises(PageGone):
        await patiently(ask, until=datetime.now(UTC) + timedelta(seconds=10))
