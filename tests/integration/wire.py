"""A wire to a real server that can be cut: a TCP proxy in the test's own loop."""

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
        self.url = parts._replace(netloc=f"{parts.netloc.rpartition('@')[0]}@127.0.0.1:{self._port}").geturl()

    def cut(self) -> int:
        """Break every connection that goes through; how many there were."""
        cut, self._open = self._open, set()
        for writer in cut:
            writer.transport.abort()
        return len(cut)

    async def _forward(self, client: asyncio.StreamReader, to_client: asyncio.StreamWriter) -> None:
        server, to_server = await asyncio.open_connection(*self._server)
        self._open |= {to_client}
        await asyncio.gather(_pump(client, to_server), _pump(server, to_client))
        self._open -= {to_client}

    @asynccontextmanager
    async def strung(self) -> AsyncIterator["Wire"]:
        """The wire is there while the block runs."""
        listening = await asyncio.start_server(self._forward, "127.0.0.1", self._port)
        try:
            yield self
        finally:
            self.cut()
            listening.close()


async def _pump(source: asyncio.StreamReader, sink: asyncio.StreamWriter) -> None:
    try:
        while data := await source.read(65_536):
            sink.write(data)
            await sink.drain()
    except ConnectionError:
        pass
    finally:
        sink.transport.abort()
