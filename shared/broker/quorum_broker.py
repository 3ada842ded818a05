"""Dramatiq on RabbitMQ as the fleet needs it: quorum queues, no delay queues, and consumers that come back."""

import time
from collections import Counter
from collections.abc import Callable, Sequence

import dramatiq
from dramatiq.brokers.rabbitmq import RabbitmqBroker, _RabbitmqConsumer
from dramatiq.errors import ConnectionClosed
from pika.exceptions import AMQPError, ChannelClosedByBroker

from shared.broker.amqp import declared_otherwise, parameters_of
from shared.broker.queues import DEAD_EXCHANGE, Queue, dead_letter_queue, release_queue
from shared.broker.without_delays import WithoutDelays
from shared.errors import BrokerUnavailable
from shared.patience import backoff_s

QUIET_S = 20.0
"""How long a consumer trusts a queue that says nothing."""

_PRECONDITION_FAILED = 406


class QuorumBroker(WithoutDelays, RabbitmqBroker):
    """Consumes releases from quorum queues; what waits, waits in the ledger, so nothing can be delayed here."""

    def __init__(self, url: str, *, middleware: list[dramatiq.Middleware]) -> None:
        """Keep the address; nothing connects yet.

        Args:
            url: `amqp://user:password@host:5672/vhost`.
            middleware: all of it, in order.
        """
        super().__init__(url=url, middleware=middleware)
        self.parameters = [parameters_of(url, process="worker")]
        self._failures: Counter[str] = Counter()

    @property
    def consumer_class(self) -> type["QuorumConsumer"]:
        """What reads a queue."""
        return QuorumConsumer

    def declare_all(self, queues: Sequence[str]) -> None:
        """Declare queues now, in the calling thread and over one connection, and let go of it.

        Raises:
            BrokerUnavailable: the broker cannot be reached.
            Misconfigured: a queue exists with other arguments.
        """
        try:
            self.channel.exchange_declare(DEAD_EXCHANGE, "headers", durable=True)
            for name in queues:
                self.declare_queue(name, ensure=True)
        except (AMQPError, ConnectionClosed, OSError) as error:
            raise BrokerUnavailable(f"RabbitMQ cannot be reached ({type(error).__name__}).") from error
        finally:
            del self.connection  # nobody would answer its heartbeats

    def declare_queue(self, queue_name: str, *, ensure: bool = False) -> None:
        """Declare a queue with its dead letters, and no queue for delays."""
        if queue_name not in self.queues:
            self.emit_before("declare_queue", queue_name)
            self.queues.add(queue_name)
            self.queues_pending.add(queue_name)
            self.emit_after("declare_queue", queue_name)
        if ensure:
            self._ensure_queue(queue_name)

    def consume(self, queue_name: str, prefetch: int = 1, timeout: int = 5000) -> "QuorumConsumer":
        """Read a queue; when it is read again something had happened to it, so it is declared again then.

        Raises:
            ConnectionClosed: the broker is away; raised after a rest that is longer each time.
        """
        try:
            self.declare_queue(queue_name, ensure=True)
            consumer = QuorumConsumer(self, queue_name, prefetch, timeout)
        except (ConnectionClosed, OSError) as error:
            time.sleep(backoff_s(self._failures[queue_name]))
            self._failures[queue_name] += 1
            raise ConnectionClosed(error) from None
        finally:
            del self.connection  # nobody would answer its heartbeats
            self.queues_pending.add(queue_name)
        del self._failures[queue_name]
        return consumer

    def get_queue_message_counts(self, queue_name: str) -> tuple[int, int, int]:
        """Messages waiting, delayed (never any), and dead."""
        return self._declare(release_queue(queue_name)), 0, self._declare(dead_letter_queue(queue_name))

    def _declare_queue(self, queue_name: str) -> None:
        self._declare(release_queue(queue_name))

    def _declare_dq_queue(self, queue_name: str) -> None:
        """There is none."""

    def _declare_xq_queue(self, queue_name: str) -> None:
        self.channel.exchange_declare(DEAD_EXCHANGE, "headers", durable=True)
        self._declare(dead_letter_queue(queue_name))

    def _declare(self, queue: Queue) -> int:
        try:
            answer = self.channel.queue_declare(queue.name, durable=True, arguments=dict(queue.arguments))
        except ChannelClosedByBroker as error:
            if error.reply_code == _PRECONDITION_FAILED:
                raise declared_otherwise(error) from error
            raise
        for binding in queue.bindings:
            arguments = dict(binding.arguments)
            self.channel.queue_bind(queue.name, binding.exchange, binding.routing_key, arguments=arguments)
        return int(answer.method.message_count)


class QuorumConsumer(_RabbitmqConsumer):
    """Reads one queue over a connection of its own, and settles only what that connection delivered.

    Delivery tags begin anew on each connection. Upstream, a message that was read before a reconnect would settle
    whichever message bears its tag now, and hold its worker for 5 s first.
    """

    def __init__(self, broker: QuorumBroker, queue_name: str, prefetch: int, timeout: int) -> None:
        """Connect and consume; `timeout` is how long `__next__` waits, milliseconds."""
        super().__init__(broker, queue_name, prefetch, timeout)
        self._prefetch, self._timeout_s = prefetch, timeout / 1000
        self._unsettled: dict[int, dramatiq.MessageProxy] = {}
        self._heard_at = time.monotonic()
        self._agreed = False  # the broker has said that it will deliver

    @property
    def is_consuming(self) -> bool:
        """Whether the broker would deliver to us."""
        return bool(self._agreed and self.channel.is_open and self.channel.consumer_tags)

    def __next__(self) -> dramatiq.MessageProxy | None:
        """The next message, or None when none came in time."""
        message: dramatiq.MessageProxy | None = super().__next__()
        self._agreed = True
        if message is not None:
            self._unsettled[message._tag] = message  # noqa: SLF001 - Dramatiq has no public name for it
            self._heard_at = time.monotonic()
        elif not self._unsettled and time.monotonic() - self._heard_at > QUIET_S:
            self._consume_anew()
        return message

    def ack(self, message: dramatiq.MessageProxy) -> None:
        """Tell the broker to forget a message."""
        self._settle(message, super().ack)

    def nack(self, message: dramatiq.MessageProxy) -> None:
        """Have the broker move a message to the dead letters."""
        self._settle(message, super().nack)

    def _settle(self, message: dramatiq.MessageProxy, settle: Callable[[dramatiq.MessageProxy], None]) -> None:
        tag = message._tag  # noqa: SLF001 - as above
        if self._unsettled.get(tag) is not message:
            return  # the connection that delivered it is gone: it is delivered again, and claims nothing
        try:
            settle(message)
        except ConnectionClosed:
            self.logger.debug("The connection that delivered message %r is gone.", message.message_id)
        del self._unsettled[tag]

    def _consume_anew(self) -> None:
        """Take a new channel after a long silence: nobody knows whether it is one.

        When a quorum queue is deleted and declared again at once, RabbitMQ (3.10 at least) tells its consumers
        nothing, counts them as the new queue's, and no message reaches them: the queue would stand still until a
        restart.
        """
        self._agreed = False
        try:
            self.channel.close()
            self.channel = self.connection.channel()
            self.channel.basic_qos(prefetch_count=self._prefetch)
        except AMQPError as error:
            raise ConnectionClosed(error) from None
        self.iterator = self.channel.consume(self.queue_name, inactivity_timeout=self._timeout_s)
        self._heard_at = time.monotonic()
