"""What an account's calls came to, from the usage journal: what lost counters are rebuilt from."""

from datetime import datetime, timedelta

from shared.quota import Account
from shared.quota.calendar import Bounds
from shared.quota.windows import Counts
from shared.usage import UsageJournal

CLOCK_SKEW = timedelta(seconds=1)
"""How far the clocks of PostgreSQL, which dates the journal, and of Redis may be apart."""


async def journaled_counts(
    journal: UsageJournal, account: Account, *, bounds: Bounds, window: timedelta, now: datetime
) -> Counts:
    """Count an account's recorded calls; where the two clocks may disagree, a call counts rather than not.

    Raises:
        LedgerUnavailable: the journal cannot be read.
    """
    month = await journal.usage_since(account, bounds.month.start - CLOCK_SKEW)
    day = await journal.usage_since(account, bounds.day.start - CLOCK_SKEW)
    recent = await journal.calls_since(account, now - window - CLOCK_SKEW)
    return Counts(
        day=day.calls,
        month=month.calls,
        recent=[(at + CLOCK_SKEW, calls) for at, calls in recent],
    )
