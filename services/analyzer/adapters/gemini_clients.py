"""A client per key, a bounded number of them: no request can carry a key other than its client's own."""

import asyncio
from collections import OrderedDict
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from hashlib import sha256
from ssl import SSLContext

import httpx2
from google.genai import Client, types

from shared.keys import ApiKey


@dataclass(slots=True)
class _Entry:
    """One key's client, who is using it, and whether it goes when the last of them is done."""

    client: Client
    http: httpx2.AsyncClient
    users: int = 0
    retired: bool = False

    async def close(self) -> None:
        await self.client.aio.aclose()
        self.client.close()
        await self.http.aclose()


@dataclass(slots=True)
class GeminiClients:
    """Clients by key, the least recently used closed first; to be used and closed on one event loop.

    Attributes:
        base_url: where the API is.
        api_version: `v1beta` or `v1`.
        timeout_s: how long the provider may take between two bytes, seconds.
        most: clients kept at most, besides those in use.
    """

    base_url: str
    api_version: str
    timeout_s: float
    most: int = 64
    _entries: OrderedDict[str, _Entry] = field(default_factory=OrderedDict)
    _ssl: SSLContext | None = None
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def prepare(self, key: ApiKey) -> None:
        """Have the key's client ready, so that nobody waits for it between a permit and its call.

        Raises:
            ValueError: the key is empty.
        """
        await self._entry(key)
        await self._retire_surplus()

    @asynccontextmanager
    async def client_for(self, key: ApiKey) -> AsyncIterator[Client]:
        """The key's client, open as long as the block runs.

        Raises:
            ValueError: the key is empty; the library would look for one in the environment instead.
        """
        entry = await self._entry(key)
        entry.users += 1
        try:
            yield entry.client
        finally:
            entry.users -= 1
            await self._retire_surplus()
            if entry.retired and not entry.users:
                await asyncio.shield(entry.close())

    async def warm_up(self) -> None:
        """Pay for the first client, a third of a second, before a permit that soon lapses has to."""
        await self._connect("no-key-and-never-sent").close()

    async def close(self) -> None:
        """Close every client."""
        while self._entries:
            _, entry = self._entries.popitem()
            await entry.close()

    async def _entry(self, key: ApiKey) -> _Entry:
        plaintext = key.get_secret_value()
        if not plaintext.strip():
            raise ValueError("an empty key")
        name = sha256(plaintext.encode()).hexdigest()
        async with self._one_at_a_time:
            if name not in self._entries:
                # Beside the loop: other users' permits lapse while it stands still.
                self._entries[name] = await asyncio.to_thread(self._connect, plaintext)
        self._entries.move_to_end(name)
        return self._entries[name]

    async def _retire_surplus(self) -> None:
        while len(self._entries) > self.most:
            _, entry = self._entries.popitem(last=False)
            entry.retired = True
            if not entry.users:
                await asyncio.shield(entry.close())

    def _connect(self, plaintext: str) -> _Entry:
        """A client that takes nothing from the environment but proxies and certificates."""
        if self._ssl is None:
            self._ssl = (
                httpx2.create_ssl_context()
            )  # costs more than all the rest; certificates are the same for everybody
        http = httpx2.AsyncClient(verify=self._ssl, follow_redirects=False)  # a redirect would take the key along
        options = types.HttpOptions(
            base_url=self.base_url,
            api_version=self.api_version,
            timeout=int(self.timeout_s * 1_000),
            retry_options=types.HttpRetryOptions(attempts=1),
            httpx_async_client=http,
            client_args={"verify": self._ssl},
            async_client_args={"ssl": self._ssl},
        )
        return _Entry(Client(api_key=plaintext, vertexai=False, http_options=options), http)
