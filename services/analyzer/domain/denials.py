"""Users whose work asks for far more calls than their quota has are shown to operators: noted when a day is used up."""

from datetime import timedelta
from math import ceil

from shared.errors import LedgerUnavailable, QuotaUnavailable
from shared.ledger import Ledger
from shared.logs import log
from shared.quota import Account, Quota, Wait, Window
from shared.signals import SignalKind, Signals
from shared.values import Stage, UserId, WaitReason

ENOUGH_CALLS = 50
"""Below that even most of it is no burden to anybody."""
MOSTLY = 0.75
"""A backlog of up to three days is an import; a longer one needs a larger quota, or is no person's."""

_ONE_DAY = timedelta(hours=12)  # refused again after a new key, say, it is the same day still
_MOST_COUNTED = 1_000_000  # pages; of a longer backlog the rest changes nothing


class Denials:
    """Compares what a user's work asks of a day, or a month, with the calls it has."""

    def __init__(self, ledger: Ledger, quota: Quota, signals: Signals, *, pages_per_call: int) -> None:
        self._ledger = ledger
        self._quota = quota
        self._signals = signals
        self._pages_per_call = pages_per_call

    async def weigh(self, user: UserId, account: Account, refused: Wait) -> None:
        """A call of an account of the user's was refused; noted when most of what the work asks for is.

        Never in the work's way: what cannot be asked or noted now comes up again with the next day that is used up.
        """
        try:
            full = await self._used_up(account, refused.reason)
            if full is not None:
                await self._compare(user, full)
        except (LedgerUnavailable, QuotaUnavailable) as error:
            log.warning("signal_not_noted", code=error.code)

    async def _used_up(self, account: Account, reason: WaitReason) -> Window | None:
        """The day or month that is full; a minute has room again before anybody looks."""
        match reason:
            case WaitReason.QUOTA_DAY:
                return (await self._quota.status(account)).day
            case WaitReason.QUOTA_MONTH:
                return (await self._quota.status(account)).month
            case _:
                return None

    async def _compare(self, user: UserId, full: Window) -> None:
        pages = await self._ledger.waiting(user, Stage.ANALYZE, at_most=_MOST_COUNTED)
        denied = ceil(pages / self._pages_per_call)
        asked = full.used + denied
        if asked >= ENOUGH_CALLS and denied >= MOSTLY * asked:
            figures = {"asked": asked, "denied": denied}
            log.warning("calls_mostly_denied", **figures)
            await self._signals.note(user, SignalKind.CALLS_DENIED, figures, quiet=_ONE_DAY)
