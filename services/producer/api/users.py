"""One user over HTTP: how they stand, getting on with their bookmarks, watching, and forgetting them."""

from collections.abc import AsyncIterable
from http import HTTPStatus
from typing import Annotated

from fastapi import APIRouter, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, ConfigDict, Field

from services.producer.api.callers import Reading, Writing
from services.producer.api.doors import Door
from services.producer.api.watching import watched
from services.producer.domain.processing import Queued
from services.producer.domain.standing import RateLimit, Stats
from shared.preferences import language
from shared.tokens import Scope
from shared.values import UserId

router = APIRouter(prefix="/v1/users/{user}", tags=["users"])


@router.get("/rate-limit")
async def rate_limit(asked: Reading, door: Door) -> RateLimit:
    """Whether a call may be made now, what is used and left, which key serves, what waits, and what to do about it."""
    return await door.standing.rate_limit(asked.user)


@router.get("/stats")
async def stats(asked: Reading, door: Door) -> Stats:
    """As rate-limit, with the user's key and tokens; answers also while the quota's counters are away."""
    return await door.standing.stats(asked.user)


class ToPrefer(BaseModel):
    """What a user wishes; null leaves it to the deployment."""

    model_config = ConfigDict(extra="forbid")

    language: str | None = Field(max_length=40, description="`de`, `pt-BR`, …, or `page` for each page's own.")


class PreferencesView(BaseModel):
    """What holds for a user: their own wish, else the deployment's."""

    user: UserId
    language: str


@router.get("/preferences")
async def preferences(asked: Reading, door: Door) -> PreferencesView:
    """The language the user's analyses are written in."""
    return PreferencesView(user=asked.user, language=await door.preferences.language_of(asked.user))


@router.put("/preferences")
async def set_preferences(asked: Writing, door: Door, wanted: ToPrefer) -> PreferencesView:
    """Choose the language of the user's next analyses; those there are stay as they are."""
    chosen = None if wanted.language is None else language(wanted.language)
    await door.preferences.set_language(asked.user, chosen, by=asked.actor)
    return await preferences(asked, door)


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
