"""robots.txt (RFC 9309), fetched like every page, read with Protego, and asked for once a day by the whole fleet."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from http import HTTPStatus

from protego import Protego
from yarl import URL

from services.scraper.domain.gate import Judgement, Verdict
from services.scraper.domain.looking import Look, Looker
from services.scraper.domain.pages import Extracted, Fetched, Fetcher, Reading
from shared.errors import FleetError, PageUnreachable, PageUnusable, RobotsRefused
from shared.metrics import ROBOTS

AGENT = "BookmarkFleet"
FRESH = timedelta(days=1)
"""For so long a site is not asked again."""

_REMEMBERED = timedelta(hours=1)  # in this process; after that, what the fleet knows counts
_MOST_SITES = 2_000  # remembered; the one that was asked first is forgotten first
_LONGEST = 512_000  # bytes; what follows is not read


class RobotsFiles:
    """A `Looker` at robots.txt files, which `SharedLook` may stand before; what asks for nothing is an empty one."""

    def __init__(self, fetcher: Fetcher) -> None:
        """Keep what fetches; itself it must heed no robots.txt."""
        self._fetcher = fetcher

    async def look(self, url: str, *, seen: Look | None = None) -> Look:
        """See `Looker.look`.

        Raises:
            PageUnreachable: the site cannot say just now what it asks for.
        """
        try:
            page = await self._fetcher.fetch(url, seen=seen.page if seen else None)
        except PageUnusable:
            page = Fetched(url, HTTPStatus.OK, "text/plain")
        if seen and page.status == HTTPStatus.NOT_MODIFIED:
            return seen
        text = _text(page, host=URL(url).host)
        # Cookies and caches are for pages: what a site asks of robots, it asks of all.
        marks = {name: page.headers[name] for name in ("etag", "last-modified") if name in page.headers}
        page = replace(page, url=url, body=b"", headers=marks, way=())
        return Look(page, Reading(Extracted(text)), Judgement(Verdict.OK, "a site's robots.txt"))


class RobotsTxt:
    """A `Robots` that reads what each site says once an hour, however many want to know."""

    def __init__(self, files: Looker) -> None:
        """Keep what looks at robots.txt files."""
        self._files = files
        self._asked: dict[URL, tuple[asyncio.Task[Protego], float]] = {}

    async def heed(self, url: URL, /) -> timedelta:
        """See `Robots.heed`."""
        if url.scheme not in {"http", "https"} or not url.host:
            return timedelta(0)  # nobody to ask; it is for the egress guard to refuse
        try:
            rules = await self._rules_of(url.origin())
        except FleetError:
            ROBOTS.labels("unknown").inc()
            raise
        if not rules.can_fetch(str(url), AGENT):
            ROBOTS.labels("refused").inc()
            raise RobotsRefused(url.host)
        ROBOTS.labels("allowed").inc()
        return timedelta(seconds=rules.crawl_delay(AGENT) or 0)

    async def _rules_of(self, origin: URL) -> Protego:
        now = asyncio.get_running_loop().time()
        asked = self._asked.get(origin)
        if asked is None or asked[1] < now:
            asked = asyncio.create_task(self._read(origin)), now + _REMEMBERED.total_seconds()
            self._asked[origin] = asked
            if len(self._asked) > _MOST_SITES:
                del self._asked[next(iter(self._asked))]
        try:
            return await asyncio.shield(asked[0])
        except FleetError:
            if self._asked.get(origin) is asked:
                del self._asked[origin]  # asked again by whoever comes next
            raise

    async def _read(self, origin: URL) -> Protego:
        look = await self._files.look(str(origin / "robots.txt"))
        return Protego.parse(look.reading.extracted.text)


def _text(answer: Fetched, *, host: str | None) -> str:
    if answer.status >= HTTPStatus.INTERNAL_SERVER_ERROR or answer.status == HTTPStatus.TOO_MANY_REQUESTS:
        raise PageUnreachable(f"{host} cannot say just now what it asks of robots.")
    return answer.body[:_LONGEST].decode("utf-8", "replace") if answer.status == HTTPStatus.OK else ""
