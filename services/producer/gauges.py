"""The gauges of what waits, counted now and then by the dispatcher and shown on its /metrics."""

import asyncio
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import NoReturn, Protocol

from prometheus_client import Gauge

from shared.broker import Carrier
from shared.errors import BrokerUnavailable, LedgerUnavailable
from shared.logs import log
from shared.metrics import BACKLOG_JOBS, KEYS, LANES, OLDEST_WAIT, OUTBOX_PENDING, QUEUE_DEPTH
from shared.values import Stage


@dataclass(frozen=True, slots=True)
class Standing:
    """What waits in the ledger at a moment.

    Attributes:
        jobs: jobs that have not ended, by stage and state.
        lanes: lanes that wait although they have work, by stage and reason.
        oldest_wait_s: age of the oldest job that could run, seconds, by stage.
        keys: users' keys by status.
        outbox: events that are not published.
    """

    jobs: Mapping[tuple[str, str], int]
    lanes: Mapping[tuple[str, str], int]
    oldest_wait_s: Mapping[str, float]
    keys: Mapping[str, int]
    outbox: int


class Counting(Protocol):
    """Where it is counted."""

    async def standing(self) -> Standing:
        """What waits now.

        Raises:
            LedgerUnavailable: nobody can say.
        """
        ...


async def count_for_ever(
    counting: Counting, carrier: Carrier, stages: Iterable[Stage], *, every: timedelta
) -> NoReturn:
    """Bring the gauges up to date; what cannot be counted keeps its last value."""
    while True:
        try:
            show(await counting.standing(), stages)
            for stage in stages:
                for partition, depth in (await carrier.depths(stage)).items():
                    QUEUE_DEPTH.labels(stage, f"{partition:02}").set(depth)
        except (BrokerUnavailable, LedgerUnavailable) as error:
            log.warning("gauges_stale", code=error.code, sentence=error.sentence)
        await asyncio.sleep(every.total_seconds())


def show(standing: Standing, stages: Iterable[Stage]) -> None:
    """Set every gauge the ledger knows; what is not there any more is gone or 0."""
    _show(BACKLOG_JOBS, standing.jobs.items())
    _show(LANES, standing.lanes.items())
    _show(KEYS, (((status,), keys) for status, keys in standing.keys.items()))
    for stage in stages:
        OLDEST_WAIT.labels(stage).set(standing.oldest_wait_s.get(stage, 0.0))
    OUTBOX_PENDING.set(standing.outbox)


def _show(gauge: Gauge, values: Iterable[tuple[tuple[str, ...], int]]) -> None:
    gauge.clear()
    for labels, value in values:
        gauge.labels(*labels).set(value)
