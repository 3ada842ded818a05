"""Releases and events over RabbitMQ: confirmed in one pipeline, and queues made again when somebody deleted them."""

import asyncio
import json
from collections.abc import Iterable, Mapping, Sequence

import pika

from shared.broker import queue_of
from shared.broker.amqp import Channel, Link, Outgoing
from shared.broker.messages import message_of
from shared.broker.queues import (
    DEAD_EXCHANGE,
    EVENTS_EXCHANGE,
    dead_letter_queue,
    milliseconds,
    release_queue,
    release_queues,
)
from shared.errors import BrokerUnavailable
from shared.ledger import Released
from shared.values import Stage

_DURABLE = 2
_TELLING_S = 0.5  # the consumers of a deleted queue are told only if it is not declared again at once
CLOUDEVENT = "application/cloudevents+json; charset=utf-8"


class RabbitMqCarrier:
    """Puts releases on the quorum queue of their user's partition."""

    def __init__(self, url: str, *, partitions: int, stages: Iterable[Stage]) -> None:
        """Keep the address; the first call connects and declares.

        Args:
            url: `amqp://user:password@host:5672/vhost`.
            partitions: queues per stage.
            stages: those that are served.
        """
        self._partitions = partitions
        self._stages = tuple(stages)
        self._link = Link(url, process="carrier", prepare=self._declare)

    async def send(self, releases: Sequence[Released]) -> list[Released]:
        """Send messages and wait for the broker's confirmation of all; the ones it did not take.

        A queue that is missing refuses its messages; it is there again for the next call.
        """
        channel = await self._link.channel()
        taken = await channel.publish([self._outgoing(released) for released in releases])
        refused = [released for released, was_taken in zip(releases, taken, strict=True) if not was_taken]
        if refused:
            await asyncio.sleep(_TELLING_S)
            await self._declare(channel)
        return refused

    async def depths(self, stage: Stage) -> dict[int, int]:
        """Messages waiting per partition of a stage; a missing queue is made and has none."""
        channel = await self._link.channel()
        names = release_queues(stage, partitions=self._partitions)
        waiting = await channel.declare_queues(release_queue(name) for name in names)
        return dict(enumerate(waiting))

    async def dead_letters(self, stage: Stage) -> int:
        """Messages in the dead-letter queues of a stage; a missing queue is made and has none."""
        channel = await self._link.channel()
        names = release_queues(stage, partitions=self._partitions)
        return sum(await channel.declare_queues(dead_letter_queue(name) for name in names))

    async def close(self) -> None:
        """Let go of the connection."""
        await self._link.close()

    def _outgoing(self, released: Released) -> Outgoing:
        return Outgoing(
            exchange="",
            routing_key=queue_of(released, partitions=self._partitions),
            body=message_of(released, partitions=self._partitions).encode(),
            properties=pika.BasicProperties(
                delivery_mode=_DURABLE,
                content_type="application/json",
                expiration=str(milliseconds(released.lease)),  # the broker forgets what the ledger takes back
            ),
            mandatory=True,
        )

    async def _declare(self, channel: Channel) -> None:
        await channel.declare_exchange(DEAD_EXCHANGE, "headers")
        for stage in self._stages:
            for name in release_queues(stage, partitions=self._partitions):
                await channel.declare_queues([dead_letter_queue(name), release_queue(name)])


class RabbitMqEventSink:
    """Publishes CloudEvents on the topic exchange `fleet.events`, the event's type as routing key."""

    def __init__(self, url: str) -> None:
        """Keep the address; the first call connects and declares the exchange."""
        self._link = Link(
            url, process="events", prepare=lambda channel: channel.declare_exchange(EVENTS_EXCHANGE, "topic")
        )

    async def publish(self, events: Sequence[dict[str, object]]) -> None:
        """Publish CloudEvents (structured mode) and wait until the broker has them all."""
        channel = await self._link.channel()
        taken = await channel.publish([_event(event) for event in events])
        if not all(taken):
            raise BrokerUnavailable(f"RabbitMQ did not take {taken.count(False)} of {len(taken)} events.")

    async def close(self) -> None:
        """Let go of the connection."""
        await self._link.close()


def _event(event: Mapping[str, object]) -> Outgoing:
    return Outgoing(
        exchange=EVENTS_EXCHANGE,
        routing_key=str(event["type"]),
        body=json.dumps(event, ensure_ascii=False).encode(),
        properties=pika.BasicProperties(delivery_mode=_DURABLE, content_type=CLOUDEVENT, message_id=str(event["id"])),
    )
