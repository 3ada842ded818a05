"""A fetcher whose every page is one visit: a browser's, whose redirects and sub-requests are not counted one by one."""

from services.scraper.domain.pages import Fetched, Fetcher, parsed
from services.scraper.domain.politeness.robots import Robots, UnheededRobots
from services.scraper.domain.politeness.visiting import Visits


class FetcherInTurn:
    """A `Fetcher` that waits for its turn at the page's site."""

    def __init__(self, fetcher: Fetcher, visits: Visits, *, robots: Robots | None = None) -> None:
        """Keep what fetches, and who lets it in; without `robots` none are heeded."""
        self._fetcher = fetcher
        self._robots = robots or UnheededRobots()
        self._visits = visits

    async def fetch(self, url: str, *, seen: Fetched | None = None) -> Fetched:
        """See `Fetcher.fetch`.

        Raises:
            HostBusy: the turn comes later than is worth waiting for here.
            RobotsRefused: the site asks robots not to visit this page.
        """
        start = parsed(url)
        async with self._visits.journey() as journey:
            await journey.go_to(start, interval=await self._robots.heed(start))
            page = await self._fetcher.fetch(url, seen=seen)
            journey.answered(page.status, page.headers.get("retry-after"))
        if page.url != url:
            await self._robots.heed(parsed(page.url))  # a script led there: what robots may not read is not kept
        return page
