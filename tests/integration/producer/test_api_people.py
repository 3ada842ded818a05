"""What people and dashboards see: how a user stands, what changes, the page, and what they see with a server away."""

import json
from collections.abc import Callable
from typing import Any

import httpx2
import pytest
from structlog.testing import capture_logs

from services.local.ports import free_port
from tests.gemini_emulator import GeminiEmulator
from tests.integration.producer.conftest import Api
from tests.integration.producer.problems import problem

KEY = "AIzaSyAda-0000000000000000000000000000ada"
A_PAGE = "https://example.org/page"


def test_a_user_nobody_knows_has_all_of_the_quota_and_no_key_to_use_it(api: Api) -> None:
    limits = api.ask("GET", "/v1/users/ada/rate-limit").json()

    assert (limits["can_make_request"], limits["cannot_because"]["reason"]) == (False, "no_key")
    assert (limits["key_serving"]["source"], limits["waiting"]) == ("none", [])
    assert (limits["requests_this_minute"], limits["minute_limit"]) == (0, 15)
    assert (limits["requests_today"], limits["daily_limit"]) == (0, 1_500)
    assert (limits["requests_this_month"], limits["monthly_limit"]) == (0, 45_000)


def test_stats_tell_of_the_key_and_of_what_it_was_used_for(api: Api, gemini: GeminiEmulator) -> None:
    without = api.ask("GET", "/v1/users/ada/stats").json()
    gemini.add_key(KEY)
    api.ask("PUT", "/v1/users/ada/api-key", json={"key": KEY, "name": "mine"})

    stats = api.ask("GET", "/v1/users/ada/stats").json()

    assert (without["has_api_key"], without["api_key_status"]) == (False, None)
    assert (stats["has_api_key"], stats["api_key_name"], stats["api_key_status"]) == (True, "mine", "active")
    assert (stats["user_id"], stats["tokens"]["prompt"], stats["last_used"]) == ("ada", 0, None)
    assert (without["can_make_request"], stats["can_make_request"]) == (False, True)


def test_processing_says_what_was_queued(api: Api, gemini: GeminiEmulator) -> None:
    api.ask("POST", "/v1/users/ada/bookmarks", json=A_PAGE)

    queued = api.ask("POST", "/v1/users/ada/process")

    assert queued.status_code == 202
    assert queued.json() == {
        "user_id": "ada",
        "requeued": 0,
        "unfinished": 1,
        "has_usable_key": False,
        "key_source": "none",
        "key_reason": "The user's own key is missing. Pages are read by the built-in analyser.",
    }
    problem(api.ask("POST", "/v1/users/ada/process?limit=0"), 422, "invalid_input")


def events(api: Api, path: str, whose: str, *, enough: Callable[[list[dict[str, Any]]], bool]) -> list[dict[str, Any]]:
    """The events of a stream until there are enough."""
    seen: list[dict[str, Any]] = []
    headers = {"Authorization": f"Bearer {api.token(whose)}"}
    with httpx2.stream("GET", f"{api.url}{path}", headers=headers, timeout=20) as stream:
        assert stream.headers["content-type"].startswith("text/event-stream")
        for line in stream.iter_lines():
            if line.startswith("data: "):
                seen.append(json.loads(line.removeprefix("data: ")))
                if len(seen) == 1:
                    api.ask("POST", "/v1/users/ada/bookmarks", json=A_PAGE)
                if enough(seen):
                    break
    return seen


@pytest.mark.parametrize(("path", "whose"), [("/v1/users/ada/progress", "ada"), ("/v1/admin/progress", "*")])
def test_who_watches_sees_a_new_bookmark_arrive(api: Api, path: str, whose: str) -> None:
    first, *_, last = events(api, path, whose, enough=lambda seen: bool(seen[-1]["bookmarks"]))

    assert (first["bookmarks"], first["newest"]) == ({}, [])
    assert last["bookmarks"] == {"queued": 1}
    assert next(stage for stage in last["stages"] if stage["stage"] == "scrape")["waiting"] == 1


def test_the_overview_counts_everything(api: Api) -> None:
    for user in ("ada", "linus"):
        api.ask("POST", f"/v1/users/{user}/bookmarks", json=A_PAGE, whose=user)

    overview = api.ask("GET", "/v1/admin/overview", whose="*").json()

    assert overview["users"] == 2
    assert overview["bookmarks"]["queued"] == 2
    assert next(stage for stage in overview["stages"] if stage["stage"] == "scrape")["waiting"] == 2
    assert set(overview["health"]) == {"since", "stages", "keys", "held_back"}


def test_operators_see_signals_and_who_is_paused(
    environment: dict[str, str], serve: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_SUBMISSION_BURST", "3")
    api = Api(serve(), environment["FLEET_DATABASE_URL"])
    for user in ("ada", "linus"):
        urls = [f"https://example.org/{page}" for page in range(3)]
        assert api.ask("POST", f"/v1/users/{user}/bookmarks", json=urls, whose=user).status_code == 202

    newest = api.ask("GET", "/v1/admin/signals", whose="*").json()
    [of_ada] = api.ask("GET", "/v1/admin/signals?user=ada", whose="*").json()

    assert [(signal["user"], signal["kind"]) for signal in newest] == [
        ("linus", "submission_burst"),
        ("ada", "submission_burst"),
    ]
    assert of_ada["details"] == {"bookmarks_in_an_hour": 3}
    assert of_ada["meaning"]
    assert len(api.ask("GET", "/v1/admin/signals?limit=1", whose="*").json()) == 1
    problem(api.ask("GET", "/v1/admin/signals"), 403, "forbidden")
    problem(api.ask("GET", "/v1/admin/signals?user=a%20b", whose="*"), 422, "invalid_user_id")


def test_the_page_may_load_nothing_from_elsewhere(api: Api) -> None:
    page = api.ask("GET", "/", whose=None)

    policy = page.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert "http" not in policy
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "<script>" not in page.text
    assert "style=" not in page.text
    problem(api.ask("GET", "/page/../settings.py", whose=None), 404, "not_found")
    problem(api.ask("GET", "/page/%2e%2e%2fsettings.py", whose=None), 404, "not_found")


def test_the_api_describes_itself(api: Api) -> None:
    described = api.ask("GET", "/openapi.json", whose=None).json()

    assert described["openapi"].startswith("3.1")
    operations = described["paths"]["/v1/users/{user}/bookmarks"]
    assert operations["post"]["operationId"] == "bookmarks_submit"
    assert operations["post"]["summary"] == "Hand in one bookmark or up to 1,000: all are accepted, or none."
    assert set(operations["post"]["responses"]) >= {"200", "202", "409"}
    assert "Problem" in described["components"]["schemas"]
    progress = described["paths"]["/v1/users/{user}/progress"]["get"]["responses"]["200"]["content"]
    assert progress == {"text/event-stream": {"schema": {"type": "string"}}}
    for path, methods in described["paths"].items():
        for method, operation in methods.items():
            assert operation["summary"].endswith("."), (method, path)
            if path.startswith("/v1/"):
                assert operation["security"], (method, path)
                assert "application/problem+json" in operation["responses"]["401"]["content"]


def test_without_postgresql_the_api_says_when_to_come_back(
    environment: dict[str, str], serve: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_DATABASE_URL", f"postgresql://fleet:secret-password@127.0.0.1:{free_port()}/fleet")
    api = Api(serve(), environment["FLEET_DATABASE_URL"])

    for method, path in (("POST", "/v1/users/ada/bookmarks"), ("GET", "/v1/users/ada/bookmarks"), ("GET", "/readyz")):
        answer = api.ask(method, path, json=A_PAGE if method == "POST" else None)

        problem(answer, 503, "ledger_unavailable")
        assert int(answer.headers["retry-after"]) > 0
        assert "secret-password" not in answer.text
    assert api.ask("GET", "/healthz", whose=None).status_code == 200


def test_without_redis_bookmarks_are_accepted_and_quotas_are_unknown(
    environment: dict[str, str], serve: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FLEET_REDIS_URL", f"redis://127.0.0.1:{free_port()}/0")
    api = Api(serve(), environment["FLEET_DATABASE_URL"])

    assert api.ask("POST", "/v1/users/ada/bookmarks", json=A_PAGE).status_code == 202
    problem(api.ask("GET", "/v1/users/ada/rate-limit"), 503, "quota_unavailable")
    [seen] = events(api, "/v1/users/ada/progress", "ada", enough=bool)
    stats = api.ask("GET", "/v1/users/ada/stats").json()
    for standing in (seen["standing"], stats):
        assert (standing["can_make_request"], standing["key_serving"]["source"]) == (False, "none")
        assert [work["sentence"] for work in standing["waiting"]] == [
            "1 page waits to be fetched: others are served first."
        ]
    assert (stats["requests_today"], stats["daily_limit"]) == (0, 1_500)


def test_a_crash_is_a_problem_that_tells_nothing_of_the_inside(
    environment: dict[str, str], serve: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    async def crash(*_: object, **__: object) -> None:
        raise RuntimeError(f"a fault that knows {KEY}")

    monkeypatch.setattr("shared.ledger.in_postgres.PostgresLedger.submit", crash)
    api = Api(serve(), environment["FLEET_DATABASE_URL"])

    with (
        capture_logs() as logs
    ):  # unconfigured as they are here, a crash is painted with every local, for half a minute
        answer = api.ask("POST", "/v1/users/ada/bookmarks", json=A_PAGE)

    told = problem(answer, 500, "internal_error")
    assert [line["event"] for line in logs if line["log_level"] == "error"] == ["request_crashed"]
    assert KEY not in answer.text
    assert "RuntimeError" not in told["detail"]


def test_metrics_are_those_of_prometheus(api: Api) -> None:
    assert "fleet_" in api.ask("GET", "/metrics", whose=None).text
