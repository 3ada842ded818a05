"""Running endless tasks until a signal: the first that fails ends all, and its error is the process's."""

import asyncio
import signal
from collections.abc import Iterable
from typing import NoReturn


async def until_signalled(tasks: Iterable[asyncio.Task[NoReturn]]) -> None:
    """Wait for SIGTERM or SIGINT, then cancel the tasks and wait for their end.

    Raises:
        BaseException: what one of the tasks failed with; the others are cancelled first.
    """
    stop = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    stopping = asyncio.create_task(stop.wait())
    running: list[asyncio.Task[NoReturn]] = list(tasks)
    await asyncio.wait([stopping, *running], return_when=asyncio.FIRST_COMPLETED)
    for task in (stopping, *running):
        task.cancel()
    ended = await asyncio.gather(*running, return_exceptions=True)
    for outcome in ended:
        if not isinstance(outcome, asyncio.CancelledError):
            raise outcome
