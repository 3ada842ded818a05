"""What a supervisor promises: what dies comes back, and however it ends, nothing it started stays."""

import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest

from services.local.folder_lock import FleetAlreadyRuns, FolderLock
from services.local.ports import free_port
from services.local.servers.openbao import OpenBao
from services.local.servers.valkey import Valkey
from services.local.supervisor import Role, Supervisor
from services.local.warden import Warden

PROGRAM = Path(__file__).parents[1] / "supervised.py"
SLEEPER = [sys.executable, "-c", "import time; time.sleep(600)"]
STUBBORN = [sys.executable, "-c", "import signal, time; signal.signal(15, signal.SIG_IGN); time.sleep(600)"]
PARENT = [
    sys.executable,
    "-c",
    "import subprocess, sys; subprocess.run([sys.executable, '-c', 'import time; time.sleep(600)'])",
]


def wait_until(true: Callable[[], bool], *, within_s: float = 30) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.05)


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


class Supervised:
    """A supervisor in a process of its own, and everything that came of it."""

    def __init__(self, folder: Path, servers: str, roles: dict[str, list[str]]) -> None:
        self.process = subprocess.Popen(
            [sys.executable, PROGRAM, folder, servers, json.dumps(roles)],
            stdout=subprocess.PIPE,
            text=True,
            env={**os.environ, "PYTHONPATH": str(PROGRAM.parents[1])},
            start_new_session=True,
        )
        self.family: list[psutil.Process] = []

    def ready(self) -> str:
        assert self.process.stdout is not None
        said = self.process.stdout.readline()
        assert said.startswith("ready")
        self.family = psutil.Process(self.process.pid).children(recursive=True)
        assert len(self.family) > 1
        return said

    def warden(self) -> psutil.Process:
        return next(one for one in self.family if any(word.endswith("warden.py") for word in one.cmdline()))

    def left(self) -> list[psutil.Process]:
        return [one for one in self.family if runs(one)]

    def kill(self) -> None:
        self.process.kill()
        self.process.wait()


Supervise = Callable[..., Supervised]


@pytest.fixture
def supervise(tmp_path: Path) -> Iterator[Supervise]:
    made: list[Supervised] = []

    def start(servers: str = "", roles: dict[str, list[str]] | None = None) -> Supervised:
        made.append(Supervised(tmp_path, servers, roles or {}))
        return made[-1]

    yield start
    for one in made:
        one.kill()
        assert one.process.stdout is not None
        one.process.stdout.close()
        wait_until(lambda one=one: not one.left())


def test_a_killed_supervisor_leaves_no_process_of_any_server_or_role(supervise: Supervise) -> None:
    fleet = supervise("valkey,postgres,openbao,rabbitmq", {"sleeper": SLEEPER, "stubborn": STUBBORN, "parent": PARENT})
    fleet.ready()
    assert len(fleet.left()) > 15

    fleet.kill()

    wait_until(lambda: not fleet.left(), within_s=15)


def test_a_supervisor_killed_with_its_whole_process_group_leaves_nothing(supervise: Supervise) -> None:
    fleet = supervise("valkey", {"sleeper": SLEEPER})
    fleet.ready()

    os.killpg(fleet.process.pid, signal.SIGKILL)
    fleet.process.wait()

    wait_until(lambda: not fleet.left(), within_s=15)


def test_a_supervisor_that_is_asked_to_stop_ends_everything_in_good_order(supervise: Supervise, tmp_path: Path) -> None:
    fleet = supervise("valkey,postgres", {"sleeper": SLEEPER, "parent": PARENT})
    fleet.ready()

    fleet.process.terminate()

    assert fleet.process.wait(timeout=30) == 0
    assert fleet.left() == []
    assert "database system is shut down" in (tmp_path / "postgres.log").read_text()
    assert not list((tmp_path / "run").iterdir())


def test_a_killed_warden_is_replaced(tmp_path: Path) -> None:
    warden = Warden()
    with subprocess.Popen(SLEEPER, start_new_session=True) as sleeper:
        warden.watch(sleeper.pid, signal.SIGTERM)
        (first,) = guardians()
        first.kill()
        wait_until(lambda: not runs(first))

        warden.check()
        warden.close()

        assert sleeper.wait(timeout=15) == -signal.SIGTERM


def guardians() -> list[psutil.Process]:
    children = psutil.Process().children()
    return [one for one in children if any(word.endswith("warden.py") for word in one.cmdline())]


def test_what_a_supervisor_and_its_warden_killed_together_leave_is_ended_by_the_next(supervise: Supervise) -> None:
    first = supervise("valkey,postgres", {"sleeper": SLEEPER})
    first.ready()
    warden = first.warden()
    warden.kill()
    first.kill()
    time.sleep(0.5)  # long enough for a warden that lived to be seen at work
    assert len(first.left()) > 2

    second = supervise("valkey,postgres")

    assert "3 ended" in second.ready()
    wait_until(lambda: not first.left(), within_s=15)


def test_the_next_supervisor_waits_until_the_warden_has_ended_the_last_one(supervise: Supervise) -> None:
    first = supervise("valkey,postgres", {"stubborn": STUBBORN})
    first.ready()

    first.kill()
    second = supervise("valkey,postgres")

    assert "0 ended" in second.ready()
    assert first.left() == []


def test_one_folder_has_one_fleet(tmp_path: Path) -> None:
    lock = FolderLock.take(tmp_path)

    with pytest.raises(FleetAlreadyRuns) as refused:
        FolderLock.take(tmp_path)
    assert refused.value.pid == os.getpid()

    lock.release()
    FolderLock.take(tmp_path).release()


@pytest.fixture
def supervisor(tmp_path: Path, warden: Warden) -> Iterator[Supervisor]:
    with Supervisor(logs=tmp_path, watch=warden) as supervisor:
        yield supervisor


def test_a_role_that_dies_is_started_again_with_growing_pauses(supervisor: Supervisor, tmp_path: Path) -> None:
    births = tmp_path / "births"
    script = f"import time; open({str(births)!r}, 'a').write(f'{{time.time()}}\\n')"

    supervisor.start_roles([Role("mayfly", (sys.executable, "-c", script), dict(os.environ))])

    def born() -> list[float]:
        return [float(line) for line in births.read_text().splitlines()] if births.exists() else []

    wait_until(lambda: len(born()) >= 4)
    pauses = [after - before for before, after in zip(born(), born()[1:], strict=False)]
    assert pauses[2] > pauses[0]
    assert supervisor.restarts >= 3


def test_a_killed_server_comes_back_on_the_same_address_with_its_data(supervisor: Supervisor, tmp_path: Path) -> None:
    vault = OpenBao(tmp_path / "openbao", port=free_port(), cluster_port=free_port())
    cache = Valkey(tmp_path / "valkey", port=free_port())
    supervisor.start_servers(vault, cache)
    before = vault.credentials("analyzer")

    for child in psutil.Process().children():
        if child.name() in {"bao", "valkey-server"}:
            child.kill()

    wait_until(lambda: supervisor.restarts == 2 and cache.is_ready() and vault.is_active())
    assert vault.credentials("analyzer") == before
