"""Each embedded server: starts, comes back with its data, needs its password, and leaves no process."""

import contextlib
import stat
import time
from collections.abc import Callable
from pathlib import Path

import hvac
import pika
import psutil
import psycopg
import pytest
import redis
from pika.exceptions import ProbableAuthenticationError

from services.local.ports import free_port
from services.local.processes import Process
from services.local.servers import Server
from services.local.servers.openbao import OpenBao
from services.local.servers.postgres import Postgres
from services.local.servers.rabbitmq import Epmd, RabbitMQ
from services.local.servers.starting import bring_up
from services.local.servers.valkey import Valkey
from shared.keys.setting_up import Credentials
from tests.conftest import Vault

Start = Callable[[Server], Process]
KEY = "fleet/users/ada/gemini"


def family(process: Process) -> list[psutil.Process]:
    """The process and all it started, sessions of their own included."""
    assert process.pid is not None
    leader = psutil.Process(process.pid)
    return [leader, *leader.children(recursive=True)]


def gone(members: list[psutil.Process]) -> bool:
    return not any(runs(member) for member in members)


def runs(process: psutil.Process) -> bool:
    try:
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def wait_until(true: Callable[[], bool], *, within_s: float = 10) -> None:
    deadline = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < deadline
        time.sleep(0.02)


def public_words(members: list[psutil.Process]) -> str:
    """What anybody on the machine can read of them."""
    words: list[str] = []
    for member in members:
        with contextlib.suppress(psutil.NoSuchProcess):
            words += member.cmdline()
    assert words
    return " ".join(words)


def test_postgres_keeps_its_data_and_leaves_no_process(tmp_path: Path, started: Start) -> None:
    server = Postgres(tmp_path / "postgres", port=free_port())
    process = started(server)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    members = family(process)
    assert server.url.split(":")[2].split("@")[0] not in public_words(members)

    process.stop()
    assert gone(members)
    bring_up(server, process)

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_postgres_comes_back_after_it_was_killed(tmp_path: Path, started: Start) -> None:
    server = Postgres(tmp_path / "postgres", port=free_port())
    process = started(server)
    with psycopg.connect(server.url) as connection:
        connection.execute("CREATE TABLE kept AS SELECT 42 AS answer")
    members = family(process)

    process.kill()
    wait_until(lambda: gone(members))
    bring_up(server, process)

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT answer FROM kept").fetchone() == (42,)


def test_postgres_starts_although_an_interrupted_start_left_its_number_to_a_stranger(
    tmp_path: Path, started: Start
) -> None:
    server = Postgres(tmp_path / "postgres", port=free_port())
    process = started(server)
    process.kill()
    lock = tmp_path / "postgres" / "data" / "postmaster.pid"
    assert lock.exists()
    lines = lock.read_text().splitlines()
    lock.write_text("\n".join([str(psutil.Process().pid), *lines[1:]]) + "\n")

    bring_up(server, process)

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT 1").fetchone() == (1,)


def test_postgres_owner_is_no_superuser_and_wants_its_password(tmp_path: Path, started: Start) -> None:
    server = Postgres(tmp_path / "postgres", port=free_port(), durable=False)
    started(server)

    with psycopg.connect(server.url) as connection:
        assert connection.execute("SELECT rolsuper FROM pg_roles WHERE rolname = current_user").fetchone() == (False,)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        psycopg.connect(f"postgresql://fleet:wrong@127.0.0.1:{server.port}/fleet")


def test_valkey_keeps_its_data_and_wants_its_password(tmp_path: Path, started: Start) -> None:
    server = Valkey(tmp_path / "valkey", port=free_port())
    process = started(server)
    with redis.Redis.from_url(server.url) as client:
        client.set("kept", "42")
    members = family(process)

    process.stop()
    assert gone(members)
    bring_up(server, process)

    with redis.Redis.from_url(server.url) as client:
        assert client.get("kept") == b"42"
    with redis.Redis(port=server.port) as stranger, pytest.raises(redis.AuthenticationError):
        stranger.get("kept")


def test_what_a_server_keeps_is_closed_to_other_accounts(tmp_path: Path, started: Start) -> None:
    vault = OpenBao(tmp_path / "openbao", port=free_port(), cluster_port=free_port())
    started(vault)
    started(Valkey(tmp_path / "valkey", port=free_port()))

    for folder in ("openbao", "valkey"):
        assert stat.S_IMODE((tmp_path / folder).stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "openbao" / "keys.json").stat().st_mode) == 0o600


def test_openbao_comes_back_unsealed_with_its_data_on_other_ports(tmp_path: Path, started: Start) -> None:
    def openbao() -> OpenBao:
        ports = {"port": free_port(), "cluster_port": free_port()}
        return OpenBao(tmp_path / "openbao", **ports)

    first = openbao()
    process = started(first)
    role = first.credentials("front-door")
    write_key(first, role)
    members = family(process)
    process.stop()
    assert gone(members)

    second = openbao()
    started(second)

    root = hvac.Client(url=second.url, token=second.root_token)
    read = root.secrets.kv.v2.read_secret_version(KEY, raise_on_deleted_version=True)
    assert read["data"]["data"] == {"key": "v"}
    assert second.credentials("front-door") == role


def write_key(server: OpenBao, role: Credentials) -> None:
    client = hvac.Client(url=server.url)
    client.auth.approle.login(role.role_id, role.secret_id.get_secret_value())
    client.secrets.kv.v2.create_or_update_secret(KEY, {"key": "v"})
    with pytest.raises(hvac.exceptions.Forbidden):
        client.secrets.kv.v2.read_secret_version(KEY, raise_on_deleted_version=True)


def test_a_vault_whose_initialisation_was_cut_short_starts_afresh(tmp_path: Path, started: Start) -> None:
    ports = {"port": free_port(), "cluster_port": free_port()}
    server = OpenBao(tmp_path / "openbao", **ports)
    process = started(server)
    process.stop()
    (tmp_path / "openbao" / "keys.json").unlink()

    bring_up(server, process)

    assert hvac.Client(url=server.url, token=server.root_token).is_authenticated()


def test_rabbitmq_keeps_its_data_and_leaves_neither_node_nor_name_server(tmp_path: Path, started: Start) -> None:
    epmd = Epmd(port=free_port())
    server = RabbitMQ(tmp_path / "rabbitmq", port=free_port(), node_port=free_port(), epmd=epmd)
    names, process = started(epmd), started(server)
    publish(server.url, b"42")
    members = [*family(process), *family(names)]
    assert server.password not in public_words(members)
    assert Path(members[0].cwd()) == server.folder  # where Mnesia drops its core should it crash

    process.stop()
    names.stop()
    wait_until(lambda: gone(members))
    bring_up(epmd, names)
    bring_up(server, process)

    connection = pika.BlockingConnection(pika.URLParameters(server.url))
    _, _, body = connection.channel().basic_get("kept", auto_ack=True)
    connection.close()
    assert body == b"42"
    with pytest.raises(ProbableAuthenticationError):
        pika.BlockingConnection(pika.URLParameters(f"amqp://guest:guest@127.0.0.1:{server.port}/"))


def publish(url: str, body: bytes) -> None:
    connection = pika.BlockingConnection(pika.URLParameters(url))
    channel = connection.channel()
    channel.queue_declare("kept", durable=True, arguments={"x-queue-type": "quorum"})
    channel.confirm_delivery()
    channel.basic_publish("", "kept", body, pika.BasicProperties(delivery_mode=pika.DeliveryMode.Persistent))
    connection.close()


def test_every_test_gets_its_own_corner_of_the_shared_servers(
    empty_database_url: str, redis_url: str, rabbitmq_url: str, vault: Vault
) -> None:
    with psycopg.connect(empty_database_url) as connection:
        assert connection.execute("SELECT count(*) FROM pg_tables WHERE schemaname = 'public'").fetchone() == (0,)
    with redis.Redis.from_url(redis_url) as client:
        assert client.dbsize() == 0
    publish(rabbitmq_url, b"1")
    root = hvac.Client(url=vault.addr, token=vault.root_token)
    assert f"{vault.mount}/" in root.sys.list_mounted_secrets_engines()["data"]
