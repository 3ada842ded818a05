"""Who may do what: nobody without a token, users with their own things alone, services within their scopes."""

from typing import Any

import pytest

from shared.tokens import Scope
from tests.integration.producer.conftest import Api
from tests.integration.producer.problems import problem

KEY = "AIzaSyAda-0000000000000000000000000000ada"
A_PAGE = "https://example.org/page"
OF_ADA: list[tuple[str, str, Any, Scope]] = [
    ("POST", "/v1/users/ada/bookmarks", A_PAGE, Scope.WRITE),
    ("GET", "/v1/users/ada/bookmarks", None, Scope.READ),
    ("GET", "/v1/users/ada/bookmarks/1", None, Scope.READ),
    ("DELETE", "/v1/users/ada/bookmarks/1", None, Scope.WRITE),
    ("PUT", "/v1/users/ada/api-key", {"key": KEY}, Scope.KEYS),
    ("GET", "/v1/users/ada/api-key", None, Scope.READ),
    ("DELETE", "/v1/users/ada/api-key", None, Scope.KEYS),
    ("GET", "/v1/users/ada/rate-limit", None, Scope.READ),
    ("GET", "/v1/users/ada/stats", None, Scope.READ),
    ("GET", "/v1/users/ada/progress", None, Scope.READ),
    ("POST", "/v1/users/ada/process", None, Scope.WRITE),
    ("DELETE", "/v1/users/ada", None, Scope.WRITE),
]
OF_EVERYBODY = [
    ("GET", "/v1/admin/overview"),
    ("GET", "/v1/admin/progress"),
    ("GET", "/v1/admin/signals"),
    ("GET", "/v1/admin/failures"),
    ("GET", "/v1/admin/lanes"),
    ("GET", "/v1/admin/audit"),
    ("POST", "/v1/admin/retry"),
    ("POST", "/v1/admin/pause"),
    ("POST", "/v1/admin/resume"),
    ("GET", "/v1/admin/default-key"),
    ("PUT", "/v1/admin/default-key"),
    ("DELETE", "/v1/admin/default-key"),
    ("GET", "/v1/admin/users/{user}/limits"),
    ("PUT", "/v1/admin/users/{user}/limits"),
]
OPEN = ["/", "/page/page.js", "/page/page.css", "/page/icon.svg", "/healthz", "/readyz", "/metrics", "/openapi.json"]


@pytest.fixture
def taken(api: Api) -> Api:
    """Ada and Linus each have a bookmark."""
    for user in ("ada", "linus"):
        assert api.ask("POST", f"/v1/users/{user}/bookmarks", json=A_PAGE, whose=user).status_code == 202
    return api


def test_every_address_of_a_user_is_in_this_test(api: Api) -> None:
    described = {
        (method.upper(), path)
        for path, methods in api.ask("GET", "/openapi.json", whose=None).json()["paths"].items()
        for method in methods
        if path.startswith("/v1/")
    }
    tried = {(method, path.replace("ada", "{user}").replace("/1", "/{bookmark}")) for method, path, _, _ in OF_ADA}

    assert described == tried | set(OF_EVERYBODY) | {("GET", "/v1/caller")}


def test_another_users_token_reaches_nothing(taken: Api) -> None:
    for method, path, body, _ in OF_ADA:
        told = problem(taken.ask(method, path, json=body, whose="linus"), 403, "forbidden")
        assert "own user alone" in told["detail"]
    for method, path in OF_EVERYBODY:
        problem(taken.ask(method, path, whose="linus"), 403, "forbidden")
    assert taken.rows("SELECT count(*) FROM bookmarks") == [(2,)]
    assert taken.rows("SELECT count(*) FROM audit") == [(0,)]


def test_another_users_bookmark_is_not_found_below_ones_own_address(taken: Api) -> None:
    [bookmark] = taken.ask("GET", "/v1/users/ada/bookmarks").json()["bookmarks"]

    for method in ("GET", "DELETE"):
        answer = taken.ask(method, f"/v1/users/linus/bookmarks/{bookmark['id']}", whose="linus")
        problem(answer, 404, "not_found")
    assert taken.rows("SELECT count(*) FROM bookmarks") == [(2,)]


def test_nobody_gets_in_without_a_valid_token(taken: Api) -> None:
    for method, path, body, _ in OF_ADA:
        refused = taken.ask(method, path, json=body, whose=None)
        problem(refused, 401, "unauthenticated")
        assert refused.headers["www-authenticate"].startswith("Bearer")
        problem(taken.ask(method, path, json=body, whose="not.a.token"), 401, "unauthenticated")
    for scheme in ("Basic YWRhOmFkYQ==", "Bearer", "Bearer ada"):
        answer = taken.ask("GET", "/v1/caller", whose=None, headers={"Authorization": scheme})
        problem(answer, 401, "unauthenticated")


def test_a_service_does_what_its_scopes_say_and_no_more(taken: Api) -> None:
    for method, path, body, needed in OF_ADA:
        others = taken.service(*(scope for scope in Scope if scope not in {needed, Scope.ADMIN}))
        told = problem(taken.ask(method, path, json=body, whose=others), 403, "forbidden")
        assert needed in told["detail"]
    for method, path in OF_EVERYBODY:
        everything_else = taken.service(Scope.READ, Scope.WRITE, Scope.KEYS)
        problem(taken.ask(method, path, whose=everything_else), 403, "forbidden")
    assert len(taken.ask("GET", "/v1/users/ada/bookmarks", whose=taken.service(Scope.READ)).json()["bookmarks"]) == 1


def test_erasing_a_user_takes_the_right_to_keys_as_well(taken: Api) -> None:
    problem(taken.ask("DELETE", "/v1/users/ada", whose=taken.service(Scope.WRITE)), 403, "forbidden")

    assert taken.ask("DELETE", "/v1/users/ada", whose=taken.service(Scope.WRITE, Scope.KEYS)).status_code == 200


def test_a_token_says_whose_it_is(api: Api) -> None:
    assert api.ask("GET", "/v1/caller").json()["user"] == "ada"
    assert api.ask("GET", "/v1/caller", whose="*").json() == {
        "name": "service:admin",
        "user": None,
        "scopes": ["admin"],
    }


@pytest.mark.parametrize("path", OPEN)
def test_what_is_open_to_all_holds_no_users_data(taken: Api, path: str) -> None:
    answer = taken.ask("GET", path, whose=None)

    assert answer.status_code == 200
    assert A_PAGE not in answer.text
    assert "linus" not in answer.text
