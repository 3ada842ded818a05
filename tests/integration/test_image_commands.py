"""What each image runs, in an environment with its locked libraries alone, told what Kubernetes' files tell it."""

import functools
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
from tests.clean_environment import make_environment
from tests.images import DOCKER, ROOT, image
from tests.manifests import Workload, put_together, workloads
from tests.running_fleet import wait_until

AWAY = "127.0.0.1:1"  # nobody listens there
SECRETS = {
    "/secrets/database/url": f"postgresql://fleet:x@{AWAY}/fleet",
    "/secrets/broker/connection_string": f"amqp://fleet:x@{AWAY}/",
    "/secrets/redis/url": f"redis://:x@{AWAY}/0",
    "/secrets/token/secret": "0123456789abcdef0123456789abcdef",
}

Command = Callable[[str], Path]


@pytest.fixture(scope="module")
def command(tmp_path_factory: pytest.TempPathFactory) -> Command:
    """The `fleet` of a role's image."""
    made: dict[str, Path] = {}

    def command(role: str) -> Path:
        lock = image(role).libraries
        if lock not in made:
            made[lock] = make_environment(tmp_path_factory.mktemp(lock), ROOT / "requirements" / f"{lock}.txt")
        return made[lock]

    return command


@functools.cache
def in_kubernetes() -> dict[str, Workload]:
    """What each role is told there."""
    resources = [*put_together("overlays/production/migration"), *put_together("overlays/plain")]
    return {work.role: work for work in workloads(resources)}


def told(work: Workload, folder: Path, port: int) -> dict[str, str]:
    """The container's environment, its secrets in files of this folder and its probes on a port of this machine."""
    environment = {"PATH": os.environ["PATH"], "HOME": str(folder)}
    for name, value in work.environment().items():
        environment[name] = value
        if name.endswith("_FILE"):
            file = folder / name
            file.write_text(SECRETS[value], encoding="utf-8")
            environment[name] = str(file)
    ports = {"FLEET_API_PORT", "FLEET_METRICS_PORT"} & environment.keys()
    return environment | dict.fromkeys(ports, str(port))


def probe(port: int, path: str) -> int:
    """What the images' own HEALTHCHECK says."""
    asked = [sys.executable, DOCKER / "probe.py", f"http://127.0.0.1:{port}{path}"]
    return subprocess.run(asked, capture_output=True, check=False).returncode


def missed(port: int) -> str:
    """What a role that is not ready says that it misses."""
    with pytest.raises(urllib.error.HTTPError) as refused:
        urllib.request.urlopen(f"http://127.0.0.1:{port}/readyz", timeout=10)
    return refused.value.read().decode()


@pytest.fixture
def running() -> Iterator[list[subprocess.Popen[bytes]]]:
    started: list[subprocess.Popen[bytes]] = []
    yield started
    for process in started:
        process.kill()
        process.wait()


@pytest.mark.parametrize("role", ["api", "intake", "dispatch", "scrape", "render", "analyze"])
def test_a_role_lives_without_its_servers_is_not_ready_and_ends_at_a_signal(
    role: str, command: Command, tmp_path: Path, running: list[subprocess.Popen[bytes]]
) -> None:
    port, work = free_port(), in_kubernetes()[role]

    with (tmp_path / "printed").open("wb") as printed:
        process = subprocess.Popen(
            [command(role), *image(role).command],
            cwd=tmp_path,
            env=told(work, tmp_path, port),
            stdout=printed,
            stderr=printed,
        )
    running.append(process)

    wait_until(lambda: probe(port, "/healthz") == 0 or process.poll() is not None, what=f"{role} lives")
    assert process.poll() is None, (tmp_path / "printed").read_text()
    assert probe(port, "/readyz") == 1
    assert "PostgreSQL" in missed(port)
    assert role == "api" or "broker" in missed(port)
    process.send_signal(signal.SIGTERM)
    assert process.wait(timeout=work.pod["terminationGracePeriodSeconds"]) == 0, (tmp_path / "printed").read_text()


def test_a_migration_without_its_database_fails_with_a_sentence(command: Command, tmp_path: Path) -> None:
    work = in_kubernetes()["migrate"]

    ended = subprocess.run(
        [command("migrate"), "migrate"],
        cwd=tmp_path,
        env=told(work, tmp_path, 0),
        capture_output=True,
        text=True,
        check=False,
    )

    assert ended.returncode == 1
    assert "PostgreSQL cannot be reached" in ended.stderr
