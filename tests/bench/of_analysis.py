"""Pages a second through the heuristic analyser, against counting the words of the same pages."""

from collections import Counter
from random import Random

from services.analyzer.domain.heuristic import read_here
from shared.bookmarks import Bookmark, Content
from shared.users import user_id
from shared.values import BookmarkId, Strategy
from tests.bench.corners import Servers
from tests.bench.measuring import Measure, Result, in_turn

VOCABULARY = """
the a of and to in is it for with on as by an be this that from or are queue worker Python PostgreSQL broker lease
message partition retry index latency Docker token stream cache schema test release deploy
"""
WORDS = VOCABULARY.split()
PAGE_WORDS = 1_000


def _page(number: int) -> Content:
    chance = Random(number)
    sentences = [" ".join(chance.choices(WORDS, k=14)).capitalize() + "." for _ in range(PAGE_WORDS // 14)]
    text = "# How workers take turns\n\n" + "\n\n".join(
        " ".join(sentences[start : start + 5]) for start in range(0, len(sentences), 5)
    )
    return Content(Strategy.STATIC, verdict="ok", final_url="https://example.org/", title=f"Page {number}", text=text)


async def _heuristic(_: Servers, *, small: bool) -> Result:
    pages = [_page(number) for number in range(50 if small else 500)]
    bookmark = Bookmark(BookmarkId(1), user_id("ada"), "https://example.org/", "How workers take turns")

    async def ours() -> None:
        for page in pages:
            read_here(bookmark, page)

    async def counted() -> None:
        for page in pages:
            Counter(page.text.lower().split()).most_common(10)

    mine, baseline = await in_turn(len(pages), ours, counted)
    return Result("heuristic", mine, baseline, "pages/s", f"counting the words of the same {PAGE_WORDS:,}-word pages")


heuristic = Measure("heuristic", _heuristic)
