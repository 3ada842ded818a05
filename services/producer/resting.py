"""The producer's endless loops; while a server is away they say so once a try, and wait longer each time."""

import asyncio
from collections.abc import Awaitable, Callable
from datetime import timedelta
from typing import NoReturn

from shared.errors import BrokerUnavailable, FleetError, LedgerUnavailable
from shared.logs import log
from shared.patience import backoff_s

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0


async def again_and_again(chore: Callable[[], Awaitable[bool]], *, task: str, rest: timedelta) -> NoReturn:
    """Do a chore for ever: at once again while it says that there is more, else after a rest."""
    failures = 0
    while True:
        try:
            more = await chore()
        except (BrokerUnavailable, LedgerUnavailable) as error:
            await rest_after(error, failures, task=task)
            failures += 1
            continue
        failures = 0
        if not more:
            await asyncio.sleep(rest.total_seconds())


async def rest_after(error: FleetError, failures: int, *, task: str) -> None:
    """Wait after so many failures in a row; `task` says who waits."""
    log.warning("task_resting", task=task, code=error.code, sentence=error.sentence, advice=error.advice)
    await asyncio.sleep(backoff_s(failures, first=_FIRST_PAUSE_S, longest=_LONGEST_PAUSE_S))
