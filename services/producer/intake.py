"""The intake: bookmark events from RabbitMQ into the ledger, acknowledged once the ledger has them."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import AbstractContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn

from services.producer.domain.cloudevents import Event, read_event
from services.producer.resting import rest_after
from shared.broker.amqp import Channel, Delivery, Link, Outgoing
from shared.broker.queues import Binding, Queue
from shared.errors import BrokerUnavailable, FleetError, InternalError, LedgerUnavailable, Postponed
from shared.logs import log
from shared.metrics import EVENTS
from shared.tracing import Kind, Span, Trace, fail_for, span
from shared.users import partition_of

EVENTS_IN = "bookmark.events"
REJECTED = Queue("producer.rejected", {"x-queue-type": "quorum", "x-max-length-bytes": 1 << 30})
INTAKE = Queue(
    "producer.intake",
    {
        "x-queue-type": "quorum",
        "x-delivery-limit": 100,  # an event that ends its reader each time is set aside in the end
        "x-dead-letter-exchange": "",
        "x-dead-letter-routing-key": REJECTED.name,
    },
    (Binding(EVENTS_IN, routing_key="#"),),
)

QUIET = timedelta(seconds=60)
"""How long a queue is trusted that says nothing; then it is read over a new connection."""

_LANES = 16  # events of one user stay in order; those of others do not wait for them
_PREFETCH = 64
_CRASHES = 3
_DURABLE = 2


@dataclass(frozen=True, slots=True)
class _Arrived:
    """A delivery and what was read from it: an event, or why it cannot be one."""

    delivery: Delivery
    read: Event | FleetError

    @property
    def type(self) -> str:
        """The event's type, or `unknown`."""
        return self.read.type.value if isinstance(self.read, Event) else "unknown"

    @property
    def trace(self) -> Trace | None:
        """What it follows from: as the message's headers say, else as the event does."""
        headers = self.delivery.properties.headers or {}
        return Trace.read(headers.get("traceparent")) or (self.read.trace if isinstance(self.read, Event) else None)

    @property
    def lane(self) -> int:
        """Which lane it waits in: its user's, or the last, where nothing waits for the ledger."""
        return partition_of(self.read.user, partitions=_LANES) if isinstance(self.read, Event) else _LANES


class Intake:
    """Consumes `producer.intake`; what is not understood is set aside in `producer.rejected`."""

    def __init__(self, url: str, take: Callable[[Event], Awaitable[None]]) -> None:
        """Keep the address and what is done with an event.

        Args:
            url: `amqp://user:password@host:5672/vhost`.
            take: returns once the event is in the ledger.
        """
        self._link = Link(url, process="intake", prepare=_declare)
        self._take = take
        self._failures = 0

    @property
    def is_consuming(self) -> bool:
        """Whether the broker would deliver events to us."""
        return self._link.is_consuming

    async def run(self) -> NoReturn:
        """Consume for ever; after a lost connection what was not acknowledged comes again.

        Raises:
            Misconfigured: the broker has our queues, declared otherwise.
        """
        while True:
            try:
                await self._consume(await self._link.channel())
            except* BrokerUnavailable as lost:
                await self._link.close()  # else the broker would keep for us what was delivered and is forgotten here
                await rest_after(_first(lost), self._failures, task="intake")
                self._failures += 1

    async def close(self) -> None:
        """Let go of the connection."""
        await self._link.close()

    async def _consume(self, channel: Channel) -> None:
        lanes: list[asyncio.Queue[_Arrived]] = [asyncio.Queue() for _ in range(_LANES + 1)]
        async with asyncio.TaskGroup() as group:
            serving = [group.create_task(self._serve(lane, channel)) for lane in lanes]
            async for delivery in channel.consume(INTAKE.name, prefetch=_PREFETCH, quiet=QUIET):
                self._failures = 0
                arrived = _Arrived(delivery, _read(delivery))
                lanes[arrived.lane].put_nowait(arrived)
            for lane in serving:
                lane.cancel()
        await self._link.close()

    async def _serve(self, lane: asyncio.Queue[_Arrived], channel: Channel) -> NoReturn:
        while True:
            arrived = await lane.get()
            with _traced(arrived) as span:
                refused = arrived.read if isinstance(arrived.read, FleetError) else await self._taken(arrived.read)
                if refused is not None:
                    fail_for(span, refused)
                    await _set_aside(arrived, refused, channel)
            channel.acknowledge(arrived.delivery)
            EVENTS.labels(arrived.type, "accepted" if refused is None else "rejected").inc()

    async def _taken(self, event: Event) -> FleetError | None:
        """Have the event taken, however long the ledger is away; why it cannot be, if so."""
        failures = 0
        while True:
            try:
                await self._take(event)
            except (LedgerUnavailable, Postponed) as error:
                await rest_after(error, failures, task="intake")
            except FleetError as error:
                return error
            except Exception:  # noqa: BLE001 - what one event breaks must not stop the others
                log.exception("event_crashed", event_id=event.id, source=event.source)
                if failures >= _CRASHES:
                    return InternalError()
                await rest_after(InternalError(), failures, task="intake")
            else:
                return None
            failures += 1


def _traced(arrived: _Arrived) -> AbstractContextManager[Span]:
    """A span around what is done with a message, under the one its sender put in its headers or in the event."""
    return span(
        f"process {INTAKE.name}",
        Kind.CONSUMER,
        parent=arrived.trace,
        facts={
            "messaging.system": "rabbitmq",
            "messaging.operation.name": "process",
            "messaging.operation.type": "process",
            "messaging.destination.name": INTAKE.name,
            "cloudevents.event_type": arrived.type,
        },
    )


async def _declare(channel: Channel) -> None:
    await channel.declare_exchange(EVENTS_IN, "topic")
    await channel.declare_queues([REJECTED, INTAKE])


def _read(delivery: Delivery) -> Event | FleetError:
    properties = delivery.properties
    try:
        return read_event(delivery.body, content_type=properties.content_type, headers=properties.headers or {})
    except FleetError as error:
        return error


async def _set_aside(arrived: _Arrived, error: FleetError, channel: Channel) -> None:
    """Keep the message, unchanged, with the reason in its headers; returns once the broker has it."""
    log.warning("event_rejected", type=arrived.type, code=error.code, sentence=error.sentence)
    properties = arrived.delivery.properties
    properties.headers = {
        **(properties.headers or {}),
        "fleet_code": error.code,
        "fleet_sentence": error.sentence,
        "fleet_advice": error.advice,
    }
    properties.delivery_mode = _DURABLE
    properties.user_id = None  # the broker lets nobody publish under another's name
    properties.expiration = None  # it is kept until somebody looked at it
    message = Outgoing("", REJECTED.name, arrived.delivery.body, properties, mandatory=True)
    while await channel.publish([message]) != [True]:
        await channel.declare_queue(REJECTED)


def _first(group: BaseExceptionGroup[BrokerUnavailable]) -> BrokerUnavailable:
    error = group.exceptions[0]
    return _first(error) if isinstance(error, BaseExceptionGroup) else error
