"""Waiting for the ledger: a database that is away holds work up; it costs no attempt and no result."""

import asyncio
import random
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import TypeVar

from shared.errors import LedgerUnavailable

T = TypeVar("T")

FIRST_PAUSE_S = 0.1
LONGEST_PAUSE_S = 5.0


def backoff_s(failures: int, *, first: float = FIRST_PAUSE_S, longest: float = LONGEST_PAUSE_S) -> float:
    """Seconds to wait after so many failures in a row: random, at most `first` doubled each time, up to `longest`."""
    highest: float = min(longest, first * 2 ** min(failures, 30))
    return random.uniform(highest / 2, highest)  # noqa: S311 - spreads callers, guards nothing


async def patiently(ask: Callable[[], Awaitable[T]], *, until: datetime) -> T:
    """What the ledger answers, asked again while it is away.

    Args:
        ask: one call of the ledger; while it raises `LedgerUnavailable` it has written nothing.
        until: when asking again ends, UTC: a job's deadline, say.

    Raises:
        LedgerUnavailable: the ledger was still away then.
    """
    failures = 0
    while True:
        try:
            return await ask()
        except LedgerUnavailable:
            pause = backoff_s(failures)
            failures += 1
            if (until - datetime.now(UTC)).total_seconds() < pause:
                raise
            await asyncio.sleep(pause)
