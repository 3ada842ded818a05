"""The servers all tests of a run share: one process holds them, started by the first test that asks for each.

`python tests/servers.py FOLDER` listens on FOLDER/socket, answers each line (a server's name) with a line of JSON once
that server can be used, and ends everything when its input ends: with pytest, however pytest ends.
"""

import json
import os
import shutil
import signal
import socket
import socketserver
import subprocess
import sys
import threading
from pathlib import Path
from typing import TYPE_CHECKING, Any

import psycopg

from services.local.ports import free_port
from services.local.servers import Server
from services.local.servers.openbao import OpenBao
from services.local.servers.postgres import Postgres
from services.local.servers.rabbitmq import Epmd, RabbitMQ
from services.local.servers.starting import bring_up, process_of
from services.local.servers.valkey import Valkey
from services.local.warden import Warden

if TYPE_CHECKING:
    from services.local.processes import Process

TEMPLATE = "fleet_template"
VALKEY_DATABASES = 256

Facts = dict[str, Any]


class Holder:
    """Starts each server once, when it is first asked for."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.warden = Warden()
        self.processes: list[Process] = []
        self._facts: dict[str, Facts] = {}
        self._locks = {name: threading.Lock() for name in ("postgres", "template", "valkey", "openbao", "rabbitmq")}

    def facts(self, name: str) -> Facts:
        """What a test needs to know of the server; comes back when it can be used."""
        with self._locks[name]:
            if name not in self._facts:
                self._facts[name] = getattr(self, f"_{name}")()
            return self._facts[name]

    def _run(self, server: Server) -> None:
        server.prepare()
        process = process_of(server, logs=self.folder, watch=self.warden)
        self.processes.append(process)
        bring_up(server, process)

    def _postgres(self) -> Facts:
        server = Postgres(self.folder / "postgres", port=free_port(), durable=False)
        self._run(server)
        return {"url": server.url, "superuser_url": server.superuser_url}

    def _template(self) -> Facts:
        from shared.ledger.migrate import migrate  # noqa: PLC0415 - servers alone must start without it

        url = self.facts("postgres")["url"]
        with psycopg.connect(url, autocommit=True) as connection:
            connection.execute(f"CREATE DATABASE {TEMPLATE}")
        migrate(beside(url, TEMPLATE))
        return {"name": TEMPLATE}

    def _valkey(self) -> Facts:
        server = Valkey(self.folder / "valkey", port=free_port(), databases=VALKEY_DATABASES)
        self._run(server)
        return {"url": server.url}

    def _openbao(self) -> Facts:
        server = OpenBao(self.folder / "openbao", port=free_port(), cluster_port=free_port())
        self._run(server)
        return {"url": server.url, "root_token": server.root_token}

    def _rabbitmq(self) -> Facts:
        management = free_port()
        server = RabbitMQ(
            self.folder / "rabbitmq",
            port=free_port(),
            node_port=free_port(),
            epmd=Epmd(port=free_port()),
            plugins=["rabbitmq_management"],
            extra=f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {management}\n",
        )
        self._run(server.epmd)
        self._run(server)
        return {
            "url": server.url,
            "management": f"http://127.0.0.1:{management}",
            "user": "fleet",
            "password": server.password,
            "environment": dict(server.command().environment),
        }

    def stop(self) -> None:
        """End every server, the last started first, and drop their data."""
        for process in reversed(self.processes):
            process.stop()
        self.warden.close()
        shutil.rmtree(self.folder)


def beside(url: str, database: str) -> str:
    """The address of another database on the same server."""
    return f"{url.rpartition('/')[0]}/{database}"


def hold(folder: Path) -> None:
    """Serve until our input ends."""
    holder = Holder(folder)

    class Asked(socketserver.StreamRequestHandler):
        def handle(self) -> None:
            try:
                answer = holder.facts(self.rfile.readline().decode().strip())
            except Exception as error:  # noqa: BLE001 - told to the test that asked, whatever it is
                answer = {"error": f"{type(error).__name__}: {error}"}
            self.wfile.write(json.dumps(answer).encode() + b"\n")

    with socketserver.ThreadingUnixStreamServer(str(folder / "socket"), Asked) as server:
        server.daemon_threads = True
        threading.Thread(target=server.serve_forever, daemon=True).start()
        sys.stdin.read()
        server.shutdown()
    holder.stop()


def start_holder(folder: Path) -> subprocess.Popen[bytes]:
    """Start the process that holds the servers; closing its input ends it."""
    return subprocess.Popen(
        [sys.executable, __file__, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        env={**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])},
        start_new_session=True,
    )


def ask(folder: Path, name: str) -> Facts:
    """What the holder knows of a server; starts it when nobody asked before."""
    with socket.socket(socket.AF_UNIX) as connection:
        connection.settimeout(120)
        connection.connect(str(folder / "socket"))
        connection.sendall(name.encode() + b"\n")
        with connection.makefile("rb") as lines:
            answer: Facts = json.loads(lines.readline())
    if "error" in answer:
        raise RuntimeError(f"{name}: {answer['error']}")
    return answer


if __name__ == "__main__":
    for ignored in (signal.SIGINT, signal.SIGTERM):
        signal.signal(ignored, signal.SIG_IGN)  # our input's end is the one thing that ends us
    hold(Path(sys.argv[1]))
