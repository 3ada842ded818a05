"""Pages a second: Gemini with five pages a request against one, and the heuristic analyser against counting words."""

from collections import Counter
from random import Random

from services.analyzer.domain.heuristic import read_here
from shared.bookmarks import Bookmark, Content
from shared.database import Database
from shared.users import user_id
from shared.values import BookmarkId, Strategy
from tests.bench.corners import Servers
from tests.bench.measuring import Measure, Result, in_turn, pieces_per_second
from tests.gemini_emulator import GeminiEmulator
from tests.integration.analyzer.house import House, KeysInMemory
from tests.quotas import limits_of

VOCABULARY = """
the a of and to in is it for with on as by an be this that from or are queue worker Python PostgreSQL broker lease
message partition retry index latency Docker token stream cache schema test release deploy
"""
WORDS = VOCABULARY.split()
PAGE_WORDS = 1_000
LATENCY_S = 0.5


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


async def _analysis(servers: Servers, *, small: bool) -> Result:
    users, each = (4, 25) if small else (20, 50)
    with GeminiEmulator(latency_s=LATENCY_S, any_key=True) as gemini:

        async def work_off(*, pages_a_request: int) -> float:
            database = Database(await servers.database(), pool=20)
            limits = limits_of(minute=100_000, day=100_000, month=100_000)
            keys = KeysInMemory()
            house = House(
                database,
                await servers.redis(),
                gemini.url,
                keys,
                limits,
                window=5 * pages_a_request,
                group=pages_a_request,
            )
            for number in range(users):
                key = gemini.add_key(f"AIzaSy{number:033}", per_minute=100_000, per_day=100_000)
                await house.add_key(user_id(f"user-{number}"), key)
                await house.save(user_id(f"user-{number}"), each, with_key=False)
            rate = await pieces_per_second(
                users * each, lambda: house.run(analyzers=8, until=users * each, patience_s=600)
            )
            await database.close()
            return rate

        baseline = await work_off(pages_a_request=1)
        mine = await work_off(pages_a_request=5)
    what = f"one page a request; {users * each:,} pages of {users} users, answers take {LATENCY_S} s"
    return Result("analysis", mine, baseline, "pages/s", what)


analysis = Measure("analysis", _analysis)
