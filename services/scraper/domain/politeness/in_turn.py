"""A fetcher whose every page is one visit: a browser's, whose redirects and sub-requests are not counted one by one."""

from yarl import URL

from services.scraper.domain.pages import Fetched, Fetcher
from services.scraper.domain.politeness.visiting import Visits
from shared.errors import PageUnusable


class FetcherInTurn:
    """A `Fetcher` that waits for its turn at the page's site."""

    def __init__(self, fetcher: Fetcher, visits: Visits) -> None:
        """Keep what fetches, and who lets it in."""
        self._fetcher = fetcher
        self._visits = visits

    async def fetch(self, url: str, *, seen: Fetched | None = None) -> Fetched:
        """See `Fetcher.fetch`.

        Raises:
            HostBusy: the turn comes later than is worth waiting for here.
        """
        async with self._visits.journey() as journey:
            await journey.go_to(_parsed(url))
            page = await self._fetcher.fetch(url, seen=seen)
            journey.answered(page.status, page.headers.get("retry-after"))
            return page


def _parsed(url: str) -> URL:
    try:
        return URL(url)
    except ValueError as error:
        raise PageUnusable("The bookmark's address is not a valid URL.") from error
