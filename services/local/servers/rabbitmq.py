"""RabbitMQ where it is installed, as a node of our own: own data, ports and name server, nothing of the system's."""

import os
import shutil
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from urllib.parse import quote

import pika
from pika.exceptions import AMQPError

from services.local.kept import kept_secret, make_private_folders, write_private
from services.local.ports import LOOPBACK
from services.local.processes import Command
from services.local.servers.errors import ServerMissing, ServerNotReady

USER = "fleet"
_NODE = "fleet@localhost"
_NAME_SERVER_WITHIN_S = 10.0
_LOOK_EVERY_S = 0.05

_SCRIPTS = (
    "/usr/lib/rabbitmq/bin/rabbitmq-server",  # Debian, Ubuntu, Fedora: what on their PATH is a wrapper that wants root
    "/opt/rabbitmq/sbin/rabbitmq-server",  # the official container image
    "/opt/homebrew/opt/rabbitmq/sbin/rabbitmq-server",  # Homebrew
    "/usr/local/opt/rabbitmq/sbin/rabbitmq-server",  # Homebrew on Intel
)

_CONFIGURATION = """\
listeners.tcp.1 = {host}:{port}
default_user = {user}
default_pass = {password}
log.console = true
log.file = false
"""


class Epmd:
    """Erlang's name server on a loopback port of its own; RabbitMQ would leave one running behind it."""

    name = "epmd"

    def __init__(self, *, port: int) -> None:
        self.port = port

    @property
    def url(self) -> str:
        """Where RabbitMQ finds it."""
        return f"tcp://{LOOPBACK}:{self.port}"

    def prepare(self) -> None:
        """Nothing has to be written."""

    def command(self) -> Command:
        """`epmd` in the foreground; it has no orderly end and nothing to lose."""
        program = shutil.which("epmd")
        if program is None:
            raise _missing()
        return Command((program, "-port", str(self.port), "-address", LOOPBACK), {})

    def is_ready(self) -> bool:
        """Whether it listens."""
        return _listens(self.port)

    def settle(self) -> None:
        """Nothing is left to do."""


class RabbitMQ:
    """A RabbitMQ node on loopback ports, its data, cookie and password in one folder.

    Args:
        folder: where its data is; made when it is missing.
        port: where it takes AMQP connections.
        node_port: where its own tools find it.
        epmd: the name server it registers with; has to run before it.
        plugins: which of its plugins to enable.
        extra: more lines of configuration.
    """

    name = "rabbitmq"

    def __init__(
        self,
        folder: Path,
        *,
        port: int,
        node_port: int,
        epmd: Epmd,
        plugins: Sequence[str] = (),
        extra: str = "",
    ) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.node_port = node_port
        self.epmd = epmd
        self.plugins = plugins
        self.extra = extra

    @property
    def password(self) -> str:
        """The password of the one account there is."""
        return kept_secret(self.folder / "password")

    @property
    def url(self) -> str:
        """`amqp://user:password@host:port/%2F`."""
        return self.url_of("/")

    def url_of(self, vhost: str) -> str:
        """The same account in another virtual host."""
        return f"amqp://{USER}:{self.password}@{LOOPBACK}:{self.port}/{quote(vhost, safe='')}"

    def prepare(self) -> None:
        """Write the configuration, the list of plugins, and the cookie its tools sign in with."""
        _script()
        self._wait_for_name_server()
        make_private_folders(self.folder, "data", "logs")
        configuration = _CONFIGURATION.format(host=LOOPBACK, port=self.port, user=USER, password=self.password)
        write_private(self.folder / "rabbitmq.conf", configuration + self.extra)
        write_private(self.folder / "enabled_plugins", f"[{','.join(self.plugins)}].\n")
        kept_secret(self.folder / ".erlang.cookie")

    def _wait_for_name_server(self) -> None:
        # Without one it would start its own, which stays when it ends.
        deadline = time.monotonic() + _NAME_SERVER_WITHIN_S
        while not self.epmd.is_ready():
            if time.monotonic() > deadline:
                raise ServerNotReady(self.name, why="waits for its name server", log="epmd.log")
            time.sleep(_LOOK_EVERY_S)

    def command(self) -> Command:
        """`rabbitmq-server` in the foreground; ends in good order on SIGTERM."""
        return Command((str(_script()),), self._environment(), grace_s=30.0, folder=self.folder)

    def _environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ.get("PATH", os.defpath),  # where Erlang is
            "LANG": "C.UTF-8",
            "HOME": str(self.folder),
            "ERL_EPMD_PORT": str(self.epmd.port),
            "ERL_EPMD_ADDRESS": LOOPBACK,
            "RABBITMQ_NODENAME": _NODE,
            "RABBITMQ_DIST_PORT": str(self.node_port),
            "RABBITMQ_MNESIA_BASE": str(self.folder / "data"),
            "RABBITMQ_LOG_BASE": str(self.folder / "logs"),
            "RABBITMQ_ENABLED_PLUGINS_FILE": str(self.folder / "enabled_plugins"),
            "RABBITMQ_CONFIG_FILE": str(self.folder / "rabbitmq.conf"),
            "RABBITMQ_CONF_ENV_FILE": os.devnull,  # the system's own broker is set up there
            "RABBITMQ_SERVER_ADDITIONAL_ERL_ARGS": "-start_epmd false -kernel inet_dist_use_interface {127,0,0,1}",
            "RUNNING_UNDER_SYSTEMD": "true",  # the script then becomes the server instead of starting a child
        }

    def is_ready(self) -> bool:
        """Whether it takes connections."""
        if not _listens(self.port):
            return False
        parameters = pika.URLParameters(self.url)
        parameters.blocked_connection_timeout = parameters.socket_timeout = parameters.stack_timeout = 2
        try:
            pika.BlockingConnection(parameters).close()
        except AMQPError:
            return False
        return True

    def settle(self) -> None:
        """Nothing is left to do."""


def is_installed() -> bool:
    """Whether this machine has RabbitMQ and the Erlang it runs on."""
    return _find_script() is not None and shutil.which("epmd") is not None


def require_installed() -> None:
    """Raise `ServerMissing` unless it is."""
    if not is_installed():
        raise _missing()


def _find_script() -> Path | None:
    places = [*map(Path, _SCRIPTS)]
    on_path = shutil.which("rabbitmq-server")
    if on_path is not None:
        places.append(Path(on_path))
    return next((place for place in places if os.access(place, os.X_OK)), None)


def _script() -> Path:
    found = _find_script()
    if found is None:
        raise _missing()
    return found


def _missing() -> ServerMissing:
    return ServerMissing(
        "RabbitMQ",
        remedy="install your system's package rabbitmq-server, or start with --broker redis",
        setting="FLEET_BROKER_URL",
    )


def _listens(port: int) -> bool:
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.settimeout(1)
        return probe.connect_ex((LOOPBACK, port)) == 0
