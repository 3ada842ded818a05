"""An account's windows from the usage journal alone: what can still be shown while the counters are away."""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from shared.quota import Account, LimitBook, QuotaStatus
from shared.quota.calendar import Calendar
from shared.quota.rebuilding import journaled_counts
from shared.quota.windows import Rules
from shared.usage import UsageJournal


def _now() -> datetime:
    return datetime.now(UTC)


@dataclass(frozen=True, slots=True)
class JournaledStatus:
    """Shows windows, hands nothing out: the journal does not know what is permitted and not yet recorded.

    Attributes:
        minute: the length of the sliding window.
    """

    journal: UsageJournal
    limits: LimitBook
    calendar: Calendar
    minute: timedelta
    now: Callable[[], datetime] = _now

    async def __call__(self, account: Account) -> QuotaStatus:
        """The account's windows as far as the journal knows.

        Raises:
            LedgerUnavailable: it cannot be read.
        """
        now = self.now()
        bounds = self.calendar.bounds(now)
        counts = await journaled_counts(self.journal, account, bounds=bounds, window=self.minute, now=now)
        return Rules(self.minute).status(counts, await self.limits.in_force(account), bounds=bounds, now=now)
