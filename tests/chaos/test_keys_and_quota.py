"""The promises about keys and quota while the vault is sealed and Redis forgets: nothing fails, nobody exceeds."""

import json
import os
import time
from collections.abc import Callable, Iterator

import hvac
import psycopg
import pytest
import redis

from tests.gemini_emulator import GeminiEmulator, most_in_any_window
from tests.running_fleet import RunningFleet, Site, wait_until

pytestmark = pytest.mark.xdist_group("losses")  # one whole fleet of processes at a time, beside that of tests/e2e

KEY = "AIzaSyAda-0000000000000000000000000000ada"
PAGES = 20
SEALED_S = float(os.environ.get("FLEET_CHAOS_SEALED_S", "8"))
ONE_PAGE_A_CALL = {"FLEET_ITEMS_PER_REQUEST": "1", "FLEET_BATCH_SIZE": "1"}


@pytest.fixture
def gemini() -> Iterator[GeminiEmulator]:
    with GeminiEmulator() as emulator:
        emulator.add_key(KEY, per_minute=100_000, per_day=100_000)  # ours are the limits that must hold
        yield emulator


def analysed(fleet: RunningFleet) -> int:
    found: int = fleet.json("status", "--user", "ada")["analysed"].get("gemini", 0)
    return found


def one(fleet: RunningFleet, query: str) -> object:
    with psycopg.connect(fleet.superuser_url()) as connection:
        row = connection.execute(query).fetchone()
    assert row is not None
    return row[0]


class Vault:
    """The fleet's vault in an operator's hands."""

    def __init__(self, fleet: RunningFleet) -> None:
        kept = json.loads((fleet.data / "openbao" / "keys.json").read_text(encoding="utf-8"))
        self._unseal_key = kept["unseal_key"]
        self._client = hvac.Client(url=fleet.settings()["FLEET_VAULT_ADDR"], token=kept["root_token"])

    def seal(self) -> None:
        self._client.sys.seal()

    def unseal(self) -> None:
        self._client.sys.submit_unseal_key(self._unseal_key)


def test_a_sealed_vault_fails_nothing_spends_nothing_and_work_resumes_by_itself(
    start_fleet: Callable[..., RunningFleet], site: Site, gemini: GeminiEmulator
) -> None:
    settings = {"FLEET_GEMINI_BASE_URL": gemini.url, "FLEET_VAULT_CACHE_S": "0.5", "FLEET_QUOTA_PER_MINUTE": "1000"}
    gemini.latency_s = 0.3
    fleet = start_fleet(settings=settings | ONE_PAGE_A_CALL).ready()
    fleet.run("key", "add", "--user", "ada", typed=f"{KEY}\n")
    fleet.run("submit", *site.pages(PAGES), "--user", "ada")
    wait_until(lambda: len(gemini.requests) >= 5, what="the first pages are analysed")

    vault = Vault(fleet)
    vault.seal()
    wait_until(lambda: _waits_for(fleet) == {"keys_unavailable"}, what="the analysis waits for the vault")
    asked = len(gemini.requests)
    time.sleep(SEALED_S)
    status = fleet.json("status", "--user", "ada")
    assert len(gemini.requests) == asked < PAGES
    assert status["bookmarks"].get("failed", 0) == 0
    assert status["analysed"].get("heuristic", 0) == 0
    vault.unseal()

    wait_until(lambda: analysed(fleet) == PAGES, what="everything is analysed")
    assert len(gemini.requests) == PAGES
    assert one(fleet, "SELECT max(attempts) FROM jobs WHERE stage = 'analyze'") == 0
    assert one(fleet, "SELECT count(*) FROM provider_calls WHERE outcome <> 'not_sent'") == PAGES


def _waits_for(fleet: RunningFleet) -> set[str]:
    lanes = fleet.json("status", "--user", "ada")["lanes"]
    return {lane["blocked"]["reason"] for lane in lanes if lane["stage"] == "analyze" and lane["blocked"]}


def flush(fleet: RunningFleet) -> None:
    with redis.Redis.from_url(fleet.settings()["FLEET_REDIS_URL"]) as client:
        client.flushall()


def kill_valkey(fleet: RunningFleet) -> None:
    """It comes back by itself, with what it wrote down last."""
    for process in fleet.servers("valkey-server"):
        process.kill()


def test_a_redis_that_forgets_lets_no_user_exceed_a_limit(
    start_fleet: Callable[..., RunningFleet], site: Site, gemini: GeminiEmulator
) -> None:
    minute_s, limit = 3.0, 5
    settings = {
        "FLEET_GEMINI_BASE_URL": gemini.url,
        "FLEET_QUOTA_PER_MINUTE": str(limit),
        "FLEET_QUOTA_MINUTE_WINDOW_S": str(minute_s),
        "FLEET_QUOTA_PER_DAY": str(PAGES - 5),
    }
    fleet = start_fleet("--broker", "rabbitmq", settings=settings | ONE_PAGE_A_CALL).ready()
    fleet.run("key", "add", "--user", "ada", typed=f"{KEY}\n")
    fleet.run("submit", *site.pages(PAGES), "--user", "ada")

    for after, lose in ((3, flush), (7, kill_valkey), (11, flush)):
        wait_until(lambda after=after: len(gemini.requests) >= after, what=f"{after} calls were made")
        lose(fleet)

    wait_until(lambda: _waits_for(fleet) == {"quota_day"}, what="the day's calls are used up")
    assert len(gemini.requests) == PAGES - 5 == analysed(fleet)
    on_their_way_s = 0.4  # calls are judged as they leave; on a busy machine one may overtake another
    assert most_in_any_window([request.at for request in gemini.requests], minute_s - on_their_way_s) <= limit
