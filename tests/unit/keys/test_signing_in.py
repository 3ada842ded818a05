"""How a process signs in to the vault, how long what it gets is used, and when it signs in anew."""

import math
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
import requests
from hvac.exceptions import Forbidden, InternalServerError, InvalidRequest, VaultDown

from shared.errors import KeysUnavailable, Misconfigured
from shared.keys.signing_in import SERVICE_ACCOUNT, Lease, renew, sign_in_by
from shared.keys.vault_session import VaultSession
from shared.settings import VaultSettings

ADDRESS = "http://127.0.0.1:1"  # nobody is there, and nobody is asked


def settings(**given: Any) -> VaultSettings:
    return VaultSettings.model_validate({"vault_addr": ADDRESS, **given})


class Client:
    """A client that notes how it signs in, and is granted 100 s."""

    def __init__(self) -> None:
        self.token = ""
        self.asked: list[Any] = []
        granted = {"auth": {"lease_duration": 100}}
        self.auth = SimpleNamespace(
            approle=SimpleNamespace(login=lambda **how: self._note(("approle", how), granted)),
            kubernetes=SimpleNamespace(login=lambda **how: self._note(("kubernetes", how), granted)),
            token=SimpleNamespace(
                lookup_self=lambda: self._note("lookup", {"data": {"ttl": 100}}),
                renew_self=lambda: self._note("renew", granted),
            ),
        )

    def _note(self, what: Any, answer: Any) -> Any:
        self.asked.append(what)
        return answer


@pytest.fixture(autouse=True)
def clock(monkeypatch: pytest.MonkeyPatch) -> SimpleNamespace:
    clock = SimpleNamespace(now=1_000.0)
    for module in ("signing_in", "vault_session"):
        monkeypatch.setattr(f"shared.keys.{module}.time", SimpleNamespace(monotonic=lambda: clock.now))
    return clock


LEASE = Lease(renew_at=1_050.0, ends_at=1_090.0)


def test_a_lease_is_renewed_at_half_its_life_and_not_used_in_its_last_tenth() -> None:
    assert Lease.of(100, since=1_000.0) == LEASE


def test_a_token_without_an_end_is_used_for_ever() -> None:
    assert Lease.of(0, since=1_000.0) == Lease() == Lease(renew_at=math.inf, ends_at=math.inf)


def test_a_given_token_is_looked_up_for_its_life() -> None:
    client = Client()

    assert sign_in_by(settings(vault_auth="token", vault_token="t-1"))(client) == LEASE
    assert (client.token, client.asked) == ("t-1", ["lookup"])


def test_approle_signs_in_with_the_roles_id_and_secret() -> None:
    client = Client()
    sign_in = sign_in_by(settings(vault_auth="approle", vault_role_id="r-1", vault_secret_id="s-1"))

    assert sign_in(client) == LEASE
    assert client.asked == [("approle", {"role_id": "r-1", "secret_id": "s-1"})]


def test_kubernetes_signs_in_with_what_the_pods_file_holds_then(tmp_path: Path) -> None:
    client, account = Client(), tmp_path / "token"
    sign_in = sign_in_by(settings(vault_auth="kubernetes", vault_role="front-door"), service_account=account)

    for token in ("first", "second"):
        account.write_text(f"{token}\n")
        assert sign_in(client) == LEASE

    assert client.asked == [("kubernetes", {"role": "front-door", "jwt": token}) for token in ("first", "second")]
    assert str(SERVICE_ACCOUNT) == "/var/run/secrets/kubernetes.io/serviceaccount/token"


def test_renewing_asks_for_the_clients_own_token() -> None:
    client = Client()

    assert renew(client) == LEASE
    assert client.asked == ["renew"]


@pytest.mark.parametrize(
    ("given", "missing"),
    [
        ({"vault_auth": "token"}, "FLEET_VAULT_TOKEN"),
        ({"vault_auth": "approle", "vault_secret_id": "s"}, "FLEET_VAULT_ROLE_ID"),
        ({"vault_auth": "approle", "vault_role_id": "r"}, "FLEET_VAULT_SECRET_ID"),
        ({"vault_auth": "approle", "vault_role_id": "", "vault_secret_id": "s"}, "FLEET_VAULT_ROLE_ID"),
        ({"vault_auth": "kubernetes"}, "FLEET_VAULT_ROLE"),
    ],
)
def test_what_is_missing_is_named_and_nothing_else_is_shown(given: dict[str, str], missing: str) -> None:
    with pytest.raises(Misconfigured) as refused:
        sign_in_by(settings(**given))

    assert str(refused.value) == f"{missing} is missing: FLEET_VAULT_AUTH says to sign in to the vault with it."


# ---- the session ----------------------------------------------------------------------------------


class Acts(list[str]):
    """What a session did to have a token."""


@pytest.fixture
def acts() -> Acts:
    return Acts()


@pytest.fixture
async def session(acts: Acts, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[VaultSession]:
    """A session that gets leases of 100 s without a vault."""
    session = VaultSession(settings(vault_auth="token", vault_token="t"))

    def lease(act: str) -> Callable[[object], Lease]:
        def granted(_: object) -> Lease:
            acts.append(act)
            return Lease.of(100, since=clock.now)

        return granted

    monkeypatch.setattr(session, "_sign_in", lease("sign in"))
    monkeypatch.setattr("shared.keys.vault_session.renew", lease("renew"))
    yield session
    await session.close()


async def test_a_session_signs_in_once_for_as_long_as_the_lease_holds(
    session: VaultSession, acts: Acts, clock: SimpleNamespace
) -> None:
    for clock.now in (1_000.0, 1_020.0, 1_049.9):
        assert await session.ask(lambda _: "answer") == "answer"

    assert acts == ["sign in"]


async def test_a_session_is_renewed_from_half_its_life_on(
    session: VaultSession, acts: Acts, clock: SimpleNamespace
) -> None:
    for clock.now in (1_000.0, 1_050.0, 1_099.9, 1_100.0):
        await session.ask(lambda _: None)

    assert acts == ["sign in", "renew", "renew"]


async def test_a_session_nobody_used_for_long_is_opened_anew_without_trying_the_old_token(
    session: VaultSession, acts: Acts, clock: SimpleNamespace
) -> None:
    for clock.now in (1_000.0, 1_090.0):
        await session.ask(lambda _: None)

    assert acts == ["sign in", "sign in"]


async def test_a_token_that_cannot_be_renewed_is_replaced(
    session: VaultSession, acts: Acts, clock: SimpleNamespace, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(_: object) -> Lease:
        raise InvalidRequest("lease is not renewable")

    monkeypatch.setattr("shared.keys.vault_session.renew", refuse)
    for clock.now in (1_000.0, 1_050.0):
        await session.ask(lambda _: None)

    assert acts == ["sign in", "sign in"]


async def test_a_refused_question_is_asked_once_more_with_a_new_token_and_then_told(
    session: VaultSession, acts: Acts
) -> None:
    asked: list[object] = []

    def refused(client: object) -> None:
        asked.append(client)
        raise Forbidden("permission denied")

    with pytest.raises(KeysUnavailable, match="refuses this process"):
        await session.ask(refused)

    assert len(asked) == 2
    assert acts == ["sign in", "sign in"]


@pytest.mark.parametrize(
    ("error", "sentence"),
    [
        (Forbidden("x"), "The vault refuses this process: check its policy and how it signs in."),
        (VaultDown("x"), "The vault is sealed or standing by."),
        (requests.ConnectionError("x"), "The vault cannot be reached (ConnectionError)."),
        (InternalServerError("x"), "The vault cannot answer (InternalServerError)."),
        (RuntimeError("AIzaPLANTED"), "The vault cannot answer (RuntimeError)."),
    ],
)
async def test_each_failure_has_a_sentence_and_takes_nothing_of_the_librarys_error_along(
    session: VaultSession, error: Exception, sentence: str
) -> None:
    def fails(_: object) -> None:
        raise error

    with pytest.raises(KeysUnavailable) as told:
        await session.ask(fails)

    assert str(told.value) == sentence
    assert told.value.__cause__ is None
    assert told.value.__context__ is None
