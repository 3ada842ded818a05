"""The outbox relay: what the ledger wrote for others goes out as CloudEvents, in order and at least once."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NoReturn, Protocol

from services.producer.resting import again_and_again
from shared.broker import EventSink
from shared.metrics import EVENTS
from shared.values import UserId

SOURCE = "bookmark-fleet"
AT_ONCE = 500


@dataclass(frozen=True, slots=True)
class Told:
    """One row of the outbox: what happened to whom, and when; and where in a trace, as W3C's `traceparent`."""

    id: int
    user: UserId
    type: str
    data: Mapping[str, Any]
    at: datetime
    trace: str | None = None


class Outbox(Protocol):
    """What waits to be told."""

    async def relay(self, sink: EventSink, *, at_most: int) -> list[Told]:
        """Publish the oldest rows and forget them once they are out; none while another relay is at it.

        Raises:
            LedgerUnavailable: rows that went out may go out again.
            BrokerUnavailable: nothing is forgotten.
        """
        ...


def cloud_event(told: Told) -> dict[str, object]:
    """The row as a CloudEvent in structured mode; `source` and `id` name it, however often it goes out."""
    event: dict[str, object] = {
        "specversion": "1.0",
        "id": str(told.id),
        "source": SOURCE,
        "type": told.type,
        "subject": told.user,
        "time": told.at.isoformat(),
        "datacontenttype": "application/json",
        "data": dict(told.data),
    }
    return event if told.trace is None else event | {"traceparent": told.trace}


async def relay_for_ever(outbox: Outbox, sink: EventSink, *, poll: timedelta) -> NoReturn:
    """Publish what waits: at once while there is more, else after `poll`; rest longer while a side is away."""

    async def relay() -> bool:
        told = await outbox.relay(sink, at_most=AT_ONCE)
        for event in told:
            EVENTS.labels(event.type, "published").inc()
        return len(told) == AT_ONCE

    await again_and_again(relay, task="outbox", rest=poll)
