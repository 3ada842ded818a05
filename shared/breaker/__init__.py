"""The circuit breaker of a provider, shared by all who ask it: while it is down, one call at a time asks for all."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from shared.values import UserId

OPENS_AT = 3
"""Failures in a row, with nobody's answer in between, that open it."""

LONGEST = timedelta(seconds=60)
"""The longest time between two probes, but for chance."""


@dataclass(frozen=True, slots=True)
class Go:
    """A call may leave.

    Attributes:
        id: names the call.
        at: when it was permitted, on the breaker's own clock.
        is_probe: it is the one call that finds out whether the provider is back.
    """

    id: str
    at: int
    is_probe: bool = False


@dataclass(frozen=True, slots=True)
class Hold:
    """No call may leave before then (UTC)."""

    until: datetime


@dataclass(frozen=True, slots=True)
class Pace:
    """How far probes are apart.

    Attributes:
        first: the least time after the first failure; doubles with every probe that fails, up to `LONGEST`.
        call: how long a call may take; a probe that was not heard of for so long is taken for lost.
    """

    first: timedelta
    call: timedelta

    def least(self, failures: int) -> timedelta:
        """The least time to leave the provider alone after so many failures in a row; at most half as much again."""
        return min(self.first * 2.0 ** min(failures, 30), max(LONGEST, self.first))


class Breaker(Protocol):
    """Counts what is the provider's own failure: no answer at all, or a 5xx.

    It opens after `OPENS_AT` failures in a row and closes with the first answer, whatever that says. While all of them
    are one user's, that user alone is held: what may be the trouble of one key or one page holds nobody else up. A user
    whose calls go on failing while others' are answered is left alone longer each time.

    A breaker that cannot be asked lets calls go: the quota is kept on the same server, and holds them then.
    """

    async def ask(self, user: UserId) -> Go | Hold:
        """Whether a call for this user may leave now; of an open breaker, one in an interval may, over all callers."""
        ...

    async def failed(self, user: UserId, go: Go) -> datetime:
        """The provider failed this call; when the user's work may ask again."""
        ...

    async def answered(self, user: UserId, go: Go) -> None:
        """The provider answered this call: it is closed, unless the call had left before it opened."""
        ...

    async def unused(self, go: Go) -> None:
        """The call did not leave after all; if it was to be the probe, another may be."""
        ...

    async def is_open(self) -> bool:
        """Whether calls are held."""
        ...
