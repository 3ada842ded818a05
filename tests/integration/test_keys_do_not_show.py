"""Promise 7 on the way to the vault and back: whatever goes wrong, nobody who prints errors or logs sees a key."""

import json
import logging
import traceback
from collections.abc import AsyncIterator, Awaitable, Callable

import pytest
from pydantic import SecretStr

from shared.audit import here
from shared.audit.in_memory import InMemoryAudit
from shared.audit.in_postgres import PostgresAudit
from shared.database import Database
from shared.errors import KeysUnavailable
from shared.keys.cache import KeyCache
from shared.keys.in_vault import VaultKeyReader, VaultKeyWriter
from shared.keys.plaintext import api_key
from shared.keys.vault_session import VaultSession
from shared.settings import VaultSettings
from shared.users import user_id
from tests.conftest import Vault
from tests.strangers import answering_server
from tests.vaults import settings_for

ADA = user_id("ada")
ACTOR = here("process:test")
PLANTED = "AIzaPLANTED-0123456789abcdef"
KEY = api_key(PLANTED)


def everything_in(error: BaseException) -> str:
    """What a generous crash reporter shows: the whole chain, with every frame's local variables."""
    chain, seen = [error], ""
    while chain:
        link = chain.pop()
        seen += "".join(traceback.TracebackException.from_exception(link, capture_locals=True).format(chain=False))
        seen += repr(vars(link)) + repr(link.args)
        chain += [further for further in (link.__cause__, link.__context__) if further is not None]
    return seen


@pytest.fixture
async def at(vault: Vault) -> AsyncIterator[Callable[[str], VaultSession]]:
    """A front door's session with the vault at an address."""
    sessions: list[VaultSession] = []

    def session(address: str) -> VaultSession:
        settings = settings_for(vault, vault.front_door).model_copy(update={"vault_addr": address})
        sessions.append(VaultSession(settings))
        return sessions[-1]

    yield session
    for opened in sessions:
        await opened.close()


@pytest.fixture
async def refusing(vault: Vault) -> AsyncIterator[VaultSession]:
    """A session that may not write."""
    session = VaultSession(settings_for(vault, vault.analyzer))
    yield session
    await session.close()


def quote_the_request(path: str, body: bytes) -> tuple[int, bytes]:
    """Signs everybody in, and repeats in its errors what it was told."""
    if path.endswith("/login"):
        return 200, b'{"auth": {"client_token": "t", "lease_duration": 0}}'
    return 400, json.dumps({"errors": [body.decode()]}).encode()


async def failure_of(attempt: Awaitable[object]) -> str:
    with pytest.raises(KeysUnavailable) as failed:
        await attempt
    return everything_in(failed.value)


async def test_a_refused_write_does_not_show_the_key(refusing: VaultSession, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)

    shown = await failure_of(VaultKeyWriter(refusing).put(ADA, KEY))

    assert "refuses this process" in shown
    assert caplog.text, "the libraries said nothing; else the test shows nothing"
    assert PLANTED not in shown + caplog.text


async def test_an_unreachable_vault_does_not_show_the_key(
    at: Callable[[str], VaultSession], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    shown = await failure_of(VaultKeyWriter(at("http://127.0.0.1:1")).put(ADA, KEY))

    assert "cannot be reached" in shown
    assert PLANTED not in shown + caplog.text


async def test_a_vault_that_quotes_the_request_does_not_show_the_key(
    at: Callable[[str], VaultSession], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)

    with answering_server(quote_the_request) as address:
        shown = await failure_of(VaultKeyWriter(at(address)).put(ADA, KEY))

    assert "cannot answer (InvalidRequest)" in shown
    assert PLANTED not in shown + caplog.text


async def test_a_read_that_cannot_be_recorded_does_not_show_the_key(vault: Vault, refusing: VaultSession) -> None:
    front_door = VaultSession(settings_for(vault, vault.front_door))
    await VaultKeyWriter(front_door).put(ADA, KEY)
    await front_door.close()
    away = Database("postgresql://fleet@127.0.0.1:1/none")

    shown = await failure_of(VaultKeyReader(refusing, KeyCache(), audit=PostgresAudit(away), actor=ACTOR).read(ADA))
    await away.close()

    assert "cannot be recorded" in shown
    assert PLANTED not in shown


async def test_a_key_in_the_vault_that_cannot_be_one_does_not_show(
    vault: Vault, refusing: VaultSession, capfd: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    damaged = f"{PLANTED} damaged"
    front_door = VaultSession(settings_for(vault, vault.front_door))
    await front_door.ask(
        lambda client: client.secrets.kv.v2.create_or_update_secret(
            path="fleet/users/ada/gemini", secret={"api_key": damaged}, mount_point=vault.mount
        )
    )
    await front_door.close()

    assert await VaultKeyReader(refusing, KeyCache(), audit=InMemoryAudit(), actor=ACTOR).read(ADA) is None

    told = "".join(capfd.readouterr()) + caplog.text  # logs go where an earlier test of this process has led them
    assert "stored_key_unusable" in told
    assert PLANTED not in told


def test_what_a_process_signs_in_with_does_not_show(vault: Vault) -> None:
    settings = settings_for(vault, vault.front_door)
    token = VaultSettings(vault_addr="a", vault_auth="token", vault_token=SecretStr("s.token"))

    secret = vault.front_door.secret_id.get_secret_value()
    assert secret not in f"{settings!r} {settings} {vault.front_door!r}"
    assert "s.token" not in f"{token!r} {token}"
