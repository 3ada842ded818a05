"""Pages as a browser shows them: opened in Chromium, waited for until their text stands still, and taken as HTML."""

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from http import HTTPStatus
from typing import Any

from playwright.async_api import BrowserContext, CDPSession, Error, Page, Response
from playwright.async_api import TimeoutError as TooLate
from yarl import URL

from services.scraper.adapters.browser import Browser, BrowserLost
from services.scraper.adapters.browsers import Browsers
from services.scraper.adapters.egress_proxy import EgressProxy, Pass
from services.scraper.domain.content.sites import awaited_at
from services.scraper.domain.limits import RenderLimits
from services.scraper.domain.pages import Fetched, Hop, parsed
from shared.egress.rules import Refusal
from shared.errors import AddressRefused, FleetError, PageUnreachable, PageUnusable
from shared.logs import log
from shared.metrics import EGRESS_REFUSED

_AMPLE_CHARS = 1_000
_SOME_CHARS = 200
_MOST_DOCUMENTS = 50  # of one visit, whose headers are looked at
_LATE_S = 2.0  # a page that asks for nothing and shows nothing yet may still be at work

_SETTLED = """(ample) => new Promise(resolve => {
    let length = -1, since = 0;
    const look = () => {
        const now = performance.now(), seen = document.body ? document.body.textContent.length : 0;
        if (seen !== length) { length = seen; since = now; }
        if (document.readyState === "complete" && now - since >= 200 && document.body
            && document.body.innerText.length >= ample) resolve(true);
        else setTimeout(look, 50);
    };
    look();
})"""
"""Resolves when the page shows so many characters and their number has not changed for a while."""

_SHOWN = """(selector) => new Promise(resolve => {
    const look = () => {
        const found = document.querySelector(selector);
        if (found && found.innerText.trim()) resolve(true);
        else setTimeout(look, 50);
    };
    look();
})"""
"""Resolves when there is something to read where the selector says."""

_TAKEN = """(limit) => {
    for (const element of document.querySelectorAll("noscript")) element.remove();
    const type = document.contentType, visit = performance.getEntriesByType("navigation")[0];
    const text = type === "text/plain" || type === "text/markdown" ? document.body.innerText
        : document.documentElement ? document.documentElement.outerHTML : "";
    return {
        url: location.href, type, status: visit ? visit.responseStatus : 0,
        text: text.length > limit ? null : text,
    };
}"""
"""The page as it is now; what it says to visitors without a script is not for us."""


class ChromiumFetcher:
    """A `Fetcher` that shows the page in a browser first; the browser goes out through the egress proxy alone."""

    def __init__(self, browsers: Browsers, proxy: EgressProxy, limits: RenderLimits) -> None:
        self._browsers = browsers
        self._proxy = proxy
        self._limits = limits

    async def fetch(self, url: str, *, seen: Fetched | None = None) -> Fetched:  # noqa: ARG002 - browsers show all anew
        """See `Fetcher.fetch`.

        Raises:
            BrowserUnavailable: there is no browser just now.
        """
        start = _web_address(url)
        try:
            async with self._browsers.shared() as browser:
                return await self._show(browser, start)
        except BrowserLost:
            log.warning("browser_lost", host=start.host)
        try:
            async with self._browsers.alone() as browser:
                return await self._show(browser, start)
        except BrowserLost as error:
            raise PageUnusable(f"The page on {start.host} brings browsers down.") from error

    async def _show(self, browser: Browser, url: URL) -> Fetched:
        try:
            async with (
                asyncio.timeout(self._limits.total.total_seconds()),
                self._proxy.admit() as leave,
                browser.context() as context,
            ):
                return await self._visit(context, leave, url)
        except TimeoutError as error:
            raise PageUnusable(f"The page on {url.host} keeps the browser busy for too long.") from error
        except FleetError:
            raise
        except Exception as error:
            if not browser.is_alive:
                raise BrowserLost from error  # with whatever error: a driver that was killed raises bare ones
            if isinstance(error, Error):
                raise PageUnusable(f"The page on {url.host} cannot be shown.") from error
            raise

    async def _visit(self, context: BrowserContext, leave: Pass, url: URL) -> Fetched:
        page = await context.new_page()
        context.on("page", _close)
        crashed = asyncio.Event()
        page.on("crash", lambda _: crashed.set())
        crash = asyncio.create_task(crashed.wait())
        reading = asyncio.create_task(_Visit(context, page, leave, self._limits).read(url))
        try:
            await asyncio.wait([reading, crash], return_when=asyncio.FIRST_COMPLETED)
            if crashed.is_set():
                raise PageUnusable(f"The page on {url.host} takes too much memory to show, or breaks the browser.")
            return reading.result()
        finally:
            await _dropped(reading, crash)


@dataclass(frozen=True, slots=True)
class _Visit:
    """One page from its address to its HTML."""

    context: BrowserContext
    page: Page
    leave: Pass
    limits: RenderLimits

    async def read(self, url: URL) -> Fetched:
        session = await self.context.new_cdp_session(self.page)
        world = _World(session)
        await asyncio.gather(_Gatekeeper(session, self.leave).stand(), world.find())
        documents = _Documents(self.page)
        with self._translated(url):
            response = await self.page.goto(
                str(url), wait_until="commit", timeout=self.limits.load.total_seconds() * 1000
            )
        with suppress(TimeoutError):
            if awaited := awaited_at(str(url)):
                async with asyncio.timeout(awaited.seconds):
                    await world.ask(_SHOWN, awaited.selector)
            async with asyncio.timeout(self.limits.settle.total_seconds()):
                await self._settle(world)
        taken = await world.ask(_TAKEN, self.limits.html_chars)
        return replace(self._fetched(url, taken, response), way=await documents.stops())

    async def _settle(self, world: "_World") -> None:
        """Wait until there is much to read, or nothing more is asked for and there is something, or a bit longer."""
        ample = asyncio.create_task(world.ask(_SETTLED, _AMPLE_CHARS))
        quiet = asyncio.create_task(self.page.wait_for_load_state("networkidle", timeout=0))
        try:
            await asyncio.wait({ample, quiet}, return_when=asyncio.FIRST_COMPLETED)
            if not ample.done():
                async with asyncio.timeout(_LATE_S):
                    await world.ask(_SETTLED, _SOME_CHARS)
        finally:
            await _dropped(ample, quiet)

    def _fetched(self, url: URL, taken: dict[str, Any], response: Response | None) -> Fetched:
        final = str(taken["url"])
        status = int(taken["status"]) or (response.status if response else 200)
        if trouble := self._trouble_at(final, status):
            raise trouble
        if taken["text"] is None or self.leave.is_spent:
            raise PageUnusable(f"The page on {url.host} is larger than the fleet reads.")
        shown_first = response is not None and response.url == final.partition("#")[0]
        return Fetched(
            url=final.partition("#")[0],
            status=status,
            media_type=str(taken["type"]).lower(),
            charset="utf-8",
            body=str(taken["text"]).encode("utf-8", "replace"),
            headers=dict(response.headers) if response and shown_first and response.status == status else {},
        )

    def _trouble_at(self, final: str, status: int) -> FleetError | None:
        """Why what is shown is no answer of a site: the proxy's refusal, or the browser's own error page."""
        if URL(final).scheme in {"http", "https"}:
            return self.leave.trouble_at(final) if status == HTTPStatus.FORBIDDEN else None
        return self.leave.trouble or PageUnusable("The page leads to something that is no page.")

    @contextmanager
    def _translated(self, url: URL) -> Iterator[None]:
        """What Chromium says of a document it could not load, as the fleet's own errors."""
        try:
            yield
        except TooLate as error:
            raise self.leave.trouble or PageUnreachable(
                f"{url.host} did not answer in time.", timed_out=True
            ) from error
        except Error as error:
            if not self.page.is_closed() and (failure := _failure(error.message, url, self.leave)):
                raise failure from error
            raise


class _Documents:
    """What a page is, one answer after the other: redirects, what scripts and refreshes lead on to, and the last."""

    def __init__(self, page: Page) -> None:
        """Begin to take note."""
        self._page = page
        self._answers: list[Response] = []
        page.on("response", self._note)

    async def stops(self) -> tuple[Hop, ...]:
        """Each with all its headers: `Response.headers` leaves out those that set cookies."""
        headers = await asyncio.gather(*(answer.all_headers() for answer in self._answers))
        return tuple(Hop(answer.url, its) for answer, its in zip(self._answers, headers, strict=True))

    def _note(self, answer: Response) -> None:
        with suppress(Error):  # the frame is gone
            is_document = answer.request.is_navigation_request() and answer.frame == self._page.main_frame
            if is_document and len(self._answers) < _MOST_DOCUMENTS:
                self._answers.append(answer)


_REASONS = {
    "ERR_TOO_MANY_REDIRECTS": (PageUnusable, "{host} redirects without end."),
    "ERR_CERT_": (PageUnreachable, "{host} could not prove that it is {host}."),
    "ERR_SSL_": (PageUnreachable, "{host} could not prove that it is {host}."),
    "ERR_INVALID_": (PageUnusable, "{host} does not answer in valid HTTP."),
    "ERR_UNSAFE_": (PageUnusable, "{host} redirects to something that is no page."),
    "ERR_ABORTED": (PageUnusable, "{host} sent a file or nothing instead of a page."),
    "Download is starting": (PageUnusable, "{host} sent a file instead of a page."),
    "net::": (PageUnreachable, "{host} cannot be reached."),
}


def _failure(message: str, url: URL, leave: Pass) -> FleetError | None:
    if leave.is_spent:
        return PageUnusable(f"The page on {url.host} is larger than the fleet reads.")
    if leave.trouble is not None:
        return leave.trouble
    kind, sentence = next((told for sign, told in _REASONS.items() if sign in message), (None, ""))
    return kind(sentence.format(host=url.host)) if kind else None


class _Gatekeeper:
    """Shows the page's pass to the proxy, and lets no sound or film be asked for.

    The browser asks for credentials with a page's first document and remembers them for all else. Playwright would
    stop every request on the way for that; we stop documents alone.
    """

    def __init__(self, session: CDPSession, leave: Pass) -> None:
        self._session = session
        self._leave = leave
        self._answers: set[asyncio.Task[None]] = set()

    async def stand(self) -> None:
        """Begin; ends with the page."""
        self._session.on("Fetch.requestPaused", self._paused)
        self._session.on("Fetch.authRequired", self._asked)
        patterns = [{"resourceType": kind} for kind in ("Document", "Media")]
        await self._session.send("Fetch.enable", {"handleAuthRequests": True, "patterns": patterns})

    def _paused(self, event: dict[str, Any]) -> None:
        if event["resourceType"] == "Media":
            self._send("Fetch.failRequest", event, {"errorReason": "BlockedByClient"})
        else:
            self._send("Fetch.continueRequest", event, {})

    def _asked(self, event: dict[str, Any]) -> None:
        answer: dict[str, str] = {"response": "CancelAuth"}  # a site that asks gets none
        if event["authChallenge"].get("source") == "Proxy":
            answer = {
                "response": "ProvideCredentials",
                "username": self._leave.username,
                "password": self._leave.password,
            }
        self._send("Fetch.continueWithAuth", event, {"authChallengeResponse": answer})

    def _send(self, method: str, event: dict[str, Any], told: dict[str, Any]) -> None:
        task = asyncio.create_task(self._answer(method, {"requestId": event["requestId"], **told}))
        self._answers.add(task)
        task.add_done_callback(self._answers.discard)

    async def _answer(self, method: str, told: dict[str, Any]) -> None:
        with suppress(Error):  # the request, or the page, is gone
            await self._session.send(method, told)


_WENT_ON = ("Cannot find context", "context was destroyed", "target navigated", "No frame")
"""What Chromium says when the page went on to another document meanwhile."""


class _World:
    """Scripts of ours in the page, apart from its own: the page can neither see nor change what they stand on."""

    def __init__(self, session: CDPSession) -> None:
        self._session = session
        self._frame = ""
        self._context: int | None = None

    async def find(self) -> None:
        """Learn what the browser calls the page's own frame; it keeps the name, whatever document it shows."""
        tree = await self._session.send("Page.getFrameTree")
        self._frame = tree["frameTree"]["frame"]["id"]

    async def ask(self, function: str, argument: int | str) -> Any:
        """The function's answer, in whatever document the page shows by then."""
        while True:
            try:
                return await self._ask(function, argument)
            except Error as error:
                if not any(sign in error.message for sign in _WENT_ON):
                    raise
                self._context = None
                await asyncio.sleep(0.05)

    async def _ask(self, function: str, argument: int | str) -> Any:
        if self._context is None:
            self._context = await self._made()
        answer = await self._session.send(
            "Runtime.callFunctionOn",
            {
                "functionDeclaration": function,
                "executionContextId": self._context,
                "arguments": [{"value": argument}],
                "awaitPromise": True,
                "returnByValue": True,
            },
        )
        if "exceptionDetails" in answer:
            raise PageUnusable("The page cannot be read.")
        return answer["result"]["value"]

    async def _made(self) -> int:
        world = await self._session.send("Page.createIsolatedWorld", {"frameId": self._frame})
        return int(world["executionContextId"])


def _web_address(text: str) -> URL:
    url = parsed(text)
    if url.scheme not in {"http", "https"}:
        EGRESS_REFUSED.labels(Refusal.SCHEME).inc()  # Chromium would open a file without asking the proxy
        raise AddressRefused(Refusal.SCHEME)
    return url


async def _dropped(*tasks: asyncio.Task[Any]) -> None:
    """What is not waited for any more, cancelled, and gone."""
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)


async def _close(popup: Page) -> None:
    with suppress(Error):
        await popup.close()
