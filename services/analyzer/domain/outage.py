"""How long to leave a provider alone that is down: longer with every failure in a row, with chance in it."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

from shared.patience import backoff_s

FIRST_S = 2.0
LONGEST_S = 120.0


def _now() -> datetime:
    return datetime.now(UTC)


class Outage:
    """Counts this process's failures in a row; any answer of the provider's ends the row."""

    def __init__(self, *, now: Callable[[], datetime] = _now) -> None:
        self._failures = 0
        self._now = now

    def failed(self, *, at_least: timedelta = timedelta(0)) -> datetime:
        """Note a failure; when to ask again, no earlier than the provider wants to be asked."""
        pause = timedelta(seconds=backoff_s(self._failures, first=FIRST_S, longest=LONGEST_S))
        self._failures += 1
        return self._now() + max(pause, at_least)

    def over(self) -> None:
        """Note that the provider answered."""
        self._failures = 0
