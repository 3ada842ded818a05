"""A roll-out under load as Kubernetes does it: the new process is ready, the old one gets SIGTERM, time, SIGKILL."""

import asyncio
import os
import signal
import subprocess
import sys
import urllib.request
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import psycopg
import pytest

from services.local.ports import free_port
from shared.bookmarks import NewBookmark
from shared.database import Database
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import retry_policy, stage_policies
from shared.settings import DispatchSettings
from shared.values import UserId
from tests.conftest import Vault
from tests.running_fleet import QUICK, Site, wait_until

pytestmark = pytest.mark.xdist_group("fleet")

USERS = 24
BOOKMARKS = int(os.environ.get("FLEET_CHAOS_BOOKMARKS", "72"))
ROLES = ("scrape", "analyze", "dispatch") if "FLEET_CHAOS_BOOKMARKS" in os.environ else ("scrape", "dispatch")
FIRST_ENDS = """
    SELECT user_id, min(place) FROM (
        SELECT user_id, row_number() OVER (ORDER BY ended_at) AS place FROM jobs WHERE stage = 'scrape') AS ends
     GROUP BY 1
"""
"""Whose first page was the how many-th of all: late where somebody has to stand behind others."""

FLEET = Path(sys.executable).with_name("fleet")


@dataclass
class Pod:
    """One process of a role, with what Kubernetes does to it."""

    process: subprocess.Popen[bytes]
    port: int

    def wait_until_ready(self) -> None:
        wait_until(self._is_ready, what="the process is ready")

    def _is_ready(self) -> bool:
        assert self.process.poll() is None
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}/readyz", timeout=5):
                return True
        except OSError:
            return False

    def end(self, *, grace_s: float) -> int:
        """Its exit code: negative where it had to be killed."""
        self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(timeout=grace_s)
        except subprocess.TimeoutExpired:
            self.process.kill()
            return self.process.wait()


StartPod = Callable[..., Pod]


@pytest.fixture
def start_pod(database_url: str, rabbitmq_url: str, redis_url: str, vault: Vault, tmp_path: Path) -> Iterator[StartPod]:
    settings = QUICK | {
        "FLEET_DATABASE_URL": database_url,
        "FLEET_BROKER_URL": rabbitmq_url,
        "FLEET_REDIS_URL": redis_url,
        "FLEET_VAULT_ADDR": vault.addr,
        "FLEET_VAULT_MOUNT": vault.mount,
        "FLEET_VAULT_ROLE_ID": vault.analyzer.role_id,
        "FLEET_VAULT_SECRET_ID": vault.analyzer.secret_id.get_secret_value(),
        "FLEET_SCRAPE_PARSERS": "1",
        "FLEET_HOST_CONCURRENCY": "32",
    }
    pods: list[Pod] = []

    def start(role: str, *, partitions: int) -> Pod:
        port = free_port()
        own = {"FLEET_METRICS_PORT": str(port), "FLEET_PARTITIONS": str(partitions)}
        inherited = {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")}
        process = subprocess.Popen(
            [FLEET, role], env=inherited | settings | own, cwd=tmp_path, stderr=subprocess.DEVNULL
        )
        pods.append(Pod(process, port))
        return pods[-1]

    yield start
    for pod in pods:
        pod.process.kill()
        pod.process.wait()


def submit(database_url: str, site: Site, numbers: range) -> None:
    """One bookmark for each number, from all users in turn."""

    async def hand_in() -> None:
        database, settings = Database(database_url, pool=2), DispatchSettings()
        ledger = PostgresLedger(database, policies=stage_policies(settings), retries=retry_policy(settings))
        for number in numbers:
            await ledger.submit(UserId(f"user-{number % USERS}"), [NewBookmark(f"{site.address}/page/{number}")])
        await database.close()

    asyncio.run(hand_in())


def count(database_url: str, states_of: str) -> dict[tuple[str, ...], int]:
    """How many rows there are of each kind, over all users."""
    with psycopg.connect(database_url) as connection:
        connection.execute("SET ROLE fleet_dispatcher")
        return {tuple(row[:-1]): row[-1] for row in connection.execute(states_of)}


def done(database_url: str, stage: str) -> int:
    return count(database_url, "SELECT stage, state, count(*) FROM jobs GROUP BY 1, 2").get((stage, "done"), 0)


def expand(database_url: str) -> None:
    """What the next version's migration may do while this one works: columns of its own in every table."""
    with psycopg.connect(database_url, autocommit=True) as owner:  # one lock at a time: there is work under way
        tables = owner.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'").fetchall()
        for (table,) in tables:
            owner.execute(f"ALTER TABLE {table} ADD COLUMN of_the_next_version text DEFAULT 'nothing yet'")


def test_a_roll_out_to_32_partitions_on_expanded_tables_under_load_loses_nothing_and_starves_nobody(
    start_pod: StartPod, database_url: str, site: Site
) -> None:
    site.delay_s = 0.5
    before = {role: start_pod(role, partitions=16) for role in ROLES}
    unlucky = start_pod("scrape", partitions=16)
    submit(database_url, site, range(BOOKMARKS // 2))
    wait_until(lambda: len(site.asked) > 0, what="work goes on")

    expand(database_url)
    codes = []
    for role in ROLES:  # who reads queues knows the new ones before somebody writes to them
        start_pod(role, partitions=32).wait_until_ready()
        codes.append(before[role].end(grace_s=60))
        submit(database_url, site, range(BOOKMARKS // 2 + len(codes) - 1, BOOKMARKS, len(ROLES)))
    asked = len(site.asked)
    wait_until(lambda: len(site.asked) > asked or done(database_url, "scrape") == BOOKMARKS, what="work goes on")
    unlucky.end(grace_s=0)

    assert codes == [0] * len(ROLES)
    stages = {role for role in ROLES if role != "dispatch"}
    wait_until(lambda: all(done(database_url, stage) == BOOKMARKS for stage in stages), what="everything is done")
    failed = count(database_url, "SELECT stage, state, count(*) FROM jobs WHERE state = 'failed' GROUP BY 1, 2")
    assert failed == {}
    firsts = count(database_url, FIRST_ENDS)
    assert len(firsts) == USERS
    assert max(firsts.values()) <= 2 * BOOKMARKS / 3
