"""Sites whose pages are empty until scripts run, but which give their content as data: asked for that first."""

from http import HTTPStatus

from services.scraper.domain.content.sites import data_of
from services.scraper.domain.pages import Asker, Fetched, Fetcher
from shared.errors import AddressRefused, PageUnreachable, PageUnusable, RobotsRefused


class DataFirst:
    """A `Fetcher` that makes a page of a site's data; where there is none, or it is not given, it gets the page."""

    def __init__(self, pages: Fetcher, data: Asker) -> None:
        """Keep both.

        Args:
            pages: gets pages.
            data: gets JSON, under the same guard and in the same turns.
        """
        self._pages = pages
        self._data = data

    async def fetch(self, url: str, *, seen: Fetched | None = None) -> Fetched:
        """See `Fetcher.fetch`; what is made of data cannot be asked for again with a condition."""
        return await self._from_data(url) or await self._pages.fetch(url, seen=seen)

    async def _from_data(self, url: str) -> Fetched | None:
        data = data_of(url)
        if data is None:
            return None
        try:
            answer = await self._data.ask(data.query)
        except (AddressRefused, RobotsRefused, PageUnreachable, PageUnusable):
            return None
        html = data.page(answer.body) if answer.status == HTTPStatus.OK else None
        if html is None:
            return None
        return Fetched(
            url=url, status=HTTPStatus.OK, media_type="text/html", charset="utf-8", body=html.encode("utf-8", "replace")
        )
