"""Slow pages: looked at by themselves, while their jobs wait in the ledger and no worker does.

Otherwise a host that hangs would hold a place in its user's window, and a worker, for as long as a page may take.
"""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime, timedelta

from services.scraper.domain.looking import Look, Looker
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
        self._begun: dict[str, tuple[asyncio.Task[Look], float]] = {}

    @asynccontextmanager
    async def open(self) -> AsyncIterator["SlowPagesAside"]:
        """Itself; when the block ends, what is still under way is given up."""
        try:
            yield self
        finally:
            tasks = [task for task, _ in self._begun.values()]
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
        task, since = self._begun.get(url) or self._begin(url)
        taken = asyncio.get_running_loop().time() - since
        await asyncio.wait({task}, timeout=max(0, self._patience.total_seconds() - taken))
        if task.done():
            self._forget(url, task)
            return task.result()
        # As long again as it has taken so far: what takes long is asked after rarely.
        raise HostBusy(until=datetime.now(UTC) + timedelta(seconds=asyncio.get_running_loop().time() - since))

    def _begin(self, url: str) -> tuple[asyncio.Task[Look], float]:
        task = asyncio.create_task(self._looker.look(url))
        task.add_done_callback(lambda done: self._keep_for_a_while(url, done))
        self._begun[url] = task, asyncio.get_running_loop().time()
        return self._begun[url]

    def _keep_for_a_while(self, url: str, task: asyncio.Task[Look]) -> None:
        if not task.cancelled():
            task.exception()  # seen, even if nobody comes for it
        task.get_loop().call_later(_KEPT.total_seconds(), self._forget, url, task)

    def _forget(self, url: str, task: asyncio.Task[Look]) -> None:
        if url in self._begun and self._begun[url][0] is task:
            del self._begun[url]
