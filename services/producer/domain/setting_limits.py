"""Setting a user's own limits: what waits for quota looks again at once."""

from shared.audit import Actor
from shared.ledger import Ledger
from shared.quota import LimitBook, UserLimits
from shared.values import Stage, UserId, WaitReason

_WAITS_FOR_QUOTA = (WaitReason.QUOTA_MINUTE, WaitReason.QUOTA_DAY, WaitReason.QUOTA_MONTH)


class SetLimits:
    """Sets a user's own limits and ends the waits that may be over with them."""

    def __init__(self, *, limits: LimitBook, ledger: Ledger) -> None:
        self._limits = limits
        self._ledger = ledger

    async def __call__(self, user: UserId, limits: UserLimits, *, by: Actor) -> None:
        """Set all three windows anew.

        Raises:
            InvalidLimits: one cannot be held; nothing is set.
        """
        await self._limits.set(user, limits, by=by)
        await self._ledger.wake(user, Stage.ANALYZE, reasons=_WAITS_FOR_QUOTA)
