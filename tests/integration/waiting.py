"""Waiting for a condition instead of for a time."""

import asyncio
import inspect
import time
from collections.abc import Awaitable, Callable


async def until(holds: Callable[[], object | Awaitable[object]], *, what: str, within_s: float = 60.0) -> None:
    """Come back once `holds()` is true; fail when it is not in time."""
    deadline = time.monotonic() + within_s
    while True:
        found = holds()
        if await found if inspect.isawaitable(found) else found:
            return
        assert time.monotonic() < deadline, f"not within {within_s} s: {what}"
        await asyncio.sleep(0.02)
