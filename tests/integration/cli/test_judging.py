"""`fleet gate`: saved answers in, verdicts and their evidence out, without a fleet."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.cli.main import main

NOTICE = "<html><head><title>Just a moment...</title></head><body><p>Verify you are human.</p></body></html>"


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    file = tmp_path / "answer.html"
    file.write_text(NOTICE, encoding="utf-8")
    return file


def fleet(*arguments: object) -> Result:
    return CliRunner().invoke(main, ["gate", *map(str, arguments)])


def test_an_answer_is_judged_with_its_evidence(saved: Path) -> None:
    shown = fleet(saved, "--url", "https://site.example/a", "--status", 403)

    assert shown.exit_code == 0
    assert "challenge" in shown.stdout
    assert "Just a moment" in shown.stdout


def test_machines_get_one_json_object(saved: Path) -> None:
    told = json.loads(fleet(saved, "--url", "https://site.example/a", "--json").stdout)

    assert (told["verdict"], told["browser"]) == ("challenge", True)
    assert told["evidence"]


def test_headers_and_the_address_asked_for_count(saved: Path) -> None:
    saved.write_text(f"<p>{'Welcome to our site, where there is much to see. ' * 9}</p>", encoding="utf-8")
    at = ("--url", "https://site.example/", "--json")

    assert json.loads(fleet(saved, *at).stdout)["verdict"] == "ok"
    assert json.loads(fleet(saved, *at, "--asked", "https://site.example/posts/1").stdout)["verdict"] == "soft-404"
    assert json.loads(fleet(saved, *at, "--header", "Content-Type: image/png").stdout)["verdict"] == "not-text"


@pytest.mark.parametrize(
    "arguments",
    [
        ("--status", "200"),
        ("--url", "https://a.example/", "--status", "9"),
        ("--url", "x", "--header", "x"),
        ("--url", "http://[x"),
    ],
)
def test_what_cannot_be_understood_is_a_usage_error(saved: Path, arguments: tuple[str, ...]) -> None:
    assert fleet(saved, *arguments).exit_code == 2
