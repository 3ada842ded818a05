"""Moving in and out over HTTP: a file of bookmarks as browsers export it, and everything that is kept of a user's."""

import asyncio
import json
from collections.abc import AsyncIterator
from http import HTTPStatus

from fastapi import APIRouter, Request, Response
from fastapi.responses import StreamingResponse
from pydantic import BaseModel

from services.producer.adapters.exports import exported_bookmarks
from services.producer.api.callers import Reading, Writing
from services.producer.api.doors import Door
from services.producer.domain.importing import ImportBookmarks
from shared.errors import UnknownUser
from shared.ledger.reports import Reports
from shared.values import UserId

router = APIRouter(prefix="/v1/users/{user}", tags=["bookmarks"])

_LINES = "application/x-ndjson"
_A_FILE = {"requestBody": {"required": True, "content": {"text/html": {"schema": {"type": "string"}}}}}


class ImportView(BaseModel):
    """What came of a file: bookmarks in it, how many of them are new, and entries that lead to no web page."""

    bookmarks: int
    created: int
    left_out: int


@router.post(
    "/imports",
    name="import",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_A_FILE,
    responses={200: {"description": "The user had them all.", "model": ImportView}},
)
async def import_file(asked: Writing, door: Door, request: Request, response: Response) -> ImportView:
    """Hand in the bookmarks of a file as browsers and reading lists export them, in HTML; folders become tags.

    202 when at least one is new, 200 when the user had them all.
    """
    html = (await request.body()).decode(errors="replace")
    entries = await asyncio.to_thread(exported_bookmarks, html)
    imported = await ImportBookmarks(door.submit)(asked.user, entries, source="http")
    created = sum(bookmark.created for bookmark in imported.accepted)
    if not created:
        response.status_code = HTTPStatus.OK
    return ImportView(bookmarks=len(imported.accepted), created=created, left_out=imported.left_out)


@router.get(
    "/export",
    response_class=StreamingResponse,
    responses={200: {"description": "A JSON object a line.", "content": {_LINES: {"schema": {"type": "string"}}}}},
)
async def export(asked: Reading, door: Door) -> StreamingResponse:
    """Everything that is kept of the user's bookmarks: as they are listed, and with what was read of their pages."""
    if not await door.reports.knows(asked.user):
        raise UnknownUser(asked.user)
    return StreamingResponse(_lines(door.reports, asked.user), media_type=_LINES)


async def _lines(reports: Reports, user: UserId) -> AsyncIterator[str]:
    async for bookmark in reports.export(user):
        yield json.dumps(bookmark, ensure_ascii=False) + "\n"
