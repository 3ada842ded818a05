"""Fetching over aiohttp: every hop judged by the egress guard, every step bounded in time and size."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, replace
from datetime import timedelta

import aiohttp
from yarl import URL

from services.scraper.adapters.inflating import ACCEPTED, CutOff, Inflation, TooLarge, Undecodable
from services.scraper.domain.limits import FetchLimits
from services.scraper.domain.pages import PDF, READABLE, UNTOLD, Fetched, Hop, Query, is_pdf, parsed
from services.scraper.domain.politeness import Ending
from services.scraper.domain.politeness.robots import Robots, UnheededRobots
from services.scraper.domain.politeness.visiting import Journey, Visits
from shared.egress import Allowed, EgressGuard
from shared.egress.connector import JudgedConnector
from shared.errors import HostBusy, PageUnreachable, PageUnusable

_REDIRECTS = frozenset({301, 302, 303, 307, 308})
_MOST_HEADERS = 200
_LONGEST_HEADER = 16_384
_MOST_HEADER_BYTES = 262_144  # of all together; as Chromium has it
_TELLING_BYTES = 1_024
_ACCEPT = "text/html,application/xhtml+xml,text/markdown;q=0.9,application/pdf;q=0.9,text/plain;q=0.8,*/*;q=0.1"


class HttpFetcher:
    """A `Fetcher` and an `Asker` over HTTP/1.1; each page has cookies and connections of its own, and keeps none."""

    def __init__(
        self,
        guard: EgressGuard,
        visits: Visits,
        limits: FetchLimits,
        *,
        user_agent: str,
        robots: Robots | None = None,
        readable: frozenset[str] = READABLE,
    ) -> None:
        """Keep the parts; without `robots` none are heeded, and of other types than `readable` no body is read."""
        self._readable = readable
        self._guard = guard
        self._robots = robots or UnheededRobots()
        self._visits = visits
        self._limits = limits
        self._headers = {
            "User-Agent": user_agent,
            "Accept": _ACCEPT if readable is READABLE else ", ".join(sorted(readable)),
            "Accept-Encoding": ACCEPTED,
            "Accept-Language": "en,*;q=0.5",
        }

    async def fetch(self, url: str, *, seen: Fetched | None = None) -> Fetched:
        """See `Fetcher.fetch`."""
        return await self._follow(parsed(url), seen=seen)

    async def ask(self, query: Query) -> Fetched:
        """See `Asker.ask`."""
        return await self._follow(parsed(query.address), query=query)

    async def _follow(self, start: URL, *, seen: Fetched | None = None, query: Query | None = None) -> Fetched:
        connector = JudgedConnector()
        async with self._session(connector) as session, self._visits.journey() as journey:
            return await _Trip(
                self._guard, self._robots, journey, self._limits, connector, session, seen, query, self._readable
            ).follow(start)

    def _session(self, connector: JudgedConnector) -> aiohttp.ClientSession:
        return aiohttp.ClientSession(
            connector=connector,
            headers=self._headers,
            auto_decompress=False,
            timeout=aiohttp.ClientTimeout(total=None, sock_connect=self._limits.connect.total_seconds()),
            max_line_size=_LONGEST_HEADER,
            max_field_size=_LONGEST_HEADER,
            max_headers=_MOST_HEADERS,
        )


@dataclass(frozen=True, slots=True)
class _Trip:
    """One page from its address over all redirects to its last byte."""

    guard: EgressGuard
    robots: Robots
    journey: Journey
    limits: FetchLimits
    connector: JudgedConnector
    session: aiohttp.ClientSession
    seen: Fetched | None
    query: Query | None
    readable: frozenset[str]

    async def follow(self, url: URL) -> Fetched:
        """The answer at the end of the redirects."""
        end = asyncio.get_running_loop().time() + self.limits.total.total_seconds()
        been: set[tuple[URL, str]] = set()
        way: tuple[Hop, ...] = ()
        for _ in range(self.limits.redirects + 1):
            await self.journey.go_to(url, interval=await self._heeded(url))
            with _translated(url):
                async with asyncio.timeout_at(end):
                    answer = await self._ask(url)
            if isinstance(answer, Fetched):
                return replace(answer, way=way)
            url, hop = answer
            way += (hop,)
            # A site may send a visitor back to where it was, once it has set a cookie.
            here = (url, self.session.cookie_jar.filter_cookies(url).output())
            if here in been:
                raise PageUnusable(f"{url.host} redirects in a circle.")
            been.add(here)
        raise PageUnusable(f"The page redirects more than {self.limits.redirects} times.")

    async def _heeded(self, url: URL) -> timedelta:
        """What the site asks of robots, who may have to wait for the turn that this visit has in its domain."""
        try:
            return await self.robots.heed(url)
        except HostBusy:
            await self.journey.leave(Ending.ANSWERED)
            return await self.robots.heed(url)

    async def _ask(self, url: URL) -> Fetched | tuple[URL, Hop]:
        """The page, or where its site sends us on to, and what it said by that."""
        allowed = await self.guard.judge(url)
        self.connector.pin(allowed)
        async with self._request(allowed) as response:
            self.journey.answered(response.status, response.headers.get("Retry-After"))
            _bounded(response)
            if target := _redirect_target(response):
                return target, Hop(str(response.url), _headers(response))
            return await self._read(response)

    @asynccontextmanager
    async def _request(self, allowed: Allowed) -> AsyncIterator[aiohttp.ClientResponse]:
        async with asyncio.timeout(self.limits.first_byte.total_seconds()):
            response = await self._sent(allowed.url)
        try:
            yield response
        finally:
            response.close()

    async def _sent(self, url: URL) -> aiohttp.ClientResponse:
        """A request's answer as it begins; a question goes to the address it is meant for, and to none it leads to."""
        if self.query is None or url != parsed(self.query.address):
            return await self.session.get(url, allow_redirects=False, headers=_conditions(url, self.seen))
        origin = str(url.origin())
        headers = {"Content-Type": "application/json", "Origin": origin, "Referer": self.query.page}
        return await self.session.post(url, allow_redirects=False, headers=headers, data=self.query.body)

    async def _read(self, response: aiohttp.ClientResponse) -> Fetched:
        # `content_type` would say application/octet-stream for an answer that names no type.
        named = response.headers.get("Content-Type", "")
        media_type = response.content_type.lower() if named.strip() else ""
        is_untold = media_type in UNTOLD
        body = await self._body(response, media_type) if is_untold or media_type in self.readable else b""
        return Fetched(
            url=str(response.url),
            status=response.status,
            media_type="application/pdf" if is_untold and body else media_type,
            charset=response.charset,
            body=body,
            headers=_headers(response),
        )

    async def _body(self, response: aiohttp.ClientResponse, media_type: str) -> bytes:
        """The body without compression; empty where one of a type that tells nothing is no PDF file."""
        is_large = media_type in PDF or media_type in UNTOLD
        most, most_inflated = (
            (self.limits.pdf_bytes, self.limits.pdf_bytes)
            if is_large
            else (self.limits.bytes, self.limits.inflated_bytes)
        )
        codings = [coding.strip().lower() for coding in response.headers.get("Content-Encoding", "").split(",")]
        inflation = Inflation([coding for coding in codings if coding not in {"", "identity"}], limit=most_inflated)
        sent, body = 0, bytearray()
        async for chunk in response.content.iter_any():
            sent += len(chunk)
            if sent > most:
                raise TooLarge
            body += inflation.feed(chunk)
            if media_type in UNTOLD and len(body) >= _TELLING_BYTES and not is_pdf(body):
                return b""
        inflation.end()
        return bytes(body) if media_type not in UNTOLD or is_pdf(body) else b""


def _conditions(url: URL, seen: Fetched | None) -> dict[str, str]:
    """Headers that ask for a page only if it is another one than was seen at this very address."""
    if seen is None or str(url) != seen.url:
        return {}
    asked = {"If-None-Match": seen.headers.get("etag"), "If-Modified-Since": seen.headers.get("last-modified")}
    return {name: value for name, value in asked.items() if value}


def _bounded(response: aiohttp.ClientResponse) -> None:
    """Refuse headers that are no page's; aiohttp has bounded each of them, and their number."""
    if sum(len(name) + len(value) for name, value in response.raw_headers) > _MOST_HEADER_BYTES:
        raise PageUnusable(f"{response.url.host} sends more headers than the fleet reads.")


def _headers(response: aiohttp.ClientResponse) -> dict[str, str]:
    return {name.lower(): ", ".join(response.headers.getall(name)) for name in response.headers}


def _redirect_target(response: aiohttp.ClientResponse) -> URL | None:
    """Where an answer sends us on to, without the fragment; None when it is the page itself."""
    location = response.headers.get("Location")
    if response.status not in _REDIRECTS or not location:
        return None
    try:
        return response.url.join(URL(location)).with_fragment(None)
    except ValueError as error:
        raise PageUnusable(f"{response.url.host} redirects to something that is not an address.") from error


@contextmanager
def _translated(url: URL) -> Iterator[None]:
    """What aiohttp raises, as the fleet's own errors; sentences name the site and nothing that was resolved."""
    try:
        yield
    except TooLarge as error:
        raise PageUnusable(f"The page on {url.host} is larger than the fleet reads.") from error
    except Undecodable as error:
        raise PageUnusable(f"The page on {url.host} is compressed in a way that cannot be read.") from error
    except (aiohttp.ClientResponseError, aiohttp.InvalidURL) as error:
        raise PageUnusable(f"{url.host} does not answer in valid HTTP.") from error
    except (aiohttp.ClientPayloadError, CutOff) as error:
        raise PageUnreachable(f"{url.host} ended its answer before the page was complete.") from error
    except aiohttp.ClientSSLError as error:
        raise PageUnreachable(f"{url.host} could not prove that it is {url.host}.") from error
    except TimeoutError as error:
        raise PageUnreachable(f"{url.host} did not answer in time.", timed_out=True) from error
    except (aiohttp.ClientError, OSError) as error:
        raise PageUnreachable(f"{url.host} cannot be reached.") from error
