"""Every event sink keeps what the port promises; the real ones against real servers."""

import json
from collections.abc import AsyncIterator, Callable
from typing import Any

import pika
import pytest
import redis

from shared.broker import EventSink
from shared.broker.in_memory import InMemoryEventSink
from shared.broker.in_rabbitmq import CLOUDEVENT
from shared.broker.making import make_event_sink
from shared.errors import BrokerUnavailable

Listen = Callable[[], list[dict[str, Any]]]


@pytest.fixture(params=["memory", "rabbitmq", "redis"])
async def sink(request: pytest.FixtureRequest) -> AsyncIterator[EventSink]:
    if request.param == "memory":
        made: EventSink = InMemoryEventSink()
    else:
        made = make_event_sink(request.getfixturevalue(f"{request.param}_url"))
    yield made
    await made.close()


def event(number: int, type_: str = "bookmark.analyzed") -> dict[str, object]:
    return {
        "specversion": "1.0",
        "id": str(number),
        "source": "bookmark-fleet",
        "type": type_,
        "data": {"title": "Café"},
    }


def from_rabbitmq(url: str, topics: str) -> Callable[[], list[tuple[pika.BasicProperties, bytes]]]:
    """Binds a queue now; what has come to it when called."""
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.exchange_declare("fleet.events", "topic", durable=True)
    queue = channel.queue_declare("", exclusive=True).method.queue
    channel.queue_bind(queue, "fleet.events", topics)

    def heard() -> list[tuple[pika.BasicProperties, bytes]]:
        found = []
        while (message := channel.basic_get(queue, auto_ack=True))[0] is not None:
            found.append((message[1], message[2]))
        connection.close()
        return found

    return heard


async def test_events_nobody_listens_to_are_no_fault(sink: EventSink) -> None:
    await sink.publish([event(1), event(2)])
    await sink.publish([])


async def test_listeners_hear_the_types_they_asked_for_in_order(rabbitmq_url: str) -> None:
    heard = from_rabbitmq(rabbitmq_url, "bookmark.*")
    sink = make_event_sink(rabbitmq_url)

    await sink.publish([event(1), event(2, "quota.exhausted"), event(3, "bookmark.failed")])
    await sink.close()

    messages = heard()
    assert [json.loads(body) for _, body in messages] == [event(1), event(3, "bookmark.failed")]
    assert {(properties.content_type, properties.delivery_mode) for properties, _ in messages} == {(CLOUDEVENT, 2)}
    assert [properties.message_id for properties, _ in messages] == ["1", "3"]


async def test_without_rabbitmq_events_are_in_a_stream(redis_url: str) -> None:
    sink = make_event_sink(redis_url)
    await sink.publish([event(1), event(2)])
    await sink.close()

    with redis.Redis.from_url(redis_url, decode_responses=True) as client:
        entries = [fields for _, fields in client.xrange("fleet.events")]
    assert [json.loads(fields["event"]) for fields in entries] == [event(1), event(2)]
    assert entries[0]["type"] == "bookmark.analyzed"


@pytest.mark.parametrize("url", ["amqp://fleet:secret@127.0.0.1:1/vhost", "redis://:secret@127.0.0.1:1/0"])
async def test_a_broker_out_of_reach_is_said_without_its_password(url: str) -> None:
    sink = make_event_sink(url)

    with pytest.raises(BrokerUnavailable) as caught:
        await sink.publish([event(1)])
    await sink.close()

    assert "secret" not in caught.value.sentence


async def test_events_the_broker_refuses_are_not_taken_for_published(rabbitmq_url: str) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    channel = connection.channel()
    channel.exchange_declare("fleet.events", "topic", durable=True)
    channel.queue_declare("full", arguments={"x-max-length": 1, "x-overflow": "reject-publish"})
    channel.queue_bind("full", "fleet.events", "#")
    sink = make_event_sink(rabbitmq_url)

    with pytest.raises(BrokerUnavailable, match="did not take"):
        await sink.publish([event(number) for number in range(20)])

    await sink.close()
    connection.close()
