"""Runs one stage's pool in this process: a Dramatiq worker whose async actors share one loop and its resources."""

from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass
from datetime import timedelta

import dramatiq

from shared.jobs import Work
from shared.settings import BrokerSettings, ProcessSettings
from shared.values import Stage

RunReleased = Callable[[Sequence[int], str], Awaitable[None]]
"""Runs one message: `await run(job_ids, release)`; what an actor's body calls."""


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
    """

    stage: Stage
    make_actor: Callable[[dramatiq.Broker, str, RunReleased], object]
    open_work: Callable[[], AbstractAsyncContextManager[Work]]
    threads: int
    hold: timedelta


def run_pool(pool: Pool, *, broker: BrokerSettings, process: ProcessSettings, partitions: range | None = None) -> int:
    """Work until SIGTERM or SIGINT, then finish what runs (for a bounded time) and return the exit code.

    Args:
        pool: what to run.
        broker: where messages come from, and how many partitions there are.
        process: log level and the address of the probes.
        partitions: those to consume; all when None.
    """
    raise NotImplementedError
