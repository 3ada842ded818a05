"""What operators look into and change over HTTP, and what is left of it in the audit trail."""

import asyncio
from typing import Any

import pytest
from psycopg import sql

from shared.database import Database
from shared.errors import FleetError, PageGone, PageUnreachable
from shared.ledger.checks import inconsistencies
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import RetryPolicy, stage_policies
from shared.settings import DispatchSettings
from shared.tokens import Scope
from shared.values import PROMPT_VERSION, Stage
from tests.integration.producer.conftest import Api
from tests.integration.producer.problems import problem

PAGES = [f"https://example.org/{number}" for number in range(3)]


def fail_everything(api: Api, *, gone: str = "/2", error: FleetError | None = None) -> None:
    """Every scrape job fails, of this error or else: pages whose address ends so are gone, the others out of reach."""

    async def fail() -> None:
        database = Database(api.database_url, pool=1)
        ledger = PostgresLedger(database, policies=stage_policies(DispatchSettings()), retries=RetryPolicy())
        while released := await ledger.release(Stage.SCRAPE):
            for release in released:
                for job in await ledger.claim(Stage.SCRAPE, release.job_ids, release.token):
                    usual = PageGone("Gone.") if job.bookmark.url.endswith(gone) else PageUnreachable("Away.")
                    await ledger.fail([job], error or usual)
        await database.close()

    asyncio.run(fail())


def ledgers_sums(api: Api) -> list[str]:
    async def look() -> list[str]:
        database = Database(api.database_url, pool=1)
        found = await inconsistencies(database)
        await database.close()
        return found

    return asyncio.run(look())


@pytest.fixture
def failed(api: Api) -> Api:
    """Three failed bookmarks each of Ada and of Linus."""
    for user in ("ada", "linus"):
        assert api.ask("POST", f"/v1/users/{user}/bookmarks", json=PAGES, whose=user).status_code == 202
    fail_everything(api)
    return api


def entries(api: Api, **query: Any) -> list[tuple[str, str, str | None, Any]]:
    page = api.ask("GET", "/v1/admin/audit", whose="*", params=query).json()
    return [(entry["actor"], entry["action"], entry["user"], entry["details"]) for entry in page["entries"]]


def test_failures_are_listed_newest_first_page_by_page(failed: Api) -> None:
    seen: list[dict[str, Any]] = []
    query: dict[str, Any] = {"limit": 4}
    while True:
        page = failed.ask("GET", "/v1/admin/failures", whose="*", params=query).json()
        seen += page["failures"]
        if page["after"] is None:
            break
        query["cursor"] = page["after"]

    assert [one["job"] for one in seen] == sorted((one["job"] for one in seen), reverse=True)
    assert len(seen) == 6
    assert {one["url"] for one in seen} == set(PAGES)
    assert all(one["error"]["advice"] and one["failed_at"] for one in seen)
    gone = failed.ask("GET", "/v1/admin/failures?code=page_gone&user=ada", whose="*").json()["failures"]
    assert [(one["user"], one["url"], one["error"]["sentence"]) for one in gone] == [("ada", PAGES[2], "Gone.")]


def test_what_failed_is_retried_by_code_by_user_and_by_job(failed: Api) -> None:
    by_code = failed.ask("POST", "/v1/admin/retry", whose="*", json={"code": "page_gone"})
    [job, _] = failed.ask("GET", "/v1/admin/failures?user=ada", whose="*").json()["failures"]
    by_job = failed.ask("POST", "/v1/admin/retry", whose="*", json={"jobs": [job["job"]]})
    by_user = failed.ask("POST", "/v1/admin/retry", whose="*", json={"user": "linus"})

    assert by_code.json() == {"bookmarks": 2, "users": 2}
    assert by_job.json() == {"bookmarks": 1, "users": 1}
    assert by_user.json() == {"bookmarks": 2, "users": 1}
    states = failed.rows("SELECT user_id, state, count(*) FROM bookmarks GROUP BY 1, 2 ORDER BY 1, 2")
    assert states == [("ada", "failed", 1), ("ada", "queued", 2), ("linus", "queued", 3)]
    assert ledgers_sums(failed) == []
    assert entries(failed) == [
        ("service:admin", "jobs_retried", "linus", {"bookmarks": 2}),
        ("service:admin", "jobs_retried", "ada", {"bookmarks": 1}),
        ("service:admin", "jobs_retried", "linus", {"bookmarks": 1, "code": "page_gone"}),
        ("service:admin", "jobs_retried", "ada", {"bookmarks": 1, "code": "page_gone"}),
    ]
    assert {origin for (origin,) in failed.rows("SELECT DISTINCT origin FROM audit")} == {"127.0.0.1"}


@pytest.mark.parametrize(
    ("body", "status", "code"),
    [
        ({}, 422, "invalid_input"),
        ({"jobs": []}, 422, "invalid_input"),
        ({"jobs": [0]}, 422, "invalid_input"),
        ({"jobs": ["1"]}, 422, "invalid_input"),
        ({"jobs": [True]}, 422, "invalid_input"),
        ({"jobs": [2**63]}, 422, "invalid_input"),
        ({"jobs": [1] * 1_001}, 422, "invalid_input"),
        ({"user": "a secret/../b"}, 422, "invalid_user_id"),
        ({"user": 7}, 422, "invalid_input"),
        ({"code": "A-secret'; DROP TABLE jobs"}, 422, "invalid_input"),
        ({"user": "ada", "a-secret": 1}, 422, "invalid_input"),
        ([], 422, "invalid_input"),
        ({"jobs": [2**62]}, 404, "not_found"),
        ({"user": "nobody"}, 404, "not_found"),
        ({"code": "no_such_code"}, 404, "not_found"),
    ],
)
def test_what_cannot_be_retried_is_a_problem_that_repeats_nothing(
    failed: Api, body: object, status: int, code: str
) -> None:
    told = problem(failed.ask("POST", "/v1/admin/retry", whose="*", json=body), status, code)

    assert "secret" not in str(told)
    assert failed.rows("SELECT count(*) FROM audit") == [(0,)]


def test_what_an_older_prompt_came_to_is_queued_again_once(failed: Api) -> None:
    failed.rows("""
        INSERT INTO contents (bookmark_id, user_id, strategy, verdict, final_url, title, text, chars, words)
        SELECT id, user_id, 'static', 'ok', url, '', '', 0, 0 FROM bookmarks RETURNING 1""")
    made = sql.SQL("""
        INSERT INTO analyses (bookmark_id, user_id, key_concepts, content_type, difficulty, technologies, learning_path,
                              project_applicability, skill_development, summary, analysed_by, key_source, model,
                              prompt_version)
        SELECT id, user_id, '{{}}', '', '', '{{}}', '', '', '', '', 'gemini', 'user', 'm',
               CASE user_id WHEN 'ada' THEN '2025-3' ELSE {} END FROM bookmarks RETURNING 1""")
    failed.rows(made.format(PROMPT_VERSION))
    ask = {"prompt_version": PROMPT_VERSION}

    older = failed.ask("POST", "/v1/admin/reanalyse", whose="*", json={"prompt_version": "2025-2"})
    ours = failed.ask("POST", "/v1/admin/reanalyse", whose="*", json=ask | {"user": "linus"})
    first = failed.ask("POST", "/v1/admin/reanalyse", whose="*", json=ask)
    again = failed.ask("POST", "/v1/admin/reanalyse", whose="*", json=ask)

    assert older.json() == ours.json() == again.json() == {"analyses": 0, "users": 0}
    assert first.json() == {"analyses": 3, "users": 1}
    assert failed.rows("SELECT user_id, replaces, count(*) FROM jobs WHERE state = 'queued' GROUP BY 1, 2") == [
        ("ada", True, 3)
    ]
    assert entries(failed) == [("service:admin", "analyses_requeued", "ada", {"bookmarks": 3})]
    problem(failed.ask("POST", "/v1/admin/reanalyse", whose="*", json={}), 422, "invalid_input")
    problem(failed.ask("POST", "/v1/admin/reanalyse", whose="*", json=ask | {"user": "a b"}), 422, "invalid_user_id")


def test_a_user_is_paused_and_served_again(failed: Api) -> None:
    failed.ask("POST", "/v1/admin/retry", whose="*", json={"user": "ada"})

    paused = failed.ask("POST", "/v1/admin/pause", whose="*", json={"user": "ada"})
    lanes = failed.ask("GET", "/v1/admin/lanes?reason=paused", whose="*").json()["lanes"]
    fail_everything(failed)
    resumed = failed.ask("POST", "/v1/admin/resume", whose="*", json={"user": "ada"})

    assert paused.json() == {"user": "ada", "paused": True}
    assert [(lane["user"], lane["lane"]["waiting"], lane["lane"]["blocked"]["reason"]) for lane in lanes] == [
        ("ada", 3, "paused")
    ]
    assert resumed.json() == {"user": "ada", "paused": False}
    assert failed.rows("SELECT count(*) FROM jobs WHERE user_id = 'ada' AND state = 'queued'") == [(3,)]
    assert [entry[:3] for entry in entries(failed, user="ada")] == [
        ("service:admin", "user_resumed", "ada"),
        ("service:admin", "user_paused", "ada"),
        ("service:admin", "jobs_retried", "ada"),
    ]
    for act in ("pause", "resume"):
        problem(failed.ask("POST", f"/v1/admin/{act}", whose="*", json={"user": "nobody"}), 404, "unknown_user")
        problem(failed.ask("POST", f"/v1/admin/{act}", whose="*", json={"user": "a b"}), 422, "invalid_user_id")
        problem(failed.ask("POST", f"/v1/admin/{act}", whose="*", json={}), 422, "invalid_input")


def test_lanes_come_page_by_page(api: Api) -> None:
    users = [f"user-{number}" for number in range(5)]
    for user in users:
        api.ask("POST", f"/v1/users/{user}/bookmarks", json=PAGES, whose=user)

    seen: list[str] = []
    query: dict[str, Any] = {"limit": 2}
    while True:
        page = api.ask("GET", "/v1/admin/lanes", whose="*", params=query).json()
        seen += [lane["user"] for lane in page["lanes"]]
        if page["after"] is None:
            break
        query["cursor"] = page["after"]

    assert seen == users
    for cursor in ("nonsense", "ada/nonsense", "a b/scrape", "/scrape"):
        assert api.ask("GET", "/v1/admin/lanes", whose="*", params={"cursor": cursor}).status_code == 422
    problem(api.ask("GET", "/v1/admin/lanes?reason=boredom", whose="*"), 422, "invalid_input")


def test_a_users_limits_are_set_shown_hold_and_are_given_back(api: Api) -> None:
    path = "/v1/admin/users/ada/limits"
    before = api.ask("GET", path, whose="*").json()
    changed = api.ask("PUT", path, whose="*", json={"minute": 3, "day": 0})
    holds = api.ask("GET", "/v1/users/ada/rate-limit").json()
    reset = api.ask("PUT", path, whose="*", json={}).json()

    assert before["set"] == {"minute": None, "day": None, "month": None}
    assert (before["in_force"]["minute"]["calls"], before["in_force"]["minute"]["source"]) == (15, "deployment")
    assert changed.json()["set"] == {"minute": 3, "day": 0, "month": None}
    assert (changed.json()["in_force"]["minute"]["calls"], changed.json()["in_force"]["minute"]["source"]) == (
        3,
        "user",
    )
    assert (holds["minute_limit"], holds["daily_limit"], holds["can_make_request"]) == (3, 0, False)
    assert reset == before
    assert entries(api, user="ada") == [
        ("service:admin", "limits_set", "ada", {}),
        ("service:admin", "limits_set", "ada", {"minute": 3, "day": 0}),
    ]


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"minute": -1}, "invalid_limits"),
        ({"day": 10**9}, "invalid_limits"),
        ({"month": 10**400}, "invalid_limits"),
        ({"minute": "15"}, "invalid_input"),
        ({"minute": 1.5}, "invalid_input"),
        ({"minute": True}, "invalid_input"),
        ({"hour": 3}, "invalid_input"),
        ("a secret", "invalid_input"),
    ],
)
def test_limits_that_cannot_be_are_refused_and_change_nothing(api: Api, body: object, code: str) -> None:
    told = problem(api.ask("PUT", "/v1/admin/users/ada/limits", whose="*", json=body), 422, code)

    assert "secret" not in str(told)
    assert "hour" not in str(told)
    assert api.rows("SELECT count(*) FROM user_limits") == [(0,)]
    assert api.rows("SELECT count(*) FROM audit") == [(0,)]


def test_the_audit_trail_comes_page_by_page(api: Api) -> None:
    for calls in range(5):
        api.ask("PUT", "/v1/admin/users/ada/limits", whose="*", json={"minute": calls})
        api.ask("PUT", "/v1/admin/users/linus/limits", whose="*", json={"minute": calls})

    first = api.ask("GET", "/v1/admin/audit?user=ada&limit=3", whose="*").json()
    second = api.ask("GET", f"/v1/admin/audit?user=ada&limit=3&cursor={first['after']}", whose="*").json()

    assert [entry["details"]["minute"] for entry in (*first["entries"], *second["entries"])] == [4, 3, 2, 1, 0]
    assert second["after"] is None
    assert {entry["origin"] for entry in first["entries"]} == {"127.0.0.1"}


@pytest.mark.parametrize("query", ["cursor=-1", "cursor=x", "limit=0", "limit=201", "user=a%20b", "user=_deployment'"])
@pytest.mark.parametrize("path", ["/v1/admin/audit", "/v1/admin/failures"])
def test_questions_that_make_no_sense_are_problems(api: Api, path: str, query: str) -> None:
    assert api.ask("GET", f"{path}?{query}", whose="*").status_code == 422


def test_the_right_to_everything_else_is_no_right_to_operate(api: Api) -> None:
    token = api.service(Scope.READ, Scope.WRITE, Scope.KEYS)

    for method, path in (
        ("GET", "failures"),
        ("GET", "lanes"),
        ("GET", "audit"),
        ("POST", "retry"),
        ("POST", "reanalyse"),
        ("POST", "pause"),
        ("POST", "resume"),
        ("GET", "users/ada/limits"),
        ("PUT", "users/ada/limits"),
    ):
        problem(api.ask(method, f"/v1/admin/{path}", whose=token), 403, "forbidden")
