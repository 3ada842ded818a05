"""Limits remembered for a few seconds, so that a permit costs no query."""

import asyncio
import time
from datetime import timedelta
from weakref import WeakValueDictionary

from shared.audit import Actor
from shared.quota import Account, Learned, LimitBook, LimitsInForce, UserLimits, account_of
from shared.values import UserId

MAX_AGE = timedelta(seconds=5)
"""How late at most a process hears of a limit that another one lowered."""

_MOST_ACCOUNTS = 10_000


class RememberedLimits:
    """Keeps the promises of `shared.quota.LimitBook` on another book; what this process changes holds at once."""

    def __init__(self, book: LimitBook, *, max_age: timedelta = MAX_AGE) -> None:
        self._book = book
        self._max_age_s = max_age.total_seconds()
        self._known: dict[str, tuple[LimitsInForce, float]] = {}  # and when they were asked for
        self._asking: WeakValueDictionary[str, asyncio.Lock] = WeakValueDictionary()
        self._changes = 0

    async def in_force(self, account: Account, *, anew: bool = False) -> LimitsInForce:
        """The account's limits as they stood a few seconds ago at most, or now; of many callers at once one asks."""
        oldest = time.monotonic() - (0.0 if anew else self._max_age_s)
        async with self._asking.setdefault(account.name, asyncio.Lock()):
            known = self._known.get(account.name)
            if known is not None and known[1] >= oldest:
                return known[0]
            return await self._ask(account)

    async def _ask(self, account: Account) -> LimitsInForce:
        changes, asked = self._changes, time.monotonic()
        limits = await self._book.in_force(account)
        if changes == self._changes:  # else the answer may be from before the change
            if len(self._known) >= _MOST_ACCOUNTS:
                self._known.clear()
            self._known[account.name] = limits, asked
        return limits

    async def learn(self, account: Account, learned: Learned) -> None:
        """Keep what the provider's refusal said."""
        await self._book.learn(account, learned)
        self._drop(account)

    async def forget(self, account: Account) -> None:
        """Drop what was learned of an account."""
        await self._book.forget(account)
        self._drop(account)

    async def set(self, user: UserId, limits: UserLimits, *, by: Actor) -> None:
        """Set a user's own limits."""
        await self._book.set(user, limits, by=by)
        self._drop(account_of(user))

    async def set_for(self, user: UserId) -> UserLimits:
        """What was set for a user, asked anew."""
        return await self._book.set_for(user)

    def _drop(self, account: Account) -> None:
        self._changes += 1
        self._known.pop(account.name, None)
