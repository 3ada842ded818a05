"""robots.txt (RFC 9309), fetched like every page, read with Protego, and remembered for a day."""

import asyncio
from datetime import timedelta
from http import HTTPStatus

from protego import Protego
from yarl import URL

from services.scraper.domain.pages import Fetched, Fetcher
from shared.errors import FleetError, PageUnreachable, PageUnusable, RobotsRefused

AGENT = "BookmarkFleet"
_REMEMBERED = timedelta(days=1)
_MOST_SITES = 2_000  # remembered; the one that was asked first is forgotten first
_LONGEST = 512_000  # bytes; what follows is not read
_NOTHING = Protego.parse("")


class RobotsTxt:
    """A `Robots` that asks each site once a day, however many want to know."""

    def __init__(self, fetcher: Fetcher) -> None:
        """Keep what fetches; itself it must heed no robots.txt."""
        self._fetcher = fetcher
        self._asked: dict[URL, tuple[asyncio.Task[Protego], float]] = {}

    async def heed(self, url: URL, /) -> timedelta:
        """See `Robots.heed`."""
        rules = await self._rules_of(url.origin())
        if not rules.can_fetch(str(url), AGENT):
            raise RobotsRefused(url.host or "The site")
        return timedelta(seconds=rules.crawl_delay(AGENT) or 0)

    async def _rules_of(self, origin: URL) -> Protego:
        now = asyncio.get_running_loop().time()
        asked = self._asked.get(origin)
        if asked is None or asked[1] < now:
            asked = asyncio.create_task(self._fetch(origin)), now + _REMEMBERED.total_seconds()
            self._asked[origin] = asked
            if len(self._asked) > _MOST_SITES:
                del self._asked[next(iter(self._asked))]
        try:
            return await asyncio.shield(asked[0])
        except FleetError:
            if self._asked.get(origin) is asked:
                del self._asked[origin]  # asked again by whoever comes next
            raise

    async def _fetch(self, origin: URL) -> Protego:
        try:
            answer = await self._fetcher.fetch(str(origin / "robots.txt"))
        except PageUnusable:
            return _NOTHING
        return _rules(answer, host=origin.host)


def _rules(answer: Fetched, *, host: str | None) -> Protego:
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise PageUnreachable(f"{host} cannot say just now what it asks of robots.")
    if answer.status != HTTPStatus.OK:
        return _NOTHING
    return Protego.parse(answer.body[:_LONGEST].decode("utf-8", "replace"))
