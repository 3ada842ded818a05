"""A file of any size is handed in by as much as may be handed in at once; entries that are no web pages are counted."""

from collections.abc import Sequence
from itertools import repeat

from services.producer.domain.bursts import Bursts
from services.producer.domain.importing import ImportBookmarks
from services.producer.domain.submissions import MOST_BOOKMARKS
from services.producer.domain.submitting import SubmitBookmarks
from shared.bookmarks import NewBookmark
from shared.ledger import Accepted, Receipt
from shared.ledger.in_memory import MemoryLedger
from shared.ledger.policies import RetryPolicy
from shared.signals.in_memory import InMemorySignals
from shared.users import user_id
from shared.values import UserId

ADA = user_id("ada")


class Counting(MemoryLedger):
    """A ledger that counts what it gets at once."""

    def __init__(self) -> None:
        super().__init__(policies={}, retries=RetryPolicy())
        self.at_once: list[int] = []

    async def submit(
        self, user: UserId, bookmarks: Sequence[NewBookmark], *, receipt: Receipt | None = None
    ) -> list[Accepted]:
        self.at_once.append(len(bookmarks))
        return await super().submit(user, bookmarks, receipt=receipt)


async def nothing_lately(*_: object, **__: object) -> int:
    return 0


def importing(ledger: MemoryLedger) -> ImportBookmarks:
    bursts = Bursts(handed_in=nothing_lately, signals=InMemorySignals(), burst=10_000, random=repeat(0.5).__next__)
    return ImportBookmarks(SubmitBookmarks(ledger, bursts))


async def test_a_file_of_more_than_may_be_handed_in_at_once_is_handed_in_by_parts_and_in_order() -> None:
    ledger = Counting()
    entries = [{"url": f"https://example.org/{number}"} for number in range(MOST_BOOKMARKS + 1)]

    imported = await importing(ledger)(ADA, entries, source="http")

    assert ledger.at_once == [MOST_BOOKMARKS, 1]
    assert [bookmark.url for bookmark in imported.accepted] == [entry["url"] for entry in entries]
    assert imported.left_out == 0


async def test_what_is_no_web_page_is_left_out_and_counted() -> None:
    urls = ("javascript:alert(1)", "https://example.org/", "place:sort=8", "file:///etc/passwd")

    imported = await importing(Counting())(ADA, [{"url": url} for url in urls], source="http")

    assert [bookmark.url for bookmark in imported.accepted] == ["https://example.org/"]
    assert imported.left_out == 3


async def test_the_same_file_again_hands_in_nothing_new_and_a_file_of_nothing_is_no_error() -> None:
    bring = importing(Counting())
    await bring(ADA, [{"url": "https://example.org/"}], source="http")

    again = await bring(ADA, [{"url": "https://example.org/"}], source="http")
    nothing = await bring(ADA, [{"url": "about:blank"}], source="http")

    assert [bookmark.created for bookmark in again.accepted] == [False]
    assert (nothing.accepted, nothing.left_out) == ([], 1)
