"""The dispatcher: what is released, sent and taken back while the broker refuses or is away."""

import asyncio
from collections.abc import Sequence
from contextlib import suppress
from datetime import timedelta

import pytest

from services.producer.dispatching import Dispatcher, Sweep
from shared.bookmarks import NewBookmark
from shared.broker.in_memory import InMemoryCarrier
from shared.errors import BrokerUnavailable, LedgerUnavailable
from shared.ledger import Outage, Reaped, Released, StagePolicy
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy
from shared.values import JobState, Stage, UserId
from tests.integration.waiting import until

POLICY = StagePolicy(
    window=4, group=1, ready_buffer=6, release_lease=timedelta(seconds=30), run_lease=timedelta(seconds=30)
)


class CountingLedger(MemoryLedger):
    """Counts how often somebody asked for releases."""

    asked = 0

    async def release(self, stage: Stage) -> list[Released]:
        self.asked += 1
        return await super().release(stage)


@pytest.fixture
def ledger() -> CountingLedger:
    return CountingLedger(policies={Stage.SCRAPE: POLICY}, retries=RetryPolicy())


@pytest.fixture
def carrier() -> InMemoryCarrier:
    return InMemoryCarrier(partitions=1)


async def submit(ledger: MemoryLedger, *, users: int, each: int) -> None:
    for user in range(users):
        bookmarks = [NewBookmark(f"http://example.org/{number}") for number in range(each)]
        await ledger.submit(UserId(f"user-{user}"), bookmarks)


def states(ledger: MemoryLedger, state: JobState) -> int:
    return sum(job.state is state for job in ledger._jobs.values())


def sent(carrier: InMemoryCarrier) -> Sequence[Released]:
    return carrier.queues.get("scrape.00", [])


async def test_what_is_released_is_sent(ledger: CountingLedger, carrier: InMemoryCarrier) -> None:
    await submit(ledger, users=3, each=1)

    assert await Dispatcher(ledger, carrier).tick(Stage.SCRAPE) == 3

    assert {release.user for release in sent(carrier)} == {"user-0", "user-1", "user-2"}
    assert states(ledger, JobState.RELEASED) == 3


async def test_what_the_broker_refuses_goes_back_and_is_not_counted_as_sent(
    ledger: CountingLedger, carrier: InMemoryCarrier
) -> None:
    await submit(ledger, users=2, each=1)
    carrier.closed_queues.add("scrape.00")

    assert await Dispatcher(ledger, carrier).tick(Stage.SCRAPE) == 0

    assert states(ledger, JobState.QUEUED) == 2


async def test_with_the_broker_away_everything_goes_back(ledger: CountingLedger, carrier: InMemoryCarrier) -> None:
    await submit(ledger, users=2, each=1)
    carrier.away = True

    with pytest.raises(BrokerUnavailable):
        await Dispatcher(ledger, carrier).tick(Stage.SCRAPE)

    assert states(ledger, JobState.QUEUED) == 2


async def test_nothing_is_released_until_the_broker_is_back(ledger: CountingLedger, carrier: InMemoryCarrier) -> None:
    await submit(ledger, users=2, each=1)
    carrier.away = True
    task = asyncio.create_task(Dispatcher(ledger, carrier).serve(Stage.SCRAPE, poll=timedelta(seconds=0.01)))
    await until(lambda: ledger.asked == 1, what="the first try")
    await asyncio.sleep(0.5)  # time for a second try, which must ask the broker alone
    asked_meanwhile = ledger.asked

    carrier.away = False
    await until(lambda: len(sent(carrier)) == 2, what="the broker is back")
    task.cancel()
    with suppress(asyncio.CancelledError):
        await task

    assert asked_meanwhile == 1


async def test_two_dispatchers_let_out_no_more_than_one_would(ledger: CountingLedger, carrier: InMemoryCarrier) -> None:
    await submit(ledger, users=2, each=50)
    pair = [Dispatcher(ledger, carrier), Dispatcher(ledger, carrier)]

    for _ in range(10):
        await asyncio.gather(*[dispatcher.tick(Stage.SCRAPE) for dispatcher in pair])

    assert states(ledger, JobState.RELEASED) == POLICY.ready_buffer == len(sent(carrier))


class AbsentLedger(MemoryLedger):
    """Is away as long as it is told to, and keeps which outages it is asked to excuse."""

    away = False

    def __init__(self) -> None:
        super().__init__(policies={Stage.SCRAPE: POLICY}, retries=RetryPolicy())
        self.excused: list[Outage | None] = []

    async def reap(self, *, outage: Outage | None = None) -> Reaped:
        if self.away:
            raise LedgerUnavailable
        self.excused.append(outage)
        return await super().reap(outage=outage)


async def test_a_sweep_excuses_what_ended_since_the_last_one_before_the_ledger_was_away() -> None:
    ledger = AbsentLedger()
    sweep = Sweep(ledger)
    await sweep()
    ledger.away = True
    for _ in range(2):
        with pytest.raises(LedgerUnavailable):
            await sweep()
    ledger.away = False
    await sweep()
    await sweep()

    before, at_once, later = ledger.excused
    assert before is None
    assert at_once is not None
    assert later is not None
    assert at_once.began > at_once.ended == timedelta(0)
    assert later.began - later.ended == pytest.approx(at_once.began, abs=timedelta(milliseconds=1))
    assert later.ended > timedelta(0)
