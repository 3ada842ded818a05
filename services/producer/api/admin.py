"""The whole fleet over HTTP, for callers with the scope `admin`."""

from collections.abc import AsyncIterable

from fastapi import APIRouter, Depends
from fastapi.sse import EventSourceResponse, ServerSentEvent

from services.producer.api.callers import admin
from services.producer.api.doors import Door
from services.producer.api.watching import watched
from shared.ledger.views import Overview

router = APIRouter(prefix="/v1/admin", tags=["admin"], dependencies=[Depends(admin)])


@router.get("/overview")
async def overview(door: Door) -> Overview:
    """Stages, lanes that wait and why, bookmarks and analyses, as they stand now."""
    return await door.reports.overview()


@router.get("/progress", response_class=EventSourceResponse)
async def progress(door: Door) -> AsyncIterable[ServerSentEvent]:
    """The fleet as it changes: server-sent events named `progress`."""
    async for event in watched(door.snapshots.of_fleet):
        yield event
