"""docs/operations/keeping.md, as written: a ledger is dumped, lost and restored, and a second login takes over."""

import os
import re
import subprocess
import sys
from pathlib import Path
from urllib.parse import urlsplit

import psycopg

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
