"""A carrier and an event sink that keep everything here, for tests."""

from collections.abc import Sequence

from shared.broker import queue_name, queue_of
from shared.errors import BrokerUnavailable
from shared.ledger import Released
from shared.values import Stage


class InMemoryCarrier:
    """Keeps releases by queue; `away` makes it unreachable, `closed_queues` makes it refuse."""

    def __init__(self, *, partitions: int) -> None:
        """Begin with empty queues."""
        self._partitions = partitions
        self.queues: dict[str, list[Released]] = {}
        self.closed_queues: set[str] = set()
        self.away = False

    async def send(self, releases: Sequence[Released]) -> list[Released]:
        """Keep the releases; the ones for closed queues come back."""
        if self.away:
            raise BrokerUnavailable("The broker cannot be reached (away).")
        refused = []
        for released in releases:
            queue = queue_of(released, partitions=self._partitions)
            if queue in self.closed_queues:
                refused.append(released)
            else:
                self.queues.setdefault(queue, []).append(released)
        return refused

    async def depths(self, stage: Stage) -> dict[int, int]:
        """Releases kept per partition of a stage."""
        if self.away:
            raise BrokerUnavailable("The broker cannot be reached (away).")
        return {
            partition: len(self.queues.get(queue_name(stage, partition), ())) for partition in range(self._partitions)
        }

    async def dead_letters(self, stage: Stage) -> int:  # noqa: ARG002 - nothing dies here
        """None: nobody takes messages from here, so nobody refuses any."""
        return 0

    async def close(self) -> None:
        """Keep everything: tests look at it."""


class InMemoryEventSink:
    """Keeps published events in order; `away` makes it unreachable."""

    def __init__(self) -> None:
        """Begin with no events."""
        self.events: list[dict[str, object]] = []
        self.away = False

    async def publish(self, events: Sequence[dict[str, object]]) -> None:
        """Keep the events."""
        if self.away:
            raise BrokerUnavailable("The broker cannot be reached (away).")
        self.events.extend(events)

    async def close(self) -> None:
        """Keep everything: tests look at it."""
