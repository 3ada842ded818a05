"""What the producer's endless loops do while a server is away: say so once a try, and wait longer each time."""

import asyncio

from shared.errors import FleetError
from shared.logs import log
from shared.patience import backoff_s

_FIRST_PAUSE_S = 0.2
_LONGEST_PAUSE_S = 10.0


async def rest_after(error: FleetError, failures: int, *, task: str) -> None:
    """Wait after so many failures in a row; `task` says who waits."""
    log.warning("task_resting", task=task, code=error.code, sentence=error.sentence, advice=error.advice)
    await asyncio.sleep(backoff_s(failures, first=_FIRST_PAUSE_S, longest=_LONGEST_PAUSE_S))
