"""What the provider's 429s teach: when the quota opens again, and how much it holds."""

from dataclasses import dataclass

from shared.errors import LedgerUnavailable, ProviderQuotaSpent, QuotaUnavailable
from shared.logs import log
from shared.quota import Account, LimitBook, Quota, WindowName


@dataclass(frozen=True, slots=True)
class Lessons:
    """Closes the window the provider says is spent, and keeps the limits it names."""

    quota: Quota
    limits: LimitBook

    async def heed(self, account: Account, spent: ProviderQuotaSpent) -> None:
        """Hand out no more calls until the provider has some, and learn its limits; a lesson missed comes again."""
        window = WindowName(spent.reason.removeprefix("quota_"))
        try:
            await self.quota.close(account, window, spent.until)
            for learned in spent.learned:
                await self.limits.learn(account, learned)
        except (QuotaUnavailable, LedgerUnavailable) as error:
            log.warning("lesson_missed", code=error.code)

    async def forget(self, account: Account) -> None:
        """Unlearn what was said of a key that is not the account's any more."""
        await self.limits.forget(account)
        await self.quota.forget(account)
