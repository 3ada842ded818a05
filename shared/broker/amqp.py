"""RabbitMQ for asyncio: one connection with one confirming channel, opened when asked for and again after it broke.

Nothing here tries again by itself: a call raises `BrokerUnavailable` and the caller decides how long to wait.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import pika
from pika.adapters.asyncio_connection import AsyncioConnection
from pika.channel import Channel as PikaChannel
from pika.exceptions import AMQPError, ChannelClosedByBroker

from shared.broker.queues import Queue
from shared.errors import BrokerUnavailable, FleetError, Misconfigured

_OPEN_WITHIN_S = 10.0
_ANSWER_WITHIN_S = 30.0
_TAG_HEADER = "fleet_tag"
_PRECONDITION_FAILED = 406


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One message to publish; a mandatory one that reaches no queue counts as not taken."""

    exchange: str
    routing_key: str
    body: bytes
    properties: pika.BasicProperties
    mandatory: bool = False


@dataclass(frozen=True, slots=True)
class Delivery:
    """One message the broker handed us; it is the broker's until acknowledged."""

    tag: int
    body: bytes
    properties: pika.BasicProperties


def parameters_of(url: str, *, process: str) -> pika.URLParameters:
    """How to connect to the broker at `url`; the management page shows `process` as the connection's name.

    Raises:
        Misconfigured: the address cannot be read; the sentence does not repeat it.
    """
    try:
        parameters = pika.URLParameters(url)
    except (ValueError, TypeError, KeyError) as error:
        raise Misconfigured("FLEET_BROKER_URL cannot be read as amqp://user:password@host:5672/vhost.") from error
    parameters.client_properties = {"connection_name": f"bookmark-fleet {process}"}
    parameters.blocked_connection_timeout = _ANSWER_WITHIN_S
    parameters.connection_attempts = 1
    parameters.heartbeat = parameters.heartbeat or 30
    return parameters


class Link:
    """A connection that is opened when it is needed and forgotten when it breaks."""

    def __init__(self, url: str, *, process: str, prepare: Callable[["Channel"], Awaitable[None]]) -> None:
        """Keep the address; the first call connects.

        Args:
            url: `amqp://user:password@host:5672/vhost`.
            process: who we are, for the broker's operator.
            prepare: declares what must be there; runs on every new channel before anybody else gets it.
        """
        self._parameters = parameters_of(url, process=process)
        self._prepare = prepare
        self._opening = asyncio.Lock()
        self._connection: AsyncioConnection | None = None
        self._channel: Channel | None = None

    async def channel(self) -> "Channel":
        """The open channel, a new one if the last one broke.

        Raises:
            BrokerUnavailable: the broker cannot be reached, or not in time.
            Misconfigured: the broker refuses what is declared.
        """
        async with self._opening:
            if self._channel is None or not self._channel.is_open:
                await self._close()
                self._channel = await self._open()
            return self._channel

    @property
    def is_consuming(self) -> bool:
        """Whether the broker would deliver to us."""
        return self._channel is not None and self._channel.is_consuming

    async def close(self) -> None:
        """Let go of the connection; a later call opens a new one."""
        async with self._opening:
            await self._close()

    async def _open(self) -> "Channel":
        with _translated():
            async with asyncio.timeout(_OPEN_WITHIN_S):
                self._connection = await _connected(self._parameters)
                channel = Channel(await _channel_of(self._connection))
                await channel.confirm()
        await self._prepare(channel)
        return channel

    async def _close(self) -> None:
        connection, self._connection, self._channel = self._connection, None, None
        if connection is None or connection.is_closed or connection.is_closing:
            return
        closed: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        connection.add_on_close_callback(lambda *_: _settle(closed, None))
        connection.close()
        await asyncio.wait([closed], timeout=5)


class Channel:
    """A channel in confirm mode, whose answers are awaited; once it is closed every call raises."""

    def __init__(self, channel: PikaChannel) -> None:
        """Watch an open channel."""
        self._channel = channel
        self._published = 0
        self._unconfirmed: dict[int, asyncio.Future[bool]] = {}
        self._asked: set[asyncio.Future[Any]] = set()
        self._deliveries: asyncio.Queue[Delivery | None] = asyncio.Queue()
        self._agreed = False  # the broker has said that it will deliver, and not taken it back
        channel.add_on_return_callback(self._returned)
        channel.add_on_close_callback(self._closed)
        channel.add_on_cancel_callback(self._cancelled)

    @property
    def is_open(self) -> bool:
        """Whether it can be used."""
        return bool(self._channel.is_open)

    @property
    def is_consuming(self) -> bool:
        """Whether the broker would deliver to us."""
        return self._agreed and self.is_open

    async def confirm(self) -> None:
        """Have the broker confirm every message that is published from now on."""
        await self._ask(self._channel.confirm_delivery, ack_nack_callback=self._confirmed)

    async def declare_exchange(self, name: str, kind: str) -> None:
        """Make a durable exchange if it is missing."""
        await self._ask(self._channel.exchange_declare, exchange=name, exchange_type=kind, durable=True)

    async def declare_queue(self, queue: Queue) -> int:
        """Make a queue with its bindings if it is missing; how many messages wait in it.

        Raises:
            Misconfigured: it exists with other arguments.
        """
        arguments = dict(queue.arguments)
        answer = await self._ask(self._channel.queue_declare, queue=queue.name, durable=True, arguments=arguments)
        for binding in queue.bindings:
            await self._ask(
                self._channel.queue_bind,
                queue=queue.name,
                exchange=binding.exchange,
                routing_key=binding.routing_key,
                arguments=dict(binding.arguments),
            )
        return int(answer.method.message_count)

    async def declare_queues(self, queues: Iterable[Queue]) -> list[int]:
        """Declare many at once; the messages that wait in each."""
        return await asyncio.gather(*map(self.declare_queue, queues))

    async def publish(self, messages: Sequence[Outgoing]) -> list[bool]:
        """Publish all, then wait until the broker has confirmed each: whether it took it, in order.

        Raises:
            BrokerUnavailable: not all were confirmed; some may have been taken.
        """
        with _translated():
            async with asyncio.timeout(_ANSWER_WITHIN_S):
                return await asyncio.gather(*[self._publish(message) for message in messages])

    async def consume(self, queue: str, *, prefetch: int, quiet: timedelta) -> AsyncIterator[Delivery]:
        """The queue's messages as they come, at most `prefetch` of them unacknowledged.

        Ends when nothing came for as long as `quiet`: the caller takes a new channel then, because the consumers of
        a quorum queue that was deleted and declared again at once are told nothing and get nothing.

        Raises:
            BrokerUnavailable: the channel or the queue is gone.
        """
        await self._ask(self._channel.basic_qos, prefetch_count=prefetch)
        await self._ask(self._channel.basic_consume, queue=queue, on_message_callback=self._delivered)
        self._agreed = True
        while True:
            try:
                async with asyncio.timeout(quiet.total_seconds()):
                    delivery = await self._deliveries.get()
            except TimeoutError:
                return
            if delivery is None:
                raise BrokerUnavailable(f"The broker stopped delivering from {queue}.")
            yield delivery

    def acknowledge(self, delivery: Delivery) -> None:
        """Tell the broker to forget a message; on a closed channel it delivers it again instead."""
        if self.is_open:
            self._channel.basic_ack(delivery.tag)

    # ---- what pika calls ------------------------------------------------------------------------------

    def _publish(self, message: Outgoing) -> asyncio.Future[bool]:
        self._published += 1
        properties = message.properties
        if message.mandatory:  # a returned message comes back without its number
            properties.headers = {**(properties.headers or {}), _TAG_HEADER: self._published}
        confirmed: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self._unconfirmed[self._published] = confirmed
        self._channel.basic_publish(
            message.exchange, message.routing_key, message.body, properties, mandatory=message.mandatory
        )
        return confirmed

    def _confirmed(self, frame: Any) -> None:
        last, taken = frame.method.delivery_tag, isinstance(frame.method, pika.spec.Basic.Ack)
        first = next(iter(self._unconfirmed), last) if frame.method.multiple else last
        for tag in range(first, last + 1):
            _settle(self._unconfirmed.pop(tag, None), taken)

    def _returned(self, _: Any, __: Any, properties: pika.BasicProperties, ___: bytes) -> None:
        tag = (properties.headers or {}).get(_TAG_HEADER, 0)
        _settle(self._unconfirmed.pop(int(tag), None), False)  # noqa: FBT003 - the future's value: not taken

    def _delivered(self, _: Any, method: Any, properties: pika.BasicProperties, body: bytes) -> None:
        self._deliveries.put_nowait(Delivery(method.delivery_tag, body, properties))

    def _cancelled(self, _: Any) -> None:
        self._agreed = False
        self._deliveries.put_nowait(None)

    def _closed(self, _: Any, reason: BaseException) -> None:
        for waiting in (*self._unconfirmed.values(), *self._asked):
            if not waiting.done():
                waiting.set_exception(_meaning(reason))
                waiting.exception()  # whoever waited may have given up: that is no fault of its own
        self._unconfirmed.clear()
        self._deliveries.put_nowait(None)

    async def _ask(self, ask: Callable[..., object], **arguments: object) -> Any:
        answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._asked.add(answer)
        try:
            with _translated():
                ask(callback=lambda frame: _settle(answer, frame), **arguments)
                async with asyncio.timeout(_ANSWER_WITHIN_S):
                    return await answer
        finally:
            self._asked.discard(answer)


async def _connected(parameters: pika.URLParameters) -> AsyncioConnection:
    opened: asyncio.Future[None] = asyncio.get_running_loop().create_future()

    def failed(_: object, error: BaseException) -> None:
        if not opened.done():
            opened.set_exception(_meaning(error))

    connection = AsyncioConnection(
        parameters, on_open_callback=lambda _: _settle(opened, None), on_open_error_callback=failed
    )
    try:
        await opened
    except asyncio.CancelledError:
        connection.close()
        raise
    return connection


async def _channel_of(connection: AsyncioConnection) -> PikaChannel:
    opened: asyncio.Future[PikaChannel] = asyncio.get_running_loop().create_future()
    connection.channel(on_open_callback=lambda channel: _settle(opened, channel))
    return await opened


@contextmanager
def _translated() -> Iterator[None]:
    try:
        yield
    except (AMQPError, OSError, TimeoutError) as error:
        raise _meaning(error) from error


def _settle(future: asyncio.Future[Any] | None, value: object) -> None:
    if future is not None and not future.done():
        future.set_result(value)


def _meaning(reason: BaseException) -> FleetError:
    if isinstance(reason, ChannelClosedByBroker) and reason.reply_code == _PRECONDITION_FAILED:
        return declared_otherwise(reason)
    return BrokerUnavailable(f"RabbitMQ cannot be reached ({type(reason).__name__}).")


def declared_otherwise(reason: ChannelClosedByBroker) -> Misconfigured:
    """The broker has a queue or exchange of ours with other arguments, from another version or configuration."""
    return Misconfigured(
        f"RabbitMQ refuses a declaration: {reason.reply_text}. "
        "Delete what it names; nothing is lost, the ledger releases its jobs again."
    )
