"""docs/operations, as written: ledger and vault are saved, lost, restored, and a second login takes over."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import hvac
import psycopg
import pytest

from services.local.ports import free_port
from services.local.processes import Process
from services.local.servers import Server
from services.local.servers.openbao import MOUNT, ROLES, OpenBao
from services.local.servers.postgres import OWNER, Postgres, _programs
from shared.bookmarks import NewBookmark
from shared.database import Database
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.migrate import migrate, pending
from shared.ledger.policies import retry_policy, stage_policies
from shared.ledger.walls import gaps
from shared.settings import DispatchSettings
from shared.values import UserId
from tests.conftest import Own
from tests.guide import block
from tests.running_fleet import wait_until
from tests.vaults import bao

PROGRAMS = _programs()


def run(commands: str, server: Postgres, folder: Path) -> None:
    """As somebody would who copies them, with the superuser's address of the fleet's database."""
    environment = {
        "PATH": f"{PROGRAMS}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SUPERUSER_URL": urlsplit(server.superuser_url)._replace(path=f"/{OWNER}").geturl(),
        "FLEET_DATABASE_URL": server.url,
    }
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment, check=True, timeout=120)


def as_superuser(statements: str, server: Postgres, folder: Path) -> None:
    run(f"psql --set ON_ERROR_STOP=1 \"$SUPERUSER_URL\" <<'SQL'\n{statements}SQL", server, folder)


def lose_everything(server: Postgres) -> None:
    """A new server in place of the old, with the login and the empty database that an installation begins with."""
    password = urlsplit(server.url).password
    made = block("kubernetes.md", about="CREATE DATABASE", language="sql").replace("'password'", f"'{password}'")
    with psycopg.connect(server.superuser_url, autocommit=True) as superuser:
        superuser.execute(f"DROP DATABASE {OWNER} WITH (FORCE)")
        superuser.execute(f"DROP ROLE fleet_tenant, fleet_dispatcher, {OWNER}")
        for statement in made.splitlines():
            superuser.execute(statement)


async def submit(url: str, page: int) -> None:
    database, settings = Database(url, pool=2), DispatchSettings()
    ledger = PostgresLedger(database, policies=stage_policies(settings), retries=retry_policy(settings))
    await ledger.submit(UserId("ada"), [NewBookmark(f"https://example.org/{page}")])
    await database.close()


def bookmarks(url: str) -> int:
    with psycopg.connect(url) as connection:
        connection.execute("SET ROLE fleet_dispatcher")
        row = connection.execute("SELECT count(*) FROM bookmarks").fetchone()
    assert row is not None
    return int(row[0])


def as_root(commands: str, server: OpenBao, folder: Path) -> str:
    return bao(commands, addr=server.url, token=server.root_token, folder=folder)


def rotated_unseal_key(server: OpenBao, folder: Path) -> str:
    """The one key that unseals from now on, where the page makes five; the old one is typed in, as at the prompt."""
    old = json.loads((server.folder / "keys.json").read_text())["unseal_key"]
    begin, go_on = block("keeping.md", about="rotate-keys").splitlines()
    as_root(begin.replace("shares=5", "shares=1").replace("threshold=3", "threshold=1"), server, folder)
    nonce = json.loads(as_root("bao operator rotate-keys -status -format=json", server, folder))["nonce"]
    told = as_root(f"{go_on} -nonce={nonce} - <<< {old}", server, folder)
    return next(line.removeprefix("Key 1: ") for line in told.splitlines() if line.startswith("Key 1: "))


def test_a_vault_is_restored_into_a_new_one_and_opens_with_the_old_key(
    tmp_path: Path, started: Callable[[Server], Process]
) -> None:
    server = OpenBao(tmp_path / "openbao", port=free_port(), cluster_port=free_port())
    running = started(server)
    token = server.root_token
    root = hvac.Client(url=server.url, token=token)
    root.secrets.kv.v2.create_or_update_secret("fleet/users/ada/gemini", {"key": "AIzaPLANTED"}, mount_point=MOUNT)
    key = rotated_unseal_key(server, tmp_path)
    as_root(block("keeping.md", about="snapshot save"), server, tmp_path)
    running.kill()
    server.folder.rename(tmp_path / "lost")

    started(server)
    as_root(block("keeping.md", about="snapshot restore"), server, tmp_path)
    wait_until(lambda: bool(root.sys.is_sealed()), what="it seals itself")
    as_root(block("keeping.md", about="operator unseal").replace("unseal", f"unseal {key}"), server, tmp_path)

    wait_until(server.is_active, what="it is active")
    read = root.secrets.kv.v2.read_secret_version(
        "fleet/users/ada/gemini", mount_point=MOUNT, raise_on_deleted_version=True
    )
    assert read["data"]["data"] == {"key": "AIzaPLANTED"}
    assert set(ROLES) <= set(root.sys.list_policies()["data"]["policies"])
    root.adapter.close()


async def test_a_ledger_is_restored_with_its_walls_and_a_second_login_takes_over(
    postgres: Own[Postgres], tmp_path: Path
) -> None:
    server = postgres.server
    migrate(server.url)
    await submit(server.url, 1)

    run(block("keeping.md", about="pg_dump"), server, tmp_path)
    lose_everything(server)
    run(block("keeping.md", about="pg_restore"), server, tmp_path)
    migrate(server.url)

    assert bookmarks(server.url) == 1
    assert gaps(server.url) == []
    await submit(server.url, 2)
    as_superuser(block("keeping.md", about="fleet_second", language="sql"), server, tmp_path)
    host = urlsplit(server.url)
    second = host._replace(netloc=f"fleet_second:new@{host.hostname}:{host.port}").geturl()
    await submit(second, 3)
    as_superuser(block("keeping.md", about="ALTER ROLE", language="sql"), server, tmp_path)
    with pytest.raises(psycopg.OperationalError, match="password authentication failed"):
        bookmarks(server.url)
    assert bookmarks(second) == 3
    assert (pending(second), gaps(second)) == (False, [])  # what `fleet doctor` asks as this login
