"""The queues on a real RabbitMQ: of which kind they are, what dies in them, and what becomes of it."""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta

import pika
import pytest
from pika.adapters.blocking_connection import BlockingChannel

from shared.broker.in_rabbitmq import RabbitMqCarrier
from shared.broker.making import make_broker, make_carrier
from shared.broker.messages import message_of
from shared.errors import Misconfigured
from shared.ledger import Released
from shared.values import JobId, Stage, UserId

LONG, SHORT = timedelta(seconds=60), timedelta(milliseconds=300)
QUEUE, DEAD = "scrape.00", "scrape.00.XQ"


@pytest.fixture
def channel(rabbitmq_url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    yield connection.channel()
    connection.close()


def waiting_in(channel: BlockingChannel, queue: str) -> int:
    return channel.queue_declare(queue, passive=True).method.message_count


def until(holds: Callable[[], bool], *, what: str) -> None:
    deadline = time.monotonic() + 15
    while not holds():
        assert time.monotonic() < deadline, what
        time.sleep(0.02)


def next_message(channel: BlockingChannel, queue: str) -> tuple[int, pika.BasicProperties, bytes]:
    found: list[tuple[int, pika.BasicProperties, bytes]] = []

    def arrived() -> bool:
        method, properties, body = channel.basic_get(queue)
        if method is not None:
            found.append((method.delivery_tag, properties, body))
        return bool(found)

    until(arrived, what=f"no message in {queue}")
    return found[0]


async def send_one(url: str, *, lease: timedelta) -> None:
    carrier = make_carrier(url, partitions=1, stages=[Stage.SCRAPE])
    assert await carrier.send([Released(Stage.SCRAPE, UserId("ada"), (JobId(1),), "token", lease)]) == []
    await carrier.close()


async def test_worker_and_dispatcher_declare_the_same_whoever_comes_first(rabbitmq_url: str) -> None:
    broker = make_broker(rabbitmq_url)
    broker.declare_all([QUEUE])
    carrier = make_carrier(rabbitmq_url, partitions=1, stages=[Stage.SCRAPE])
    assert await carrier.depths(Stage.SCRAPE) == {0: 0}
    broker.declare_all([QUEUE])
    await carrier.close()


async def test_queues_are_quorum_queues_with_a_delivery_limit_and_dead_letters(
    rabbitmq_url: str, channel: BlockingChannel
) -> None:
    make_broker(rabbitmq_url).declare_all([QUEUE])

    arguments = {"x-queue-type": "quorum", "x-delivery-limit": 10}
    channel.queue_declare(QUEUE, durable=True, arguments={**arguments, "x-dead-letter-exchange": "fleet.dead"})
    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="PRECONDITION_FAILED"):
        channel.queue_declare(QUEUE, durable=True)


def test_there_is_no_queue_for_delays(rabbitmq_url: str, channel: BlockingChannel) -> None:
    broker = make_broker(rabbitmq_url)
    broker.declare_all([QUEUE])

    with pytest.raises(pika.exceptions.ChannelClosedByBroker, match="NOT_FOUND"):
        channel.queue_declare("scrape.00.DQ", passive=True)
    assert broker.get_declared_delay_queues() == set()


async def test_an_expired_release_leaves_no_dead_letter_while_a_rejected_one_does(
    rabbitmq_url: str, channel: BlockingChannel
) -> None:
    await send_one(rabbitmq_url, lease=SHORT)
    until(lambda: waiting_in(channel, QUEUE) == 0, what="the release did not expire")

    await send_one(rabbitmq_url, lease=SHORT)
    tag, _, _ = next_message(channel, QUEUE)
    channel.basic_nack(tag, requeue=False)

    _, properties, _ = next_message(channel, DEAD)
    assert properties.headers["x-first-death-reason"] == "rejected"
    assert waiting_in(channel, DEAD) == 0  # the expired one came before, and is not here


async def test_a_release_that_ends_its_workers_is_set_aside_after_some_deliveries(
    rabbitmq_url: str, channel: BlockingChannel
) -> None:
    await send_one(rabbitmq_url, lease=LONG)
    for _ in range(11):
        tag, _, _ = next_message(channel, QUEUE)
        channel.basic_nack(tag, requeue=True)

    _, properties, _ = next_message(channel, DEAD)
    assert properties.headers["x-first-death-reason"] == "delivery_limit"
    assert waiting_in(channel, QUEUE) == 0


async def test_dead_letters_of_one_queue_are_not_anothers(rabbitmq_url: str, channel: BlockingChannel) -> None:
    make_broker(rabbitmq_url).declare_all([QUEUE, "scrape.01"])
    await send_one(rabbitmq_url, lease=LONG)
    tag, _, _ = next_message(channel, QUEUE)
    channel.basic_nack(tag, requeue=False)

    until(lambda: waiting_in(channel, DEAD) == 1, what="there is no dead letter")
    carrier = RabbitMqCarrier(rabbitmq_url, partitions=2, stages=[Stage.SCRAPE])
    assert await carrier.dead_letters(Stage.SCRAPE) == 1
    await carrier.close()
    assert waiting_in(channel, "scrape.01.XQ") == 0


async def test_a_deleted_queue_refuses_its_releases_and_is_there_for_the_next_call(
    rabbitmq_url: str, channel: BlockingChannel
) -> None:
    carrier = RabbitMqCarrier(rabbitmq_url, partitions=1, stages=[Stage.SCRAPE])
    release = Released(Stage.SCRAPE, UserId("ada"), (JobId(1),), "token", LONG)
    assert await carrier.send([release]) == []
    channel.queue_delete(QUEUE)
    channel.queue_delete(DEAD)

    assert await carrier.send([release, release]) == [release, release]
    assert await carrier.send([release]) == []
    assert waiting_in(channel, DEAD) == 0
    await carrier.close()


async def test_a_release_lives_as_long_as_its_lease_whatever_lease_came_before(
    rabbitmq_url: str, channel: BlockingChannel
) -> None:
    await send_one(rabbitmq_url, lease=LONG)
    tag, properties, _ = next_message(channel, QUEUE)
    assert properties.expiration == "60000"
    channel.basic_ack(tag)

    await send_one(rabbitmq_url, lease=SHORT)
    until(lambda: waiting_in(channel, QUEUE) == 0, what="the shorter lease did not count")


async def test_queues_of_another_kind_are_named_with_the_remedy(rabbitmq_url: str, channel: BlockingChannel) -> None:
    channel.queue_declare(QUEUE, durable=True)

    carrier = make_carrier(rabbitmq_url, partitions=1, stages=[Stage.SCRAPE])
    with pytest.raises(Misconfigured, match=r"scrape\.00.*Delete what it names"):
        await carrier.depths(Stage.SCRAPE)
    await carrier.close()
    with pytest.raises(Misconfigured, match=r"scrape\.00.*Delete what it names"):
        make_broker(rabbitmq_url).declare_all([QUEUE])


@pytest.mark.parametrize("address", ["amqp://127.0.0.1", "redis://127.0.0.1"])
def test_nothing_can_be_delayed(address: str) -> None:
    message = message_of(Released(Stage.SCRAPE, UserId("ada"), (JobId(1),), "token", LONG), partitions=1)

    with pytest.raises(ValueError, match="postpone the job in the ledger"):
        make_broker(address).enqueue(message, delay=1_000)


async def test_a_message_read_before_a_reconnect_settles_no_message_read_after_it(
    rabbitmq_url: str, channel: BlockingChannel
) -> None:
    broker = make_broker(rabbitmq_url)
    await send_one(rabbitmq_url, lease=LONG)
    first = broker.consume(QUEUE)
    read_before = next(first)
    assert read_before is not None
    first.close()
    second = broker.consume(QUEUE)
    read_after = next(second)
    assert read_after is not None
    assert read_after._tag == read_before._tag

    second.ack(read_before)
    second.close()
    until(lambda: waiting_in(channel, QUEUE) == 1, what="the message that is still worked on was settled")
