"""One user over HTTP: how they stand, getting on with their bookmarks, watching, and forgetting them."""

from collections.abc import AsyncIterable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.producer.api.callers import Reading, Writing
from services.producer.api.doors import Door
from services.producer.api.watching import watched
from services.producer.domain.processing import Queued
from services.producer.domain.standing import RateLimit, Stats
from shared.tokens import Scope

router = APIRouter(prefix="/v1/users/{user}", tags=["users"])


@router.get("/rate-limit")
async def rate_limit(asked: Reading, door: Door) -> RateLimit:
    """Whether a call may be made now, what is used and left, which key serves, what waits, and what to do about it."""
    return await door.standing.rate_limit(asked.user)


@router.get("/stats")
async def stats(asked: Reading, door: Door) -> Stats:
    """As rate-limit, with the user's key and tokens; answers also while the quota's counters are away."""
    return await door.standing.stats(asked.user)


@router.post("/process", status_code=HTTPStatus.ACCEPTED)
async def process(
    asked: Writing, door: Door, limit: Annotated[int | None, Query(ge=1, description="At most so many.")] = None
) -> Queued:
    """Queue what could be analysed better now, and end waits that may be over."""
    return await door.process(asked.user, limit=limit)


@router.get("/progress", response_class=EventSourceResponse)
async def progress(asked: Reading, door: Door) -> AsyncIterable[ServerSentEvent]:
    """The user's bookmarks, stages, newest results and standing as they change: server-sent events named `progress`."""
    async for event in watched(lambda: door.snapshots.of_user(asked.user)):
        yield event


@router.delete("")
async def erase(asked: Writing, door: Door) -> dict[str, int]:
    """Delete everything of the user: key, bookmarks, contents, analyses and jobs. Answers how many bookmarks went."""
    asked.caller.require(Scope.KEYS, of=asked.user)
    return {"bookmarks": await door.erase(asked.user, by=asked.actor)}
