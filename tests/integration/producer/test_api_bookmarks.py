"""Bookmarks over HTTP: accepted once, listed, shown, removed; what cannot be accepted is said and leaves nothing."""

import json
from collections.abc import Iterator
from typing import Any

import psycopg
import pytest

from tests.integration.producer.conftest import Api
from tests.integration.producer.problems import problem

BOOKMARKS = "/v1/users/ada/bookmarks"
A_PAGE = "https://example.org/page"


def test_a_bookmark_is_accepted_and_shown(api: Api) -> None:
    answer = api.ask("POST", BOOKMARKS, json={"url": A_PAGE, "title": "A page", "tags": ["x"]})

    assert answer.status_code == 202
    [accepted] = answer.json()
    assert accepted == {"id": accepted["id"], "url": A_PAGE, "created": True}
    shown = api.ask("GET", f"{BOOKMARKS}/{accepted['id']}").json()
    assert (shown["user"], shown["url"], shown["title"], shown["state"]) == ("ada", A_PAGE, "A page", "queued")


def test_a_bookmark_the_user_has_is_known_and_not_queued_again(api: Api) -> None:
    first = api.ask("POST", BOOKMARKS, json=A_PAGE)
    again = api.ask("POST", BOOKMARKS, json=A_PAGE)

    assert (first.status_code, again.status_code) == (202, 200)
    assert again.json() == [{**first.json()[0], "created": False}]
    assert api.rows("SELECT count(*) FROM jobs") == [(1,)]


def test_a_thousand_bookmarks_are_accepted_at_once_and_listed_page_by_page(api: Api) -> None:
    urls = [f"https://example.org/{number}" for number in range(1_000)]

    assert api.ask("POST", BOOKMARKS, json=urls).status_code == 202

    seen: list[str] = []
    cursor = ""
    while cursor is not None:
        page = api.ask("GET", f"{BOOKMARKS}?limit=200{cursor}").json()
        seen += [bookmark["url"] for bookmark in page["bookmarks"]]
        cursor = None if page["after"] is None else f"&cursor={page['after']}"
    assert seen == urls


def test_a_browsers_file_moves_in_and_everything_moves_out_again(api: Api) -> None:
    file = f'<DL><DT><A HREF="{A_PAGE}" TAGS="x">A page</A><DT><A HREF="javascript:alert(1)">None</A></DL>'
    html = {"Content-Type": "text/html"}

    first = api.ask("POST", "/v1/users/ada/imports", content=file, headers=html)
    again = api.ask("POST", "/v1/users/ada/imports", content=file, headers=html)

    assert (first.status_code, first.json()) == (202, {"bookmarks": 1, "created": 1, "left_out": 1})
    assert (again.status_code, again.json()) == (200, {"bookmarks": 1, "created": 0, "left_out": 1})
    problem(api.ask("POST", "/v1/users/ada/imports", content="no links", headers=html), 422, "invalid_input")
    with psycopg.connect(api.database_url) as connection:
        connection.execute(
            "INSERT INTO contents (bookmark_id, user_id, strategy, verdict, final_url, title, text, chars, words)"
            " SELECT id, user_id, 'static', 'ok', url, 'A page', 'What it says.', 13, 3 FROM bookmarks"
        )
    out = api.ask("GET", "/v1/users/ada/export")
    assert out.headers["content-type"].startswith("application/x-ndjson")
    [bookmark] = map(json.loads, out.text.splitlines())
    assert (bookmark["url"], bookmark["tags"], bookmark["text"]) == (A_PAGE, ["x"], "What it says.")
    problem(api.ask("GET", "/v1/users/nobody/export", whose="nobody"), 404, "unknown_user")


def test_a_list_can_be_asked_for_one_state(api: Api) -> None:
    api.ask("POST", BOOKMARKS, json=A_PAGE)

    assert len(api.ask("GET", f"{BOOKMARKS}?state=queued").json()["bookmarks"]) == 1
    assert api.ask("GET", f"{BOOKMARKS}?state=done").json()["bookmarks"] == []
    told = problem(api.ask("GET", f"{BOOKMARKS}?state=lost"), 422, "invalid_input")
    assert "`state`" in told["detail"]


def test_the_same_request_twice_answers_the_same_and_keeps_nothing_new(api: Api) -> None:
    key = {"Idempotency-Key": "import-17"}
    first = api.ask("POST", BOOKMARKS, json=[A_PAGE], headers=key)
    again = api.ask("POST", BOOKMARKS, json=[A_PAGE], headers=key)

    assert (again.status_code, again.json()) == (first.status_code, first.json())
    assert api.rows("SELECT count(*) FROM bookmarks") == [(1,)]
    problem(api.ask("POST", BOOKMARKS, json=["https://example.org/other"], headers=key), 409, "idempotency_conflict")
    assert api.rows("SELECT count(*) FROM bookmarks") == [(1,)]


def test_another_users_idempotency_key_is_another_key(api: Api) -> None:
    key = {"Idempotency-Key": "import-17"}
    api.ask("POST", BOOKMARKS, json=[A_PAGE], headers=key)

    other = api.ask("POST", "/v1/users/linus/bookmarks", json=["https://example.org/2"], headers=key, whose="linus")

    assert other.status_code == 202


def test_a_removed_bookmark_is_gone(api: Api) -> None:
    [accepted] = api.ask("POST", BOOKMARKS, json=A_PAGE).json()

    assert api.ask("DELETE", f"{BOOKMARKS}/{accepted['id']}").status_code == 204
    problem(api.ask("GET", f"{BOOKMARKS}/{accepted['id']}"), 404, "not_found")
    problem(api.ask("DELETE", f"{BOOKMARKS}/{accepted['id']}"), 404, "not_found")
    assert api.rows("SELECT count(*) FROM jobs") == [(0,)]


UNACCEPTABLE: list[tuple[Any, str, str]] = [
    ({"url": "ftp://example.org/"}, "invalid_url", "http"),
    ({"title": "no address"}, "invalid_url", "`url` is missing"),
    ({"url": A_PAGE, "titel": "x"}, "invalid_input", "titel"),
    ({"url": A_PAGE, "title": "x" * 2_000_000}, "invalid_input", "`title` has 2,000,000 characters"),
    ({"url": A_PAGE, "title": "a\x00b"}, "invalid_input", "`title`"),
    ([], "invalid_input", "1 to 1,000"),
    ([A_PAGE] * 1_001, "invalid_input", "1,001"),
    ([A_PAGE, "nonsense"], "invalid_url", "item 2 of 2"),
    (7, "invalid_input", "object"),
    (None, "invalid_input", "body"),
]


def test_what_cannot_be_accepted_is_said_and_leaves_nothing(api: Api) -> None:
    for body, code, names in UNACCEPTABLE:
        told = problem(api.ask("POST", BOOKMARKS, json=body), 422, code)

        assert names in told["detail"]
        assert len(told["detail"]) < 300
    assert api.rows("SELECT count(*) FROM bookmarks") == [(0,)]


def test_a_body_that_is_no_json_is_a_problem(api: Api) -> None:
    for body in (b"{", b"", b'{"url": ', b"\xff\xfe", b"[" * 100_000, b'{"a": ' + b"9" * 5_000 + b"}"):
        answer = api.ask("POST", BOOKMARKS, content=body, headers={"Content-Type": "application/json"})

        assert answer.status_code in {400, 422}
        problem(answer, answer.status_code, "invalid_input")


def pieces_of_nine_mebibytes() -> Iterator[bytes]:
    for _ in range(9):
        yield b" " * (1024 * 1024)


@pytest.mark.parametrize("announced", [True, False])
def test_a_body_beyond_the_limit_is_refused(api: Api, announced: bool) -> None:
    body = b"".join(pieces_of_nine_mebibytes()) if announced else pieces_of_nine_mebibytes()

    answer = api.ask("POST", BOOKMARKS, content=body, headers={"Content-Type": "application/json"})

    problem(answer, 413, "too_large")


def test_an_unusable_idempotency_key_is_refused(api: Api) -> None:
    for key in ("", "a b", "ä", "x" * 201):
        answer = api.ask("POST", BOOKMARKS, json=A_PAGE, headers={"Idempotency-Key": key.encode()})

        problem(answer, 422, "invalid_input")
    assert api.rows("SELECT count(*) FROM bookmarks") == [(0,)]


def test_a_user_nobody_knows_is_told_so(api: Api) -> None:
    problem(api.ask("GET", BOOKMARKS), 404, "unknown_user")
    problem(api.ask("POST", "/v1/users/ada/process"), 404, "unknown_user")
    problem(api.ask("DELETE", "/v1/users/ada"), 404, "unknown_user")


def test_a_user_id_nobody_can_have_is_refused(api: Api) -> None:
    for user in ("a b", "-ada", "a" * 129, "ä", "%2e%2e", "a%00b"):
        problem(api.ask("GET", f"/v1/users/{user}/bookmarks", whose="*"), 422, "invalid_user_id")


def test_a_bookmark_id_that_cannot_be_one_is_a_problem(api: Api) -> None:
    for number in ("0", "-1", "x", str(2**63), "1.5"):
        problem(api.ask("GET", f"{BOOKMARKS}/{number}"), 422, "invalid_input")


def test_addresses_and_methods_that_do_not_exist_are_problems(api: Api) -> None:
    problem(api.ask("GET", "/v1/nothing"), 404, "not_found")
    problem(api.ask("GET", f"{BOOKMARKS}/"), 404, "not_found")
    refused = api.ask("PATCH", BOOKMARKS)
    problem(refused, 405, "method_not_allowed")
    assert refused.headers["allow"]
