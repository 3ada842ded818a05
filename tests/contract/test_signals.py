"""What every `Signals` promises: in memory, and in a real PostgreSQL."""

from collections.abc import AsyncIterator
from datetime import timedelta

import pytest
from prometheus_client import REGISTRY

from shared.database import Database
from shared.errors import LedgerUnavailable
from shared.signals import SignalKind, Signals
from shared.signals.in_memory import InMemorySignals
from shared.signals.in_postgres import PostgresSignals
from shared.users import user_id

ADA, BOB = user_id("ada"), user_id("bob")
BURST, BAD_KEYS = SignalKind.SUBMISSION_BURST, SignalKind.BAD_KEYS


@pytest.fixture(params=["memory", "postgres"])
async def signals(request: pytest.FixtureRequest) -> AsyncIterator[Signals]:
    if request.param == "memory":
        yield InMemorySignals()
        return
    database = Database(request.getfixturevalue("database_url"))
    yield PostgresSignals(database)
    await database.close()


async def test_signs_of_one_kind_are_counted_and_show_the_newest_figures(signals: Signals) -> None:
    await signals.note(ADA, BURST, {"bookmarks": 12_000, "within": "an hour"})
    await signals.note(ADA, BURST, {"bookmarks": 31_000})
    await signals.note(ADA, BAD_KEYS)

    burst = next(signal for signal in await signals.newest(user=ADA) if signal.kind is BURST)
    assert (burst.user, burst.times, burst.details) == (ADA, 2, {"bookmarks": 31_000})
    assert burst.first_at < burst.last_at


async def test_the_newest_signs_come_first_and_no_more_than_asked_for(signals: Signals) -> None:
    for user, kind in ((ADA, BURST), (BOB, BURST), (ADA, BAD_KEYS), (ADA, BURST)):
        await signals.note(user, kind)

    newest = [(signal.user, signal.kind, signal.times) for signal in await signals.newest()]
    assert newest == [(ADA, BURST, 2), (ADA, BAD_KEYS, 1), (BOB, BURST, 1)]
    assert [signal.user for signal in await signals.newest(user=BOB)] == [BOB]
    assert len(await signals.newest(1)) == 1


async def test_a_sign_soon_after_the_last_is_still_the_same_one(signals: Signals) -> None:
    before = _counted(BURST)
    await signals.note(ADA, BURST, {"bookmarks": 12_000}, quiet=timedelta(hours=1))
    await signals.note(ADA, BURST, {"bookmarks": 13_000}, quiet=timedelta(hours=1))
    await signals.note(BOB, BURST, quiet=timedelta(hours=1))

    (burst,) = await signals.newest(user=ADA)
    assert (burst.times, burst.details) == (1, {"bookmarks": 12_000})
    assert _counted(BURST) - before == 2, "Ada's first, and Bob's: whose quiet hour is his own"


async def test_the_metric_counts_by_kind(signals: Signals) -> None:
    bursts, bad_keys = _counted(BURST), _counted(BAD_KEYS)
    await signals.note(ADA, BAD_KEYS)
    await signals.note(BOB, BAD_KEYS)

    assert (_counted(BURST) - bursts, _counted(BAD_KEYS) - bad_keys) == (0, 2)


async def test_what_cannot_be_noted_is_not_silent() -> None:
    database = Database("postgresql://fleet@127.0.0.1:1/none")
    with pytest.raises(LedgerUnavailable):
        await PostgresSignals(database).note(ADA, BURST)
    await database.close()


def _counted(kind: SignalKind) -> float:
    return REGISTRY.get_sample_value("fleet_abuse_signals_total", {"kind": kind}) or 0.0
