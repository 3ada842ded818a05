"""The journal of provider calls: written before a call leaves, ended after; what quotas are rebuilt from."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import NewType, Protocol

from shared.bookmarks import Tokens
from shared.quota import Account
from shared.values import KeySource, UserId

CallId = NewType("CallId", int)

ERASED = UserId("_erased")
"""Whose calls those on the default key are once their user was erased; no user's id begins so."""

NOT_SENT = "not_sent"
"""The outcome of a call that was recorded and then provably never left; it counts as no call."""


@dataclass(frozen=True, slots=True)
class Prices:
    """What a million tokens cost, US dollars; which is what one costs, in millionths of a dollar."""

    prompt: float = 0.0
    answer: float = 0.0

    def cost_micros(self, tokens: Tokens) -> int:
        """What so many tokens cost, millionths of a US dollar."""
        return round(tokens.prompt * self.prompt + tokens.answer * self.answer)


FREE = Prices()


@dataclass(frozen=True, slots=True)
class Usage:
    """What an account's calls came to since a moment.

    Attributes:
        cost_micros: at the prices of each call's day, millionths of a US dollar.
    """

    calls: int
    tokens: Tokens
    last_used: datetime | None
    cost_micros: int = 0


class UsageJournal(Protocol):
    """Records every call to a provider; raises `LedgerUnavailable` when it cannot."""

    async def begin(self, user: UserId, *, key_source: KeySource, model: str, items: int, weight: int = 1) -> CallId:
        """Record that a call is about to leave; without this record no call may leave.

        Args:
            user: for whom it is made.
            key_source: whose key pays for it.
            model: what it asks.
            items: how many contents it carries.
            weight: how many calls the quota counts it as.

        Raises:
            UserErased: nothing is kept of this user any more; the call must not leave.
        """
        ...

    async def end(self, call: CallId, *, outcome: str, tokens: Tokens) -> None:
        """Record how a call ended (`analysed`, the code of the error, or `NOT_SENT`) and its cost at current prices."""
        ...

    async def calls_since(self, account: Account, since: datetime) -> Sequence[tuple[datetime, int]]:
        """Every call of an account since then, oldest first, as (when it began, its weight); not those not sent."""
        ...

    async def usage_since(self, account: Account, since: datetime) -> Usage:
        """The sum of an account's calls and tokens since then; calls that were not sent count for nothing."""
        ...

    async def forget(self, user: UserId) -> None:
        """Drop a user's calls; those on the default key go on counting there, and nobody can tell whose they were."""
        ...
