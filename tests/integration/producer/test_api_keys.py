"""Keys over HTTP: checked, stored where nobody can read them back, described, removed; never repeated."""

from collections.abc import Callable
from typing import Any

import hvac
import pytest
from psycopg import sql

from services.local.ports import free_port
from shared.ledger.tables import metadata
from tests.conftest import Vault
from tests.gemini_emulator import GeminiEmulator, KeyState
from tests.integration.producer.conftest import Api
from tests.integration.producer.problems import problem

KEY = "AIzaSyAda-0000000000000000000000000000ada"
ANOTHER = "AIzaSyAda-1111111111111111111111111111ada"
ADDRESS = "/v1/users/ada/api-key"


def in_the_vault(vault: Vault) -> str | None:
    """What an operator with all rights finds in the vault for ada."""
    client = hvac.Client(url=vault.addr, token=vault.root_token)
    try:
        found = client.secrets.kv.v2.read_secret_version(
            path="fleet/users/ada/gemini", mount_point=vault.mount, raise_on_deleted_version=True
        )
    except hvac.exceptions.InvalidPath:
        return None
    finally:
        client.adapter.close()
    key: str = found["data"]["data"]["api_key"]
    return key


def everywhere_but_the_vault(api: Api, log: str) -> str:
    """All that the database and the log hold."""
    tables = [table.name for table in metadata.sorted_tables]
    return log + repr([api.rows(sql.SQL("SELECT * FROM {}").format(sql.Identifier(name))) for name in tables])


def test_a_key_the_provider_accepts_goes_to_the_vault_and_nowhere_else(
    api: Api, gemini: GeminiEmulator, vault: Vault, capfd: pytest.CaptureFixture[str]
) -> None:
    gemini.add_key(KEY)

    added = api.ask("PUT", ADDRESS, json={"key": KEY, "name": "mine"})
    described = api.ask("GET", ADDRESS)

    assert added.status_code == 200, added.text
    assert added.json() == {"name": "mine", "status": "active", "reason": None, "requeued": 0}
    assert described.json() | {"user": "ada", "name": "mine", "status": "active"} == described.json()
    assert in_the_vault(vault) == KEY
    seen = added.text + described.text + everywhere_but_the_vault(api, "".join(capfd.readouterr()))
    assert KEY not in seen
    assert api.rows("SELECT actor, origin, action FROM audit ORDER BY id") == [
        ("user:ada", "127.0.0.1", "key_offered"),
        ("user:ada", "127.0.0.1", "key_added"),
    ]


def test_a_key_replaces_the_one_before(api: Api, gemini: GeminiEmulator, vault: Vault) -> None:
    gemini.add_key(KEY)
    gemini.add_key(ANOTHER)

    api.ask("PUT", ADDRESS, json={"key": KEY})
    api.ask("PUT", ADDRESS, json={"key": ANOTHER, "name": "newer"})

    assert api.ask("GET", ADDRESS).json()["name"] == "newer"
    assert in_the_vault(vault) == ANOTHER


@pytest.mark.parametrize(
    ("state", "told"),
    [
        (KeyState.INVALID, ("key_refused", "does not know this key")),
        (KeyState.EXPIRED, ("key_expired", "has expired")),
        (KeyState.DISABLED, ("key_refused", "switched off")),
    ],
)
def test_a_key_the_provider_refuses_is_not_stored(
    api: Api, gemini: GeminiEmulator, vault: Vault, state: KeyState, told: tuple[str, str]
) -> None:
    gemini.refuse_key(KEY, state)

    answer = api.ask("PUT", ADDRESS, json={"key": KEY})

    code, why = told
    assert why in problem(answer, 422, code)["detail"]
    assert KEY not in answer.text
    assert in_the_vault(vault) is None
    problem(api.ask("GET", ADDRESS), 404, "no_api_key")


def test_a_key_whose_check_says_nothing_about_it_is_stored_as_unchecked(
    api: Api, gemini: GeminiEmulator, vault: Vault
) -> None:
    gemini.refuse_key(KEY, KeyState.COUNTRY)

    added = api.ask("PUT", ADDRESS, json={"key": KEY}).json()

    assert added["status"] == "unchecked"
    assert "could not be asked" in added["reason"]
    assert in_the_vault(vault) == KEY


def test_a_key_is_stored_as_unchecked_while_the_provider_is_away(
    environment: dict[str, str], serve: Callable[[], str], monkeypatch: pytest.MonkeyPatch, vault: Vault
) -> None:
    monkeypatch.setenv("FLEET_GEMINI_BASE_URL", f"http://127.0.0.1:{free_port()}")
    api = Api(serve(), environment["FLEET_DATABASE_URL"])

    assert api.ask("PUT", ADDRESS, json={"key": KEY}).json()["status"] == "unchecked"
    assert in_the_vault(vault) == KEY


def test_a_key_is_not_accepted_while_the_vault_is_away(
    environment: dict[str, str], serve: Callable[[], str], monkeypatch: pytest.MonkeyPatch, gemini: GeminiEmulator
) -> None:
    gemini.add_key(KEY)
    monkeypatch.setenv("FLEET_VAULT_ADDR", f"http://127.0.0.1:{free_port()}")
    api = Api(serve(), environment["FLEET_DATABASE_URL"])

    answer = api.ask("PUT", ADDRESS, json={"key": KEY})

    problem(answer, 503, "keys_unavailable")
    assert answer.headers["retry-after"]
    assert KEY not in answer.text
    assert api.rows("SELECT count(*) FROM api_keys") == [(0,)]


def test_a_removed_key_is_destroyed(api: Api, gemini: GeminiEmulator, vault: Vault) -> None:
    gemini.add_key(KEY)
    api.ask("PUT", ADDRESS, json={"key": KEY})

    assert api.ask("DELETE", ADDRESS).status_code == 204
    assert in_the_vault(vault) is None
    problem(api.ask("GET", ADDRESS), 404, "no_api_key")
    problem(api.ask("DELETE", ADDRESS), 404, "no_api_key")


def test_so_many_keys_an_hour_may_be_offered_for_one_user_and_the_answer_says_when_the_next_may_come(
    environment: dict[str, str],
    serve: Callable[[], str],
    monkeypatch: pytest.MonkeyPatch,
    gemini: GeminiEmulator,
    vault: Vault,
) -> None:
    monkeypatch.setenv("FLEET_KEY_TRIES_PER_HOUR", "2")
    api = Api(serve(), environment["FLEET_DATABASE_URL"])
    gemini.add_key(KEY)
    problem(api.ask("PUT", ADDRESS, json={"key": ANOTHER}), 422, "key_refused")
    assert api.ask("PUT", ADDRESS, json={"key": KEY}).status_code == 200

    answer = api.ask("PUT", ADDRESS, json={"key": KEY})

    assert "2 keys were offered" in problem(answer, 429, "too_many_tries")["detail"]
    assert 3_500 < int(answer.headers["retry-after"]) <= 3_600
    assert in_the_vault(vault) == KEY
    assert api.ask("PUT", "/v1/users/linus/api-key", json={"key": KEY}, whose="linus").status_code == 200


def test_a_key_of_two_users_is_flagged_for_operators_and_neither_user_is_told(api: Api, gemini: GeminiEmulator) -> None:
    gemini.add_key(KEY)
    api.ask("PUT", ADDRESS, json={"key": KEY})

    added = api.ask("PUT", "/v1/users/linus/api-key", json={"key": KEY}, whose="linus")

    assert added.json()["status"] == "active"
    flagged = "SELECT user_id, kind, details FROM signals ORDER BY user_id"
    assert api.rows(flagged) == [(user, "shared_key", {"users": 2}) for user in ("ada", "linus")]
    assert "ada" not in added.text + api.ask("GET", "/v1/users/linus/api-key", whose="linus").text


UNUSABLE: list[tuple[Any, str]] = [
    ({"key": ""}, "invalid_key"),
    ({"key": "   "}, "invalid_key"),
    ({"key": "short"}, "invalid_key"),
    ({"key": KEY + "\n" + KEY}, "invalid_key"),
    ({"key": KEY + "ä"}, "invalid_key"),
    ({"key": KEY * 20}, "invalid_key"),
    ({"key": [KEY]}, "invalid_key"),
    ({"key": {KEY: KEY}}, "invalid_key"),
    ({"name": "mine"}, "invalid_key"),
    ({"key": KEY, "name": KEY * 20}, "invalid_key_name"),
    ({"key": KEY, "name": "two\nlines"}, "invalid_key_name"),
    ({"key": KEY, "name": 7}, "invalid_input"),
    ({"key": KEY, KEY: 1}, "invalid_input"),
    ({KEY: 1}, "invalid_input"),
    ([KEY], "invalid_input"),
    (KEY, "invalid_input"),
]


def test_a_body_that_holds_no_usable_key_is_refused_and_never_repeated(
    api: Api, capfd: pytest.CaptureFixture[str]
) -> None:
    for body, code in UNUSABLE:
        answer = api.ask("PUT", ADDRESS, json=body)

        problem(answer, 422, code)
        assert KEY not in answer.text
    assert KEY not in everywhere_but_the_vault(api, "".join(capfd.readouterr()))


def test_erasing_a_user_takes_key_bookmarks_and_jobs(api: Api, gemini: GeminiEmulator, vault: Vault) -> None:
    gemini.add_key(KEY)
    api.ask("PUT", ADDRESS, json={"key": KEY})
    api.ask("POST", "/v1/users/ada/bookmarks", json=["https://example.org/1", "https://example.org/2"])
    api.ask("POST", "/v1/users/linus/bookmarks", json="https://example.org/1", whose="linus")

    erased = api.ask("DELETE", "/v1/users/ada")

    assert erased.json() == {"bookmarks": 2}
    assert in_the_vault(vault) is None
    assert api.rows("SELECT DISTINCT user_id FROM bookmarks") == [("linus",)]
    assert api.rows("SELECT DISTINCT user_id FROM jobs") == [("linus",)]
    problem(api.ask("GET", "/v1/users/ada/bookmarks"), 404, "unknown_user")
