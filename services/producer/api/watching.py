"""Server-sent events: a picture whenever it changed, looked for every second."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from time import monotonic
from typing import Any

from fastapi.sse import ServerSentEvent

from shared.errors import FleetError

_LOOK_EVERY_S = 1.0
_STILL_THERE_EVERY_S = 15.0
_LONGEST_S = 600.0  # then the caller connects again, and its token is checked again


async def watched(look: Callable[[], Awaitable[dict[str, Any]]]) -> AsyncIterator[ServerSentEvent]:
    """`progress` events with what `look` shows; `trouble` with a sentence while it cannot be seen."""
    began = told = monotonic()
    before: ServerSentEvent | None = None
    while monotonic() - began < _LONGEST_S:
        event = await _event(look)
        if event != before or monotonic() - told >= _STILL_THERE_EVERY_S:
            yield event
            before, told = event, monotonic()
        await asyncio.sleep(_LOOK_EVERY_S)


async def _event(look: Callable[[], Awaitable[dict[str, Any]]]) -> ServerSentEvent:
    try:
        return ServerSentEvent(event="progress", data=await look())
    except FleetError as error:
        return ServerSentEvent(event="trouble", data={"code": error.code, "detail": error.sentence})
