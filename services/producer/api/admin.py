"""The whole fleet over HTTP, for callers with the scope `admin`."""

from collections.abc import AsyncIterable
from datetime import datetime
from typing import Annotated

from fastapi import APIRouter, Depends, Query
from fastapi.sse import EventSourceResponse, ServerSentEvent
from pydantic import BaseModel, Field

from services.producer.api.callers import admin
from services.producer.api.doors import Door
from services.producer.api.watching import watched
from shared.ledger.views import Overview
from shared.signals import SignalKind
from shared.users import user_id
from shared.values import UserId

router = APIRouter(prefix="/v1/admin", tags=["admin"], dependencies=[Depends(admin)])


class SignalView(BaseModel):
    """One kind of sign of abuse of one user."""

    user: UserId
    kind: SignalKind
    meaning: str = Field(description="What looked wrong, in words.")
    times: int
    first_at: datetime
    last_at: datetime
    details: dict[str, str | int] = Field(description="The newest sign's figures.")


@router.get("/overview")
async def overview(door: Door) -> Overview:
    """What waits and why, what is done, and how the last hour went.

    `health` counts what ended in each stage within the hour, how long it took and why jobs failed, users' keys by
    status, and users whose calls are used up.
    """
    return await door.reports.overview()


@router.get("/signals")
async def signals(
    door: Door,
    user: Annotated[str | None, Query(description="One user's only.")] = None,
    limit: Annotated[int, Query(ge=1, le=1_000)] = 100,
) -> list[SignalView]:
    """Signs of abuse, newest first; nothing is refused because of them, an operator may pause a user."""
    newest = await door.signals.newest(limit, user=None if user is None else user_id(user))
    return [SignalView.model_validate(signal.as_json()) for signal in newest]


@router.get("/progress", response_class=EventSourceResponse)
async def progress(door: Door) -> AsyncIterable[ServerSentEvent]:
    """The fleet as it changes: server-sent events named `progress`."""
    async for event in watched(door.snapshots.of_fleet):
        yield event
