"""How well the built-in analyser does on pages with labels: the figures of docs/analysis.md, held."""

import re
from pathlib import Path

import pytest

from tests.unit.analyzer.labelled import SETS, Figures, Labelled, figures, labelled

DOCS = Path(__file__).parents[3] / "docs" / "analysis.md"
PAGES = [page for part in SETS for page in labelled(part)]


def test_there_are_sixty_pages_and_a_third_was_never_tuned_on() -> None:
    assert [len(labelled(part)) for part in SETS] == [40, 20]
    assert sum(not page.technologies for page in PAGES) >= 10


@pytest.mark.parametrize("part", SETS)
def test_technologies_and_kinds_of_labelled_pages_are_mostly_found(part: str) -> None:
    found = figures(labelled(part))

    assert found.f1 >= 0.8, _differences(labelled(part))
    assert found.content_type >= 0.75, _differences(labelled(part))
    assert found.difficulty >= 0.7, _differences(labelled(part))


def test_the_documentation_says_what_is_measured() -> None:
    rows = [(part, figures(labelled(part))) for part in SETS] + [("all", figures(PAGES))]

    for part, found in rows:
        assert _row(part, found) in DOCS.read_text(encoding="utf-8")


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_nothing_is_found_that_the_page_does_not_say(page: Labelled) -> None:
    words = re.sub(r"\W+", " ", page.source.lower())

    assert page.analysis.summary
    assert page.analysis.analysed_by == "heuristic"
    for concept in page.analysis.key_concepts:
        assert all(re.sub(r"\W+", " ", word).strip().rstrip("s") in words for word in concept.lower().split())


def _row(part: str, found: Figures) -> str:
    shares = (found.precision, found.recall, found.f1, found.content_type, found.difficulty)
    return f"| {part} | {found.pages} | " + " | ".join(f"{share:.2f}" for share in shares) + " |"


def _differences(pages: tuple[Labelled, ...]) -> list[tuple[str, list[str], str]]:
    return [
        (page.name, sorted(page.technologies ^ set(page.analysis.technologies)), page.analysis.content_type)
        for page in pages
    ]
