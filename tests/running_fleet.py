"""A whole fleet on this machine, driven from outside as its users drive it; nothing of ours is imported."""

import json
import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import psutil
import pytest

FLEET = str(Path(sys.executable).with_name("fleet"))
PATIENCE_S = 180.0
QUICK = {
    "FLEET_EGRESS_ALLOW": "127.0.0.1/32",
    "FLEET_RELEASE_LEASE_S": "4",
    "FLEET_SCRAPE_LEASE_S": "8",
    "FLEET_ANALYZE_LEASE_S": "8",
    "FLEET_RETRY_BASE_S": "0.5",
    "FLEET_BATCH_PAUSE_S": "0",
}


def wait_until(true: Callable[[], bool], *, what: str, patience_s: float = PATIENCE_S) -> None:
    deadline = time.monotonic() + patience_s
    while True:
        began = time.monotonic()
        if true():
            return
        assert time.monotonic() < deadline, f"waited {patience_s:.0f} s in vain until {what}"
        time.sleep(max(0.2, time.monotonic() - began))  # a look that starts a command leaves the fleet as much time


def processes_of(data: Path) -> list[psutil.Process]:
    """Every process that was started for the fleet in this folder, whoever its parent is now."""
    found = []
    for process in psutil.process_iter():
        try:
            if process.environ().get("FLEET_TEST_DATA") == str(data) or str(data) in " ".join(process.cmdline()):
                found.append(process)
        except (psutil.NoSuchProcess, psutil.AccessDenied):
            continue
    return [process for process in found if process.pid != os.getpid()]


class RunningFleet:
    """One `fleet up` and the commands that find it by its data folder."""

    def __init__(self, data: Path, *options: str, settings: dict[str, str] | None = None) -> None:
        self.data = data
        self.environment = {**os.environ, **QUICK, **(settings or {}), "FLEET_TEST_DATA": str(data)}
        self.printed: list[str] = []
        self.process = subprocess.Popen(
            [FLEET, "up", "--data", str(data), *options],
            env=self.environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            start_new_session=True,
        )
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        with self.process.stdout as lines:
            self.printed.extend(lines)

    @property
    def output(self) -> str:
        return "".join(self.printed)

    def settings(self) -> dict[str, str]:
        """What the fleet wrote for commands on this machine."""
        lines = (self.data / "fleet.env").read_text(encoding="utf-8").splitlines()
        return dict(line.split("=", 1) for line in lines if "=" in line)

    def superuser_url(self) -> str:
        """The ledger's database, for somebody who sees every user's rows."""
        password = (self.data / "postgres" / "superuser.password").read_text(encoding="utf-8").strip()
        owners = urlsplit(self.settings()["FLEET_DATABASE_URL"])
        return owners._replace(netloc=f"postgres:{password}@{owners.hostname}:{owners.port}").geturl()

    def servers(self, name: str) -> list[psutil.Process]:
        """The running processes of one of its servers: `postgres`, `valkey-server`, `bao`."""
        found = [child for child in psutil.Process(self.process.pid).children(recursive=True) if child.name() == name]
        assert found, f"no {name} runs"
        return found

    def ready(self) -> "RunningFleet":
        def serves() -> bool:
            assert self.process.poll() is None, self.output
            return (
                (self.data / "fleet.env").exists()
                and ("http://127.0.0.1:" in self.output)
                and self.run("status", check=False).returncode == 0
            )

        wait_until(serves, what="the fleet serves")
        return self

    def run(self, *arguments: str, typed: str | None = None, check: bool = True) -> subprocess.CompletedProcess[str]:
        """Run a `fleet` command against this fleet."""
        done = subprocess.run(
            [FLEET, *arguments, "--data", str(self.data)],
            input=typed,
            env=self.environment,
            capture_output=True,
            text=True,
            timeout=PATIENCE_S,
            check=False,
        )
        assert not check or done.returncode == 0, f"fleet {arguments}: {done.stdout}{done.stderr}"
        return done

    def json(self, *arguments: str) -> Any:
        """What a command prints with --json."""
        return json.loads(self.run(*arguments, "--json").stdout)

    def stop(self, how: signal.Signals = signal.SIGTERM) -> int:
        if self.process.poll() is None:
            self.process.send_signal(how)
        code = self.process.wait(timeout=60)
        self._reader.join(timeout=10)
        return code


@pytest.fixture
def start_fleet(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[..., RunningFleet]]:
    """Starts fleets, each in a folder of its own, and ends them with the test."""
    started: list[RunningFleet] = []

    def start(*options: str, settings: dict[str, str] | None = None, data: Path | None = None) -> RunningFleet:
        fleet = RunningFleet(data or tmp_path_factory.mktemp("fleet"), *options, settings=settings)
        started.append(fleet)
        return fleet

    yield start
    for fleet in started:
        fleet.stop()
    for fleet in started:  # only now: two of them may have had the same folder, one after the other
        wait_until(lambda fleet=fleet: not processes_of(fleet.data), what="no process is left", patience_s=30)


class Site:
    """A small web site on loopback: `/page/N` is an article of its own, `/app/N` one that a script puts together.

    `delay_s` makes every page slow.
    """

    def __init__(self) -> None:
        self.delay_s = 0.0
        self.asked: list[str] = []
        site = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_GET(self) -> None:
                site.asked.append(self.path)
                time.sleep(site.delay_s)
                body = (app if self.path.startswith("/app/") else article)(self.path).encode()
                self.send_response(200)
                self.send_header("Content-Type", "text/html; charset=utf-8")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}"

    def pages(self, count: int, *, first: int = 0) -> list[str]:
        return [f"{self.address}/page/{number}" for number in range(first, first + count)]

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


def article(path: str) -> str:
    paragraph = (
        "PostgreSQL keeps every job of the queue in a table, and workers written in Python take them in turn. "
        "A lease says how long a worker may hold a job before another may have it; a token fences late results off. "
    )
    return f"""<!doctype html><html lang="en"><head><title>Notes on queues {path}</title></head><body><main><article>
<h1>Notes on queues {path}</h1>{"".join(f"<p>{paragraph * 2}</p>" for _ in range(6))}</article></main></body></html>"""


def app(path: str) -> str:
    content = json.dumps(article(path).partition("<body>")[2]).replace("</", "<\\/")
    return f"""<!doctype html><html lang="en"><head><title>Notes on queues {path}</title></head><body>
<div id="root"></div><script>document.getElementById("root").innerHTML = {content}</script></body></html>"""


@pytest.fixture
def site() -> Iterator[Site]:
    site = Site()
    yield site
    site.close()
