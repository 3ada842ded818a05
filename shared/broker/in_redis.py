"""Releases and events over Redis, for one machine without RabbitMQ."""

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import redis
import redis.asyncio

from shared.broker import queue_of
from shared.broker.messages import message_of
from shared.broker.queues import EVENTS_EXCHANGE, release_queues
from shared.broker.redis_broker import NAMESPACE, OneMachineBroker
from shared.errors import BrokerUnavailable
from shared.ledger import Released
from shared.values import Stage

_MOST_WAITING = 1_000  # Redis forgets no release whose lease ended; without workers they would pile up
_EVENTS_KEPT = 10_000


class RedisCarrier:
    """Puts releases on the list of their user's partition."""

    def __init__(self, url: str, *, partitions: int) -> None:
        """Keep the address (`redis://:password@host:6379/0`) and the number of queues per stage."""
        self._partitions = partitions
        self._broker = OneMachineBroker(url, middleware=[])

    async def send(self, releases: Sequence[Released]) -> list[Released]:
        """Send messages; the ones it did not take, because too many wait on their queue already."""
        return await asyncio.to_thread(self._send, releases)

    async def depths(self, stage: Stage) -> dict[int, int]:
        """Messages waiting per partition of a stage."""
        return await asyncio.to_thread(self._depths, stage)

    async def dead_letters(self, stage: Stage) -> int:
        """Messages in the dead-letter sets of a stage."""
        return await asyncio.to_thread(self._dead, stage)

    async def close(self) -> None:
        """Let go of the connections."""
        await asyncio.to_thread(self._broker.close)

    def _send(self, releases: Sequence[Released]) -> list[Released]:
        refused = []
        try:
            for released in releases:
                if self._waiting(queue_of(released, partitions=self._partitions)) >= _MOST_WAITING:
                    refused.append(released)
                else:
                    self._broker.enqueue(message_of(released, partitions=self._partitions))
        except redis.RedisError as error:
            raise _unreachable(error) from error
        return refused

    def _depths(self, stage: Stage) -> dict[int, int]:
        try:
            return dict(enumerate(map(self._waiting, release_queues(stage, partitions=self._partitions))))
        except redis.RedisError as error:
            raise _unreachable(error) from error

    def _dead(self, stage: Stage) -> int:
        try:
            return sum(map(self._buried, release_queues(stage, partitions=self._partitions)))
        except redis.RedisError as error:
            raise _unreachable(error) from error

    def _buried(self, queue: str) -> int:
        return int(self._broker.client.zcard(f"{NAMESPACE}:{queue}.XQ"))

    def _waiting(self, queue: str) -> int:
        return int(self._broker.client.llen(f"{NAMESPACE}:{queue}"))


class RedisEventSink:
    """Appends CloudEvents to the stream `fleet.events`, which keeps the newest."""

    def __init__(self, url: str) -> None:
        """Keep the address; the first call connects."""
        self._client = redis.asyncio.Redis.from_url(url)

    async def publish(self, events: Sequence[dict[str, object]]) -> None:
        """Append CloudEvents (structured mode) in order, all or none."""
        try:
            async with self._client.pipeline(transaction=True) as pipeline:
                for event in events:
                    fields: dict[Any, Any] = {
                        "type": str(event["type"]),
                        "event": json.dumps(event, ensure_ascii=False),
                    }
                    pipeline.xadd(EVENTS_EXCHANGE, fields, maxlen=_EVENTS_KEPT, approximate=True)
                await pipeline.execute()
        except redis.RedisError as error:
            raise _unreachable(error) from error

    async def close(self) -> None:
        """Let go of the connection."""
        await self._client.aclose()


def _unreachable(error: redis.RedisError) -> BrokerUnavailable:
    return BrokerUnavailable(f"Redis cannot be reached ({type(error).__name__}).")
