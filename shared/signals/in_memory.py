"""Signs of abuse in this process's memory, for tests."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta

from shared.metrics import ABUSE_SIGNALS
from shared.signals import Signal, SignalKind
from shared.values import UserId


def _now() -> datetime:
    return datetime.now(UTC)


class InMemorySignals:
    """Keeps the promises of `shared.signals.Signals` until the process ends."""

    def __init__(self, *, now: Callable[[], datetime] = _now) -> None:
        self._signals: dict[tuple[UserId, SignalKind], Signal] = {}
        self._now = now

    async def note(
        self,
        user: UserId,
        kind: SignalKind,
        details: Mapping[str, str | int] | None = None,
        *,
        quiet: timedelta = timedelta(0),
    ) -> None:
        """Count one more sign of this kind."""
        now = self._now()
        known = self._signals.get((user, kind))
        if known is not None and now < known.last_at + quiet:
            return
        before = known or Signal(user, kind, times=0, first_at=now, last_at=now, details={})
        self._signals[user, kind] = replace(before, times=before.times + 1, last_at=now, details=dict(details or {}))
        ABUSE_SIGNALS.labels(kind).inc()

    async def newest(self, limit: int = 100, *, user: UserId | None = None) -> Sequence[Signal]:
        """The signs of one user or of all, newest first."""
        wanted = [signal for signal in self._signals.values() if user in {None, signal.user}]
        return sorted(wanted, key=lambda signal: signal.last_at, reverse=True)[:limit]
