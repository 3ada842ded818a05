"""Slow pages: looked at by themselves, while their jobs wait in the ledger and no worker does.

Otherwise a host that hangs would hold a place in its user's window, and a worker, for as long as a page may take. Once
a page has arrived its host is not to blame: it is waited for, however many others wait to be read.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from contextvars import copy_context
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from services.scraper.domain.looking import Look, Looker, on_arrival
from shared.errors import HostBusy

_PATIENCE = timedelta(seconds=1.5)
_KEPT = timedelta(minutes=1)  # a look that nobody has come for
_AT_ONCE = 200  # under way or kept; more are waited for by whoever asks


class SlowPagesAside:
    """A `Looker` that answers soon: with another one's look, or with `HostBusy` until that may be there."""

    def __init__(self, looker: Looker, *, patience: timedelta = _PATIENCE) -> None:
        """Keep what looks; `patience` is how long a look is waited for before its page is put aside."""
        self._looker = looker
        self._patience = patience
        self._begun: dict[str, _Begun] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator["SlowPagesAside"]:
        """Itself; when the block ends, what is still under way is given up."""
        try:
            yield self
        finally:
            tasks = [begun.task for begun in self._begun.values()]
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    async def look(self, url: str, *, seen: Look | None = None) -> Look:
        """See `Looker.look`.

        Raises:
            HostBusy: the page takes its time; asked again then, this process has it, or its failure, at hand.
        """
        if seen is not None or (url not in self._begun and len(self._begun) >= _AT_ONCE):
            return await self._looker.look(url, seen=seen)
        begun = self._begun.get(url) or self._begin(url)
        await begun.ended_or_late(self._patience)
        if begun.task.done():
            self._forget(url, begun.task)
            return begun.task.result()
        # As long again as it has taken so far: what takes long is asked after rarely.
        raise HostBusy(until=datetime.now(UTC) + timedelta(seconds=begun.seconds))

    def _begin(self, url: str) -> "_Begun":
        loop, context, arrived = asyncio.get_running_loop(), copy_context(), asyncio.Event()
        context.run(on_arrival.set, arrived.set)
        task = loop.create_task(self._looker.look(url), context=context)
        task.add_done_callback(lambda done: self._keep_for_a_while(url, done))
        self._begun[url] = _Begun(task, arrived, loop.time())
        return self._begun[url]

    def _keep_for_a_while(self, url: str, task: asyncio.Task[Look]) -> None:
        if not task.cancelled():
            task.exception()  # seen, even if nobody comes for it
        task.get_loop().call_later(_KEPT.total_seconds(), self._forget, url, task)

    def _forget(self, url: str, task: asyncio.Task[Look]) -> None:
        if url in self._begun and self._begun[url].task is task:
            del self._begun[url]


@dataclass(frozen=True, slots=True)
class _Begun:
    """A look that is under way or kept, and whether its page has arrived."""

    task: asyncio.Task[Look]
    arrived: asyncio.Event
    since: float

    @property
    def seconds(self) -> float:
        return asyncio.get_running_loop().time() - self.since

    async def ended_or_late(self, patience: timedelta) -> None:
        """Wait for the look's end, but for its page no longer than this."""
        await asyncio.wait({self.task}, timeout=max(0, patience.total_seconds() - self.seconds))
        if self.arrived.is_set():
            await asyncio.wait({self.task})
