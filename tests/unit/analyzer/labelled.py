"""Pages somebody read and labelled, and how often the built-in analyser agrees.

`pages/tuning` is what its rules were made with; `pages/held_out` was written before, and looked at by nobody meanwhile.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from services.analyzer.domain.heuristic import read_here
from shared.bookmarks import Analysis, Bookmark, Content
from shared.values import BookmarkId, Strategy, UserId

SETS = ("tuning", "held_out")

_PAGES = Path(__file__).with_name("pages")


@dataclass(frozen=True)
class Labelled:
    """One page with its labels, and what the analyser makes of it."""

    name: str
    source: str
    analysis: Analysis
    technologies: frozenset[str]
    content_type: str
    difficulty: str


@dataclass(frozen=True)
class Figures:
    """How often the analyser agrees with the labels, from 0 to 1."""

    pages: int
    precision: float
    recall: float
    content_type: float
    difficulty: float

    @property
    def f1(self) -> float:
        """Precision and recall of technologies in one: their harmonic mean."""
        return 2 * self.precision * self.recall / (self.precision + self.recall)


@cache
def labelled(part: str) -> tuple[Labelled, ...]:
    """The pages of one of `SETS`, by name."""
    return tuple(_labelled(file) for file in sorted((_PAGES / part).glob("*.md")))


def figures(pages: Sequence[Labelled]) -> Figures:
    """Counted over all pages: a page with many technologies weighs more than one with few."""
    right = sum(len(page.technologies & set(page.analysis.technologies)) for page in pages)
    return Figures(
        pages=len(pages),
        precision=right / sum(len(page.analysis.technologies) for page in pages),
        recall=right / sum(len(page.technologies) for page in pages),
        content_type=sum(page.analysis.content_type == page.content_type for page in pages) / len(pages),
        difficulty=sum(page.analysis.difficulty == page.difficulty for page in pages) / len(pages),
    )


def _labelled(file: Path) -> Labelled:
    source = file.read_text(encoding="utf-8")
    head, text = source.split("---\n", 1)
    facts = {name: value.strip() for name, _, value in (line.partition(":") for line in head.splitlines())}

    def listed(name: str) -> tuple[str, ...]:
        return tuple(part.strip() for part in facts[name].split(",") if part.strip())

    bookmark = Bookmark(BookmarkId(1), UserId("ada"), facts["url"], facts["title"], listed("tags"))
    content = Content(Strategy.STATIC, "ok", facts["url"], facts["title"], text)
    return Labelled(
        name=file.stem,
        source=source,
        analysis=read_here(bookmark, content),
        technologies=frozenset(listed("technologies")),
        content_type=facts["content_type"],
        difficulty=facts["difficulty"],
    )
