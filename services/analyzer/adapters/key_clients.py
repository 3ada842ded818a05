"""A client per key, a bounded number of them: no request can carry a key other than its client's own."""

import asyncio
import time
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from hashlib import sha256
from typing import Generic, Protocol, TypeVar

IDLE = timedelta(minutes=3)
"""A client nobody used for so long is closed: its key may have been removed, and should not stay in memory."""


class Client(Protocol):
    """Something that talks to the provider on one key."""

    async def close(self) -> None:
        """Let go of its connections."""
        ...


C = TypeVar("C", bound=Client)


@dataclass(slots=True)
class _Entry(Generic[C]):
    """One key's client, who is using it, and whether it goes when the last of them is done."""

    client: C
    used_at: float
    users: int = 0
    retired: bool = False


@dataclass(slots=True)
class KeyClients(Generic[C]):
    """Clients by key, the least recently used closed first; to be used and closed on one event loop.

    Attributes:
        connect: makes a client for a key; called in a thread, one at a time.
        most: clients kept at most, besides those in use.
    """

    connect: Callable[[str], C]
    most: int = 64
    clock: Callable[[], float] = time.monotonic
    _entries: OrderedDict[str, _Entry[C]] = field(default_factory=OrderedDict)
    _one_at_a_time: asyncio.Lock = field(default_factory=asyncio.Lock)

    async def prepare(self, key: str) -> None:
        """Have the key's client ready, so that nobody waits for it between a permit and its call.

        Raises:
            ValueError: the key is empty.
        """
        await self._entry(key)
        await self._retire_surplus()

    @asynccontextmanager
    async def client_for(self, key: str) -> AsyncIterator[C]:
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
            entry.used_at = self.clock()
            await self._retire_surplus()
            if entry.retired and not entry.users:
                await asyncio.shield(entry.client.close())

    async def warm_up(self) -> None:
        """Pay for the first client, a third of a second, before a permit that soon lapses has to."""
        client = await asyncio.to_thread(self.connect, "no-key-and-never-sent")
        await client.close()

    async def tidy(self) -> None:
        """Close the clients that were idle for `IDLE`."""
        since = self.clock() - IDLE.total_seconds()
        for name in [name for name, entry in self._entries.items() if entry.used_at < since and not entry.users]:
            await asyncio.shield(self._entries.pop(name).client.close())

    async def close(self) -> None:
        """Close every client."""
        while self._entries:
            _, entry = self._entries.popitem()
            await entry.client.close()

    async def _entry(self, key: str) -> _Entry[C]:
        if not key.strip():
            raise ValueError("an empty key")
        name = sha256(key.encode()).hexdigest()
        async with self._one_at_a_time:
            if name not in self._entries:
                # Beside the loop: other users' permits lapse while it stands still.
                self._entries[name] = _Entry(await asyncio.to_thread(self.connect, key), self.clock())
        self._entries.move_to_end(name)
        return self._entries[name]

    async def _retire_surplus(self) -> None:
        while len(self._entries) > self.most:
            _, entry = self._entries.popitem(last=False)
            entry.retired = True
            if not entry.users:
                await asyncio.shield(entry.client.close())
