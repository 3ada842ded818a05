"""Dispatchers side by side on real PostgreSQL and RabbitMQ: shares are held, events go out in order."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from datetime import UTC, timedelta

import psycopg
import pytest

from services.producer.adapters.counting_in_postgres import PostgresCounting
from services.producer.adapters.outbox_in_postgres import PostgresOutbox
from services.producer.dispatching import Dispatcher
from services.producer.gauges import DefaultKeyUse
from services.producer.outbox import relay_for_ever
from shared.audit import here
from shared.bookmarks import NewBookmark
from shared.broker import Carrier
from shared.broker.in_memory import InMemoryEventSink
from shared.broker.making import make_carrier
from shared.database import Database
from shared.errors import BrokerUnavailable
from shared.ledger import StagePolicy
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import RetryPolicy
from shared.metrics import DEFAULT_KEY_CALLS, DEFAULT_KEY_LIMIT
from shared.quota.calendar import Calendar
from shared.quota.in_postgres import PostgresLimits
from shared.quota.opening import deployment_limits
from shared.settings import DefaultKeySettings, QuotaSettings
from shared.tracing import Trace, go_on_from
from shared.usage.in_postgres import PostgresUsage
from shared.values import KeySource, Stage, UserId
from tests.contract.ledger.kit import ADA, SCRAPE, claim_all, content, pages
from tests.integration.waiting import until

LEASE = timedelta(seconds=60)
POLICY = StagePolicy(window=3, group=1, ready_buffer=20, release_lease=LEASE, run_lease=LEASE)


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
def ledger(database: Database) -> PostgresLedger:
    return PostgresLedger(database, policies={Stage.SCRAPE: POLICY}, retries=RetryPolicy())


@pytest.fixture
async def carriers(rabbitmq_url: str) -> AsyncIterator[list[Carrier]]:
    pair = [make_carrier(rabbitmq_url, partitions=4, stages=[Stage.SCRAPE]) for _ in range(2)]
    yield pair
    for carrier in pair:
        await carrier.close()


def out_by_user(database_url: str) -> Counter[str]:
    with psycopg.connect(database_url) as connection:
        return Counter(
            dict(
                connection.execute(
                    "SELECT user_id, count(*) FROM jobs WHERE state IN ('released', 'running') GROUP BY 1"
                ).fetchall()
            )
        )


async def submit(ledger: PostgresLedger, *, users: int, each: int) -> None:
    for user in range(users):
        bookmarks = [NewBookmark(f"http://example.org/{number}") for number in range(each)]
        await ledger.submit(UserId(f"user-{user}"), bookmarks)


async def test_two_dispatchers_hold_the_window_and_the_ready_buffer_together(
    ledger: PostgresLedger, carriers: list[Carrier], database_url: str
) -> None:
    await submit(ledger, users=5, each=100)
    dispatchers = [Dispatcher(ledger, carrier) for carrier in carriers]

    for _ in range(20):
        await asyncio.gather(*[dispatcher.tick(Stage.SCRAPE) for dispatcher in dispatchers])

    assert out_by_user(database_url) == Counter({f"user-{user}": POLICY.window for user in range(5)})
    assert sum((await carriers[0].depths(Stage.SCRAPE)).values()) == 5 * POLICY.window


async def test_the_ready_buffer_bounds_what_many_users_have_out(
    ledger: PostgresLedger, carriers: list[Carrier], database_url: str
) -> None:
    await submit(ledger, users=30, each=2)
    dispatchers = [Dispatcher(ledger, carrier) for carrier in carriers]

    for _ in range(20):
        await asyncio.gather(*[dispatcher.tick(Stage.SCRAPE) for dispatcher in dispatchers])

    assert out_by_user(database_url).total() == POLICY.ready_buffer
    assert sum((await carriers[0].depths(Stage.SCRAPE)).values()) == POLICY.ready_buffer


async def test_what_waits_is_counted(ledger: PostgresLedger, database: Database, database_url: str) -> None:
    await submit(ledger, users=2, each=5)
    await ledger.release(Stage.SCRAPE)
    await ledger.pause(UserId("user-1"), by=here("operator:root"))
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE jobs SET ready_at = now() - interval '90 seconds' WHERE user_id = 'user-0'")
        connection.execute("UPDATE lanes SET state = 'ready'")
        tell(connection, "bookmark.failed")

    standing = await PostgresCounting(database).standing()

    assert standing.jobs == {("scrape", "queued"): 8, ("scrape", "released"): 2}
    assert standing.lanes == {("scrape", "paused"): 1}
    assert 90 <= standing.oldest_wait_s["scrape"] < 120
    assert standing.outbox == 1
    assert 0 <= standing.outbox_oldest_s < 60


async def test_what_is_released_and_unclaimed_waits_and_a_user_who_is_being_served_does_not(
    ledger: PostgresLedger, database: Database, database_url: str
) -> None:
    await submit(ledger, users=1, each=1)
    [release] = await ledger.release(Stage.SCRAPE)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE jobs SET ready_at = now() - interval '90 seconds'")

    before = await PostgresCounting(database).standing()
    await submit(ledger, users=1, each=5)
    with psycopg.connect(database_url) as connection:
        connection.execute("UPDATE jobs SET ready_at = now() - interval '90 seconds'")
    await ledger.claim(Stage.SCRAPE, release.job_ids, release.token)
    after = await PostgresCounting(database).standing()

    assert 90 <= before.oldest_wait_s["scrape"] < 120
    assert after.jobs[("scrape", "queued")] > 0
    assert "scrape" not in after.oldest_wait_s


async def test_calls_on_the_default_key_are_shown_beside_its_limit(ledger: PostgresLedger, database: Database) -> None:
    await submit(ledger, users=2, each=1)
    journal = PostgresUsage(database)
    await journal.begin(UserId("user-0"), key_source=KeySource.DEFAULT, model="gemini", items=5)
    await journal.begin(UserId("user-1"), key_source=KeySource.USER, model="gemini", items=5)
    limits = PostgresLimits(database, deployment_limits(QuotaSettings(), DefaultKeySettings(default_key_per_day=40)))

    await DefaultKeyUse(journal, limits, Calendar(UTC)).count()

    shown = [gauge.labels("day")._value.get() for gauge in (DEFAULT_KEY_CALLS, DEFAULT_KEY_LIMIT)]
    assert shown == [1, 40]


# ---- the outbox -----------------------------------------------------------------------------------


def tell(connection: psycopg.Connection, *types: str) -> None:
    for type_ in types:
        connection.execute(
            "INSERT INTO outbox (user_id, type, data) VALUES ('ada', %s, '{\"bookmark_id\": 7}')", [type_]
        )


def waiting(database_url: str) -> int:
    with psycopg.connect(database_url) as connection:
        [[rows]] = connection.execute("SELECT count(*) FROM outbox").fetchall()
        return int(rows)


async def test_what_was_told_goes_out_in_order_and_is_forgotten(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        tell(connection, "bookmark.scraped", "bookmark.analyzed", "key.status_changed")
    sink = InMemoryEventSink()

    await PostgresOutbox(database).relay(sink, at_most=2)
    await PostgresOutbox(database).relay(sink, at_most=2)

    assert [event["type"] for event in sink.events] == ["bookmark.scraped", "bookmark.analyzed", "key.status_changed"]
    assert {event["subject"] for event in sink.events} == {"ada"}
    assert sink.events[0]["data"] == {"bookmark_id": 7}
    assert waiting(database_url) == 0


async def test_what_is_told_says_where_in_a_trace_it_came_to_be(database: Database, ledger: PostgresLedger) -> None:
    place = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"
    sink = InMemoryEventSink()
    await ledger.submit(ADA, pages(2))
    first, second = await claim_all(ledger, SCRAPE)
    await ledger.store_content(first, content())

    go_on_from(Trace.read(place))
    await ledger.store_content(second, content())
    await PostgresOutbox(database).relay(sink, at_most=10)

    assert [event.get("traceparent") for event in sink.events] == [None, place]


async def test_nothing_is_forgotten_before_it_is_out(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        tell(connection, "bookmark.scraped")
    sink = InMemoryEventSink()
    sink.away = True

    with pytest.raises(BrokerUnavailable):
        await PostgresOutbox(database).relay(sink, at_most=10)

    assert waiting(database_url) == 1


async def test_a_relay_that_dies_before_it_forgets_leaves_its_events_to_the_next(
    database: Database, database_url: str
) -> None:
    class DiesAfterwards(InMemoryEventSink):
        async def publish(self, events: list[dict[str, object]]) -> None:  # type: ignore[override]
            await super().publish(events)
            raise asyncio.CancelledError

    with psycopg.connect(database_url) as connection:
        tell(connection, "bookmark.scraped")
    dying, next_one = DiesAfterwards(), InMemoryEventSink()

    with pytest.raises(asyncio.CancelledError):
        await PostgresOutbox(database).relay(dying, at_most=10)
    await PostgresOutbox(database).relay(next_one, at_most=10)

    assert [event["id"] for event in dying.events] == [event["id"] for event in next_one.events]
    assert waiting(database_url) == 0


async def test_many_relays_publish_each_event_once_and_in_order(database: Database, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        tell(connection, *["bookmark.scraped"] * 1_200)
    sink = InMemoryEventSink()
    relays = [
        asyncio.create_task(relay_for_ever(PostgresOutbox(database), sink, poll=timedelta(seconds=0.01)))
        for _ in range(4)
    ]

    await until(lambda: waiting(database_url) == 0, what="everything is out")
    for relay in relays:
        relay.cancel()
    await asyncio.gather(*relays, return_exceptions=True)

    ids = [int(str(event["id"])) for event in sink.events]
    assert ids == sorted(ids)
    assert len(ids) == 1_200
