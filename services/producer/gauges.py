"""The gauges of what waits, counted now and then by the dispatcher and shown on its /metrics."""

import asyncio
from collections.abc import Awaitable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import NoReturn, Protocol

from prometheus_client import Gauge

from shared.broker import Carrier
from shared.errors import BrokerUnavailable, LedgerUnavailable
from shared.logs import log
from shared.metrics import (
    BACKLOG_JOBS,
    COUNTED_AT,
    DEAD_LETTERS,
    DEFAULT_KEY_CALLS,
    DEFAULT_KEY_LIMIT,
    KEYS,
    LANES,
    OLDEST_WAIT,
    OUTBOX_OLDEST,
    OUTBOX_PENDING,
    QUEUE_DEPTH,
)
from shared.quota import DEFAULT_KEY, LimitBook
from shared.quota.calendar import Calendar
from shared.usage import UsageJournal
from shared.values import Stage


@dataclass(frozen=True, slots=True)
class Standing:
    """What waits in the ledger at a moment.

    Attributes:
        jobs: jobs that have not ended, by stage and state.
        lanes: lanes that wait although they have work, by stage and reason.
        oldest_wait_s: how long the oldest job that could run has waited, seconds, by stage; users of whom something
            runs do not count: what else they have waits for its turn.
        keys: users' keys by status.
        outbox: events that are not published.
        outbox_oldest_s: age of the oldest of them, seconds; 0 when there are none.
    """

    jobs: Mapping[tuple[str, str], int]
    lanes: Mapping[tuple[str, str], int]
    oldest_wait_s: Mapping[str, float]
    keys: Mapping[str, int]
    outbox: int
    outbox_oldest_s: float


class Counting(Protocol):
    """Where it is counted."""

    async def standing(self) -> Standing:
        """What waits now.

        Raises:
            LedgerUnavailable: nobody can say.
        """
        ...


@dataclass(frozen=True, slots=True)
class DefaultKeyUse:
    """How much of the default key's calls is used up, as the journal has it."""

    journal: UsageJournal
    limits: LimitBook
    calendar: Calendar

    async def count(self) -> None:
        """Set the gauges of the calendar windows; a minute is over before anybody looks.

        Raises:
            LedgerUnavailable: nobody can say.
        """
        bounds = self.calendar.bounds(datetime.now(UTC))
        allowed = await self.limits.in_force(DEFAULT_KEY)
        for window, since, limit in (("day", bounds.day, allowed.day), ("month", bounds.month, allowed.month)):
            DEFAULT_KEY_CALLS.labels(window).set((await self.journal.usage_since(DEFAULT_KEY, since.start)).calls)
            DEFAULT_KEY_LIMIT.labels(window).set(limit.calls)


async def count_for_ever(
    counting: Counting, default_key: DefaultKeyUse, carrier: Carrier, stages: Sequence[Stage], *, every: timedelta
) -> NoReturn:
    """Bring the gauges up to date; what cannot be counted keeps its last value, and `COUNTED_AT` its age."""
    while True:
        await _counted("ledger", _count_ledger(counting, default_key, stages))
        await _counted("broker", _count_broker(carrier, stages))
        await asyncio.sleep(every.total_seconds())


async def _counted(source: str, count: Awaitable[None]) -> None:
    """Say when it was counted there; one server that is away keeps nobody from counting in the other."""
    try:
        await count
    except (BrokerUnavailable, LedgerUnavailable) as error:
        log.warning("gauges_stale", source=source, code=error.code, sentence=error.sentence)
    else:
        COUNTED_AT.labels(source).set_to_current_time()


async def _count_ledger(counting: Counting, default_key: DefaultKeyUse, stages: Iterable[Stage]) -> None:
    show(await counting.standing(), stages)
    await default_key.count()


async def _count_broker(carrier: Carrier, stages: Iterable[Stage]) -> None:
    for stage in stages:
        for partition, depth in (await carrier.depths(stage)).items():
            QUEUE_DEPTH.labels(stage, f"{partition:02}").set(depth)
        DEAD_LETTERS.labels(stage).set(await carrier.dead_letters(stage))


def show(standing: Standing, stages: Iterable[Stage]) -> None:
    """Set every gauge the ledger knows; what is not there any more is gone or 0."""
    _show(BACKLOG_JOBS, standing.jobs.items())
    _show(LANES, standing.lanes.items())
    _show(KEYS, (((status,), keys) for status, keys in standing.keys.items()))
    for stage in stages:
        OLDEST_WAIT.labels(stage).set(standing.oldest_wait_s.get(stage, 0.0))
    OUTBOX_PENDING.set(standing.outbox)
    OUTBOX_OLDEST.set(standing.outbox_oldest_s)


def _show(gauge: Gauge, values: Iterable[tuple[tuple[str, ...], int]]) -> None:
    gauge.clear()
    for labels, value in values:
        gauge.labels(*labels).set(value)
