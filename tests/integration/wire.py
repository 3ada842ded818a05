"""A wire to a real server that can be cut or go dead: a TCP proxy in the test's own loop."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from urllib.parse import urlsplit

from services.local.ports import free_port


class Wire:
    """Forwards bytes to the server at `url`; `self.url` leads through it."""

    def __init__(self, url: str) -> None:
        parts = urlsplit(url)
        assert parts.hostname
        assert parts.port
        self._server = (parts.hostname, parts.port)
        self._port = free_port()
        self._open: set[asyncio.StreamWriter] = set()
        self._alive = asyncio.Event()
        self._alive.set()
        self.url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self._port}").geturl()

    def cut(self) -> int:
        """Break every connection that goes through; how many there were."""
        cut, self._open = self._open, set()
        for writer in cut:
            writer.transport.abort()
        return len(cut)

    def die(self) -> None:
        """Carry nothing any more and let nobody know: connections stay open on both sides."""
        self._alive.clear()

    def revive(self) -> None:
        """Carry again, what was held first."""
        self._alive.set()

    async def _forward(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(*self._server)
        self._open |= {to_client}
        await asyncio.gather(self._pump(client, to_server), self._pump(server, to_client))
        self._open -= {to_client}

    async def _pump(self, source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
        try:
            while data := await source.read(65_536):
                await self._alive.wait()
                sink.write(data)
                await sink.drain()
        except ConnectionError:
            pass
        finally:
            sink.transport.abort()

    @asynccontextmanager
    async def strung(self) -> AsyncIterator["Wire"]:
        """The wire is there while the block runs."""
        listening = await asyncio.start_server(self._forward, "127.0.0.1", self._port)
        try:
            yield self
        finally:
            self.cut()
            listening.close()
