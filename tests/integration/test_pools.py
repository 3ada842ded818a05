"""A pool on a real broker: what happens to its jobs while queues, connections and the pool itself go away."""

import asyncio
import threading
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from urllib.parse import quote

import aiohttp
import dramatiq
import pika
import psutil
import pytest

from services.local.ports import free_port
from services.producer.dispatching import Dispatcher
from shared.bookmarks import Content, NewBookmark
from shared.broker import Carrier
from shared.broker.making import make_carrier
from shared.broker.queues import release_queue
from shared.jobs import Work, Worked
from shared.ledger import Job, StagePolicy
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy
from shared.settings import ProcessSettings
from shared.users import partition_of
from shared.values import JobState, Stage, Strategy, UserId
from shared.worker import Pool, RunReleased, chosen_queues, serve_pool
from tests.conftest import facts_of, manage
from tests.integration.waiting import until
from tests.integration.wire import Wire

PARTITIONS = 4
LEASE = timedelta(seconds=2)
POLICY = StagePolicy(window=4, group=1, ready_buffer=64, release_lease=LEASE, run_lease=timedelta(seconds=30))
CONTENT = Content(Strategy.STATIC, "ok", "http://example.org/", "title", "text")


def declare_scrape(broker: dramatiq.Broker, queue: str, run: RunReleased) -> None:
    @dramatiq.actor(broker=broker, actor_name="scrape", queue_name=queue, max_retries=0)
    async def scrape(job_ids: list[int], release: str) -> None:
        await run(job_ids, release)


@dataclass
class Fleet:
    """A ledger, a dispatcher and one pool, in this process; the broker alone is elsewhere."""

    url: str
    carrier: Carrier
    ledger: MemoryLedger = field(
        default_factory=lambda: MemoryLedger(
            policies={Stage.SCRAPE: POLICY, Stage.ANALYZE: POLICY}, retries=RetryPolicy(base=timedelta(seconds=0.01))
        )
    )
    worked: Counter[int] = field(default_factory=Counter)
    stop: asyncio.Event = field(default_factory=asyncio.Event)
    port: int = 0
    job_takes_s: float = 0.01
    grace_s: float = 5.0
    threads: int = 8
    slow_user: str = ""

    async def work(self, jobs: Sequence[Job]) -> Worked:
        await asyncio.sleep(600 if jobs[0].user == self.slow_user else self.job_takes_s)
        for job in jobs:
            await self.ledger.store_content(job, CONTENT)
            self.worked[job.id] += 1
        return Worked("static")

    async def submit(self, users: int, each: int) -> None:
        for user in range(users):
            bookmarks = [NewBookmark(f"http://example.org/{number}") for number in range(each)]
            await self.ledger.submit(UserId(f"user-{user}"), bookmarks)

    def scraped(self) -> int:
        return sum(kept.content is not None for kept in self.ledger.bookmarks.values())

    @asynccontextmanager
    async def pool(self, *, partitions: int = PARTITIONS) -> AsyncIterator["asyncio.Task[None]"]:
        @asynccontextmanager
        async def open_work() -> AsyncIterator[Work]:
            yield Work(self.ledger, self.work)

        pool = Pool(Stage.SCRAPE, declare_scrape, open_work, self.threads, LEASE, grace=timedelta(seconds=self.grace_s))
        queues = chosen_queues(Stage.SCRAPE, of=partitions, partitions=None)
        process = ProcessSettings(metrics_port=self.port)
        task = asyncio.create_task(serve_pool(pool, queues, broker_url=self.url, process=process, stop=self.stop))
        try:
            yield task
        finally:
            self.stop.set()
            await task

    @asynccontextmanager
    async def dispatcher(self) -> AsyncIterator[None]:
        dispatcher = Dispatcher(self.ledger, self.carrier)
        tasks = dispatcher.tasks([Stage.SCRAPE], poll=timedelta(seconds=0.02), sweep=timedelta(seconds=0.2))
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def is_ready(self) -> bool:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}/readyz") as answer:
            return answer.status == 200

    async def is_not_ready(self) -> bool:
        return not await self.is_ready()


def make_fleet(url: str, *, partitions: int = PARTITIONS) -> Fleet:
    return Fleet(url, make_carrier(url, partitions=partitions, stages=[Stage.SCRAPE]))


@pytest.fixture
async def on_rabbitmq(rabbitmq_url: str) -> AsyncIterator[Fleet]:
    fleet = make_fleet(rabbitmq_url)
    yield fleet
    await fleet.carrier.close()


@pytest.fixture(params=["rabbitmq", "redis"])
async def fleet(request: pytest.FixtureRequest) -> AsyncIterator[Fleet]:
    fleet = make_fleet(request.getfixturevalue(f"{request.param}_url"))
    yield fleet
    await fleet.carrier.close()


def assert_each_job_was_done_once(fleet: Fleet, *, jobs: int) -> None:
    assert fleet.scraped() == jobs
    assert len(fleet.worked) == jobs
    assert set(fleet.worked.values()) == {1}


async def test_every_released_job_is_worked_on_once(fleet: Fleet) -> None:
    await fleet.submit(users=20, each=5)

    async with fleet.pool(), fleet.dispatcher():
        await until(lambda: fleet.scraped() == 100, what="all is scraped")

    assert_each_job_was_done_once(fleet, jobs=100)


async def test_a_pool_told_to_stop_finishes_what_runs(fleet: Fleet) -> None:
    fleet.job_takes_s = 0.5
    await fleet.submit(users=4, each=1)

    async with fleet.pool(), fleet.dispatcher():
        await until(lambda: running(fleet) > 0, what="something runs")

    assert running(fleet) == 0
    assert fleet.worked


async def test_a_pool_told_to_stop_puts_back_what_would_take_too_long(fleet: Fleet) -> None:
    fleet.job_takes_s, fleet.grace_s = 600, 0.2
    await fleet.submit(users=1, each=1)

    async with fleet.pool(), fleet.dispatcher():
        await until(lambda: running(fleet) == 1, what="it runs")

    [job] = fleet.ledger._jobs.values()
    assert (job.state, job.attempts, fleet.scraped()) == (JobState.QUEUED, 0, 0)


async def test_one_users_slow_pages_hold_up_nobody_on_the_same_partition(fleet: Fleet) -> None:
    fleet.slow_user, fleet.grace_s = "user-0", 0.2
    fleet.threads = PARTITIONS * (POLICY.window + 1)
    await fleet.submit(users=40, each=10)

    async with fleet.pool(), fleet.dispatcher():
        await until(lambda: fleet.scraped() == 390, what="everybody else is served")

    assert fleet.scraped() == 390


async def test_threads_and_connections_of_a_pool_end_with_it(fleet: Fleet) -> None:
    threads, connections = set(threading.enumerate()), connected()
    await fleet.submit(users=1, each=1)
    async with fleet.pool(), fleet.dispatcher():
        await until(lambda: fleet.scraped() == 1, what="it works")
    await fleet.carrier.close()

    ours = {thread for thread in threading.enumerate() if not thread.name.startswith("asyncio_")}
    assert ours - threads == set()
    assert connected() - connections == set()


def connected() -> set[int]:
    """The local ports of this process's open connections."""
    found = psutil.Process().net_connections("tcp")
    return {connection.laddr.port for connection in found if connection.status == psutil.CONN_ESTABLISHED}


def running(fleet: Fleet) -> int:
    return sum(job.state is JobState.RUNNING for job in fleet.ledger._jobs.values())


# ---- RabbitMQ, ill-treated ------------------------------------------------------------------------


def with_channel(url: str, do: Callable[[pika.adapters.blocking_connection.BlockingChannel], None]) -> None:
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        do(connection.channel())


async def test_a_queue_deleted_and_declared_again_at_once_is_read_again(
    on_rabbitmq: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.broker.quorum_broker.QUIET_S", 1.0)
    fleet = on_rabbitmq
    queues = chosen_queues(Stage.SCRAPE, of=PARTITIONS, partitions=None)

    def replace(channel: pika.adapters.blocking_connection.BlockingChannel) -> None:
        for name in queues:
            queue = release_queue(name)
            channel.queue_delete(name)
            channel.queue_declare(name, durable=True, arguments=dict(queue.arguments))

    await fleet.submit(users=20, each=1)
    async with fleet.pool(), fleet.dispatcher():
        await until(lambda: fleet.scraped() == 20, what="it works")
        await asyncio.to_thread(with_channel, fleet.url, replace)
        await fleet.submit(users=40, each=1)
        await until(lambda: fleet.scraped() == 40, what="work resumes")

    assert_each_job_was_done_once(fleet, jobs=40)


async def test_deleting_every_queue_loses_nothing_and_doubles_nothing(
    on_rabbitmq: Fleet, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.broker.quorum_broker.QUIET_S", 1.0)

    def delete(channel: pika.adapters.blocking_connection.BlockingChannel) -> None:
        for queue in chosen_queues(Stage.SCRAPE, of=PARTITIONS, partitions=None):
            channel.queue_delete(queue)
            channel.queue_delete(f"{queue}.XQ")

    fleet = on_rabbitmq
    fleet.job_takes_s = 0.05
    await fleet.submit(users=20, each=10)

    async with fleet.pool(), fleet.dispatcher():
        for part in (20, 80):
            await until(lambda part=part: fleet.scraped() >= part, what=f"{part} are scraped")
            await asyncio.to_thread(with_channel, fleet.url, delete)
        await until(lambda: fleet.scraped() == 200, what="work resumes")

    assert_each_job_was_done_once(fleet, jobs=200)


async def test_losing_every_connection_loses_nothing_and_doubles_nothing(rabbitmq_url: str) -> None:
    async with Wire(rabbitmq_url).strung() as wire:
        fleet = make_fleet(wire.url)
        fleet.job_takes_s = 0.05
        await fleet.submit(users=20, each=10)

        async with fleet.pool(), fleet.dispatcher():
            for part in (20, 80):
                await until(lambda part=part: fleet.scraped() >= part, what=f"{part} are scraped")
                assert wire.cut() > PARTITIONS
            await until(lambda: fleet.scraped() == 200, what="work resumes")
        await fleet.carrier.close()

    assert_each_job_was_done_once(fleet, jobs=200)


async def test_more_partitions_for_the_dispatcher_before_the_workers_lose_nothing_and_double_nothing(
    rabbitmq_url: str,
) -> None:
    fleet = make_fleet(rabbitmq_url, partitions=2 * PARTITIONS)
    await fleet.submit(users=20, each=2)
    read = [user for user in range(20) if partition_of(UserId(f"user-{user}"), partitions=2 * PARTITIONS) < PARTITIONS]
    assert 0 < len(read) < 20

    async with fleet.dispatcher():
        async with fleet.pool():
            await until(lambda: fleet.scraped() == 2 * len(read), what="those on partitions that are read are served")
        fleet.stop = asyncio.Event()
        async with fleet.pool(partitions=2 * PARTITIONS):
            await until(lambda: fleet.scraped() == 40, what="the others come back when their leases end")
    await fleet.carrier.close()

    assert_each_job_was_done_once(fleet, jobs=40)


async def test_a_pool_is_ready_while_it_consumes_and_not_before(on_rabbitmq: Fleet) -> None:
    fleet = on_rabbitmq
    fleet.port, right = free_port(), fleet.url
    fleet.url = f"amqp://nobody:wrong@{right.rpartition('@')[2]}"

    async with fleet.pool():
        await until(lambda: answers(fleet), what="the probes answer")
        assert not await fleet.is_ready()

    fleet.url, fleet.stop = right, asyncio.Event()
    async with fleet.pool():
        await until(lambda: answers(fleet), what="the probes answer")
        await until(fleet.is_ready, what="it consumes")


async def test_a_pool_without_its_broker_is_not_ready_until_it_consumes_again(rabbitmq_url: str) -> None:
    wire = Wire(rabbitmq_url)
    fleet = make_fleet(wire.url)
    fleet.port = free_port()

    async with fleet.pool():
        async with wire.strung():
            await until(lambda: answers(fleet), what="the probes answer")
            await until(fleet.is_ready, what="it consumes")
        await until(fleet.is_not_ready, what="it says that it consumes nothing")
        async with wire.strung():
            await until(fleet.is_ready, what="it consumes again")
            assert await asyncio.to_thread(readers, rabbitmq_url) == [1] * PARTITIONS
    await fleet.carrier.close()


async def test_a_pool_over_dead_connections_is_not_ready_until_it_consumes_again(
    rabbitmq_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.broker.quorum_broker.QUIET_S", 2.0)
    async with Wire(rabbitmq_url).strung() as wire:
        fleet = make_fleet(wire.url)
        fleet.port = free_port()
        async with fleet.pool():
            await until(lambda: answers(fleet), what="the probes answer")
            await until(fleet.is_ready, what="it consumes")
            wire.die()
            await until(fleet.is_not_ready, what="it says that it consumes nothing")
            wire.revive()
            await until(fleet.is_ready, what="it consumes again")
        await fleet.carrier.close()


async def test_a_pool_whose_connections_an_operator_closed_is_not_ready_until_it_consumes_again(
    on_rabbitmq: Fleet,
) -> None:
    fleet = on_rabbitmq
    fleet.port = free_port()
    async with fleet.pool():
        await until(lambda: answers(fleet), what="the probes answer")
        await until(fleet.is_ready, what="it consumes")
        await until(lambda: asyncio.to_thread(close_connections, fleet.url), what="there are connections to close")
        await until(fleet.is_not_ready, what="it says that it consumes nothing")
        await until(fleet.is_ready, what="it consumes again")


async def test_a_pool_whose_queues_were_deleted_reads_them_again_although_nobody_else_declares_them(
    on_rabbitmq: Fleet,
) -> None:
    fleet = on_rabbitmq
    fleet.port = free_port()

    def delete(channel: pika.adapters.blocking_connection.BlockingChannel) -> None:
        for queue in chosen_queues(Stage.SCRAPE, of=PARTITIONS, partitions=None):
            channel.queue_delete(queue)

    async def is_read_by_one() -> bool:
        return await asyncio.to_thread(readers, fleet.url) == [1] * PARTITIONS

    async with fleet.pool():
        await until(lambda: answers(fleet), what="the probes answer")
        await until(fleet.is_ready, what="it consumes")
        await asyncio.to_thread(with_channel, fleet.url, delete)
        await until(is_read_by_one, what="the broker has a reader for each queue")
        await until(fleet.is_ready, what="it says so")


def readers(url: str) -> list[int]:
    """How many consumers the broker counts on each queue; none at all while a queue is not there."""
    counts: list[int] = []

    def count(channel: pika.adapters.blocking_connection.BlockingChannel) -> None:
        queues = chosen_queues(Stage.SCRAPE, of=PARTITIONS, partitions=None)
        counts.extend(channel.queue_declare(queue, passive=True).method.consumer_count for queue in queues)

    try:
        with_channel(url, count)
    except pika.exceptions.ChannelClosedByBroker:
        return []
    return counts


def close_connections(url: str) -> bool:
    """Close every queue's connection as the management page does, once it lists them all."""
    rabbitmq = facts_of("rabbitmq")
    listed = manage(rabbitmq, "GET", f"vhosts/{url.rpartition('/')[2]}/connections")
    if len(listed) < PARTITIONS:
        return False
    for connection in listed:
        manage(rabbitmq, "DELETE", f"connections/{quote(connection['name'])}")
    return True


async def answers(fleet: Fleet) -> bool:
    try:
        await fleet.is_ready()
    except aiohttp.ClientConnectionError:
        return False
    return True
