"""What operators type: failures and retries, limits, pauses; and that each change says who typed it, and where."""

import getpass
import json
import socket
from collections.abc import Callable
from typing import Any

import psycopg
import pytest

from tests.integration.cli.conftest import Run
from tests.integration.producer.conftest import Api
from tests.integration.producer.test_api_operating import fail_everything

PAGES = ("https://example.org/1", "https://example.org/2")
Answer = Callable[..., Any]


def audited(environment: dict[str, str]) -> list[tuple[str, str, str, Any]]:
    with psycopg.connect(environment["FLEET_DATABASE_URL"]) as connection:
        return connection.execute("SELECT actor, origin, action, details FROM audit ORDER BY id").fetchall()


ME = (f"operator:{getpass.getuser()}", socket.gethostname())


def test_what_failed_is_shown_with_advice_and_retried(answer: Answer, fleet: Run, environment: dict[str, str]) -> None:
    answer("submit", *PAGES, "--user", "ada")
    fail_everything(Api("", environment["FLEET_DATABASE_URL"]))

    newest, oldest = answer("failures")
    printed = fleet("failures", "--user", "ada").stdout
    assert [newest["url"], oldest["url"]] == [PAGES[1], PAGES[0]]
    assert (newest["error"]["code"], oldest["error"]["code"]) == ("page_gone", "page_unreachable")
    assert "Correct or remove the bookmark" in printed
    assert len(answer("failures", "--code", "page_gone")) == 1
    assert len(answer("failures", "--limit", "1")) == 1
    assert answer("failures", "--user", "linus") == []

    assert answer("retry", str(newest["job"])) == {"bookmarks": 1, "users": 1}
    assert answer("retry", "--user", "ada", "--code", "page_unreachable") == {"bookmarks": 1, "users": 1}
    again = fleet("retry", "--user", "ada", "--json")
    assert (again.exit_code, json.loads(again.stderr)["error"]["code"]) == (1, "not_found")
    assert answer("failures") == []
    assert audited(environment) == [
        (*ME, "jobs_retried", {"bookmarks": 1}),
        (*ME, "jobs_retried", {"bookmarks": 1, "code": "page_unreachable"}),
    ]


def test_limits_are_shown_set_one_by_one_and_given_back(
    answer: Answer, fleet: Run, environment: dict[str, str]
) -> None:
    assert answer("limits", "--user", "ada")["set"] == {"minute": None, "day": None, "month": None}
    answer("limits", "--user", "ada", "--minute", "3")

    told = answer("limits", "--user", "ada", "--day", "0")

    assert told["set"] == {"minute": 3, "day": 0, "month": None}
    assert (told["in_force"]["minute"]["calls"], told["in_force"]["month"]["source"]) == (3, "deployment")
    assert "user" in fleet("limits", "--user", "ada").stdout
    assert answer("limits", "--user", "ada", "--reset")["set"] == {"minute": None, "day": None, "month": None}
    assert audited(environment) == [
        (*ME, "limits_set", {"minute": 3}),
        (*ME, "limits_set", {"minute": 3, "day": 0}),
        (*ME, "limits_set", {}),
    ]


def test_a_users_language_is_shown_chosen_and_given_back(
    answer: Answer, fleet: Run, environment: dict[str, str]
) -> None:
    assert answer("language", "--user", "ada") == {"user": "ada", "language": "page"}
    assert answer("language", "de", "--user", "ada") == {"user": "ada", "language": "de"}
    wrong = fleet("language", "german", "--user", "ada", "--json")
    assert (wrong.exit_code, json.loads(wrong.stderr)["error"]["code"]) == (1, "invalid_input")
    assert answer("language", "default", "--user", "ada") == {"user": "ada", "language": "page"}
    assert audited(environment) == [
        (*ME, "language_set", {"language": "de"}),
        (*ME, "language_set", {"language": "default"}),
    ]


def test_pauses_are_recorded(answer: Answer, environment: dict[str, str]) -> None:
    answer("submit", PAGES[0], "--user", "ada")

    answer("pause", "--user", "ada")
    answer("resume", "--user", "ada")

    assert audited(environment) == [(*ME, "user_paused", {}), (*ME, "user_resumed", {})]


@pytest.mark.parametrize(
    "command",
    [
        ("retry",),
        ("retry", "0"),
        ("retry", "ada"),
        ("retry", "--user", "a b"),
        ("reanalyse",),
        ("language",),
        ("reanalyse", "--user", "a b", "--prompt-version", "2026-1"),
        ("failures", "--limit", "0"),
        ("limits",),
        ("limits", "--user", "ada", "--minute", "-1"),
        ("limits", "--user", "ada", "--minute", "many"),
        ("limits", "--user", "ada", "--day", "10000001"),
        ("limits", "--user", "ada", "--reset", "--day", "1"),
    ],
)
def test_what_makes_no_sense_is_a_usage_error(fleet: Run, command: tuple[str, ...]) -> None:
    assert fleet(*command).exit_code == 2
