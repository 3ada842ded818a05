"""Users whose asks for calls are mostly refused are shown to operators: counted here, noted in the ledger."""

import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from shared.errors import LedgerUnavailable
from shared.logs import log
from shared.signals import SignalKind, Signals
from shared.values import UserId

WITHIN = timedelta(hours=1)
ENOUGH_ASKS = 50
"""A refused lane rests until its quota has room, so a user at their limit is refused some times an hour."""
MOSTLY = 0.75
"""Even with a limit of one call a minute every other ask is granted; three in four refused is no user at work."""

_MOST_USERS = 10_000


@dataclass(slots=True)
class _Asks:
    since: float
    granted: int = 0
    denied: int = 0

    @property
    def mostly_denied(self) -> bool:
        asks = self.granted + self.denied
        return asks >= ENOUGH_ASKS and self.denied >= MOSTLY * asks


class Denials:
    """Counts what users' work asks of their quotas; each process its own share, which has the same ratio."""

    def __init__(self, signals: Signals, *, clock: Callable[[], float] = time.monotonic) -> None:
        self._signals = signals
        self._clock = clock
        self._asks: OrderedDict[UserId, _Asks] = OrderedDict()

    def granted(self, user: UserId) -> None:
        """A call was permitted."""
        self._of(user).granted += 1

    async def denied(self, user: UserId) -> None:
        """A call was refused; noted, once an hour, when most of the last hour's were. Never in the work's way."""
        asks = self._of(user)
        asks.denied += 1
        if asks.mostly_denied:
            del self._asks[user]
            await self._note(user, asks)

    def _of(self, user: UserId) -> _Asks:
        """The user's asks of the running hour; the users that asked last are remembered."""
        now = self._clock()
        asks = self._asks.get(user)
        if asks is None or now - asks.since >= WITHIN.total_seconds():
            asks = self._asks[user] = _Asks(since=now)
        self._asks.move_to_end(user)
        if len(self._asks) > _MOST_USERS:
            self._asks.popitem(last=False)
        return asks

    async def _note(self, user: UserId, asks: _Asks) -> None:
        figures = {"asked": asks.granted + asks.denied, "denied": asks.denied}
        log.warning("calls_mostly_denied", **figures)
        try:
            await self._signals.note(user, SignalKind.CALLS_DENIED, figures, quiet=WITHIN)
        except LedgerUnavailable as error:
            log.warning("signal_not_noted", code=error.code)  # more of the same will bring it up again
