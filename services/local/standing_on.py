"""The servers a fleet on this machine stands on: its own, or those the environment names instead."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import urlsplit

from services.local.options import BrokerChoice
from services.local.ports import free_port
from services.local.servers import Server
from services.local.servers.openbao import OpenBao
from services.local.servers.postgres import Postgres
from services.local.servers.rabbitmq import Epmd, RabbitMQ, is_installed, require_installed
from services.local.servers.valkey import Valkey

_BROKER_DATABASE = 1  # beside quotas and caches, which are in database 0


@dataclass(slots=True)
class Foundation:
    """Servers to start, and where the fleet finds everything it stands on.

    Attributes:
        first: servers that start side by side.
        broker: those the broker needs, one after the other; slower than all others.
        settings: `FLEET_…` as the environment gives them; with what was chosen here once the servers are up.
        note: what a person should know of the choice.
    """

    settings: dict[str, str]
    first: list[Server] = field(default_factory=list)
    broker: list[Server] = field(default_factory=list)
    note: str | None = None
    postgres: Postgres | None = None
    valkey: Valkey | None = None
    openbao: OpenBao | None = None
    rabbitmq: RabbitMQ | None = None

    def settle(self) -> None:
        """Note where the servers that were started are."""
        if self.postgres:
            self.settings["FLEET_DATABASE_URL"] = self.postgres.url
        if self.valkey:
            self.settings["FLEET_REDIS_URL"] = self.valkey.url
        if self.openbao:
            role = self.openbao.credentials("front-door")
            self.settings |= _signing_in(self.openbao.url, role.role_id, role.secret_id.get_secret_value())
        if self.rabbitmq:
            self.settings["FLEET_BROKER_URL"] = self.rabbitmq.url
        elif not _names(self.settings, "FLEET_BROKER_URL"):
            self.settings["FLEET_BROKER_URL"] = _other_database(_value(self.settings, "FLEET_REDIS_URL"))

    def for_analyzer(self) -> Mapping[str, str]:
        """What the analyzer alone is given: it may read keys, and the others may not."""
        if self.openbao is None:
            return {}
        role = self.openbao.credentials("analyzer")
        return _signing_in(self.openbao.url, role.role_id, role.secret_id.get_secret_value())


def lay_foundation(data: Path, given: Mapping[str, str], choice: BrokerChoice) -> Foundation:
    """Choose the servers; starts none.

    Args:
        data: the fleet's folder; each server has one of its own in it.
        given: the `FLEET_…` settings of the environment; what they name is not started.
        choice: which broker to use, if the environment names none.

    Raises:
        ServerMissing: RabbitMQ was asked for and is not installed.
    """
    chosen = Foundation(dict(given))
    if not _names(given, "FLEET_DATABASE_URL"):
        chosen.postgres = Postgres(data / "postgres", port=free_port())
    if not _names(given, "FLEET_REDIS_URL"):
        chosen.valkey = Valkey(data / "valkey", port=free_port())
    if not _names(given, "FLEET_VAULT_ADDR"):
        chosen.openbao = OpenBao(data / "openbao", port=free_port(), cluster_port=free_port())
    chosen.first = [server for server in (chosen.postgres, chosen.valkey, chosen.openbao) if server is not None]
    if not _names(given, "FLEET_BROKER_URL"):
        _choose_broker(chosen, data, choice)
    return chosen


def _choose_broker(chosen: Foundation, data: Path, choice: BrokerChoice) -> None:
    if choice is BrokerChoice.RABBITMQ:
        require_installed()
    if choice is BrokerChoice.AUTO and not is_installed():
        chosen.note = "RabbitMQ is not installed here: Valkey carries the messages instead (install rabbitmq-server)."
    elif choice is not BrokerChoice.REDIS:
        epmd = Epmd(port=free_port())
        chosen.rabbitmq = RabbitMQ(data / "rabbitmq", port=free_port(), node_port=free_port(), epmd=epmd)
        chosen.broker = [epmd, chosen.rabbitmq]


def _signing_in(address: str, role_id: str, secret_id: str) -> dict[str, str]:
    return {
        "FLEET_VAULT_ADDR": address,
        "FLEET_VAULT_AUTH": "approle",
        "FLEET_VAULT_ROLE_ID": role_id,
        "FLEET_VAULT_SECRET_ID": secret_id,
    }


def _other_database(redis_url: str) -> str:
    return urlsplit(redis_url)._replace(path=f"/{_BROKER_DATABASE}").geturl()


def _names(given: Mapping[str, str], setting: str) -> bool:
    return setting in given or f"{setting}_FILE" in given


def _value(settings: Mapping[str, str], setting: str) -> str:
    return settings.get(setting) or Path(settings[f"{setting}_FILE"]).read_text(encoding="utf-8").strip()
