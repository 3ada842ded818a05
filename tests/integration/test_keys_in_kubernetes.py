"""Pods sign in to a real OpenBao with the tokens Kubernetes gives them, and go on when tokens end or change."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import hvac
import pytest

from shared.errors import KeysUnavailable
from shared.keys.in_vault import VaultKeyWriter
from shared.keys.plaintext import api_key
from shared.keys.vault_session import VaultSession
from shared.settings import VaultSettings
from shared.users import user_id
from tests.conftest import Vault
from tests.pods import NAMESPACE, Kubernetes, kubernetes

pytestmark = pytest.mark.xdist_group("kubernetes")  # the shared vault trusts one cluster at a time

ADA = user_id("ada")
KEY = api_key("AIzaPLANTED-0123456789abcdef")
ACCOUNT = "fleet-front-door"


@pytest.fixture
def cluster() -> Iterator[Kubernetes]:
    with kubernetes() as running:
        yield running


@pytest.fixture
def root(vault: Vault) -> Iterator[hvac.Client]:
    client = hvac.Client(url=vault.addr, token=vault.root_token)
    yield client
    client.adapter.close()


@dataclass
class Account:
    """The front door's service account, and the file in the pod that Kubernetes keeps its token in."""

    cluster: Kubernetes
    file: Path
    token: str = ""

    def renew(self, account: str = ACCOUNT) -> None:
        """Put a new token into the file; the one before is not good any more."""
        self.token = self.cluster.issue(account)
        self.file.write_text(f"{self.token}\n")


@pytest.fixture
def account(tmp_path: Path, cluster: Kubernetes) -> Account:
    account = Account(cluster, tmp_path / "token")
    account.renew()
    return account


@pytest.fixture
def role(vault: Vault, root: hvac.Client, cluster: Kubernetes) -> str:
    """The front door's role in the vault, for pods that run as its service account; its tokens live 2 s, at most 4."""
    if "kubernetes/" not in root.sys.list_auth_methods()["data"]:
        root.sys.enable_auth_method("kubernetes")
    root.sys.enable_secrets_engine("pki", path=f"{vault.mount}-pki")
    some_ca = root.secrets.pki.generate_root("internal", "kubernetes", mount_point=f"{vault.mount}-pki")
    root.auth.kubernetes.configure(
        cluster.url,
        kubernetes_ca_cert=some_ca["data"]["certificate"],
        token_reviewer_jwt=cluster.issue("vault"),
        disable_local_ca_jwt=True,
    )
    name = f"front-door-{vault.mount}"
    root.auth.kubernetes.create_role(
        name,
        bound_service_account_names=ACCOUNT,
        bound_service_account_namespaces=NAMESPACE,
        policies=[name],
        ttl="2s",
        max_ttl="4s",
    )
    return name


@pytest.fixture
async def open_session(vault: Vault, role: str) -> AsyncIterator[Callable[[Path], VaultSession]]:
    settings = VaultSettings(vault_addr=vault.addr, vault_mount=vault.mount, vault_auth="kubernetes", vault_role=role)
    sessions: list[VaultSession] = []

    def open_session(account: Path) -> VaultSession:
        sessions.append(VaultSession(settings, service_account=account))
        return sessions[-1]

    yield open_session
    for session in sessions:
        await session.close()


async def token_of(session: VaultSession) -> str:
    """The token the vault gave the session, and takes."""
    token: str = await session.ask(lambda client: (client.auth.token.lookup_self(), client.token)[1])
    return token


async def tokens_within(seconds: float, session: VaultSession) -> list[str]:
    """The tokens the session had while it was asked all the time."""
    tokens: list[str] = []
    until = time.monotonic() + seconds
    while time.monotonic() < until:
        if (token := await token_of(session)) not in tokens:
            tokens.append(token)
        await asyncio.sleep(0.1)
    return tokens


async def test_a_pod_signs_in_with_the_token_kubernetes_gave_it(
    open_session: Callable[[Path], VaultSession], account: Account, cluster: Kubernetes
) -> None:
    session = open_session(account.file)

    await asyncio.gather(*(VaultKeyWriter(session).put(ADA, KEY) for _ in range(4)))

    assert set(cluster.reviewed) == {account.token}
    assert len(cluster.reviewed) < 4  # one for all; once more where a slow run outlives the vault's two seconds


async def test_the_vaults_token_is_prolonged_before_it_ends_and_replaced_when_it_cannot_be(
    open_session: Callable[[Path], VaultSession], account: Account
) -> None:
    tokens = await tokens_within(7.0, open_session(account.file))

    assert 2 <= len(tokens) <= 3  # unprolonged each would live 2 s, so that four would be needed


async def test_a_pods_token_that_changes_is_read_anew_when_the_vault_does_not_prolong_the_old_ones(
    open_session: Callable[[Path], VaultSession], account: Account, cluster: Kubernetes
) -> None:
    session = open_session(account.file)
    await token_of(session)
    account.renew()  # the one that signed in is not good any more

    await tokens_within(3.0, session)

    assert cluster.reviewed[-1] == account.token


async def test_a_revoked_token_is_replaced_with_the_pods_newest_token(
    open_session: Callable[[Path], VaultSession], account: Account, cluster: Kubernetes, root: hvac.Client
) -> None:
    session = open_session(account.file)
    first = await token_of(session)
    account.renew()
    root.auth.token.revoke(first)

    assert await token_of(session) != first
    assert cluster.reviewed[-1] == account.token


async def test_a_pod_of_another_service_account_is_refused(
    open_session: Callable[[Path], VaultSession], account: Account, cluster: Kubernetes
) -> None:
    account.renew("somebody")

    with pytest.raises(KeysUnavailable, match="refuses this process"):
        await VaultKeyWriter(open_session(account.file)).put(ADA, KEY)


async def test_a_token_kubernetes_does_not_know_is_refused_and_not_told(
    open_session: Callable[[Path], VaultSession], account: Account, cluster: Kubernetes
) -> None:
    cluster.good.clear()

    with pytest.raises(KeysUnavailable, match="refuses this process") as refused:
        await VaultKeyWriter(open_session(account.file)).put(ADA, KEY)
    assert account.token not in repr(refused.value)


async def test_a_pod_without_a_token_waits_until_it_has_one(
    open_session: Callable[[Path], VaultSession], account: Account, tmp_path: Path
) -> None:
    account.file = tmp_path / "missing"
    session = open_session(account.file)
    with pytest.raises(KeysUnavailable, match="FileNotFoundError"):
        await VaultKeyWriter(session).put(ADA, KEY)

    account.renew()

    await VaultKeyWriter(session).put(ADA, KEY)
