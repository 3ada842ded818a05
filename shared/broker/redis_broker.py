"""Dramatiq on Redis for one machine without RabbitMQ: the same queues, no delay queues."""

from collections.abc import Sequence

import dramatiq
import redis
from dramatiq.brokers.redis import RedisBroker, _RedisConsumer

from shared.broker.without_delays import WithoutDelays
from shared.errors import BrokerUnavailable

NAMESPACE = "fleet:queue"


class OneMachineBroker(WithoutDelays, RedisBroker):
    """Consumes releases from Redis lists; what waits, waits in the ledger, so nothing can be delayed here."""

    def __init__(self, url: str, *, middleware: list[dramatiq.Middleware]) -> None:
        """Keep the address; nothing connects yet.

        Args:
            url: `redis://:password@host:6379/0`.
            middleware: all of it, in order.
        """
        super().__init__(url=url, namespace=NAMESPACE, middleware=middleware)

    @property
    def consumer_class(self) -> type["OneMachineConsumer"]:
        """What reads a queue."""
        return OneMachineConsumer

    def declare_all(self, queues: Sequence[str]) -> None:
        """Get to know queues; Redis makes them when they are used.

        Raises:
            BrokerUnavailable: Redis cannot be reached.
        """
        try:
            self.client.ping()
        except redis.RedisError as error:
            raise BrokerUnavailable(f"Redis cannot be reached ({type(error).__name__}).") from error
        for name in queues:
            self.declare_queue(name)

    def close(self) -> None:
        """Let go of the connections; Dramatiq would leave them to whoever collects the garbage."""
        self.client.connection_pool.disconnect()

    def declare_queue(self, queue_name: str) -> None:
        """Get to know a queue, and no queue for delays."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.emit_after("declare_queue", queue_name)


class OneMachineConsumer(_RedisConsumer):
    """Polls one queue; `is_consuming` tells whether Redis answered the last poll."""

    is_consuming = False

    def __next__(self) -> dramatiq.MessageProxy | None:
        """The next message, or None when none came in time."""
        try:
            message: dramatiq.MessageProxy | None = super().__next__()
        except Exception:
            self.is_consuming = False
            raise
        self.is_consuming = True
        return message
