"""The browser of this process: one for all pages, replaced in time, and one apart for pages that lost theirs."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from types import TracebackType
from typing import Self

from services.scraper.adapters.browser import Browser, BrowserLost, Launch
from shared.errors import BrowserUnavailable
from shared.logs import log
from shared.metrics import BROWSER_PAGES, BROWSER_RESTARTS

_NEXT_START = timedelta(seconds=30)


@dataclass(frozen=True, slots=True)
class Wear:
    """When a browser is replaced.

    Attributes:
        pages: it has shown.
        memory_bytes: of all its processes together.
    """

    pages: int
    memory_bytes: int


class Browsers:
    """Hands out the browser, one for all pages; `with` ends every one that was started."""

    def __init__(self, launch: Launch, wear: Wear) -> None:
        self._launch = launch
        self._wear = wear
        self._current: Browser | None = None
        self._starting: asyncio.Task[Browser] | None = None
        self._started = 0
        self._ending: set[asyncio.Task[None]] = set()
        self._one_alone = asyncio.Lock()

    async def __aenter__(self) -> Self:
        await self._ready()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._starting is not None:
            await asyncio.gather(self._starting, return_exceptions=True)
        if self._current is not None:
            self._end(self._current)
        await asyncio.gather(*self._ending, return_exceptions=True)

    @asynccontextmanager
    async def shared(self) -> AsyncIterator[Browser]:
        """The browser all pages share; replaced after the last of them when it is worn out or dead.

        Raises:
            BrowserUnavailable: it does not start.
        """
        browser = await self._ready()
        BROWSER_PAGES.inc()
        browser.pages += 1
        browser.open_pages += 1
        try:
            yield browser
        finally:
            browser.open_pages -= 1
            if browser is not self._current and not browser.open_pages:
                self._end(browser)

    @asynccontextmanager
    async def alone(self) -> AsyncIterator[Browser]:
        """A fresh browser for one page whose browser ended under it: should the page be to blame, no other suffers.

        Raises:
            BrowserUnavailable: it does not start.
        """
        async with self._one_alone:
            starting = asyncio.create_task(self._start())
            try:
                browser = await asyncio.shield(starting)
                BROWSER_PAGES.inc()
                yield browser
            finally:
                self._keep(asyncio.create_task(_end_started(starting)))

    async def _ready(self) -> Browser:
        """The browser for the next page; whoever comes while it starts waits for the same."""
        if self._current is not None and self._is_worn(self._current):
            worn, self._current = self._current, None
            if not worn.open_pages:
                self._end(worn)
        if self._current is not None:
            return self._current
        if self._starting is None or self._starting.done():
            self._starting = asyncio.create_task(self._renew())
        return await asyncio.shield(self._starting)

    async def _renew(self) -> Browser:
        self._current = await self._start()
        return self._current

    def _is_worn(self, browser: Browser) -> bool:
        return (
            not browser.is_alive or browser.pages >= self._wear.pages or browser.memory_bytes > self._wear.memory_bytes
        )

    async def _start(self) -> Browser:
        try:
            browser = await Browser.start(self._launch)
        except BrowserLost as error:
            log.error("browser_unstartable", error=type(error.__cause__).__name__)
            raise BrowserUnavailable(until=datetime.now(UTC) + _NEXT_START) from error
        if self._started:
            BROWSER_RESTARTS.inc()
        self._started += 1
        log.info("browser_started", number=self._started)
        return browser

    def _end(self, browser: Browser) -> None:
        self._keep(asyncio.create_task(browser.close()))

    def _keep(self, ending: asyncio.Task[None]) -> None:
        self._ending.add(ending)
        ending.add_done_callback(self._ending.discard)


async def _end_started(starting: asyncio.Task[Browser]) -> None:
    with suppress(BrowserUnavailable):
        await (await starting).close()
