"""Measures what each role takes of memory, processor and connections; prints the table of docs/operations/sizing.md.

A whole fleet with its usual settings is looked at while it has nothing to do, then under one load: pages of the usual
length, every tenth of which a script puts together, handed in one by one, half over HTTP and half as events, by users
with keys of their own, to a provider that takes its time. Memory is what a role would take in a container of its own.
"""

import argparse
import json
import sys
import tempfile
import threading
import time
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pika
import psutil

from tests.bench.of_rendering import SCRIPT, SHELL
from tests.bench.of_scraping import page
from tests.gemini_emulator import GeminiEmulator
from tests.running_fleet import RunningFleet, wait_until

PAGES_EACH, SCRIPTED = 40, 10  # of a user; every so manieth needs a browser
LATENCY_S = 2.0
REST_S, LOOK_EVERY_S = 15.0, 0.5
MB = 1_000_000
ROOT = Path(__file__).parents[1]
UNHURRIED = {
    "FLEET_RELEASE_LEASE_S": "60",
    "FLEET_SCRAPE_LEASE_S": "120",
    "FLEET_ANALYZE_LEASE_S": "300",
    "FLEET_QUOTA_PER_MINUTE": "1000",
    "FLEET_HOST_CONCURRENCY": "100",
}
CLUSTER = ROOT / "deploy/k8s/base/roles/settings.env"
SERVERS = {"PostgreSQL": "FLEET_DATABASE_URL", "RabbitMQ": "FLEET_BROKER_URL", "Redis": "FLEET_REDIS_URL"}

HEAD = ["role", "MB at rest", "MB at work", "millicores at rest", "CPU ms a piece", "piece", *SERVERS]


@dataclass
class Role:
    """A role's process with its children, and the most that was seen of it."""

    process: psutil.Process
    ports: dict[int, str]
    memory: int = 0
    connections: dict[str, int] = field(default_factory=dict)

    def look(self) -> None:
        """Note what it takes now; a child that ends meanwhile is not looked at."""
        memory, connections = _memory(self._tree()), dict.fromkeys(SERVERS, 0)
        for connection in self._connections():
            connections[self.ports[connection]] += 1
        self.memory = max(self.memory, memory)
        self.connections = {name: max(seen, self.connections.get(name, 0)) for name, seen in connections.items()}

    def cpu_s(self) -> float:
        """Processor time since its start, that of its children included."""
        return sum(sum(process.cpu_times()[:4]) for process in self._tree())

    def _tree(self) -> list[psutil.Process]:
        return [self.process, *self.process.children(recursive=True)]

    def _connections(self) -> Iterator[int]:
        for process in self._tree():
            try:
                found = process.net_connections("tcp")
            except psutil.NoSuchProcess:
                continue
            yield from (each.raddr.port for each in found if each.raddr and each.raddr.port in self.ports)


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
def looking(roles: dict[str, Role], temporary: Path) -> Iterator[list[int]]:
    """Look at every role again and again; the list grows by the bytes of temporary files."""
    told, files = threading.Event(), [0]

    def look() -> None:
        while not told.wait(LOOK_EVERY_S):
            for role in roles.values():
                role.look()
            files.append(sum(path.lstat().st_size for path in temporary.rglob("*") if path.is_file()))

    thread = threading.Thread(target=look)
    thread.start()
    try:
        yield files
    finally:
        told.set()
        thread.join()


class Pages:
    """Usual pages, and at /scripted/ ones that are empty without their script."""

    def __init__(self) -> None:
        usual = page()

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                kind, body, coding = "text/html", usual, "gzip"
                if self.path.startswith("/scripted/"):
                    body, coding = SHELL.encode(), "identity"
                elif self.path == "/app.js":
                    kind, body, coding = "text/javascript", SCRIPT.encode(), "identity"
                self.send_response(200)
                self.send_header("Content-Type", kind)
                self.send_header("Content-Encoding", coding)
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def url(self, number: int) -> str:
        kind = "usual" if number % SCRIPTED else "scripted"
        return f"http://127.0.0.1:{self._server.server_address[1]}/{kind}/{number}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


class Load:
    """Bookmarks of some users, each handed in alone: the odd ones over HTTP, the even ones as events."""

    def __init__(self, fleet: RunningFleet, gemini: GeminiEmulator, *, users: int) -> None:
        scopes = [word for scope in ("bookmarks:write", "keys:write", "admin") for word in ("--scope", scope)]
        self._token = fleet.run("token", "--service", "footprint", *scopes).stdout.strip()
        self._api = f"http://127.0.0.1:{fleet.settings()['FLEET_API_PORT']}"
        self._broker = fleet.settings()["FLEET_BROKER_URL"]
        self._users = [f"user-{number}" for number in range(users)]
        self.bookmarks = users * PAGES_EACH
        for number, user in enumerate(self._users):
            key = gemini.add_key(f"AIzaSy{number:033}", per_minute=100_000, per_day=100_000)
            self._ask("PUT", f"/v1/users/{user}/api-key", {"key": key})

    def hand_in(self, pages: Pages) -> None:
        with pika.BlockingConnection(pika.URLParameters(self._broker)) as connection:
            channel = connection.channel()
            for number in range(self.bookmarks):
                user, url = self._users[number % len(self._users)], pages.url(number)
                if number % 2:
                    self._ask("POST", f"/v1/users/{user}/bookmarks", {"url": url})
                    continue
                event = {"specversion": "1.0", "id": str(number), "source": "footprint", "type": "bookmark.created"}
                body = json.dumps(event | {"subject": user, "data": {"url": url}}).encode()
                kind = pika.BasicProperties(content_type="application/cloudevents+json")
                channel.basic_publish("bookmark.events", "any.key", body, kind)

    def is_analysed(self) -> bool:
        stages = {each["stage"]: each for each in self._ask("GET", "/v1/admin/overview")["stages"]}
        time.sleep(2)
        return bool(stages["analyze"]["done"] == self.bookmarks)

    def pieces(self) -> dict[str, tuple[int, str]]:
        """How many of what each role has worked on in the end."""
        bookmarks, scripted = self.bookmarks, len(range(0, self.bookmarks, SCRIPTED))
        return {
            "api": (bookmarks // 2, "request"),
            "intake": (bookmarks // 2, "event"),
            "dispatch": (2 * bookmarks + scripted, "job let out"),
            "scrape": (bookmarks, "page"),
            "render": (scripted, "page"),
            "analyze": (bookmarks, "page"),
        }

    def _ask(self, method: str, path: str, body: object = None) -> Any:
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": "application/json"}
        data = None if body is None else json.dumps(body).encode()
        request = urllib.request.Request(  # noqa: S310 - our own API
            self._api + path, data=data, headers=headers, method=method
        )
        with urllib.request.urlopen(request, timeout=60) as answer:  # noqa: S310 - as above
            return json.load(answer)


@dataclass(frozen=True)
class Footprint:
    """A line of the table."""

    role: str
    memory_at_rest: int
    cpu_at_rest: float
    piece: str
    cpu_s: float
    at_work: Role

    def cells(self) -> list[str]:
        memory = [f"{bytes_ / MB:.0f}" for bytes_ in (self.memory_at_rest, self.at_work.memory)]
        cpu = [f"{self.cpu_at_rest * 1000:.0f}", f"{self.cpu_s * 1000:.1f}"]
        return [self.role, *memory, *cpu, self.piece, *(str(self.at_work.connections[name]) for name in SERVERS)]


def as_in_a_cluster() -> dict[str, str]:
    """What deploy/k8s tells every role, but for where its vault is."""
    lines = CLUSTER.read_text(encoding="utf-8").splitlines()
    return dict(line.split("=", 1) for line in lines if not line.startswith(("#", "FLEET_VAULT_")))


def roles_of(fleet: RunningFleet, names: list[str]) -> dict[str, Role]:
    def running() -> dict[str, psutil.Process]:
        return {process.cmdline()[-1]: process for process in psutil.Process(fleet.process.pid).children()}

    wait_until(lambda: running().keys() >= set(names), what="every role runs")
    told, processes = fleet.settings(), running()
    ports = {urlsplit(told[setting]).port or 0: name for name, setting in SERVERS.items()}
    return {name: Role(processes[name], ports) for name in names}


def measured(*, users: int) -> tuple[list[Footprint], int]:
    """What each role takes, and the most bytes of temporary files of all together."""
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        temporary = folder / "tmp"
        temporary.mkdir()
        gemini = stack.enter_context(GeminiEmulator(latency_s=LATENCY_S))
        pages = Pages()
        stack.callback(pages.close)
        settings = {**as_in_a_cluster(), **UNHURRIED, "FLEET_GEMINI_BASE_URL": gemini.url, "TMPDIR": str(temporary)}
        fleet = RunningFleet(folder / "fleet", "--broker", "rabbitmq", settings=settings)
        stack.callback(fleet.stop)
        load = Load(fleet.ready(), gemini, users=users)
        roles = roles_of(fleet, list(load.pieces()))

        time.sleep(REST_S)  # until what starts is over
        at_rest = {name: role.cpu_s() for name, role in roles.items()}
        time.sleep(REST_S)
        at_rest = {name: (role.cpu_s() - at_rest[name]) / REST_S for name, role in roles.items()}
        resting = {
            name: _memory([role.process, *role.process.children(recursive=True)]) for name, role in roles.items()
        }

        begun, before = time.monotonic(), {name: role.cpu_s() for name, role in roles.items()}
        with looking(roles, temporary) as files:
            load.hand_in(pages)
            wait_until(load.is_analysed, what="every page is analysed", patience_s=1800)
        took = time.monotonic() - begun
        return [
            Footprint(
                name,
                resting[name],
                at_rest[name],
                piece,
                max(0.0, role.cpu_s() - before[name] - at_rest[name] * took) / pieces,
                role,
            )
            for name, role in roles.items()
            for pieces, piece in [load.pieces()[name]]
        ], max(files)


def table(footprints: list[Footprint]) -> str:
    rows = [HEAD, ["---"] * len(HEAD), *(each.cells() for each in footprints)]
    return "\n".join(f"| {' | '.join(row)} |" for row in rows)


def main() -> None:
    parser = argparse.ArgumentParser(prog="make footprint", description=__doc__)
    parser.add_argument("--users", type=int, default=16, help=f"users of the load, {PAGES_EACH} pages each")
    footprints, files = measured(users=parser.parse_args().users)
    sys.stdout.write(f"{table(footprints)}\n\nTemporary files of all together at most: {files / MB:.0f} MB\n")


if __name__ == "__main__":
    main()
