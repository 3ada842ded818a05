"""aiohttp's connections, held to what the guard judged: a connector dials pinned addresses and no others."""

import socket
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult

from shared.egress import Allowed


class JudgedConnector(aiohttp.TCPConnector):
    """Connects only where `pin` was told to; make one per page, and pin before each request.

    Names are looked up in the pins instead of a resolver. aiohttp does not ask a resolver about hosts that are
    addresses, so the socket is the second wall: it is not even made for an address that was not judged.
    No connection is kept for a later request, which would be sent without a judgement of its own.
    """

    def __init__(self) -> None:
        self._pins = _Pins()
        super().__init__(
            resolver=self._pins,
            use_dns_cache=False,
            force_close=True,
            limit=1,
            socket_factory=self._socket_for,
        )

    def pin(self, allowed: Allowed) -> None:
        """Allow connections to this judged address, and to no other from now on."""
        self._pins.only(allowed)

    def _socket_for(self, info: tuple[Any, ...]) -> socket.socket:
        family, kind, protocol, _, address = info
        if address[0] not in self._pins.addresses:
            raise PermissionError("this address was not judged")
        return socket.socket(family, kind, protocol)


class _Pins(AbstractResolver):
    """The one host that was judged last, and its addresses."""

    def __init__(self) -> None:
        self._host: str | None = None
        self.addresses: tuple[str, ...] = ()

    def only(self, allowed: Allowed) -> None:
        self._host, self.addresses = allowed.url.raw_host, allowed.addresses

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        if host != self._host:
            raise PermissionError("this host was not judged")
        return [
            ResolveResult(
                hostname=host,
                host=address,
                port=port,
                family=socket.AF_INET6 if ":" in address else socket.AF_INET,
                proto=0,
                flags=socket.AI_NUMERICHOST | socket.AI_NUMERICSERV,
            )
            for address in self.addresses
            if family in {socket.AF_UNSPEC, socket.AF_INET6 if ":" in address else socket.AF_INET}
        ]

    async def close(self) -> None:
        """Nothing is held open."""
