"""Real servers for tests: started once a run for all workers, a fresh corner of one for each test.

`database_url`, `empty_database_url`, `redis_url`, `rabbitmq_url` and `vault` are corners of the shared servers; a test
must not stop or wipe those. `own_valkey` and `own_postgres` are servers of the test's own, to be ill-treated.
"""

import json
import os
import secrets
import shutil
import signal
import subprocess
import tempfile
import time
import urllib.request
from base64 import b64encode
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Generic, TypeVar

import hvac
import hypothesis
import psycopg
import pytest
import redis
from _pytest.nodeid import NodeId

from services.local.ports import free_port
from services.local.processes import Process
from services.local.servers import Server
from services.local.servers.postgres import Postgres
from services.local.servers.starting import bring_up, process_of
from services.local.servers.valkey import Valkey
from services.local.warden import Warden
from shared.keys import setting_up
from shared.keys.setting_up import Credentials
from tests.servers import TEMPLATE, ask, beside, start_holder

_FOLDER = "FLEET_TESTS_SERVERS"
hypothesis.settings.register_profile("default", deadline=None)  # machines are shared: time is no verdict
hypothesis.settings.register_profile("fuzz", deadline=None, max_examples=5_000)

_FILES = "fleet-tests-files-"
_HOLDER = pytest.StashKey[subprocess.Popen[bytes]]()


def pytest_configure(config: pytest.Config) -> None:
    """In the process that started the run: have somebody ready to start servers; xdist's workers find it by name."""
    if hasattr(config, "workerinput") or config.option.collectonly or _FOLDER in os.environ:
        return  # a worker of another's run, or started by somebody who holds servers for many runs
    # A shell's background jobs ignore Ctrl-C, and so would everything they start: what tests interrupt must heed it.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    folder = Path(tempfile.mkdtemp(prefix="fleet-tests-"))
    os.environ[_FOLDER] = str(folder)
    if os.geteuid() == 0:
        # Every run of pytest closes pytest-of-root/ to other accounts, PostgreSQL's too: each run has its own, then.
        os.environ.setdefault("PYTEST_DEBUG_TEMPROOT", tempfile.mkdtemp(prefix=_FILES))
    config.stash[_HOLDER] = start_holder(folder)


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Have xdist's groups hold: it writes a test's group into `_nodeid`, where pytest 9.2 does not look any more."""
    for item in items:
        if grouped := vars(item).get("_nodeid"):
            item._id = NodeId.parse(grouped)


def pytest_sessionfinish(session: pytest.Session, exitstatus: int) -> None:
    """Drop the files of a run in which nothing failed."""
    files = os.environ.get("PYTEST_DEBUG_TEMPROOT", "")
    if not hasattr(session.config, "workerinput") and exitstatus == 0 and Path(files).name.startswith(_FILES):
        shutil.rmtree(files)


def pytest_unconfigure(config: pytest.Config) -> None:
    """End every server of this run."""
    holder = config.stash.get(_HOLDER, None)
    if holder is not None:
        assert holder.stdin is not None
        holder.stdin.close()
        holder.wait(timeout=60)
        os.environ.pop(_FOLDER)


def facts_of(name: str) -> dict[str, Any]:
    """What is known of a shared server; the first to ask in a run starts it."""
    folder = Path(os.environ[_FOLDER])
    deadline = time.monotonic() + 30
    while not (folder / "socket").exists():
        assert time.monotonic() < deadline, "nobody holds the test servers"
        time.sleep(0.02)
    return ask(folder, name)


# ---- PostgreSQL -----------------------------------------------------------------------------------


def _database(*, template: str) -> Iterator[str]:
    server = facts_of("postgres")
    name = f"test_{secrets.token_hex(6)}"
    with psycopg.connect(server["url"], autocommit=True) as owner:
        owner.execute(f"CREATE DATABASE {name} TEMPLATE {template} STRATEGY FILE_COPY")
    yield beside(server["url"], name)
    with psycopg.connect(server["superuser_url"], autocommit=True) as superuser:
        superuser.execute(f"DROP DATABASE {name} WITH (FORCE)")  # its autovacuum too, which the owner may not end


@pytest.fixture
def database_url() -> Iterator[str]:
    """A database of the test's own with the newest schema: `postgresql://…`."""
    facts_of("template")
    yield from _database(template=TEMPLATE)


@pytest.fixture
def empty_database_url() -> Iterator[str]:
    """A database of the test's own with nothing in it."""
    yield from _database(template="template0")


# ---- Valkey ---------------------------------------------------------------------------------------


@pytest.fixture
def redis_url(worker_id: str) -> Iterator[str]:
    """A numbered database of the shared Valkey, empty, used by no other worker meanwhile."""
    number = 0 if worker_id == "master" else int(worker_id.removeprefix("gw"))
    url = beside(facts_of("valkey")["url"], str(number))
    with redis.Redis.from_url(url) as client:
        client.flushdb()
        yield url
        client.flushdb()


# ---- RabbitMQ -------------------------------------------------------------------------------------


@pytest.fixture
def rabbitmq_url() -> Iterator[str]:
    """A virtual host of the test's own: `amqp://…`."""
    facts = facts_of("rabbitmq")
    name = f"test-{secrets.token_hex(6)}"
    manage(facts, "PUT", f"vhosts/{name}")
    everything = {"configure": ".*", "write": ".*", "read": ".*"}
    manage(facts, "PUT", f"permissions/{name}/{facts['user']}", everything)
    yield beside(facts["url"], name)
    manage(facts, "DELETE", f"vhosts/{name}")


def manage(facts: dict[str, Any], method: str, path: str, body: dict[str, str] | None = None) -> Any:
    """Ask RabbitMQ's management API, as its page does; what it answers."""
    signed = b64encode(f"{facts['user']}:{facts['password']}".encode()).decode()
    request = urllib.request.Request(  # noqa: S310 - our own server
        f"{facts['management']}/api/{path}",
        method=method,
        data=json.dumps(body or {}).encode(),
        headers={"Authorization": f"Basic {signed}", "Content-Type": "application/json"},
    )
    with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310 - as above
        return json.loads(answer.read() or "null")


@pytest.fixture
def rabbitmqctl() -> Callable[[str, Path], None]:
    """Runs commands of `rabbitmqctl` in a folder, as somebody on RabbitMQ's machine would."""
    facts = facts_of("rabbitmq")

    def run(commands: str, folder: Path) -> None:
        path = f"/usr/lib/rabbitmq/bin:{facts['environment']['PATH']}"  # what is on Debian's own PATH wants to be root
        shell = ["bash", "-euo", "pipefail", "-c", commands]
        subprocess.run(shell, cwd=folder, env=facts["environment"] | {"PATH": path}, check=True, timeout=120)

    return run


# ---- OpenBao --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Vault:
    """A mount of the test's own in OpenBao, with a pepper, and what each role signs in with there."""

    addr: str
    mount: str
    front_door: Credentials
    analyzer: Credentials
    root_token: str = field(repr=False)


@pytest.fixture
def vault() -> Iterator[Vault]:
    """A KV version 2 mount of the test's own, under the policies of production but roles of its own."""
    facts = facts_of("openbao")
    client = hvac.Client(url=facts["url"], token=facts["root_token"], timeout=10)
    mount = f"test-{secrets.token_hex(6)}"
    setting_up._mount_keys(client, mount)
    setting_up._make_pepper(client, mount)
    roles = {role: _sign_up(client, role, mount) for role in setting_up.ROLES}
    yield Vault(
        addr=facts["url"],
        mount=mount,
        front_door=roles[setting_up.FRONT_DOOR],
        analyzer=roles[setting_up.ANALYZER],
        root_token=facts["root_token"],
    )
    client.sys.disable_secrets_engine(mount)
    client.adapter.close()


def _sign_up(client: hvac.Client, role: str, mount: str) -> Credentials:
    name = f"{role}-{mount}"
    client.sys.create_or_update_policy(name, setting_up.policy(role, mount=mount))
    client.auth.approle.create_or_update_approle(name, token_policies=[name], token_no_default_policy=True)
    return setting_up.issue_credentials(client, name)


# ---- servers to be ill-treated --------------------------------------------------------------------

S = TypeVar("S", bound=Server)


class Own(Generic[S]):
    """A server of the test's own: stopped, killed and started again on its data and its port."""

    def __init__(self, server: S, process: Process) -> None:
        self.server = server
        self.process = process

    @property
    def url(self) -> str:
        return self.server.url

    def start(self) -> None:
        bring_up(self.server, self.process)

    def stop(self) -> None:
        self.process.stop()

    def kill(self) -> None:
        self.process.kill()

    def restart(self) -> None:
        self.stop()
        self.start()


class OwnValkey(Own[Valkey]):
    """A Valkey of the test's own."""

    def flush(self) -> None:
        """Lose everything."""
        with redis.Redis.from_url(self.url) as client:
            client.flushall()


@pytest.fixture
def warden() -> Iterator[Warden]:
    """Ends what a test started, should the test be killed."""
    warden = Warden()
    yield warden
    warden.close()


@pytest.fixture
def started(tmp_path: Path, warden: Warden) -> Iterator[Callable[[Server], Process]]:
    """Starts servers of the test's own; they end with the test."""
    processes: list[Process] = []

    def start(server: Server) -> Process:
        server.prepare()
        process = process_of(server, logs=tmp_path, watch=warden)
        processes.append(process)
        bring_up(server, process)
        return process

    yield start
    for process in reversed(processes):
        process.stop()


@pytest.fixture
def valkey(tmp_path: Path, started: Callable[[Server], Process]) -> OwnValkey:
    """A Valkey of the test's own, running: `.url`, `.flush()`, `.stop()`, `.start()`, `.restart()`, `.kill()`."""
    server = Valkey(tmp_path / "valkey", port=free_port())
    return OwnValkey(server, started(server))


@pytest.fixture
def postgres(tmp_path: Path, started: Callable[[Server], Process]) -> Own[Postgres]:
    """A PostgreSQL of the test's own, running, without tables: `.url`, `.stop()`, `.start()`, `.kill()`."""
    server = Postgres(tmp_path / "postgres", port=free_port(), durable=False)
    return Own(server, started(server))
