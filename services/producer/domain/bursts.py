"""Submission bursts: users who hand in far more bookmarks than people save are shown to operators."""

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, timedelta
from random import random as any_chance
from typing import Protocol

from shared.errors import LedgerUnavailable
from shared.ledger import Accepted
from shared.logs import log
from shared.signals import SignalKind, Signals
from shared.values import UserId

_AN_HOUR = timedelta(hours=1)
_LOOKS = 10


class HandedIn(Protocol):
    """What the ledger tells of a user's submissions."""

    async def __call__(self, user: UserId, since: datetime, *, at_most: int) -> int:
        """How many of a user's newest bookmarks, `at_most` of them, were handed in since then."""
        ...


class Bursts:
    """Looks now and then at how much a user handed in lately; the ledger knows, whichever processes took it in.

    A look reads the user's newest bookmarks, so not every submission is worth one: each new bookmark has the same
    small chance to bring it about. A burst is looked at some ten times while it grows, a single bookmark hardly ever,
    and no process has to remember anybody.
    """

    def __init__(
        self, *, handed_in: HandedIn, signals: Signals, burst: int, random: Callable[[], float] = any_chance
    ) -> None:
        """Keep the rule.

        Args:
            handed_in: tells what was handed in lately.
            signals: where a burst is noted.
            burst: so many new bookmarks within an hour are one.
            random: the chance of a look: from 0 up to, not with, 1.
        """
        self._handed_in = handed_in
        self._signals = signals
        self._burst = burst
        self._random = random

    async def watch(self, user: UserId, accepted: Sequence[Accepted]) -> None:
        """What a user handed in was kept; nothing is refused, and what cannot be noted now is noted by a later look."""
        new = sum(bookmark.created for bookmark in accepted)
        if self._random() * self._burst >= new * _LOOKS:
            return
        try:
            await self._look(user)
        except LedgerUnavailable as error:
            log.warning("burst_not_looked_at", user=user, code=error.code)

    async def _look(self, user: UserId) -> None:
        lately = await self._handed_in(user, datetime.now(UTC) - _AN_HOUR, at_most=self._burst)
        if lately >= self._burst:
            facts = {"bookmarks_in_an_hour": lately}
            log.warning("submission_burst_noted", user=user, **facts)
            await self._signals.note(user, SignalKind.SUBMISSION_BURST, facts, quiet=_AN_HOUR)
