"""How the broker's queues are declared: the dispatcher and the workers declare the same, whoever comes first."""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import timedelta

from shared.broker import queue_name
from shared.values import Stage

DEAD_EXCHANGE = "fleet.dead"
"""Where dead letters are told apart: by the queue they died in and by what they died of."""

EVENTS_EXCHANGE = "fleet.events"

Arguments = Mapping[str, str | int]

_DELIVERIES = 10  # a release lives a minute: this many workers died holding it
_DEAD_LETTERS_KEPT = 1_000
_DEAD_LETTER_LIFE = timedelta(days=7)
_REASONS_TO_KEEP = ("rejected", "delivery_limit")  # an expired release is none: the ledger took it back


@dataclass(frozen=True, slots=True)
class Queue:
    """A durable quorum queue and its bindings, each an exchange with a routing key or with headers to match."""

    name: str
    arguments: Arguments
    bindings: tuple["Binding", ...] = ()


@dataclass(frozen=True, slots=True)
class Binding:
    """What a queue receives from an exchange."""

    exchange: str
    routing_key: str = ""
    arguments: Arguments = field(default_factory=dict)


def release_queues(stage: Stage, *, partitions: int) -> Iterator[str]:
    """The names of a stage's queues, in the order of its partitions."""
    return (queue_name(stage, partition) for partition in range(partitions))


def release_queue(name: str) -> Queue:
    """A queue of releases. Each message brings its lifetime, so that a lease can be changed and the queue stays."""
    return Queue(
        name,
        {
            "x-queue-type": "quorum",
            "x-delivery-limit": _DELIVERIES,
            "x-dead-letter-exchange": DEAD_EXCHANGE,
        },
    )


def dead_letter_queue(name: str) -> Queue:
    """Where the refused releases of queue `name` stay to be looked at: the newest, for some days.

    Expired releases match no binding, so they die without a trace, as they should.
    """
    bindings = (
        Binding(
            DEAD_EXCHANGE,
            arguments={"x-match": "all-with-x", "x-first-death-queue": name, "x-first-death-reason": reason},
        )
        for reason in _REASONS_TO_KEEP
    )
    return Queue(
        f"{name}.XQ",
        {
            "x-queue-type": "quorum",
            "x-message-ttl": milliseconds(_DEAD_LETTER_LIFE),
            "x-max-length": _DEAD_LETTERS_KEPT,
            "x-delivery-limit": _DELIVERIES,
        },
        tuple(bindings),
    )


def milliseconds(span: timedelta) -> int:
    """A span of time as the broker's arguments count it."""
    return round(span.total_seconds() * 1000)
