"""A roll-out under load as Kubernetes does it: of every role, to the next version, while bookmarks come in."""

import os
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import LiteralString

import httpx2
import psycopg
import pytest

from services.local.warden import Warden
from tests.conftest import Vault
from tests.gemini_emulator import GeminiEmulator
from tests.integration.producer.conftest import SECRET, Api
from tests.rolling import Deployment, Pod, start_process
from tests.running_fleet import QUICK, Site, wait_until
from tests.upstream import Upstream

pytestmark = pytest.mark.xdist_group("fleet")

LONG = "FLEET_CHAOS_BOOKMARKS" in os.environ
BOOKMARKS = int(os.environ.get("FLEET_CHAOS_BOOKMARKS", "120"))
REPLICAS = 2 if LONG else 1
USERS = 24
UNLIMITED = {
    f"FLEET_DEFAULT_KEY_{whose}PER_{window}": "100000"
    for whose in ("", "SHARE_")
    for window in ("MINUTE", "DAY", "MONTH")
}
DEFAULT_KEY = "AIzaSyDefault-00000000000000000000default"
READERS = ("scrape", "render", "analyze")
"""Who reads queues knows new ones before somebody writes to them."""
WRITERS = ("dispatch", "intake", "api")
UNLUCKY = READERS if LONG else ("scrape",)
DONE: LiteralString = """
    SELECT strategy, analysed_by, count(*)
      FROM bookmarks JOIN contents ON bookmark_id = id JOIN analyses USING (bookmark_id)
     WHERE state = 'done' GROUP BY 1, 2 ORDER BY 1
"""
NOT_DONE_ONCE: LiteralString = """
    SELECT bookmark_id, stage, array_agg(state) FROM jobs WHERE state <> 'cancelled'
     GROUP BY 1, 2 HAVING bool_or(state <> 'done') OR count(*) > (CASE stage WHEN 'analyze' THEN 2 ELSE 1 END)
"""
"""Where a page has to be tried again, what stands in for it is analysed before the page itself is."""
TRIED_AGAIN: LiteralString = "SELECT DISTINCT stage FROM jobs WHERE attempts > 0"
FIRST_ENDS: LiteralString = """
    SELECT user_id, min(place) FROM (
        SELECT user_id, row_number() OVER (ORDER BY ended_at) AS place FROM jobs WHERE stage = 'scrape') AS ends
     GROUP BY 1
"""
"""Whose first page was the how many-th of all: late where somebody has to stand behind others."""

StartPod = Callable[..., Pod]


@pytest.fixture
def gemini() -> Iterator[GeminiEmulator]:
    with GeminiEmulator(latency_s=1.0) as emulator:
        emulator.add_key(DEFAULT_KEY, per_minute=100_000, per_day=100_000)
        yield emulator


@pytest.fixture
def settings(database_url: str, rabbitmq_url: str, redis_url: str, gemini: GeminiEmulator) -> dict[str, str]:
    """What every pod is told."""
    return {
        **QUICK,
        **UNLIMITED,
        "FLEET_DATABASE_URL": database_url,
        "FLEET_DATABASE_POOL": "4",
        "FLEET_BROKER_URL": rabbitmq_url,
        "FLEET_REDIS_URL": redis_url,
        "FLEET_TOKEN_SECRET": SECRET,
        "FLEET_GEMINI_BASE_URL": gemini.url,
        "FLEET_DEFAULT_KEY_POLICY": "always",
        "FLEET_RENDER": "true",
        "FLEET_SCRAPE_PARSERS": "1",
        "FLEET_HOST_CONCURRENCY": "32",
        "FLEET_ANALYZE_LEASE_S": "300",  # what a roll-out put back does not wait for its lease
    }


@pytest.fixture
def start_pod(settings: dict[str, str], vault: Vault, tmp_path: Path, warden: Warden) -> Iterator[StartPod]:
    pods: list[Pod] = []

    def start(role: str, *, partitions: int) -> Pod:
        signs_in = vault.analyzer if role == "analyze" else vault.front_door
        own = {
            "FLEET_PARTITIONS": str(partitions),
            "FLEET_VAULT_ADDR": vault.addr,
            "FLEET_VAULT_MOUNT": vault.mount,
            "FLEET_VAULT_ROLE_ID": signs_in.role_id,
            "FLEET_VAULT_SECRET_ID": signs_in.secret_id.get_secret_value(),
        }
        pods.append(start_process(role, settings | own, tmp_path, warden))
        return pods[-1]

    yield start
    for pod in pods:
        pod.kill()


def rows(database_url: str, query: LiteralString) -> list[tuple[object, ...]]:
    """What a query finds, over all users."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE fleet_dispatcher")
        return connection.execute(query).fetchall()


def expand(database_url: str) -> None:
    """What the next version's migration may do while this one works: columns of its own in every table."""
    with psycopg.connect(database_url, autocommit=True) as owner:  # one lock at a time: there is work under way
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            owner.execute(f"ALTER TABLE {table} ADD COLUMN of_the_next_version text DEFAULT 'nothing yet'")


def all_at_once(do: Callable[[Deployment], None], deployments: Sequence[Deployment]) -> None:
    with ThreadPoolExecutor(len(deployments)) as pool:
        list(pool.map(do, deployments))


def addresses(site: Site) -> list[str]:
    """Every sixth bookmark's page is one that only a browser can read."""
    return [f"{site.address}/{'app' if number % 6 == 5 else 'page'}/{number}" for number in range(BOOKMARKS)]


@pytest.fixture
def fleet(start_pod: StartPod, database_url: str) -> dict[str, Deployment]:
    """A fleet of the version before, with 16 partitions and a default key."""
    deployments = {
        role: Deployment(role, lambda role=role: start_pod(role, partitions=16)) for role in (*READERS, *WRITERS)
    }
    all_at_once(lambda deployment: deployment.scale(REPLICAS), list(deployments.values()))
    api = Api(f"http://127.0.0.1:{deployments['api'].pods[0].port}", database_url)
    put = api.ask("PUT", "/v1/admin/default-key", whose="*", json={"key": DEFAULT_KEY})
    assert put.status_code == httpx2.codes.OK, put.text
    return deployments


def test_a_roll_out_of_every_role_to_32_partitions_and_expanded_tables_under_load_loses_nothing_and_starves_nobody(
    fleet: dict[str, Deployment], start_pod: StartPod, database_url: str, rabbitmq_url: str, site: Site
) -> None:
    site.delay_s = 1.5
    unlucky = [start_pod(role, partitions=16) for role in UNLUCKY]
    upstream = Upstream(addresses(site), USERS, fleet["api"].serving, rabbitmq_url, SECRET)

    def roll(deployment: Deployment) -> None:
        deployment.roll(lambda: start_pod(deployment.role, partitions=32))

    with upstream.coming():
        wait_until(lambda: len(site.asked) > 0, what="work goes on")
        expand(database_url)
        all_at_once(roll, [fleet[role] for role in READERS])
        for pod in unlucky:
            pod.kill()  # as after a grace period that was too short, or with its node
        all_at_once(roll, [fleet[role] for role in WRITERS])
        if LONG:
            all_at_once(Deployment.drain, list(fleet.values()))

    assert upstream.refused == []
    ended = {role: deployment.codes for role, deployment in fleet.items()}
    assert ended == dict.fromkeys(fleet, [0] * (2 * REPLICAS if LONG else REPLICAS))
    in_browser = BOOKMARKS // 6
    everything = [("browser", "gemini", in_browser), ("static", "gemini", BOOKMARKS - in_browser)]
    wait_until(lambda: rows(database_url, DONE) == everything, what="everything is done")
    assert rows(database_url, NOT_DONE_ONCE) == []
    assert {stage for (stage,) in rows(database_url, TRIED_AGAIN)} <= set(UNLUCKY)
    firsts = dict(rows(database_url, FIRST_ENDS))
    assert len(firsts) == USERS
    assert max(map(int, firsts.values())) <= 2 * BOOKMARKS / 3
