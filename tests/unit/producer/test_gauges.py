"""Gauges of what waits tell how old they are, each server's by itself."""

import asyncio
from contextlib import suppress
from datetime import UTC, timedelta

import pytest

from services.producer.gauges import DefaultKeyUse, Standing, count_for_ever
from shared.broker.in_memory import InMemoryCarrier
from shared.errors import LedgerUnavailable
from shared.metrics import COUNTED_AT, OLDEST_WAIT
from shared.quota.calendar import Calendar
from shared.quota.in_memory import InMemoryLimits
from shared.quota.opening import deployment_limits
from shared.settings import DefaultKeySettings, QuotaSettings
from shared.usage.in_memory import InMemoryUsage
from shared.values import Stage

LONG_AGO = 1.0  # in Unix time


class CountingInMemory:
    """Somebody waits in the scrape stage, unless the ledger is `away`."""

    away = False

    async def standing(self) -> Standing:
        if self.away:
            raise LedgerUnavailable("The ledger cannot be reached (away).")
        return Standing(jobs={}, lanes={}, oldest_wait_s={"scrape": 42.0}, keys={}, outbox=0, outbox_oldest_s=0.0)


@pytest.fixture
def ledger() -> CountingInMemory:
    COUNTED_AT.labels("ledger").set(LONG_AGO)
    OLDEST_WAIT.clear()
    return CountingInMemory()


@pytest.fixture
def broker() -> InMemoryCarrier:
    COUNTED_AT.labels("broker").set(LONG_AGO)
    return InMemoryCarrier(partitions=1)


async def count_for_a_moment(ledger: CountingInMemory, broker: InMemoryCarrier) -> None:
    limits = InMemoryLimits(deployment_limits(QuotaSettings(), DefaultKeySettings()))
    default_key = DefaultKeyUse(InMemoryUsage(), limits, Calendar(UTC))
    with suppress(TimeoutError):
        async with asyncio.timeout(0.1):
            await count_for_ever(ledger, default_key, broker, [Stage.SCRAPE], every=timedelta(seconds=60))


def is_fresh(source: str) -> bool:
    return COUNTED_AT.labels(source)._value.get() > LONG_AGO


async def test_what_waits_in_the_ledger_is_counted_while_the_broker_is_away(
    ledger: CountingInMemory, broker: InMemoryCarrier
) -> None:
    broker.away = True

    await count_for_a_moment(ledger, broker)

    assert OLDEST_WAIT.labels("scrape")._value.get() == 42.0
    assert is_fresh("ledger")
    assert not is_fresh("broker")


async def test_what_waits_in_the_broker_is_counted_while_the_ledger_is_away(
    ledger: CountingInMemory, broker: InMemoryCarrier
) -> None:
    ledger.away = True

    await count_for_a_moment(ledger, broker)

    assert is_fresh("broker")
    assert not is_fresh("ledger")
