"""A backlog of many users against a provider that refuses, fails and falls over: judged by its own journal."""

import asyncio
import os
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import timedelta
from itertools import pairwise

import pytest

from shared.breaker import OPENS_AT
from shared.database import Database
from shared.values import KeyStatus
from tests.chaos.analyzers import Backlog
from tests.conftest import Vault
from tests.gemini_emulator import Fault, GeminiEmulator, most_in_any_window
from tests.integration.analyzer.house import House, KeysInVault
from tests.integration.waiting import until
from tests.quotas import limits_of

PAGES = int(os.environ.get("FLEET_CHAOS_ANALYSES", "60"))
OUTAGES = int(os.environ.get("FLEET_CHAOS_OUTAGES", "2"))
PROCESSES = "FLEET_CHAOS_ANALYSES" in os.environ
USERS = 20 if PROCESSES else 3
MINUTE_S = 60.0 if PROCESSES else 1.0
"""The long version waits for real minutes."""
PROBE_S = 2.0 if PROCESSES else 0.1

pytestmark = pytest.mark.xdist_group("fleet")
MakeBacklog = Callable[..., Backlog]


@pytest.fixture
def gemini() -> Iterator[GeminiEmulator]:
    with GeminiEmulator() as emulator:
        yield emulator


@pytest.fixture
async def make_backlog(
    request: pytest.FixtureRequest, database_url: str, redis_url: str, vault: Vault, gemini: GeminiEmulator
) -> AsyncIterator[MakeBacklog]:
    database = Database(database_url, pool=20)
    broker_url = request.getfixturevalue("rabbitmq_url") if PROCESSES else ""

    def make(*, per_minute: int = 1_000, users: int = USERS, pages: int = PAGES) -> Backlog:
        limits = limits_of(minute=per_minute, day=100_000, month=100_000)
        keys = KeysInVault(vault, database, timedelta(seconds=60))
        house = House(
            database,
            redis_url,
            gemini.url,
            keys,
            limits,
            window=5,
            group=5,
            minute=timedelta(seconds=MINUTE_S),
            probe=timedelta(seconds=PROBE_S),
        )
        environment = {
            "FLEET_DATABASE_URL": database_url,
            "FLEET_BROKER_URL": broker_url,
            "FLEET_REDIS_URL": redis_url,
            "FLEET_VAULT_ADDR": vault.addr,
            "FLEET_VAULT_MOUNT": vault.mount,
            "FLEET_VAULT_ROLE_ID": vault.analyzer.role_id,
            "FLEET_VAULT_SECRET_ID": vault.analyzer.secret_id.get_secret_value(),
            "FLEET_GEMINI_BASE_URL": gemini.url,
            "FLEET_PARTITIONS": "4",
            "FLEET_BATCH_PAUSE_S": "0",
            "FLEET_QUOTA_PER_MINUTE": str(per_minute),
            "FLEET_QUOTA_PER_DAY": "100000",
            "FLEET_QUOTA_PER_MONTH": "100000",
            "FLEET_PROVIDER_PROBE_S": str(PROBE_S),
            "FLEET_PROVIDER_TIMEOUT_S": "5",
        }
        return Backlog(house, gemini, users, pages // users, environment if PROCESSES else None)

    yield make
    await database.close()


def report(name: str, backlog: Backlog, **figures: float) -> None:
    """What `pytest -s` shows."""
    told = {"pages": backlog.pages, "requests": len(backlog.gemini.requests), "a_request": backlog.pages_a_request()}
    print(name, " ".join(f"{key}={value:.4g}" for key, value in (told | figures).items()))  # noqa: T201


async def test_a_backlog_takes_one_request_for_five_pages_and_none_twice(make_backlog: MakeBacklog) -> None:
    backlog = make_backlog()
    await backlog.save()
    began = time.monotonic()

    await backlog.work_off()

    report("backlog", backlog, seconds=time.monotonic() - began)
    assert backlog.pages_a_request() >= 4.8
    asked = Counter(item for request in backlog.gemini.requests for item in request.items)
    assert set(asked.values()) == {1}
    assert await backlog.analysed_by() == {"gemini": backlog.pages}
    assert await backlog.tries() == {0: backlog.pages}


@pytest.mark.skipif(not PROCESSES, reason="takes two real minutes: `make chaos`")
async def test_every_permitted_call_is_used_while_work_waits_and_none_beyond(make_backlog: MakeBacklog) -> None:
    minutes, limit = 2, 15
    backlog = make_backlog(per_minute=limit, pages=USERS * 5 * (limit * minutes + 2))
    await backlog.save()
    began = time.monotonic()

    await backlog.work_off()

    spent, used, pace = time.monotonic() - began, [], []
    for key in backlog.keys.values():
        calls = sorted(request.at for request in backlog.gemini.requests_of(key))
        assert most_in_any_window(calls, 60.0) <= limit
        used.append(sum(call - calls[0] < 60 * minutes for call in calls) / (limit * minutes))
        pace.append(60 * minutes / (calls[limit * minutes] - calls[0]))
    mean_used, mean_pace = sum(used) / len(used), sum(pace) / len(pace)
    report("permitted calls", backlog, seconds=spent, used=mean_used, least_used=min(used), pace=mean_pace)
    assert mean_used >= 0.99
    assert (
        mean_pace >= 0.98
    )  # a minute of ours is half a second longer, so that no span of a true one sees a call too many


async def test_random_failures_end_complete_and_cost_few_more_requests(make_backlog: MakeBacklog) -> None:
    backlog = make_backlog()
    costly = [Fault.CUT, Fault.MALFORMED]
    kinds = [*costly, Fault.INTERNAL, Fault.OVERLOADED, Fault.RESET]
    waiting = [Fault.MINUTE, Fault.RETRY_ONLY, Fault.BARE_429]  # seven seconds to a minute each
    await backlog.save(per_minute=100_000)
    backlog.gemini.fail_by_chance(0.3, kinds + waiting if PROCESSES else kinds, seed=PAGES)
    began = time.monotonic()

    await backlog.work_off()

    requests, ideal = backlog.gemini.requests, backlog.pages / 5
    report("failures", backlog, seconds=time.monotonic() - began, times_ideal=len(requests) / ideal)
    assert await backlog.analysed_by() == {"gemini": backlog.pages}
    if PROCESSES:  # a few requests are no average
        assert len(requests) <= 1.6 * ideal
    tries = sum(number * count for number, count in (await backlog.tries()).items())
    assert tries == sum(len(request.items) for request in requests if request.outcome in set(costly))


async def test_a_key_revoked_meanwhile_is_told_used_no_more_and_noticed_by_nobody_else(
    make_backlog: MakeBacklog,
) -> None:
    backlog = make_backlog()
    await backlog.save()
    user, key = next(iter(backlog.keys.items()))

    async with backlog.analyzers(3):
        await until(lambda: backlog.gemini.requests_of(key), what="the key is used", within_s=60)
        backlog.gemini.refuse_key(key)
        await until(backlog.is_done, what="every page is analysed", within_s=600)

    refused = [request for request in backlog.gemini.requests_of(key) if not request.answered]
    by_users_key = 5 * len([request for request in backlog.gemini.requests_of(key) if request.answered])
    known = await backlog.house.registry.find(user)
    assert known is not None
    assert known.status is (KeyStatus.INVALID if refused else KeyStatus.ACTIVE)  # all of it may have been done by then
    assert len(refused) <= 1
    assert await backlog.told(user) == (["invalid"] if refused else [])
    assert await backlog.analysed_by() == Counter(
        {"gemini": backlog.pages - backlog.each + by_users_key, "heuristic": backlog.each - by_users_key}
    )
    assert set(await backlog.tries()) == {0}
    report("revoked", backlog, refused=len(refused))


async def test_outages_spend_no_attempt_and_are_ended_by_single_probes(make_backlog: MakeBacklog) -> None:
    backlog = make_backlog()
    gemini, chance, probes = backlog.gemini, random.Random(PAGES), 0
    await backlog.save()
    gemini.latency_s = 0.05

    async with backlog.analyzers(3):
        for _ in range(OUTAGES):
            answered = len(backlog.answered())
            await until(lambda seen=answered: len(backlog.answered()) > seen, what="work goes on", within_s=120)
            before, began = len(gemini.requests), time.monotonic()
            gemini.fail_by_chance(1.0, [Fault.OVERLOADED, Fault.INTERNAL, Fault.RESET, Fault.BAD_GATEWAY])
            await asyncio.sleep(chance.uniform(2, 10) * PROBE_S)
            gemini.fail_by_chance(0, [])
            failing = [request.at for request in gemini.requests[before:] if not request.answered]
            failed = len(failing)
            # Each lane has one call on its way at most when the breaker opens, and comes back after an interval.
            assert failed <= USERS + OPENS_AT + 1 + (time.monotonic() - began) / PROBE_S
            if PROCESSES:  # a busy machine's calls may arrive long after they were let go
                late = [at for at in failing if at > failing[OPENS_AT - 1] + 1.5]
                assert all(later - earlier >= PROBE_S for earlier, later in pairwise(late))
            probes += failed
        await until(backlog.is_done, what="every page is analysed", within_s=600)

    report("outages", backlog, outages=OUTAGES, failed=probes)
    assert await backlog.tries() == {0: backlog.pages}
    assert await backlog.analysed_by() == {"gemini": backlog.pages}
