"""Measures what each role takes of memory, processor and connections; prints the table of docs/operations/sizing.md.

A whole fleet with a cluster's settings is looked at while it has nothing to do, then under the load of
tests/usual_load.py, with a provider that takes its time. Memory is what a role would take in a container of its own.
"""

import argparse
import sys
import tempfile
import threading
import time
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

import psutil

from services.local.ports import free_port
from tests.gemini_emulator import GeminiEmulator
from tests.running_fleet import RunningFleet, wait_until
from tests.usual_load import PAGES_EACH, Load, Pages

ROOT = Path(__file__).parents[1]
CLUSTER = ROOT / "deploy/k8s/base/roles/settings.env"
LATENCY_S = 2.0
REST_S, LOOK_EVERY_S, PATIENCE_S = 15.0, 0.5, 1800.0
MB = 1_000_000
UNHURRIED = {
    "FLEET_RELEASE_LEASE_S": "60",
    "FLEET_SCRAPE_LEASE_S": "120",
    "FLEET_ANALYZE_LEASE_S": "300",
    "FLEET_QUOTA_PER_MINUTE": "1000",
    "FLEET_HOST_CONCURRENCY": "100",
}
SERVERS = {"PostgreSQL": "FLEET_DATABASE_URL", "RabbitMQ": "FLEET_BROKER_URL", "Redis": "FLEET_REDIS_URL"}
HEAD = ["role", "MB at rest", "MB at work", "millicores at rest", "CPU ms a piece", "piece", *SERVERS]


@dataclass
class Role:
    """A role's process with its children, and what was seen of it: a line of the table.

    Attributes:
        ports: the servers' names by their ports.
        cpu_at_rest: of one core, in seconds a second.
        cpu_a_piece_s: beyond that.
        memory: the most at work, bytes.
        connections: the most to each server.
    """

    name: str
    process: psutil.Process
    ports: dict[int, str]
    cpu_at_rest: float = 0.0
    cpu_a_piece_s: float = 0.0
    memory_at_rest: int = 0
    memory: int = 0
    connections: dict[str, int] = field(default_factory=lambda: dict.fromkeys(SERVERS, 0))

    def look(self) -> None:
        """Note what it takes now."""
        self.memory = max(self.memory, _memory(self._tree()))
        seen = dict.fromkeys(SERVERS, 0)
        for server in self._connected():
            seen[server] += 1
        self.connections = {name: max(most, seen[name]) for name, most in self.connections.items()}

    def cpu_s(self) -> float:
        """Processor time since its start, that of its children included."""
        return sum(sum(process.cpu_times()[:4]) for process in self._tree())

    def rest(self, *, seconds: float, since_s: float) -> None:
        """Note what it took in so many seconds without work, since its processor time was this."""
        self.memory_at_rest = _memory(self._tree())
        self.cpu_at_rest = (self.cpu_s() - since_s) / seconds

    def work(self, *, seconds: float, since_s: float, pieces: int) -> None:
        """Note what it took to work on so many pieces in that time."""
        self.cpu_a_piece_s = max(0.0, self.cpu_s() - since_s - self.cpu_at_rest * seconds) / pieces

    def cells(self, piece: str) -> list[str]:
        memory = [f"{self.memory_at_rest / MB:.0f}", f"{self.memory / MB:.0f}"]
        cpu = [f"{self.cpu_at_rest * 1000:.0f}", f"{self.cpu_a_piece_s * 1000:.1f}"]
        return [self.name, *memory, *cpu, piece, *map(str, self.connections.values())]

    def _tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def _connected(self) -> Iterator[str]:
        for process in self._tree():
            try:
                found = process.net_connections("tcp")
            except psutil.NoSuchProcess:
                continue
            yield from (self.ports[each.raddr.port] for each in found if each.raddr and each.raddr.port in self.ports)


def _memory(tree: list[psutil.Process]) -> int:
    """What the processes have for themselves, and the largest of what they share."""
    own, shared = 0, 0
    for process in tree:
        try:
            info = process.memory_full_info()
        except psutil.NoSuchProcess:
            continue
        own, shared = own + info.uss, max(shared, info.rss - info.uss)
    return own + shared


@contextmanager
def looking(roles: Sequence[Role], temporary: Path) -> Iterator[list[int]]:
    """Look at every role again and again; the list grows by the bytes of temporary files."""
    told, files = threading.Event(), [0]

    def look() -> None:
        while not told.wait(LOOK_EVERY_S):
            for role in roles:
                role.look()
            files.append(sum(path.lstat().st_size for path in temporary.rglob("*") if path.is_file()))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield files
    finally:
        told.set()
        thread.join()


def as_in_a_cluster() -> dict[str, str]:
    """What deploy/k8s tells every role, but for where its vault is."""
    lines = CLUSTER.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith(("#", "FLEET_VAULT_")))


@contextmanager
def at_hand(*, users: int) -> Iterator[tuple[Load, list[Role], Path]]:
    """A fleet that has nothing to do yet, its roles, and the folder of all its temporary files."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        temporary = folder / "tmp"
        temporary.mkdir()
        gemini = stack.enter_context(GeminiEmulator(latency_s=LATENCY_S))
        pages = Pages()
        stack.callback(pages.close)
        settings = {**as_in_a_cluster(), **UNHURRIED, "FLEET_GEMINI_BASE_URL": gemini.url, "TMPDIR": str(temporary)}
        port = str(free_port())  # fleets agree about the usual one in their folder for temporary files
        fleet = RunningFleet(folder / "fleet", "--broker", "rabbitmq", "--port", port, settings=settings)
        stack.callback(fleet.stop)
        load = Load(fleet.ready(), gemini, pages, users=users)
        yield load, roles_of(fleet, list(load.pieces())), temporary


def roles_of(fleet: RunningFleet, names: Sequence[str]) -> list[Role]:
    def running() -> dict[str, psutil.Process]:
        return {process.cmdline()[-1]: process for process in psutil.Process(fleet.process.pid).children()}

    wait_until(lambda: running().keys() >= set(names), what="every role runs")
    told, processes = fleet.settings(), running()
    ports = {urlsplit(told[setting]).port or 0: name for name, setting in SERVERS.items()}
    return [Role(name, processes[name], ports) for name in names]


def measured(*, users: int) -> tuple[list[list[str]], int]:
    """The lines of the table, and the most bytes of temporary files of all roles together."""
    with at_hand(users=users) as (load, roles, temporary):
        time.sleep(REST_S)  # until what starts is over
        before = [role.cpu_s() for role in roles]
        time.sleep(REST_S)
        for role, since_s in zip(roles, before, strict=True):
            role.rest(seconds=REST_S, since_s=since_s)

        begun, before = time.monotonic(), [role.cpu_s() for role in roles]
        with looking(roles, temporary) as files:
            load.hand_in()
            wait_until(load.is_analysed, what="every page is analysed", patience_s=PATIENCE_S)
        seconds = time.monotonic() - begun
        for role, since_s in zip(roles, before, strict=True):
            role.work(seconds=seconds, since_s=since_s, pieces=load.pieces()[role.name][0])
        return [role.cells(load.pieces()[role.name][1]) for role in roles], max(files)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make footprint", description=__doc__)
    parser.add_argument("--users", type=int, default=16, help=f"users of the load, {PAGES_EACH} pages each")
    lines, files = measured(users=parser.parse_args().users)
    for line in (HEAD, ["---"] * len(HEAD), *lines):
        sys.stdout.write(f"| {' | '.join(line)} |\n")
    sys.stdout.write(f"\nTemporary files of all together at most: {files / MB:.0f} MB\n")


if __name__ == "__main__":
    main()
