"""Runs one stage's pool in this process: a Dramatiq worker whose async actors share one loop and its resources.

One process is one worker: no forks, so one registry of metrics, one set of clients, and a clean end.
"""

import asyncio
import contextvars
import signal
from collections.abc import Awaitable, Callable, Coroutine, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta
from typing import Any, TypeVar, cast

import dramatiq
import dramatiq.worker
from dramatiq.asyncio import EventLoopThread, set_event_loop_thread

from shared.broker.making import make_broker
from shared.broker.queues import release_queues
from shared.broker.quorum_broker import QuorumBroker
from shared.broker.redis_broker import OneMachineBroker
from shared.errors import BrokerUnavailable, Misconfigured
from shared.jobs import JobRunner, Work
from shared.logs import configure_logs, log
from shared.patience import backoff_s
from shared.probes import probes
from shared.settings import BrokerSettings, ProcessSettings
from shared.tracing import go_on_from, here
from shared.tracing.opening import tracing
from shared.values import Stage

T = TypeVar("T")

RunReleased = Callable[[Sequence[int], str], Awaitable[None]]
"""Runs one message: `await run(job_ids, release)`; what an actor's body calls."""

_POLL_MS = 250  # how soon threads notice that they shall stop, and how often an idle queue in Redis is asked
_RESTART_CONSUMER_S = 1.0  # Dramatiq's 3 s are long when somebody deleted the queues
_PUT_BACK_S = 15.0


@dataclass(frozen=True, slots=True)
class Pool:
    """One stage's pool.

    Attributes:
        stage: whose queues are consumed.
        make_actor: declares the stage's actor: `make_actor(broker, queue, run)`, where `queue` is the queue the actor
            is declared on and `run` what its body awaits.
        open_work: opens clients and pools on the loop the actors run on, yields the `Work`, and closes them after
            the last job.
        threads: jobs this process works on at once; each holds one thread that waits.
        hold: the stage's release lease: how long a message lives, and how long a claim waits for the ledger.
        grace: how long running jobs may go on after a signal, before they are put back.
    """

    stage: Stage
    make_actor: Callable[[dramatiq.Broker, str, RunReleased], object]
    open_work: Callable[[], AbstractAsyncContextManager[Work]]
    threads: int
    hold: timedelta
    grace: timedelta = timedelta(seconds=20)


def run_pool(
    pool: Pool, *, broker: BrokerSettings, process: ProcessSettings, partitions: Sequence[int] | None = None
) -> int:
    """Work until SIGTERM or SIGINT, then finish what runs (for a bounded time) and return the exit code.

    Args:
        pool: what to run.
        broker: where messages come from, and how many partitions there are.
        process: log level and the address of the probes.
        partitions: those to consume; all when None.

    Raises:
        Misconfigured: a partition does not exist, the broker's address is none, or its queues are of another kind.
    """
    configure_logs(process.log_level, process=pool.stage.value)
    queues = chosen_queues(pool.stage, of=broker.partitions, partitions=partitions)
    with tracing(process.trace_endpoint, process=pool.stage.value):
        asyncio.run(_serve_until_signalled(pool, queues, broker.broker_url.get_secret_value(), process))
    return 0


def chosen_queues(stage: Stage, *, of: int, partitions: Sequence[int] | None) -> list[str]:
    """The queues to consume: all `of` a stage, or those of some partitions.

    Raises:
        Misconfigured: a partition does not exist.
    """
    every = list(release_queues(stage, partitions=of))
    if missing := [partition for partition in partitions or () if partition >= of]:
        raise Misconfigured(f"There is no partition {missing[0]}: FLEET_PARTITIONS is {of}, so the last is {of - 1}.")
    return every if partitions is None else [every[partition] for partition in partitions]


def prefetch_of(*, threads: int, queues: int) -> int:
    """Messages to hold per queue, so that every message held has a thread: none waits here while others are idle."""
    return max(1, threads // queues)


class RunningJobs:
    """The messages that are being worked on, so that they can be told to stop."""

    def __init__(self, run: RunReleased) -> None:
        """Keep what runs a message."""
        self._run = run
        self._tasks: set[asyncio.Task[Any]] = set()
        self._stopped = False

    async def __call__(self, job_ids: Sequence[int], release: str) -> None:
        """Run one message; one that comes after the stop is left to its lease."""
        task = asyncio.current_task()
        if self._stopped or task is None:
            return
        self._tasks.add(task)
        try:
            await self._run(job_ids, release)
        except asyncio.CancelledError:
            log.info("message_stopped", job_ids=list(job_ids))  # we told it to, and it put its jobs back
        finally:
            self._tasks.discard(task)

    def stop(self) -> None:
        """Have every running message put its jobs back, and take no other."""
        self._stopped = True
        for task in self._tasks:
            task.cancel()


async def serve_pool(
    pool: Pool, queues: Sequence[str], *, broker_url: str, process: ProcessSettings, stop: asyncio.Event
) -> None:
    """Work on these queues until `stop` is set; see `run_pool`."""
    broker = make_broker(broker_url)
    async with pool.open_work() as work:
        running = RunningJobs(JobRunner(pool.stage, work, hold=pool.hold))
        pool.make_actor(broker, queues[0], running)
        worker = _worker(broker, queues, threads=pool.threads)
        ready = {"broker": lambda: _is_consuming(worker, queues), **work.needs}
        async with probes(host=process.metrics_host, port=process.metrics_port, ready=ready):
            if not await _declared(broker, queues, stop):
                return
            set_event_loop_thread(cast("EventLoopThread", _ThisLoop()))
            await asyncio.to_thread(worker.start)
            log.info("pool_started", stage=pool.stage.value, queues=len(queues), threads=pool.threads)
            await stop.wait()
            log.info("pool_stopping", stage=pool.stage.value)
            await _finish(worker, running, grace=pool.grace)
            broker.close()
            set_event_loop_thread(None)


async def _serve_until_signalled(pool: Pool, queues: Sequence[str], broker_url: str, process: ProcessSettings) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await serve_pool(pool, queues, broker_url=broker_url, process=process, stop=stop)


def _worker(broker: dramatiq.Broker, queues: Sequence[str], *, threads: int) -> dramatiq.Worker:
    dramatiq.worker.CONSUMER_RESTART_DELAY_SECS = _RESTART_CONSUMER_S
    worker = dramatiq.Worker(broker, queues=set(queues), worker_threads=threads, worker_timeout=_POLL_MS)
    worker.queue_prefetch = prefetch_of(threads=threads, queues=len(queues))
    return worker


async def _declared(broker: QuorumBroker | OneMachineBroker, queues: Sequence[str], stop: asyncio.Event) -> bool:
    """Declare every queue as soon as the broker is there; False when the process was told to stop first."""
    failures = 0
    while not stop.is_set():
        try:
            await asyncio.to_thread(broker.declare_all, queues)
        except BrokerUnavailable as error:
            log.warning("broker_unavailable", sentence=error.sentence, advice=error.advice)
            try:
                await asyncio.wait_for(stop.wait(), backoff_s(failures, first=0.5, longest=10))
            except TimeoutError:
                failures += 1
        else:
            return True
    return False


def _is_consuming(worker: dramatiq.Worker, queues: Sequence[str]) -> bool:
    return set(worker.consumers) == set(queues) and all(
        thread.is_alive() and getattr(thread.consumer, "is_consuming", False) for thread in worker.consumers.values()
    )


async def _finish(worker: dramatiq.Worker, running: RunningJobs, *, grace: timedelta) -> None:
    seconds = grace.total_seconds()
    stopping = asyncio.create_task(asyncio.to_thread(worker.stop, timeout=round((seconds + _PUT_BACK_S) * 1000)))
    done, _ = await asyncio.wait([stopping], timeout=seconds)
    if not done:
        running.stop()
        await stopping


class _ThisLoop:
    """Runs async actors on this loop, where the resources were opened; Dramatiq would start another in a thread."""

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._context = contextvars.copy_context()  # what every log line of this process carries

    def run_coroutine(self, coroutine: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result; holds the calling worker thread until then."""
        start = self._context.copy().run
        start(go_on_from, here())  # the trace of the message that this thread took
        return start(asyncio.run_coroutine_threadsafe, coroutine, self._loop).result()
