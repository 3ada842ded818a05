"""Looking at a page: fetch it, have it read, judge what came back. What that means for a bookmark is for others."""

from collections.abc import Callable
from contextvars import ContextVar
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Protocol
from urllib.parse import urlsplit

from services.scraper.domain.gate import Judgement, judge
from services.scraper.domain.pages import Fetched, Fetcher, Reading
from shared.errors import AddressRefused, FleetError
from shared.logs import log
from shared.metrics import FETCHES
from shared.values import Strategy


@dataclass(frozen=True, slots=True)
class Look:
    """A site's answer, what a parser made of it, and what the gate took it for; nothing of whoever asked."""

    page: Fetched
    reading: Reading
    judgement: Judgement


class Reader(Protocol):
    """Reads and judges pages apart from the rest of the program, within limits."""

    async def read(self, page: Fetched, *, asked: str) -> tuple[Reading, Judgement]:
        """What a parser makes of an answer, and what the gate takes it for.

        Args:
            page: the answer, of a readable media type.
            asked: the address before redirects.

        Raises:
            PageUnusable: reading it took too much time or memory, or broke the parser.
        """
        ...


class Looker(Protocol):
    """Looks at pages on behalf of nobody in particular."""

    async def look(self, url: str, *, seen: Look | None = None) -> Look:
        """What is to be seen at an address, whatever the verdict.

        Args:
            url: the address.
            seen: an earlier look; it is the answer where the site says that nothing has changed.

        Raises:
            HostBusy: the site is not asked just now; come again.
            AddressRefused, PageUnreachable, PageUnusable: no answer, or none that can be read.
        """
        ...


on_arrival: ContextVar[Callable[[], None]] = ContextVar("on_arrival", default=lambda: None)
"""What is called, in the context of a look, when the site has done its part and the rest is ours."""


class FreshLook:
    """A `Looker` that asks the site."""

    def __init__(self, fetcher: Fetcher, reader: Reader, strategy: Strategy) -> None:
        """Keep the collaborators.

        Args:
            fetcher: gets pages.
            reader: reads and judges them, apart from this process.
            strategy: how the fetcher gets them, for the metrics.
        """
        self._fetcher = fetcher
        self._reader = reader
        self._strategy = strategy

    async def look(self, url: str, *, seen: Look | None = None) -> Look:
        """See `Looker.look`."""
        try:
            page = await self._fetcher.fetch(url, seen=seen.page if seen else None)
            if seen and page.status == HTTPStatus.NOT_MODIFIED:
                FETCHES.labels(self._strategy, seen.judgement.verdict).inc()
                headers = {**seen.page.headers, **page.headers}
                return replace(seen, page=replace(seen.page, headers=headers, way=page.way))
            on_arrival.get()()
            reading, judgement = await self._read(page, asked=url)
        except FleetError as error:
            FETCHES.labels(self._strategy, error.code).inc()
            if isinstance(error, AddressRefused):
                log.warning("address_refused", host=urlsplit(url).hostname, kind=error.kind)
            raise
        FETCHES.labels(self._strategy, judgement.verdict).inc()
        return Look(page, reading, judgement)

    async def _read(self, page: Fetched, *, asked: str) -> tuple[Reading, Judgement]:
        if page.is_readable:
            return await self._reader.read(page, asked=asked)
        return (reading := Reading()), judge(page, reading, asked=asked)
