"""The intake on real RabbitMQ and PostgreSQL: what it keeps, what it sets aside, and what it never loses."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import psycopg
import pytest
from pika.adapters.blocking_connection import BlockingChannel
from prometheus_client import REGISTRY

from services.local.servers.postgres import Postgres
from services.producer import intake
from services.producer.domain.bursts import Bursts
from services.producer.domain.cloudevents import Event
from services.producer.domain.taking_events import TakeEvent
from services.producer.intake import EVENTS_IN, Intake
from shared.audit import here
from shared.broker.amqp import Channel
from shared.database import Database
from shared.errors import LedgerUnavailable, UnknownUser
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.migrate import migrate
from shared.ledger.policies import RetryPolicy, stage_policies
from shared.ledger.reports import Reports
from shared.settings import DispatchSettings
from shared.signals.in_postgres import PostgresSignals
from shared.values import UserId
from tests.conftest import Own
from tests.guide import block
from tests.integration.waiting import until
from tests.integration.wire import Wire

CLOUDEVENT = "application/cloudevents+json"
REJECTED, INTAKE = "producer.rejected", "producer.intake"


@pytest.fixture
def channel(rabbitmq_url: str) -> Iterator[BlockingChannel]:
    connection = pika.BlockingConnection(pika.URLParameters(rabbitmq_url))
    channel = connection.channel()
    channel.confirm_delivery()
    yield channel
    connection.close()


@asynccontextmanager
async def taking_events(rabbitmq_url: str, database_url: str) -> AsyncIterator[Intake]:
    database = Database(database_url)
    ledger = PostgresLedger(database, policies=stage_policies(DispatchSettings()), retries=RetryPolicy())

    bursts = Bursts(handed_in=Reports(database).handed_in_since, signals=PostgresSignals(database), burst=10)

    async def erase(user: UserId) -> None:
        if not (await ledger.erase(user, by=here("process:intake"))).anything:
            raise UnknownUser(user)

    async with running(rabbitmq_url, TakeEvent(ledger, bursts, erase)) as reading:
        yield reading
    await database.close()


@asynccontextmanager
async def running(rabbitmq_url: str, take: Callable[[Event], Any]) -> AsyncIterator[Intake]:
    reading = Intake(rabbitmq_url, take)
    task = asyncio.create_task(reading.run())
    try:
        await until(lambda: reading.is_consuming, what="it consumes")
        yield reading
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reading.close()


def was_taken(channel: BlockingChannel, number: int) -> bool:
    """Whether the broker had a queue for the event; a publisher without one publishes again."""
    try:
        tell(channel, number)
    except pika.exceptions.UnroutableError:
        return False
    return True


def tell(channel: BlockingChannel, number: int, type_: str = "bookmark.created", **changed: Any) -> None:
    url = changed.pop("url", f"https://example.org/{number}")
    event = {"specversion": "1.0", "id": f"e-{number}", "source": "upstream", "type": type_, "subject": "ada"}
    body = json.dumps({**event, "data": {"url": url}, **changed}).encode()
    publish(channel, body, pika.BasicProperties(content_type=CLOUDEVENT, delivery_mode=2))


def publish(channel: BlockingChannel, body: bytes, properties: pika.BasicProperties) -> None:
    channel.basic_publish(EVENTS_IN, "any.key", body, properties, mandatory=True)


def bookmarks(database_url: str) -> list[tuple[str, str, str]]:
    with psycopg.connect(database_url) as connection:
        return connection.execute("SELECT user_id, url, title FROM bookmarks ORDER BY id").fetchall()


def rejected(channel: BlockingChannel) -> list[tuple[pika.BasicProperties, bytes]]:
    found = []
    while (message := channel.basic_get(REJECTED, auto_ack=True))[0] is not None:
        found.append((message[1], message[2]))
    return found


def accepted() -> float:
    return REGISTRY.get_sample_value("fleet_events_total", {"type": "bookmark.created", "result": "accepted"}) or 0.0


def waiting_in(channel: BlockingChannel, queue: str) -> int:
    return channel.queue_declare(queue, passive=True).method.message_count


async def test_events_become_bookmarks_once_and_are_acknowledged(
    rabbitmq_url: str, database_url: str, channel: BlockingChannel
) -> None:
    before = accepted()
    async with taking_events(rabbitmq_url, database_url):
        for _ in range(2):
            for number in range(50):
                tell(channel, number, subject=f"user-{number % 7}")
        await until(lambda: accepted() == before + 100, what="all are acknowledged")

    assert len(bookmarks(database_url)) == 50
    assert waiting_in(channel, INTAKE) == 0
    assert rejected(channel) == []


async def test_binary_mode_is_understood(rabbitmq_url: str, database_url: str, channel: BlockingChannel) -> None:
    attributes = {"specversion": "1.0", "id": "1", "source": "s", "type": "bookmark.created", "subject": "ada"}
    async with taking_events(rabbitmq_url, database_url):
        for prefix, url in (("cloudEvents:", "https://example.org/1"), ("cloudEvents_", "https://example.org/2")):
            headers = {f"{prefix}{name}": value for name, value in {**attributes, "id": url}.items()}
            properties = pika.BasicProperties(content_type="application/json", headers=headers)
            publish(channel, json.dumps({"url": url}).encode(), properties)
        await until(lambda: len(bookmarks(database_url)) == 2, what="both are kept")


async def test_events_of_one_user_take_effect_in_their_order(
    rabbitmq_url: str, database_url: str, channel: BlockingChannel
) -> None:
    async with taking_events(rabbitmq_url, database_url):
        for number in range(40):
            tell(channel, number)
            tell(channel, 1_000 + number, "bookmark.deleted", url=f"https://example.org/{number}")
        tell(channel, 5_000, data={"url": "https://example.org/last", "title": "last"})
        await until(lambda: "last" in {title for _, _, title in bookmarks(database_url)}, what="the last is kept")

    assert [url for _, url, _ in bookmarks(database_url)] == ["https://example.org/last"]


async def test_a_deleted_user_is_forgotten(rabbitmq_url: str, database_url: str, channel: BlockingChannel) -> None:
    async with taking_events(rabbitmq_url, database_url):
        tell(channel, 1)
        tell(channel, 2, subject="bob")
        tell(channel, 3, "user.deleted", data=None)
        await until(lambda: [user for user, _, _ in bookmarks(database_url)] == ["bob"], what="ada is forgotten")
        tell(channel, 4, "user.deleted", data=None, subject="nobody")
    assert rejected(channel) == []


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"not json", "event_malformed"),
        (b"{}", "event_malformed"),
        (b"x" * (256 * 1024 + 1), "event_too_large"),
        (
            b'{"specversion":"1.0","id":"1","source":"s","type":"bookmark.exploded","subject":"ada"}',
            "event_unknown",
        ),
        (
            b'{"specversion":"1.0","id":"1","source":"s","type":"bookmark.created","subject":"../x","data":{}}',
            "invalid_user_id",
        ),
        (
            b'{"specversion":"1.0","id":"1","source":"s","type":"bookmark.created","subject":"a","data":{"url":"ftp:"}}',
            "invalid_url",
        ),
    ],
)
async def test_what_is_not_understood_is_set_aside_unchanged_with_the_reason(
    rabbitmq_url: str, database_url: str, channel: BlockingChannel, body: bytes, code: str
) -> None:
    sent = pika.BasicProperties(
        content_type=CLOUDEVENT, headers={"trace": "t-1"}, message_id="m-1", user_id="fleet", expiration="60000"
    )
    before = accepted()
    async with taking_events(rabbitmq_url, database_url):
        publish(channel, body, sent)
        await until(lambda: waiting_in(channel, REJECTED) == 1, what="it is set aside")
        tell(channel, 1)
        await until(lambda: accepted() == before + 1, what="others go on")

    [(properties, kept)] = rejected(channel)
    assert kept == body
    assert (properties.content_type, properties.message_id) == (CLOUDEVENT, "m-1")
    assert properties.headers["trace"] == "t-1"
    assert properties.headers["fleet_code"] == code
    assert properties.headers["fleet_sentence"].endswith(".")
    assert properties.headers["fleet_advice"]
    assert waiting_in(channel, INTAKE) == 0


async def test_one_name_for_two_events_sets_the_second_aside(
    rabbitmq_url: str, database_url: str, channel: BlockingChannel
) -> None:
    async with taking_events(rabbitmq_url, database_url):
        tell(channel, 1)
        tell(channel, 1, url="https://example.org/other")
        await until(lambda: waiting_in(channel, REJECTED) == 1, what="it is set aside")

    assert rejected(channel)[0][0].headers["fleet_code"] == "idempotency_conflict"
    assert len(bookmarks(database_url)) == 1


async def test_while_postgresql_is_away_nothing_is_acknowledged_and_nothing_is_lost(
    rabbitmq_url: str, postgres: Own[Postgres], channel: BlockingChannel
) -> None:
    migrate(postgres.url)
    async with taking_events(rabbitmq_url, postgres.url):
        tell(channel, 1)
        await until(lambda: len(bookmarks(postgres.url)) == 1, what="the first is kept")
        await asyncio.to_thread(postgres.stop)
        for number in range(2, 22):
            tell(channel, number, subject=f"user-{number}")
        tell(channel, 22, "bookmark.exploded")  # needs no ledger: says that the others were looked at
        await until(lambda: waiting_in(channel, REJECTED) == 1, what="the intake goes on")
        await asyncio.to_thread(postgres.start)
        await until(lambda: len(bookmarks(postgres.url)) == 21, what="all are kept")


async def test_an_intake_that_ends_before_the_ledger_has_an_event_leaves_it_to_the_next(
    rabbitmq_url: str, database_url: str, channel: BlockingChannel
) -> None:
    asked = asyncio.Event()

    async def away(event: Event) -> None:
        asked.set()
        raise LedgerUnavailable("PostgreSQL cannot be reached.")

    async with running(rabbitmq_url, away):
        tell(channel, 1)
        await asyncio.wait_for(asked.wait(), 10)

    async with taking_events(rabbitmq_url, database_url):
        await until(lambda: len(bookmarks(database_url)) == 1, what="it is kept")


async def test_a_fault_in_one_event_stops_no_other(rabbitmq_url: str, channel: BlockingChannel) -> None:
    taken = []

    async def take(event: Event) -> None:
        if event.id == "e-1":
            raise ZeroDivisionError
        taken.append(event.id)

    async with running(rabbitmq_url, take):
        tell(channel, 1)
        tell(channel, 2)
        await until(lambda: taken == ["e-2"], what="the other is taken")

    assert rejected(channel)[0][0].headers["fleet_code"] == "internal_fault"


async def test_events_that_were_set_aside_are_taken_by_a_version_that_understands_them(
    rabbitmq_url: str,
    database_url: str,
    channel: BlockingChannel,
    rabbitmqctl: Callable[[str, Path], None],
    tmp_path: Path,
) -> None:
    async def faulty(_: Event) -> None:
        raise ZeroDivisionError

    async with running(rabbitmq_url, faulty):
        tell(channel, 1)
        tell(channel, 2)
        await until(lambda: waiting_in(channel, REJECTED) == 2, what="they are set aside")

    host = urlsplit(rabbitmq_url).path[1:]
    moving = block("losses.md", about="shovel rejected").replace('"amqp://"', f'"amqp:///{host}"')
    async with taking_events(rabbitmq_url, database_url):
        tell(channel, 2)
        await until(lambda: len(bookmarks(database_url)) == 1, what="one was sent again")
        await asyncio.to_thread(rabbitmqctl, moving.replace("set_parameter", f"set_parameter -p {host}"), tmp_path)
        await until(lambda: len(bookmarks(database_url)) == 2, what="the other is taken")
        await until(lambda: waiting_in(channel, REJECTED) == waiting_in(channel, INTAKE) == 0, what="none is left")

    assert len(bookmarks(database_url)) == 2


async def test_lost_connections_and_deleted_queues_lose_no_event(
    rabbitmq_url: str, database_url: str, channel: BlockingChannel
) -> None:
    async with Wire(rabbitmq_url).strung() as wire, taking_events(wire.url, database_url):
        for number in range(200):
            tell(channel, number, subject=f"user-{number}")
            if number in {50, 150}:
                await until(lambda: wire.cut() == 1, what="there is a connection to cut")
        await until(lambda: len(bookmarks(database_url)) == 200, what="all are kept")

        channel.queue_delete(INTAKE)
        channel.queue_delete(REJECTED)
        await until(lambda: was_taken(channel, 201), what="the queue is back")
        await until(lambda: len(bookmarks(database_url)) == 201, what="it goes on")


async def test_an_intake_without_its_broker_says_so_until_it_consumes_again(
    rabbitmq_url: str, channel: BlockingChannel
) -> None:
    taken = []

    async def take(event: Event) -> None:
        taken.append(event.id)

    wire = Wire(rabbitmq_url)
    reading = Intake(wire.url, take)
    task = asyncio.create_task(reading.run())
    try:
        async with wire.strung():
            await until(lambda: reading.is_consuming, what="it consumes")
        await until(lambda: not reading.is_consuming, what="it says that it consumes nothing")
        async with wire.strung():
            await until(lambda: reading.is_consuming, what="it consumes again")
            tell(channel, 1)
            await until(lambda: taken == ["e-1"], what="it goes on")
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)
        await reading.close()


async def test_an_intake_over_a_dead_connection_says_so_until_it_consumes_again(
    rabbitmq_url: str, channel: BlockingChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.producer.intake.QUIET", timedelta(seconds=2))
    taken = []

    async def take(event: Event) -> None:
        taken.append(event.id)

    async with Wire(rabbitmq_url).strung() as wire, running(wire.url, take) as reading:
        wire.die()
        await until(lambda: not reading.is_consuming, what="it says that it consumes nothing")
        tell(channel, 1)
        wire.revive()
        await until(lambda: taken == ["e-1"], what="it goes on")
        assert reading.is_consuming


async def test_an_intake_consumes_from_the_brokers_answer_on_and_not_from_its_question(
    rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask, when_asked = Channel._ask, list[bool]()

    async def watched(channel: Channel, question: Callable[..., object], **arguments: object) -> Any:
        when_asked.append(channel.is_consuming)
        return await ask(channel, question, **arguments)

    monkeypatch.setattr(Channel, "_ask", watched)
    async with running(rabbitmq_url, lambda _: None):
        assert when_asked
        assert not any(when_asked)


async def test_an_intake_queue_deleted_and_declared_again_at_once_is_read_again(
    rabbitmq_url: str, channel: BlockingChannel, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.producer.intake.QUIET", timedelta(seconds=0.5))
    taken = []

    async def take(event: Event) -> None:
        taken.append(event.id)

    async with running(rabbitmq_url, take):
        tell(channel, 1)
        await until(lambda: taken == ["e-1"], what="it works")
        channel.queue_delete(INTAKE)
        channel.queue_declare(INTAKE, durable=True, arguments=dict(intake.INTAKE.arguments))
        channel.queue_bind(INTAKE, EVENTS_IN, "#")
        tell(channel, 2)
        await until(lambda: taken == ["e-1", "e-2"], what="it is read again")
