"""The browser's only way out: a proxy on loopback that resolves once, judges, and dials the judged address.

Whatever a page does (sub-requests, WebSockets, redirects, beacons), Chromium can only ask this proxy for it. Each page
has a pass of its own: a secret, so that no other program on the machine and no service of the browser itself gets
through; a budget of bytes; and an end, with which all its connections end. A connection carries one request or one
tunnel, so that nothing travels on somebody else's judgement. What is refused, does not resolve or does not answer is
told apart in the pass; the page hears the same bare 403.
"""

import asyncio
import secrets
from base64 import b64encode
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

from yarl import URL

from services.scraper.adapters.proxy_heads import MalformedHead, RequestHead, closing_response
from services.scraper.domain.limits import RenderLimits
from shared.egress import Allowed, EgressGuard
from shared.egress.rules import port_of
from shared.errors import AddressRefused, FleetError, PageUnreachable

_LOOPBACK = "127.0.0.1"
_LONGEST_HEAD = 65_536
_CHUNK = 65_536
_HEAD_WITHIN_S = 30.0  # Chromium opens connections ahead of need
_CONNECTIONS_OF_A_PAGE = 64
_LOOK_FOR_A_PORTAL = "/generate_204"
"""What Chromium asks its maker for, in the page's name, where a site answers late over TLS or cannot prove itself."""

_REFUSED = b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\nConnection: close\r\n\r\n"
_WHO = (
    b"HTTP/1.1 407 Proxy Authentication Required\r\nProxy-Authenticate: Basic realm=fleet\r\n"
    b"Content-Length: 0\r\nConnection: close\r\n\r\n"
)
_CONNECTED = b"HTTP/1.1 200 Connection established\r\n\r\n"


class Spent(Exception):
    """The page has had all the bytes it may have."""


@dataclass(eq=False, slots=True)
class Pass:
    """One page's leave to go out.

    Attributes:
        bytes_left: both ways; below zero when the page wanted more.
        trouble: why the last connection that could not be made was not, until one to the same place succeeds.
    """

    bytes_left: int
    username: str = "page"
    password: str = field(default_factory=lambda: secrets.token_urlsafe(24), repr=False)
    trouble: FleetError | None = None
    _troubles: dict[tuple[str | None, int], FleetError] = field(default_factory=dict)
    _connections: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def credentials(self) -> str:
        """As the browser sends them."""
        return "Basic " + b64encode(f"{self.username}:{self.password}".encode()).decode()

    @property
    def is_spent(self) -> bool:
        """Whether the page wanted more bytes than it may have."""
        return self.bytes_left < 0

    def trouble_at(self, url: str) -> FleetError | None:
        """Why nothing was sent to where this address leads; None when something was, or nobody wanted to."""
        return self._troubles.get(_place(URL(url)))

    def note(self, url: URL, trouble: FleetError | None) -> None:
        """Remember how the last try to connect there ended."""
        if trouble is not None:
            self.trouble = self._troubles[_place(url)] = trouble
        elif (mended := self._troubles.pop(_place(url), None)) and mended is self.trouble:
            self.trouble = None

    def spend(self, count: int) -> None:
        """Count bytes.

        Raises:
            Spent: they were too many.
        """
        self.bytes_left -= count
        if self.is_spent:
            raise Spent

    def join(self, connection: asyncio.Task[None]) -> bool:
        """Have a connection end with the pass; False when the page has too many."""
        if len(self._connections) >= _CONNECTIONS_OF_A_PAGE:
            return False
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)
        return True

    def end(self) -> None:
        """Cut every connection."""
        for connection in tuple(self._connections):
            connection.cancel()


class EgressProxy:
    """An HTTP proxy on a free port of loopback, for browsers of this process."""

    def __init__(self, guard: EgressGuard, limits: RenderLimits) -> None:
        self._guard = guard
        self._limits = limits
        self._server: asyncio.Server | None = None
        self._passes: dict[str, Pass] = {}
        self._connections: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        self._server = await asyncio.start_server(self._accept, _LOOPBACK, 0, limit=_LONGEST_HEAD)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.close()
        for connection in self._connections:
            connection.cancel()
        await asyncio.gather(*self._connections, return_exceptions=True)

    @property
    def address(self) -> str:
        """Where it listens, as browsers are told it."""
        if self._server is None:
            raise RuntimeError("the proxy does not listen yet")
        host, port = self._server.sockets[0].getsockname()
        return f"http://{host}:{port}"

    @asynccontextmanager
    async def admit(self) -> AsyncIterator[Pass]:
        """A pass for one page, good while the block runs."""
        leave = Pass(self._limits.bytes)
        self._passes[leave.credentials] = leave
        try:
            yield leave
        finally:
            del self._passes[leave.credentials]
            leave.end()

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        connection = asyncio.get_running_loop().create_task(self._serve(reader, writer))
        self._connections.add(connection)
        connection.add_done_callback(self._connections.discard)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with asyncio.timeout(_HEAD_WITHIN_S):
                request = RequestHead.parse(await reader.readuntil(b"\r\n\r\n"))
            await self._answer(request, reader, writer)
            await writer.drain()
        except (OSError, asyncio.IncompleteReadError, asyncio.LimitOverrunError, TimeoutError, MalformedHead, Spent):
            pass  # the browser sees a connection that was closed, and the pass knows what matters
        finally:
            writer.close()

    async def _answer(self, request: RequestHead, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        leave = self._passes.get(request.headers.get("proxy-authorization", ""))
        if leave is None:
            writer.write(_WHO)
            return
        connection = asyncio.current_task()
        url = request.url
        if connection is None or url is None or url.path == _LOOK_FOR_A_PORTAL or not leave.join(connection):
            writer.write(_REFUSED)
            return
        try:
            site_reader, site_writer = await self._reach(url)
        except (AddressRefused, PageUnreachable) as error:
            leave.note(url, error)
            writer.write(_REFUSED)
            return
        leave.note(url, None)
        try:
            carry = _tunnel if request.is_connect else _exchange
            await carry(request, leave, _Ends(reader, writer, site_reader, site_writer))
        finally:
            site_writer.close()

    async def _reach(self, url: URL) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        """A connection to one of the addresses that were judged.

        Raises:
            AddressRefused: none may be dialled.
            PageUnreachable: none answers.
        """
        allowed = await self._guard.judge(url)
        for address in allowed.addresses:
            with suppress(OSError, TimeoutError):
                async with asyncio.timeout(self._limits.connect.total_seconds()):
                    return await self._dial(allowed, address)
        raise PageUnreachable(f"{url.host} cannot be reached.")

    async def _dial(self, allowed: Allowed, address: str) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
        return await asyncio.open_connection(address, port_of(allowed.url), limit=_LONGEST_HEAD)


@dataclass(frozen=True, slots=True)
class _Ends:
    """Both ends of a connection: the browser's and the site's."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter
    site_reader: asyncio.StreamReader
    site_writer: asyncio.StreamWriter


async def _tunnel(_: RequestHead, leave: Pass, ends: _Ends) -> None:
    """Bytes both ways until one side ends: TLS, or a WebSocket."""
    ends.writer.write(_CONNECTED)
    ways = {
        asyncio.create_task(_copy(ends.reader, ends.site_writer, leave)),
        asyncio.create_task(_copy(ends.site_reader, ends.writer, leave)),
    }
    try:
        done, _pending = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for way in ways:
            way.cancel()
        await asyncio.gather(*ways, return_exceptions=True)
    for way in done:
        way.result()


async def _exchange(request: RequestHead, leave: Pass, ends: _Ends) -> None:
    """One request and its answer, after which the browser has to connect anew."""
    ends.site_writer.write(request.for_site())
    await _copy(ends.reader, ends.site_writer, leave, length=request.body_length)
    head = await ends.site_reader.readuntil(b"\r\n\r\n")
    while head.split(b" ", 2)[1:2] and head.split(b" ", 2)[1].startswith(b"1"):  # provisional: nothing for us
        leave.spend(len(head))
        head = await ends.site_reader.readuntil(b"\r\n\r\n")
    ends.writer.write(closing_response(head))
    await _copy(ends.site_reader, ends.writer, leave)


async def _copy(
    source: asyncio.StreamReader, target: asyncio.StreamWriter, leave: Pass, *, length: int | None = None
) -> None:
    """Bytes from one side to the other until the source ends, or `length` of them."""
    left = length
    while left is None or left > 0:
        chunk = await source.read(_CHUNK if left is None else min(_CHUNK, left))
        if not chunk:
            return
        leave.spend(len(chunk))
        target.write(chunk)
        await target.drain()
        left = None if left is None else left - len(chunk)


def _place(url: URL) -> tuple[str | None, int]:
    return url.raw_host, port_of(url)
