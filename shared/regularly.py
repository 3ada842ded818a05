"""Chores a process does beside its work, again and again."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from datetime import timedelta

from shared.logs import log


@asynccontextmanager
async def regularly(chore: Callable[[], Awaitable[object]], *, every: timedelta) -> AsyncIterator[None]:
    """Do a chore while the block runs, with this rest between; one that fails is logged and done again next time."""
    task = asyncio.create_task(_for_ever(chore, every))
    try:
        yield
    finally:
        task.cancel()
        await asyncio.wait([task])


async def _for_ever(chore: Callable[[], Awaitable[object]], every: timedelta) -> None:
    while True:
        await asyncio.sleep(every.total_seconds())
        try:
            await chore()
        except Exception:  # noqa: BLE001 - whatever it is, the work beside it goes on
            log.exception("chore_failed")
