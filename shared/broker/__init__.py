"""The broker carries released jobs to workers: one quorum queue per stage and partition of users."""

from collections.abc import Sequence
from typing import Protocol

from shared.ledger import Released
from shared.users import partition_of
from shared.values import Stage


def queue_name(stage: Stage, partition: int) -> str:
    """The queue of a stage's partition: `scrape.00`."""
    return f"{stage}.{partition:02}"


def queue_of(released: Released, *, partitions: int) -> str:
    """The queue a release travels on: its stage, its user's partition."""
    return queue_name(released.stage, partition_of(released.user, partitions=partitions))


class Carrier(Protocol):
    """Puts releases on their queues; a message holds ids and a token, no content and no secret."""

    async def send(self, releases: Sequence[Released]) -> list[Released]:
        """Send messages and wait for the broker's confirmation of all; the ones it did not take.

        Raises:
            BrokerUnavailable: the broker cannot be reached; none may count as sent.
        """
        ...

    async def depths(self, stage: Stage) -> dict[int, int]:
        """Messages waiting per partition of a stage."""
        ...

    async def dead_letters(self, stage: Stage) -> int:
        """Messages of a stage that were refused, or returned too often, and are kept to be looked at."""
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...


class EventSink(Protocol):
    """Tells the world what happened: CloudEvents on `fleet.events`, at least once."""

    async def publish(self, events: Sequence[dict[str, object]]) -> None:
        """Publish CloudEvents (structured mode) and wait until the broker has them all.

        Raises:
            BrokerUnavailable: not all are confirmed; publish them again.
        """
        ...

    async def close(self) -> None:
        """Let go of the connection."""
        ...
