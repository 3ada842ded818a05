"""Users' keys in a real OpenBao: who may do what, how sessions live on, and what happens when it is away."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import hvac
import pytest
from hvac.exceptions import Forbidden, InvalidPath
from pydantic import SecretStr
from structlog.testing import capture_logs

from services.local.ports import free_port
from services.local.processes import Process
from services.local.servers import Server
from services.local.servers.openbao import MOUNT, OpenBao
from shared.audit import here
from shared.audit.in_memory import InMemoryAudit
from shared.audit.in_postgres import PostgresAudit
from shared.database import Database
from shared.errors import KeysUnavailable, Misconfigured
from shared.keys import DEPLOYMENT
from shared.keys.cache import KeyCache
from shared.keys.in_vault import VaultKeyReader, VaultKeyWriter, pepper
from shared.keys.plaintext import api_key
from shared.keys.setting_up import FRONT_DOOR, ROLES, issue_credentials, set_up_vault
from shared.keys.vault_session import VaultSession
from shared.settings import VaultSettings
from shared.users import user_id
from shared.values import UserId
from tests.conftest import Vault
from tests.strangers import answering_server, silent_server
from tests.vaults import settings_for, token_settings

ADA = user_id("ada")
ANALYZER = here("process:analyzer")
PATH = "fleet/users/ada/gemini"
KEY = api_key("AIzaPLANTED-0123456789abcdef")
ANOTHER = api_key("AIzaANOTHER-0123456789abcdef")

SessionOf = Callable[[VaultSettings], VaultSession]


@pytest.fixture
async def session_of() -> AsyncIterator[SessionOf]:
    sessions: list[VaultSession] = []

    def open_session(settings: VaultSettings) -> VaultSession:
        sessions.append(VaultSession(settings))
        return sessions[-1]

    yield open_session
    for session in sessions:
        await session.close()


@pytest.fixture
def front_door(vault: Vault, session_of: SessionOf) -> VaultSession:
    return session_of(settings_for(vault, vault.front_door))


@pytest.fixture
def analyzer(vault: Vault, session_of: SessionOf) -> VaultSession:
    return session_of(settings_for(vault, vault.analyzer))


@pytest.fixture
def root(vault: Vault) -> Iterator[hvac.Client]:
    client = hvac.Client(url=vault.addr, token=vault.root_token)
    yield client
    client.adapter.close()


def reader_of(session: VaultSession, audit: InMemoryAudit | PostgresAudit | None = None) -> VaultKeyReader:
    return VaultKeyReader(session, KeyCache(), audit=audit or InMemoryAudit(), actor=ANALYZER)


# ---- who may do what (the policies of production) --------------------------------------------------


OWNERS = pytest.mark.parametrize("owner", [ADA, DEPLOYMENT])
Question = Callable[[Any, str, str], object]
"""Asks the vault's KV store about a path in a mount."""

LOOKING: dict[str, Question] = {
    "metadata": lambda kv, path, mount: kv.read_secret_metadata(path=path, mount_point=mount),
    "users": lambda kv, _, mount: kv.list_secrets(path="fleet/users", mount_point=mount),
    "everything": lambda kv, _, mount: kv.list_secrets(path="", mount_point=mount),
    "a user's keys": lambda kv, path, mount: kv.list_secrets(path=path.removesuffix("/gemini"), mount_point=mount),
    "configuration": lambda kv, _, mount: kv.read_configuration(mount_point=mount),
}
READING: dict[str, Question] = {
    "newest": lambda kv, path, mount: kv.read_secret_version(
        path=path, mount_point=mount, raise_on_deleted_version=True
    ),
    "version": lambda kv, path, mount: kv.read_secret_version(
        path=path, version=1, mount_point=mount, raise_on_deleted_version=True
    ),
    "subkeys": lambda kv, path, mount: kv._adapter.get(url=f"/v1/{mount}/subkeys/{path}"),
}
CHANGING: dict[str, Question] = {
    "put": lambda kv, path, mount: kv.create_or_update_secret(path=path, secret={"a": "b"}, mount_point=mount),
    "patch": lambda kv, path, mount: kv._adapter.request(
        "patch", f"/v1/{mount}/data/{path}", headers={"Content-Type": "application/merge-patch+json"}, json={"data": {}}
    ),
    "delete": lambda kv, path, mount: kv.delete_latest_version_of_secret(path=path, mount_point=mount),
    "undelete": lambda kv, path, mount: kv.undelete_secret_versions(path=path, versions=[1], mount_point=mount),
    "destroy": lambda kv, path, mount: kv.destroy_secret_versions(path=path, versions=[1], mount_point=mount),
    "remove": lambda kv, path, mount: kv.delete_metadata_and_all_versions(path=path, mount_point=mount),
    "keep": lambda kv, path, mount: kv.update_metadata(path=path, max_versions=9, mount_point=mount),
}


def path_of(owner: UserId) -> str:
    return f"fleet/users/{owner}/gemini"


async def is_refused(session: VaultSession, question: Question, path: str) -> bool:
    """Whether the vault itself says no."""

    def ask(client: hvac.Client) -> bool:
        try:
            question(client.secrets.kv.v2, path, session.mount)
        except Forbidden:
            return True
        return False

    return await session.ask(ask)


@OWNERS
async def test_the_front_door_creates_replaces_and_destroys_keys_it_cannot_read(
    front_door: VaultSession, analyzer: VaultSession, owner: UserId
) -> None:
    writer, reader = VaultKeyWriter(front_door), reader_of(analyzer)
    for key in (KEY, ANOTHER):
        await writer.put(owner, key)
        assert all(
            [await is_refused(front_door, question, path_of(owner)) for question in (READING | LOOKING).values()]
        )
        reader.forget(owner)
        stored = await reader.read(owner)
        assert stored is not None
        assert stored.key == key

    with pytest.raises(KeysUnavailable, match="refuses this process"):
        await reader_of(front_door).read(owner)
    await writer.remove(owner)

    reader.forget(owner)
    assert await reader.read(owner) is None


@OWNERS
async def test_the_analyzer_reads_and_changes_nothing(
    front_door: VaultSession, analyzer: VaultSession, owner: UserId
) -> None:
    await VaultKeyWriter(front_door).put(owner, KEY)

    assert all([await is_refused(analyzer, question, path_of(owner)) for question in (CHANGING | LOOKING).values()])
    with pytest.raises(KeysUnavailable, match="refuses this process"):
        await VaultKeyWriter(analyzer).put(owner, ANOTHER)
    with pytest.raises(KeysUnavailable, match="refuses this process"):
        await VaultKeyWriter(analyzer).remove(owner)

    stored = await reader_of(analyzer).read(owner)
    assert stored is not None
    assert stored.key == KEY


@pytest.mark.parametrize("path", ["fleet/users/ada/other", "fleet/users/ada", "fleet/users/a/b/gemini", "elsewhere"])
async def test_neither_reaches_what_is_no_users_key(
    front_door: VaultSession, analyzer: VaultSession, vault: Vault, root: hvac.Client, path: str
) -> None:
    root.secrets.kv.v2.create_or_update_secret(path=path, secret={"a": "b"}, mount_point=vault.mount)

    for session in (front_door, analyzer):
        assert all([await is_refused(session, question, path) for question in (READING | CHANGING).values()])


async def test_the_pepper_is_for_the_front_door_alone(front_door: VaultSession, analyzer: VaultSession) -> None:
    assert len((await pepper(front_door)).get_secret_value()) == 64

    with pytest.raises(KeysUnavailable, match="refuses this process"):
        await pepper(analyzer)


async def test_removal_destroys_every_version(vault: Vault, front_door: VaultSession, root: hvac.Client) -> None:
    writer = VaultKeyWriter(front_door)
    for _ in range(3):
        await writer.put(ADA, KEY)

    await writer.remove(ADA)

    with pytest.raises(InvalidPath):
        root.secrets.kv.v2.read_secret_metadata(path=PATH, mount_point=vault.mount)
    with pytest.raises(InvalidPath):
        root.secrets.kv.v2.read_secret_version(
            path=PATH, version=1, mount_point=vault.mount, raise_on_deleted_version=True
        )


# ---- the audit trail -------------------------------------------------------------------------------


async def test_reads_that_reach_the_vault_are_recorded_and_remembered_ones_are_not(
    front_door: VaultSession, analyzer: VaultSession
) -> None:
    audit = InMemoryAudit()
    reader = reader_of(analyzer, audit)
    await reader.read(ADA)
    version = await VaultKeyWriter(front_door).put(ADA, KEY)

    for _ in range(3):
        await reader.read(ADA)

    [entry] = audit.entries
    assert (entry.actor, entry.action, entry.user, entry.details) == (ANALYZER, "key_read", ADA, {"version": version})


async def test_a_key_whose_reading_cannot_be_recorded_is_not_handed_out(
    front_door: VaultSession, analyzer: VaultSession
) -> None:
    await VaultKeyWriter(front_door).put(ADA, KEY)
    away = Database("postgresql://fleet@127.0.0.1:1/none")
    reader = reader_of(analyzer, PostgresAudit(away))

    for _ in range(2):  # nor remembered
        with pytest.raises(
            KeysUnavailable, match=r"^A key is not read while its reading cannot be recorded\.$"
        ) as waits:
            await reader.read(ADA)
        assert timedelta(0) < waits.value.until - datetime.now(UTC) <= timedelta(seconds=15)
    await away.close()


async def test_versions_are_whole_microseconds_and_a_key_deleted_by_hand_is_none(
    vault: Vault, front_door: VaultSession, analyzer: VaultSession, root: hvac.Client
) -> None:
    before = datetime.now(UTC)
    version = await VaultKeyWriter(front_door).put(ADA, KEY)
    age = datetime.fromtimestamp(version / 1_000_000, UTC) - before
    assert isinstance(version, int)
    assert abs(age) < timedelta(seconds=30)

    root.secrets.kv.v2.delete_latest_version_of_secret(path=PATH, mount_point=vault.mount)

    assert await reader_of(analyzer, InMemoryAudit()).read(ADA) is None


async def test_a_stored_text_that_can_be_no_key_is_told_to_the_operator(
    vault: Vault, analyzer: VaultSession, root: hvac.Client
) -> None:
    root.secrets.kv.v2.create_or_update_secret(path=PATH, secret={"api_key": "short"}, mount_point=vault.mount)

    with capture_logs() as logged:
        assert await reader_of(analyzer, InMemoryAudit()).read(ADA) is None

    told = {"event": "stored_key_unusable", "log_level": "error", "user": ADA}
    assert logged[-1:] == [told | {"sentence": "The API key cannot be used: it has 5 characters."}]


async def test_a_key_forgotten_while_it_was_being_read_is_read_anew(
    front_door: VaultSession, analyzer: VaultSession
) -> None:
    writer, reader = VaultKeyWriter(front_door), reader_of(analyzer, audit := InMemoryAudit())
    await writer.put(ADA, KEY)

    async def record_and_forget(*_: object) -> None:
        reader.forget(ADA)

    audit.record = record_and_forget  # type: ignore[method-assign]
    await reader.read(ADA)
    await writer.remove(ADA)

    assert await reader.read(ADA) is None


# ---- sessions --------------------------------------------------------------------------------------


async def test_a_revoked_token_is_replaced_by_signing_in_again(
    vault: Vault, front_door: VaultSession, root: hvac.Client
) -> None:
    writer = VaultKeyWriter(front_door)
    await writer.put(ADA, KEY)
    root.auth.token.revoke(front_door._client.token)

    await writer.put(ADA, KEY)


async def test_callers_at_the_same_time_sign_in_once(front_door: VaultSession) -> None:
    tokens = await asyncio.gather(*(front_door.ask(lambda client: client.token) for _ in range(8)))

    assert len(set(tokens)) == 1


async def test_a_token_is_prolonged_before_it_ends_and_replaced_when_it_cannot_be(
    vault: Vault, session_of: SessionOf, root: hvac.Client
) -> None:
    role = f"front-door-{vault.mount}"
    root.auth.approle.create_or_update_approle(
        role, token_policies=[role], token_no_default_policy=True, token_ttl="2s", token_max_ttl="4s"
    )
    session = session_of(settings_for(vault, vault.front_door))
    tokens: list[str] = []
    until = time.monotonic() + 7

    while time.monotonic() < until:
        token = await session.ask(lambda client: (client.auth.token.lookup_self(), client.token)[1])
        if token not in tokens:
            tokens.append(token)
        await asyncio.sleep(0.1)

    # Unprolonged each would live 2 s, so that four would be needed.
    assert 2 <= len(tokens) <= 3


async def test_a_token_given_by_the_operator_is_used_and_its_end_is_told(
    vault: Vault, session_of: SessionOf, root: hvac.Client
) -> None:
    policy = f"front-door-{vault.mount}"
    token = root.auth.token.create(policies=[policy], no_default_policy=True, ttl="1h")["auth"]["client_token"]
    writer = VaultKeyWriter(session_of(token_settings(vault, token)))
    await writer.put(ADA, KEY)

    root.auth.token.revoke(token)

    with pytest.raises(KeysUnavailable, match="refuses this process") as refused:
        await writer.put(ADA, KEY)
    assert token not in str(refused.value)


@pytest.mark.parametrize(
    ("settings", "missing"),
    [
        ({"vault_auth": "token"}, "FLEET_VAULT_TOKEN"),
        ({"vault_auth": "approle"}, "FLEET_VAULT_ROLE_ID"),
        ({"vault_auth": "approle", "vault_role_id": "role"}, "FLEET_VAULT_SECRET_ID"),
        ({"vault_auth": "kubernetes"}, "FLEET_VAULT_ROLE"),
    ],
)
def test_a_missing_credential_is_named_at_the_start(settings: dict[str, str], missing: str) -> None:
    with pytest.raises(Misconfigured, match=f"{missing} is missing"):
        VaultSession(VaultSettings.model_validate({"vault_addr": "http://127.0.0.1:1", **settings}))


async def test_a_token_in_the_environment_is_not_looked_at(
    vault: Vault, session_of: SessionOf, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("VAULT_TOKEN", vault.root_token)

    session = session_of(settings_for(vault, vault.front_door))

    assert not session._client.token
    assert await session.ask(lambda client: client.token) != vault.root_token


async def test_keys_do_not_go_through_a_proxy_of_the_environment(
    front_door: VaultSession, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("HTTP_PROXY", "http://127.0.0.1:1")
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    monkeypatch.delenv("NO_PROXY", raising=False)
    monkeypatch.delenv("no_proxy", raising=False)

    await VaultKeyWriter(front_door).put(ADA, KEY)


# ---- sealed, away, silent --------------------------------------------------------------------------


async def test_a_sealed_vault_makes_keys_wait_and_serves_them_again_once_it_is_open(
    tmp_path: Path, started: Callable[[Server], Process], session_of: SessionOf
) -> None:
    server = OpenBao(tmp_path / "openbao", port=free_port(), cluster_port=free_port())
    started(server)
    credentials = server.credentials(FRONT_DOOR)
    session = session_of(
        VaultSettings(
            vault_addr=server.url,
            vault_mount=MOUNT,
            vault_role_id=credentials.role_id,
            vault_secret_id=credentials.secret_id,
        )
    )
    writer = VaultKeyWriter(session)
    await writer.put(ADA, KEY)

    with_root = hvac.Client(url=server.url, token=server.root_token)
    with_root.sys.seal()
    with_root.adapter.close()
    with pytest.raises(KeysUnavailable, match="is sealed") as waiting:
        await writer.put(ADA, KEY)
    assert waiting.value.until > datetime.now(UTC)

    server.settle()
    await writer.put(ADA, KEY)


async def test_an_unreachable_vault_makes_keys_wait(session_of: SessionOf) -> None:
    with pytest.raises(KeysUnavailable, match="cannot be reached"):
        await VaultKeyWriter(session_of(settings_at("http://127.0.0.1:1"))).put(ADA, KEY)


async def test_a_silent_vault_is_given_up_within_seconds_for_many_callers(session_of: SessionOf) -> None:
    with silent_server() as address:
        writer = VaultKeyWriter(session_of(settings_at(f"http://{address}")))
        began = time.monotonic()

        with capture_logs() as logged:
            answers = await asyncio.gather(*(writer.put(ADA, KEY) for _ in range(12)), return_exceptions=True)

        assert all(isinstance(answer, KeysUnavailable) for answer in answers)
        assert "The vault does not answer in time." in map(str, answers)
        told = {"event": "vault_unavailable", "log_level": "warning", "failure": "does not answer in time"}
        assert told in logged
        assert time.monotonic() - began < 30


async def test_an_answer_that_is_not_a_vaults_makes_keys_wait(session_of: SessionOf) -> None:
    with (
        answering_server(lambda _path, _body: (200, b'"hello"')) as address,
        pytest.raises(KeysUnavailable, match="cannot answer"),
    ):
        await VaultKeyWriter(session_of(settings_at(address))).put(ADA, KEY)


def settings_at(address: str) -> VaultSettings:
    return VaultSettings(vault_addr=address, vault_role_id="r", vault_secret_id=SecretStr("s"))


# ---- setting up ------------------------------------------------------------------------------------


def test_setting_up_again_keeps_pepper_and_keys_and_credentials(vault: Vault, root: hvac.Client) -> None:
    set_up_vault(root, mount=vault.mount)
    before = issue_credentials(root, FRONT_DOOR)
    root.secrets.kv.v2.create_or_update_secret(path=PATH, secret={"api_key": "kept"}, mount_point=vault.mount)
    first = _read(root, vault, "fleet/pepper")

    set_up_vault(root, mount=vault.mount)

    assert _read(root, vault, "fleet/pepper") == first
    assert _read(root, vault, PATH) == {"api_key": "kept"}
    client = hvac.Client(url=vault.addr, token="")
    client.auth.approle.login(before.role_id, before.secret_id.get_secret_value())
    client.adapter.close()


def test_roles_live_for_an_hour_a_day_at_most_and_have_no_other_policy(vault: Vault, root: hvac.Client) -> None:
    set_up_vault(root, mount=vault.mount)

    for role in ROLES:
        made = root.auth.approle.read_role(role)["data"]
        assert (made["token_policies"], made["token_no_default_policy"]) == ([role], True)
        assert (made["token_ttl"], made["token_max_ttl"]) == (3600, 24 * 3600)


def test_of_two_who_set_up_at_once_one_makes_the_pepper(
    vault: Vault, root: hvac.Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    first = _read(root, vault, "fleet/pepper")
    looks = iter([False, True])  # none there yet, as this one sees it; then the other's
    monkeypatch.setattr("shared.keys.setting_up._has_pepper", lambda *_: next(looks))

    set_up_vault(root, mount=vault.mount)

    assert _read(root, vault, "fleet/pepper") == first


def test_a_fresh_mount_is_made_ready_at_once(vault: Vault, root: hvac.Client) -> None:
    mount = f"{vault.mount}-fresh"

    set_up_vault(root, mount=mount)

    pepper = root.secrets.kv.v2.read_secret_version(
        path="fleet/pepper", mount_point=mount, raise_on_deleted_version=True
    )
    assert len(pepper["data"]["data"]["pepper"]) == 64
    root.sys.disable_secrets_engine(mount)


def test_something_else_in_the_mounts_place_is_named(vault: Vault, root: hvac.Client) -> None:
    mount = f"{vault.mount}-old"
    root.sys.enable_secrets_engine("kv", path=mount, options={"version": "1"})

    with pytest.raises(Misconfigured, match=f"{mount}/"):
        set_up_vault(root, mount=mount)
    root.sys.disable_secrets_engine(mount)


def _read(client: hvac.Client, vault: Vault, path: str) -> dict[str, str]:
    answer = client.secrets.kv.v2.read_secret_version(path=path, mount_point=vault.mount, raise_on_deleted_version=True)
    found: dict[str, str] = answer["data"]["data"]
    return found
