"""The egress guard over a resolver: one look-up, every address judged, and only judged addresses handed out."""

import asyncio
import socket
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from ipaddress import IPv4Address, ip_address
from typing import NoReturn

from yarl import URL

from shared.egress import Allowed
from shared.egress.hosts import Address, Name, host_of
from shared.egress.rules import Refusal, Rules, port_of
from shared.errors import AddressRefused, PageUnreachable
from shared.metrics import EGRESS_REFUSED

Resolve = Callable[[str], Awaitable[Sequence[str]]]
"""All addresses of a name; raises `OSError` when there are none."""

_LOOPBACK = IPv4Address("127.0.0.1")

for _kind in Refusal:
    EGRESS_REFUSED.labels(_kind)  # there before the first of its kind, so that a rate sees that one too


class ResolvingGuard:
    """An `EgressGuard` that asks a resolver once per judgement."""

    def __init__(self, rules: Rules, resolve: Resolve, *, timeout: timedelta = timedelta(seconds=5)) -> None:
        self._rules = rules
        self._resolve = resolve
        self._timeout = timeout

    async def judge(self, url: URL) -> Allowed:
        """See `EgressGuard.judge`; `Allowed.url` bears the host as it will be dialled."""
        if kind := self._rules.refuse_url(url):
            _refuse(kind)
        host = host_of(url.raw_host)
        addresses = await self._addresses_of(host)
        for address in addresses:
            if kind := self._rules.refuse_address(address, port=port_of(url)):
                _refuse(kind)
        plain = host.text if isinstance(host, Name) else str(host)
        return Allowed(url.with_host(plain), tuple(str(address) for address in addresses))

    async def _addresses_of(self, host: Name | Address | None) -> list[Address]:
        if host is None:
            _refuse(Refusal.HOST)
        if not isinstance(host, Name):
            return [host]
        if host.is_localhost:
            return [_LOOPBACK]  # RFC 6761: no resolver is asked, and none is believed
        return await self._look_up(host)

    async def _look_up(self, name: Name) -> list[Address]:
        try:
            async with asyncio.timeout(self._timeout.total_seconds()):
                found = [ip_address(text) for text in await self._resolve(name.text)]
        except (OSError, TimeoutError, UnicodeError) as error:
            raise PageUnreachable(f"The name {name.text} cannot be resolved.") from error
        if not found:
            raise PageUnreachable(f"The name {name.text} cannot be resolved.")
        return found


def _refuse(kind: Refusal) -> NoReturn:
    EGRESS_REFUSED.labels(kind).inc()
    raise AddressRefused(kind)


class SystemResolver:
    """Asks the system's resolver on threads of its own, so that slow names cannot stall other work."""

    def __init__(self, *, threads: int = 32) -> None:
        self._threads = ThreadPoolExecutor(threads, thread_name_prefix="resolve")

    async def __call__(self, name: str) -> Sequence[str]:
        """All IPv4 and IPv6 addresses of a name, in the order in which the system would try them.

        Raises:
            OSError: the name has no address, or nobody could be asked.
        """
        loop = asyncio.get_running_loop()
        found = await loop.run_in_executor(self._threads, _getaddrinfo, name)
        return tuple(dict.fromkeys(found))

    def close(self) -> None:
        """Let go of the threads; look-ups under way end by themselves."""
        self._threads.shutdown(wait=False, cancel_futures=True)


def _getaddrinfo(name: str) -> list[str]:
    return [str(entry[4][0]) for entry in socket.getaddrinfo(name, None, type=socket.SOCK_STREAM)]
