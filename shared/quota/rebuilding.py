"""What a user's calls came to, from the usage journal: what lost counters are rebuilt from."""

from datetime import datetime, timedelta

from shared.quota.calendar import Bounds
from shared.quota.windows import Counts
from shared.usage import UsageJournal
from shared.values import UserId

CLOCK_SKEW = timedelta(seconds=1)
"""How far the clocks of PostgreSQL, which dates the journal, and of Redis may be apart."""


async def journaled_counts(
    journal: UsageJournal, user: UserId, *, bounds: Bounds, window: timedelta, now: datetime
) -> Counts:
    """Count a user's recorded calls; where the two clocks may disagree, a call counts rather than not.

    Raises:
        LedgerUnavailable: the journal cannot be read.
    """
    month = await journal.usage_since(user, bounds.month.start - CLOCK_SKEW)
    day = await journal.usage_since(user, bounds.day.start - CLOCK_SKEW)
    recent = await journal.calls_since(user, now - window - CLOCK_SKEW)
    return Counts(
        day=day.calls,
        month=month.calls,
        recent=[(at + CLOCK_SKEW, calls) for at, calls in recent],
    )
