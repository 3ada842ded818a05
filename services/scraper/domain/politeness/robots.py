"""What a site wants of robots: which pages they may visit, and how often they may come."""

from datetime import timedelta
from typing import Protocol

from yarl import URL


class Robots(Protocol):
    """Knows what sites ask of robots."""

    async def heed(self, url: URL, /) -> timedelta:
        """The interval a site asks for between visits; zero for none.

        Raises:
            RobotsRefused: the site asks robots not to visit this page.
            PageUnreachable: nobody can say what the site asks for.
            HostBusy: the turn to ask it comes later.
        """
        ...


class UnheededRobots:
    """Heeds nothing: a page that a person bookmarked is fetched for that person."""

    async def heed(self, _url: URL, /) -> timedelta:
        """See `Robots.heed`."""
        return timedelta(0)
