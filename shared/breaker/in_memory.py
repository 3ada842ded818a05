"""The breaker in this process's memory, for tests."""

import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from uuid import uuid4

from shared.breaker import OPENS_AT, Go, Hold, Pace
from shared.values import UserId


@dataclass(slots=True)
class InMemoryBreaker:
    """Keeps the promises of `shared.breaker.Breaker` within one process, without any chance in it."""

    pace: Pace = field(default_factory=lambda: Pace(timedelta(seconds=2), call=timedelta(seconds=60)))
    clock: Callable[[], float] = time.monotonic
    _failures: int = 0
    _probes: int = 0
    _opened: int | None = None
    _next: float = 0.0
    _probe: str | None = None
    _failing: set[UserId] = field(default_factory=set)
    _streaks: Counter[UserId] = field(default_factory=Counter)

    async def ask(self, user: UserId) -> Go | Hold:
        """Whether a call for this user may leave now."""
        go = Go(uuid4().hex, at=self._now())
        only_others = len(self._failing) == 1 and user not in self._failing
        if self._opened is None or only_others:
            return go
        left = self._next - self.clock()
        if left > 0:
            return Hold(_later(min(timedelta(seconds=left), self.pace.least(self._probes))))
        self._next, self._probe = self.clock() + self.pace.call.total_seconds(), go.id
        return Go(go.id, go.at, is_probe=True)

    async def failed(self, user: UserId, go: Go) -> datetime:
        """Count a failure; when the user's work may ask again."""
        self._failures += 1
        self._streaks[user] += 1
        self._failing.add(user)
        was_probe = self._probe == go.id
        if was_probe:
            self._probe, self._probes = None, self._probes + 1
        if self._failures == OPENS_AT:
            self._opened = self._now()
        if self._failures == OPENS_AT or was_probe:
            self._next = self.clock() + self.pace.least(self._probes).total_seconds()
        left = timedelta(seconds=self._next - self.clock())
        return _later(max(self.pace.least(self._streaks[user] - 1), left))

    async def answered(self, user: UserId, go: Go) -> None:
        """Close it."""
        del self._streaks[user]
        if self._opened is None or go.at >= self._opened:
            self._failures, self._probes, self._opened, self._next, self._probe = 0, 0, None, 0.0, None
            self._failing.clear()

    async def unused(self, go: Go) -> None:
        """Let another call be the probe."""
        if self._probe == go.id:
            self._probe, self._next = None, 0.0

    async def is_open(self) -> bool:
        """Whether calls are held."""
        return self._opened is not None

    def _now(self) -> int:
        return int(self.clock() * 1_000)


def _later(wait: timedelta) -> datetime:
    return datetime.now(UTC) + wait
