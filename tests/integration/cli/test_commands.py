"""The commands people type, on real servers: what they print, and how they end."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pytest

from services.local.ports import free_port
from tests.gemini_emulator import GeminiEmulator
from tests.integration.cli.conftest import Run

KEY = "AIzaSyAda-0000000000000000000000000000ada"
PAGES = ("https://example.org/1", "https://example.org/2")
Answer = Callable[..., Any]


def test_submitted_bookmarks_show_in_status_and_results(answer: Answer, fleet: Run) -> None:
    first = answer("submit", *PAGES, "--user", "ada")["bookmarks"]
    again = answer("submit", PAGES[0], "--user", "ada")["bookmarks"]

    assert [one["created"] for one in first] == [True, True]
    assert again == [{**first[0], "created": False}]
    assert answer("status")["bookmarks"] == {"queued": 2}
    assert answer("status", "--user", "ada")["bookmarks"] == {"queued": 2}
    assert [one["url"] for one in answer("results", "--user", "ada")] == list(PAGES)
    assert answer("results", "--user", "ada", "--state", "done") == []
    assert len(answer("results", "--user", "ada", "--limit", "1")) == 1
    assert PAGES[0] in fleet("results", "--user", "ada").stdout
    assert "queued" in fleet("status").stdout


def test_a_browsers_bookmarks_are_handed_in_with_tags_and_times(answer: Answer, fleet: Run, tmp_path: Path) -> None:
    file = tmp_path / "bookmarks.html"
    links = (
        f'<DT><A HREF="{PAGES[0]}" TAGS="x" ADD_DATE="1700000001">One</A><DT><A HREF="javascript:alert(1)">No page</A>'
    )
    file.write_text(f"<DL><p><DT><H3>Reading</H3><DL><p>{links}</DL><p></DL>", encoding="utf-8")

    told = answer("import", str(file), "--user", "ada")

    assert ([one["url"] for one in told["bookmarks"]], told["left_out"]) == ([PAGES[0]], 1)
    [shown] = answer("results", "--user", "ada")
    assert (shown["title"], shown["tags"]) == ("One", ["x", "Reading"])
    assert "were left out" in fleet("import", str(file), "--user", "ada").stdout


def test_everything_of_a_users_bookmarks_can_be_taken_away(fleet: Run) -> None:
    urls = [f"https://example.org/{number}" for number in range(51)]
    fleet("submit", *urls, "--user", "ada")
    fleet("submit", "https://example.org/of-linus", "--user", "linus")

    lines = [json.loads(line) for line in fleet("export", "--user", "ada").stdout.splitlines()]

    assert [line["url"] for line in lines] == urls
    assert {line["text"] for line in lines} == {None}
    assert fleet("export", "--user", "nobody").exit_code == 1


def test_more_than_a_thousand_bookmarks_are_submitted_at_once(answer: Answer) -> None:
    urls = [f"https://example.org/{number}" for number in range(1_001)]

    assert len(answer("submit", *urls, "--user", "ada")["bookmarks"]) == 1_001
    assert len(answer("results", "--user", "ada", "--limit", "2000")) == 1_001


@pytest.mark.parametrize(
    ("command", "code"),
    [
        (("submit", "ftp://example.org/", "--user", "ada"), "invalid_url"),
        (("status", "--user", "nobody"), "unknown_user"),
        (("results", "--user", "nobody"), "unknown_user"),
        (("read", "1", "--user", "nobody"), "not_found"),
        (("key", "show", "--user", "nobody"), "no_api_key"),
        (("key", "remove", "--user", "nobody"), "no_api_key"),
        (("erase", "--user", "nobody"), "unknown_user"),
        (("pause", "--user", "nobody"), "unknown_user"),
        (("resume", "--user", "nobody"), "unknown_user"),
    ],
)
def test_what_cannot_be_done_is_said_with_advice_and_ends_with_1(
    fleet: Run, command: tuple[str, ...], code: str
) -> None:
    for_people, for_machines = fleet(*command), fleet(*command, "--json")

    assert (for_people.exit_code, for_machines.exit_code) == (1, 1)
    assert for_machines.stdout == ""
    told = json.loads(for_machines.stderr)["error"]
    assert told["code"] == code
    assert told["sentence"] in for_people.stderr
    assert told["advice"] in for_people.stderr


@pytest.mark.parametrize(
    "command",
    [
        ("nonsense",),
        ("submit", "--user", "ada"),
        ("submit", PAGES[0]),
        ("submit", PAGES[0], "--user", "a b"),
        ("key", "add", "--user", "ada", KEY),
        ("key", "add", KEY, "--user", "ada"),
        ("token",),
        ("token", "--user", "ada", "--service", "x"),
        ("token", "--user", "ada", "--scope", "admin"),
        ("token", "--service", "x"),
        ("token", "--service", "x", "--scope", "everything"),
        ("scrape", "--partitions", "7-0"),
        ("scrape", "--partitions", "x"),
        ("status", "--watch", "often"),
    ],
)
def test_what_is_typed_wrongly_ends_with_2(fleet: Run, command: tuple[str, ...]) -> None:
    assert fleet(*command).exit_code == 2


def test_a_key_comes_from_standard_input_and_never_shows(answer: Answer, fleet: Run, gemini: GeminiEmulator) -> None:
    gemini.add_key(KEY)

    added = fleet("key", "add", "--user", "ada", "--name", "mine", "--json", typed=f"{KEY}\n")
    shown = fleet("key", "show", "--user", "ada", "--json")

    assert json.loads(added.stdout) == {"name": "mine", "status": "active", "reason": None, "requeued": 0}
    assert json.loads(shown.stdout)["status"] == "active"
    assert answer("quota", "--user", "ada")["has_api_key"] is True
    assert "own key serves" in fleet("quota", "--user", "ada").stdout
    assert answer("key", "remove", "--user", "ada") == {"removed": True}
    assert fleet("key", "show", "--user", "ada").exit_code == 1
    assert KEY not in added.output + shown.output


@pytest.mark.parametrize("typed", ["", "\n", "short\n", f"{KEY} {KEY}\n", f"{KEY}\n{KEY}\n", f"{KEY}ä\n", KEY * 20])
def test_what_is_no_key_is_refused_and_not_repeated(fleet: Run, typed: str) -> None:
    outcome = fleet("key", "add", "--user", "ada", typed=typed)

    assert outcome.exit_code == 1
    assert "API key cannot be used" in outcome.stderr
    assert KEY not in outcome.output


def test_the_default_key_is_the_operators_to_add_show_check_and_remove(
    answer: Answer, fleet: Run, gemini: GeminiEmulator, environment: dict[str, str]
) -> None:
    gemini.add_key(KEY)
    assert "no default key" in fleet("key", "show", "--default").stderr

    added = fleet("key", "add", "--default", "--name", "ours", "--json", typed=f"{KEY}\n")
    shown = fleet("key", "show", "--default", "--json")

    assert json.loads(added.stdout)["status"] == json.loads(shown.stdout)["status"] == "active"
    assert KEY not in added.output + shown.output
    assert answer("key", "check", "--default", typed=KEY) == {"accepted": True, "stored": True}
    another = gemini.add_key(KEY.replace("0", "1"))
    assert answer("key", "check", "--default", typed=another) == {"accepted": True, "stored": False}
    assert answer("key", "remove", "--default") == {"removed": True}
    with psycopg.connect(environment["FLEET_DATABASE_URL"]) as connection:
        acts = connection.execute("SELECT actor, action, user_id FROM audit ORDER BY id").fetchall()
    assert [action for _, action, _ in acts] == ["key_offered", "key_added", "key_removal_asked", "key_removed"]
    assert {(actor.split(":")[0], owner) for actor, _, owner in acts} == {("operator", "_deployment")}


@pytest.mark.parametrize("whose", [(), ("--user", "ada", "--default"), ("--user", "_deployment")])
def test_a_key_command_wants_exactly_one_owner(fleet: Run, whose: tuple[str, ...]) -> None:
    for command in ("add", "show", "remove"):
        assert fleet("key", command, *whose, typed=KEY).exit_code == 2


def test_a_key_can_be_checked_without_storing_it(answer: Answer, fleet: Run, gemini: GeminiEmulator) -> None:
    gemini.add_key(KEY)

    assert answer("key", "check", typed=KEY) == {"accepted": True}
    refused = fleet("key", "check", typed=KEY.replace("0", "1"))
    assert (refused.exit_code, "refused" in refused.stderr) == (1, True)
    assert fleet("key", "show", "--user", "ada").exit_code == 1


def test_quota_and_status_say_what_waits_why_and_what_to_do(answer: Answer, fleet: Run) -> None:
    answer("submit", *PAGES, "--user", "ada")
    answer("pause", "--user", "ada")

    quota, status = fleet("quota", "--user", "ada").stdout, fleet("status", "--user", "ada").stdout

    for told in (quota, status):
        assert "2 pages wait to be fetched: an operator has paused this user." in told
        assert "Ask the operator" in told
    assert "own key is missing" in quota
    assert "No call now: An operator has paused this user." in quota
    assert "deployment" in quota


def test_status_says_how_well_the_last_hour_went(
    answer: Answer, fleet: Run, gemini: GeminiEmulator, environment: dict[str, str]
) -> None:
    gemini.add_key(KEY)
    fleet("key", "add", "--user", "ada", "--name", "mine", typed=f"{KEY}\n")
    answer("submit", *PAGES, "--user", "ada")
    with psycopg.connect(environment["FLEET_DATABASE_URL"]) as database:
        database.execute("UPDATE jobs SET claimed_at = now() - interval '3 seconds', ended_at = now(), state = 'done'")
        database.execute(
            "UPDATE jobs SET state = 'failed', error_code = 'page_gone' WHERE id = (SELECT min(id) FROM jobs)"
        )

    shown = [line.split() for line in fleet("status").stdout.splitlines()]

    assert ["scrape", "1", "1", "50.0%", "3.0", "s", "3.0", "s", "page_gone", "(1)"] in shown
    assert ["keys", "active", "1"] in [[word.rstrip(":") for word in words] for words in shown]


def test_a_paused_user_waits_for_an_operator_until_resumed(answer: Answer, fleet: Run) -> None:
    answer("submit", PAGES[0], "--user", "ada")

    assert answer("pause", "--user", "ada") == {"user": "ada", "paused": True}
    assert answer("status", "--user", "ada")["lanes"][0]["blocked"]["reason"] == "paused"
    assert answer("status")["paused"] == ["ada"]
    assert "fleet resume" in fleet("status").stdout
    assert answer("resume", "--user", "ada") == {"user": "ada", "paused": False}
    assert answer("status", "--user", "ada")["lanes"][0]["blocked"] is None


def test_a_submission_burst_shows_among_the_signals_and_nothing_is_refused(
    answer: Answer, fleet: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert fleet("signals").stdout == "No signs of abuse.\n"
    monkeypatch.setenv("FLEET_SUBMISSION_BURST", "5")

    for number in range(2):
        urls = [f"https://example.org/{number}/{page}" for page in range(5)]
        assert len(answer("submit", *urls, "--user", "ada")["bookmarks"]) == 5

    [burst] = answer("signals")
    assert (burst["user"], burst["kind"], burst["times"]) == ("ada", "submission_burst", 1)
    assert burst["details"] == {"bookmarks_in_an_hour": 5}
    assert answer("signals", "--user", "ada") == [burst]
    assert answer("signals", "--user", "bob") == []
    assert burst["meaning"] in fleet("signals").stdout
    answer("erase", "--user", "ada")
    assert answer("signals") == []


def test_an_erased_user_is_gone(answer: Answer, fleet: Run) -> None:
    answer("submit", *PAGES, "--user", "ada")

    assert answer("erase", "--user", "ada") == {"user": "ada", "bookmarks": 2}
    assert fleet("status", "--user", "ada").exit_code == 1


def test_the_doctor_finds_a_healthy_fleet_well_and_shows_no_secret(
    answer: Answer, fleet: Run, environment: dict[str, str]
) -> None:
    told = answer("doctor")

    assert told["ok"], told
    printed = fleet("doctor").output + json.dumps(told)
    for name in ("FLEET_DATABASE_URL", "FLEET_REDIS_URL", "FLEET_VAULT_SECRET_ID", "FLEET_TOKEN_SECRET"):
        assert environment[name] not in printed


@pytest.mark.parametrize(
    ("setting", "value", "names"),
    [
        ("FLEET_DATABASE_URL", "postgresql://fleet:hidden-password@127.0.0.1:{port}/fleet", "PostgreSQL"),
        ("FLEET_BROKER_URL", "amqp://fleet:hidden-password@127.0.0.1:{port}/", "the broker"),
        ("FLEET_REDIS_URL", "redis://:hidden-password@127.0.0.1:{port}/0", "Redis"),
        ("FLEET_VAULT_ADDR", "http://127.0.0.1:{port}", "the vault"),
        ("FLEET_TOKEN_SECRET", "hidden-password", "the tokens' secret"),
        ("FLEET_QUOTA_TIMEZONE", "Mars/Olympus", "other settings"),
    ],
)
def test_the_doctor_names_what_is_away_the_setting_and_the_remedy(
    fleet: Run, monkeypatch: pytest.MonkeyPatch, setting: str, value: str, names: str
) -> None:
    monkeypatch.setenv(setting, value.format(port=free_port()))

    told = fleet("doctor", "--json")

    assert told.exit_code == 1
    unwell = {check["name"]: check for check in json.loads(told.stdout)["checks"] if not check["ok"]}
    assert names in unwell
    assert setting.startswith(unwell[names]["setting"].rstrip("…"))
    assert unwell[names]["remedy"]
    assert "hidden-password" not in told.output


def test_the_doctor_says_that_tables_are_missing(
    fleet: Run, empty_database_url: str, monkeypatch: pytest.MonkeyPatch, answer: Answer
) -> None:
    monkeypatch.setenv("FLEET_DATABASE_URL", empty_database_url)

    unwell, status = fleet("doctor"), fleet("status")
    assert (unwell.exit_code, status.exit_code) == (1, 1)
    assert "fleet migrate" in unwell.stdout
    assert "fleet migrate" in status.stderr

    assert answer("migrate")["before"] is None
    assert fleet("doctor").exit_code == 0
    assert answer("migrate")["before"] == answer("migrate")["now"]


def test_the_doctor_says_which_wall_between_users_is_open(fleet: Run, environment: dict[str, str]) -> None:
    with psycopg.connect(environment["FLEET_DATABASE_URL"]) as owner:
        owner.execute("ALTER TABLE contents DISABLE ROW LEVEL SECURITY")

    told = fleet("doctor", "--json")

    [unwell] = [check for check in json.loads(told.stdout)["checks"] if not check["ok"]]
    assert unwell["name"] == "the walls between users"
    assert "contents" in unwell["sentence"]
    assert "fleet migrate" in unwell["remedy"]


def test_addresses_are_judged_one_a_line(fleet: Run) -> None:
    outcome = fleet("egress", "http://192.0.2.1/", "http://127.0.0.1/", "ftp://example.org/")

    judged = [json.loads(line) for line in outcome.stdout.splitlines()]
    assert outcome.exit_code == 1
    assert [one["url"] for one in judged] == ["http://192.0.2.1/", "http://127.0.0.1/", "ftp://example.org/"]
    assert not any(one["allowed"] for one in judged)
    assert all(one["reason"] for one in judged)
    public = fleet("egress", "https://1.1.1.1/")
    assert (public.exit_code, json.loads(public.stdout)["allowed"]) == (0, True)


def test_settings_come_from_the_fleets_folder_and_the_environment_goes_first(
    fleet: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in environment:
        monkeypatch.delenv(name)
    lines = [f"{name}={value}" for name, value in environment.items()]
    (tmp_path / "fleet.env").write_text("\n".join(["# a fleet", "", *lines]) + "\n", encoding="utf-8")

    here = fleet("status", "--data", str(tmp_path))
    monkeypatch.setenv("FLEET_DATABASE_URL", f"postgresql://fleet:x@127.0.0.1:{free_port()}/fleet")
    elsewhere = fleet("status", "--data", str(tmp_path))

    assert (here.exit_code, elsewhere.exit_code) == (0, 1)
    assert "FLEET_DATABASE_URL" in elsewhere.stderr


def test_without_any_fleet_the_message_says_how_to_get_one(
    fleet: Run, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    for name in environment:
        monkeypatch.delenv(name)

    outcome = fleet("status", "--data", str(tmp_path / "none"))

    assert outcome.exit_code == 1
    assert "fleet up" in outcome.stderr
    assert str(tmp_path / "none") in outcome.stderr


def test_a_broken_settings_file_is_named_by_its_line_and_not_repeated(
    fleet: Run, environment: dict[str, str], tmp_path: Path
) -> None:
    (tmp_path / "fleet.env").write_text("FLEET_LOG_LEVEL=info\nhidden-password\n", encoding="utf-8")

    outcome = fleet("status", "--data", str(tmp_path))

    assert outcome.exit_code == 1
    assert "Line 2" in outcome.stderr
    assert "hidden-password" not in outcome.output
