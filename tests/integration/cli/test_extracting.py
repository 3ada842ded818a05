"""`fleet extract`: saved pages in, what the scraper would keep of them out, without a fleet."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from services.cli.main import main

PROSE = "A lease says how long a worker may keep a job, and what happens when it does not come back in time. "
PAGE = f"""<html lang="en"><head><title>Leases</title><meta name="author" content="Ada Byron"></head>
<body><nav>Home</nav><article>{f"<p>{PROSE * 3}</p>" * 4}</article></body></html>"""


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    (tmp_path / "leases.html").write_text(PAGE, encoding="utf-8")
    return tmp_path


def fleet(*arguments: str) -> Result:
    return CliRunner().invoke(main, ["extract", *arguments])


def test_a_saved_page_is_shown_with_what_it_says_about_itself(saved: Path) -> None:
    shown = fleet(str(saved / "leases.html"), "--url", "https://example.org/leases")

    assert shown.exit_code == 0
    assert "Ada Byron" in shown.stdout
    assert PROSE.strip() in shown.stdout
    assert "Home" not in shown.stdout


def test_machines_get_one_json_object(saved: Path) -> None:
    found = json.loads(fleet(str(saved / "leases.html"), "--json").stdout)

    assert (found["title"], found["author"], found["language"]) == ("Leases", "Ada Byron", "en")
    assert found["words"] == len(found["text"].split())


def test_a_manifest_gives_all_texts_and_an_empty_one_for_what_cannot_be_read(saved: Path) -> None:
    (saved / "image.html").write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 20)
    pages = [
        {"id": "one", "url": "https://example.org/", "file": "leases.html"},
        {"id": "two", "url": None, "file": str(saved / "leases.html")},
        {"id": "image", "url": "", "file": "image.html"},
        {"id": "missing", "url": "", "file": "missing.html"},
        {"id": "odd", "url": "http://[odd", "file": "leases.html"},
    ]
    (saved / "in.json").write_text(json.dumps(pages), encoding="utf-8")

    ended = fleet("--manifest", str(saved / "in.json"), "--out", str(saved / "out.json"))
    texts = json.loads((saved / "out.json").read_text(encoding="utf-8"))

    assert ended.exit_code == 0
    assert list(texts) == ["one", "two", "image", "missing", "odd"]
    assert PROSE.strip() in texts["one"]
    assert texts["two"] == texts["one"]
    assert (texts["image"], texts["missing"]) == ("", "")


@pytest.mark.parametrize(
    "arguments",
    [
        [],
        ["--manifest", "in.json"],
        ["--out", "out.json"],
        ["leases.html", "--out", "out.json"],
        ["leases.html", "--url", "http://[odd"],
    ],
)
def test_half_a_command_is_a_usage_error(saved: Path, monkeypatch: pytest.MonkeyPatch, arguments: list[str]) -> None:
    monkeypatch.chdir(saved)
    (saved / "in.json").write_text("[]", encoding="utf-8")

    assert fleet(*arguments).exit_code == 2


def test_a_manifest_that_is_none_is_a_usage_error(saved: Path) -> None:
    (saved / "in.json").write_text('{"id": 1}', encoding="utf-8")

    assert fleet("--manifest", str(saved / "in.json"), "--out", str(saved / "out.json")).exit_code == 2
