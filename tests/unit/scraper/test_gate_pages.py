"""The gate on labelled pages made for it: see docs/gate.md for what they are and how they came about."""

import json
from pathlib import Path
from typing import Any

import pytest

from services.scraper.adapters.reading import read_page
from services.scraper.domain.gate import Verdict, judge
from services.scraper.domain.pages import Fetched

FOLDER = Path(__file__).parent / "gate_pages"
PAGES: list[dict[str, Any]] = json.loads((FOLDER / "pages.json").read_text())
ENOUGH = 0.95


def verdict_of(page: dict[str, Any]) -> Verdict:
    file = FOLDER / page["file"]
    answer = Fetched(
        url=page["url"],
        status=page["status"],
        media_type="text/plain" if file.suffix == ".txt" else "text/html",
        body=file.read_bytes(),
        headers=page.get("headers", {}),
    )
    return judge(answer, read_page(answer, chars=100_000), asked=page.get("asked", page["url"])).verdict


@pytest.fixture(scope="module")
def verdicts() -> list[tuple[Verdict, Verdict]]:
    """Of each page what it is, and what it was taken for."""
    return [(Verdict(page["label"]), verdict_of(page)) for page in PAGES]


def test_there_is_a_page_for_every_file_and_enough_of_every_kind() -> None:
    assert {page["file"] for page in PAGES} == {
        str(file.relative_to(FOLDER)) for file in FOLDER.rglob("*.*") if file.parent != FOLDER
    }
    labels = [page["label"] for page in PAGES]
    assert min(labels.count(label) for label in ("ok", "challenge", "blocked", "login", "paywall", "soft-404")) >= 15


def test_pages_are_told_from_notices(verdicts: list[tuple[Verdict, Verdict]]) -> None:
    right = sum(label is Verdict.OK and taken is Verdict.OK for label, taken in verdicts)

    assert right / sum(taken is Verdict.OK for _, taken in verdicts) >= ENOUGH, "precision"
    assert right / sum(label is Verdict.OK for label, _ in verdicts) >= ENOUGH, "recall"


@pytest.mark.parametrize("kind", ["challenge", "blocked", "login", "paywall", "soft-404"])
def test_notices_of_each_kind_are_told_from_others(verdicts: list[tuple[Verdict, Verdict]], kind: str) -> None:
    right = sum(label == taken == kind for label, taken in verdicts)

    assert right / sum(taken == kind for _, taken in verdicts) >= ENOUGH, "precision"
    assert right / sum(label == kind for label, _ in verdicts) >= ENOUGH, "recall"
