"""The deployment's default key over HTTP: an admin's to set, describe and remove; audited, told, and never repeated."""

import hvac
import pytest

from shared.keys import DEPLOYMENT
from shared.tokens import Scope
from tests.conftest import Vault
from tests.gemini_emulator import GeminiEmulator
from tests.integration.producer.conftest import Api
from tests.integration.producer.problems import problem

KEY = "AIzaSyDefault-00000000000000000000default"
ADDRESS = "/v1/admin/default-key"


def in_the_vault(vault: Vault) -> str | None:
    client = hvac.Client(url=vault.addr, token=vault.root_token)
    try:
        found = client.secrets.kv.v2.read_secret_version(
            path=f"fleet/users/{DEPLOYMENT}/gemini", mount_point=vault.mount, raise_on_deleted_version=True
        )
    except hvac.exceptions.InvalidPath:
        return None
    finally:
        client.adapter.close()
    key: str = found["data"]["data"]["api_key"]
    return key


def test_an_admin_sets_describes_and_removes_the_default_key(api: Api, gemini: GeminiEmulator, vault: Vault) -> None:
    gemini.add_key(KEY)
    problem(api.ask("GET", ADDRESS, whose="*"), 404, "no_default_key")

    added = api.ask("PUT", ADDRESS, whose="*", json={"key": KEY, "name": "ours"})
    described = api.ask("GET", ADDRESS, whose="*")

    assert added.json() == {"name": "ours", "status": "active", "reason": None, "requeued": 0}
    assert described.json()["name"] == "ours"
    assert described.json()["policy"] == "off"
    assert in_the_vault(vault) == KEY
    assert KEY not in added.text + described.text

    assert api.ask("DELETE", ADDRESS, whose="*").status_code == 204
    assert in_the_vault(vault) is None
    problem(api.ask("DELETE", ADDRESS, whose="*"), 404, "no_default_key")
    problem(api.ask("GET", ADDRESS, whose="*"), 404, "no_default_key")


def test_every_change_of_it_is_audited_and_told(api: Api, gemini: GeminiEmulator) -> None:
    gemini.add_key(KEY)
    api.ask("PUT", ADDRESS, whose="*", json={"key": KEY})
    api.ask("DELETE", ADDRESS, whose="*")

    acts = api.rows("SELECT actor, action, user_id, origin FROM audit ORDER BY id")
    told = api.rows("SELECT type, user_id, data ->> 'status' FROM outbox ORDER BY id")

    assert [(actor, owner, origin) for actor, _, owner, origin in acts] == [
        ("service:admin", DEPLOYMENT, "127.0.0.1")
    ] * 4
    assert [action for _, action, *_ in acts] == ["key_offered", "key_added", "key_removal_asked", "key_removed"]
    assert told == [("key.status_changed", DEPLOYMENT, status) for status in ("active", "removed")]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_nobody_but_an_admin_reaches_it(api: Api, gemini: GeminiEmulator, method: str) -> None:
    gemini.add_key(KEY)
    others = [scope for scope in Scope if scope is not Scope.ADMIN]

    problem(api.ask(method, ADDRESS, whose=None, json={"key": KEY}), 401, "unauthenticated")
    problem(api.ask(method, ADDRESS, json={"key": KEY}), 403, "forbidden")
    problem(api.ask(method, ADDRESS, whose=api.service(*others), json={"key": KEY}), 403, "forbidden")
    assert api.rows("SELECT count(*) FROM api_keys") == [(0,)]


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_it_is_no_users_key(api: Api, gemini: GeminiEmulator, method: str) -> None:
    gemini.add_key(KEY)

    for whose in ("ada", "*"):
        answer = api.ask(method, f"/v1/users/{DEPLOYMENT}/api-key", whose=whose, json={"key": KEY})
        problem(answer, 422, "invalid_user_id")


def test_a_key_the_provider_refuses_does_not_become_the_default_key(api: Api) -> None:
    problem(api.ask("PUT", ADDRESS, whose="*", json={"key": KEY}), 422, "key_refused")
    problem(api.ask("PUT", ADDRESS, whose="*", json={"key": " "}), 422, "invalid_key")
    problem(api.ask("GET", ADDRESS, whose="*"), 404, "no_default_key")
