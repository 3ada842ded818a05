"""The scraper's ports without a network and without processes: for tests, and for pages that are already at hand."""

from collections.abc import Mapping

from services.scraper.adapters.reading import read_and_judge
from services.scraper.domain.gate import Judgement
from services.scraper.domain.pages import Fetched, Query, Reading
from shared.errors import FleetError, PageUnreachable


class FetcherInMemory:
    """A `Fetcher` of pages given beforehand; an error given for an address is raised."""

    def __init__(self, pages: Mapping[str, Fetched | FleetError]) -> None:
        self._pages = pages

    async def fetch(self, url: str, *, seen: Fetched | None = None) -> Fetched:  # noqa: ARG002 - never asked
        """See `Fetcher.fetch`."""
        match self._pages.get(url):
            case None:
                raise PageUnreachable(f"There is nothing at {url}.")
            case FleetError() as error:
                raise error
            case page:
                return page


class AskerInMemory:
    """An `Asker` with one answer for all; keeps what it was asked."""

    def __init__(self, answer: Fetched | FleetError) -> None:
        self._answer = answer
        self.asked: list[Query] = []

    async def ask(self, query: Query) -> Fetched:
        """See `Asker.ask`."""
        self.asked.append(query)
        if isinstance(self._answer, FleetError):
            raise self._answer
        return self._answer


class ReaderInProcess:
    """A `Reader` without limits of time and memory: for pages one trusts."""

    def __init__(self, *, chars: int) -> None:
        self._chars = chars

    async def read(self, page: Fetched, *, asked: str) -> tuple[Reading, Judgement]:
        """See `Reader.read`."""
        return read_and_judge(page, asked=asked, chars=self._chars)
