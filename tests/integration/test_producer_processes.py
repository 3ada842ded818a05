"""The producer's own processes, started as containers start them."""

import os
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from services.local.ports import free_port
from shared.bookmarks import NewBookmark
from shared.broker.making import make_carrier
from shared.database import Database
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import RetryPolicy, stage_policies
from shared.settings import DispatchSettings
from shared.values import Stage, UserId
from tests.integration.waiting import until

FLEET = Path(sys.executable).with_name("fleet")
Start = Callable[..., subprocess.Popen[str]]


@pytest.fixture
def start(tmp_path: Path) -> Iterator[Start]:
    processes: list[subprocess.Popen[str]] = []

    def run(role: str, **settings: str) -> subprocess.Popen[str]:
        environment = {name: value for name, value in os.environ.items() if not name.startswith("FLEET_")}
        process = subprocess.Popen(
            [FLEET, role], env=environment | settings, cwd=tmp_path, text=True, stderr=subprocess.PIPE
        )
        processes.append(process)
        return process

    yield run
    for process in processes:
        if process.poll() is None:
            process.kill()
        process.communicate()


def answer(port: int, path: str) -> str:
    try:
        with urllib.request.urlopen(f"http://127.0.0.1:{port}{path}", timeout=5) as response:
            text: str = response.read().decode()
            return text
    except urllib.error.URLError:
        return ""


@pytest.mark.parametrize("broker", ["rabbitmq", "redis"])
async def test_the_dispatcher_lets_work_out_counts_it_and_ends_when_told(
    start: Start, request: pytest.FixtureRequest, database_url: str, broker: str
) -> None:
    broker_url, port = request.getfixturevalue(f"{broker}_url"), free_port()
    policies = stage_policies(DispatchSettings())
    database = Database(database_url)
    ledger = PostgresLedger(database, policies=policies, retries=RetryPolicy())
    await ledger.submit(UserId("ada"), [NewBookmark("https://example.org/")])
    await database.close()

    process = start(
        "dispatch",
        FLEET_DATABASE_URL=database_url,
        FLEET_BROKER_URL=broker_url,
        FLEET_PARTITIONS="2",
        FLEET_METRICS_PORT=str(port),
        FLEET_GAUGES_S="0.1",
    )
    carrier = make_carrier(broker_url, partitions=2, stages=policies)

    async def sent() -> bool:
        return sum((await carrier.depths(Stage.SCRAPE)).values()) == 1

    await until(sent, what="the job is sent")
    for counted in ('fleet_backlog_jobs{stage="scrape",state="released"} 1.0', 'fleet_queue_depth{partition="'):
        await until(lambda counted=counted: counted in answer(port, "/metrics"), what="it is counted")
    assert '"ready": true' in answer(port, "/readyz")
    await carrier.close()

    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=20) == 0


def test_without_rabbitmq_there_is_no_intake_and_it_says_so(start: Start) -> None:
    process = start(
        "intake",
        FLEET_DATABASE_URL="postgresql://fleet:secret@127.0.0.1:1/fleet",
        FLEET_BROKER_URL="redis://127.0.0.1:6379/0",
    )

    _, errors = process.communicate(timeout=60)

    assert process.returncode == 1
    assert "submit over HTTP instead" in errors


def test_a_dispatcher_without_its_servers_says_which_and_waits(start: Start) -> None:
    process = start(
        "dispatch",
        FLEET_DATABASE_URL="postgresql://fleet:secret@127.0.0.1:1/fleet",
        FLEET_BROKER_URL="amqp://fleet:secret@127.0.0.1:1/fleet",
    )
    assert process.stderr is not None
    said = []
    while sum("ledger_unavailable" in line for line in said) < 10:
        said.append(process.stderr.readline())
        assert said[-1], "it ended"
    process.send_signal(signal.SIGTERM)
    _, errors = process.communicate(timeout=20)

    assert process.returncode == 0
    assert "secret" not in "".join([*said, errors])
