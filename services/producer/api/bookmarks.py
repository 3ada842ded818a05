"""Bookmarks over HTTP: handed in, listed, looked at and removed."""

from http import HTTPStatus
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, Header, Path, Query, Response

from services.producer.api.callers import Reading, Writing
from services.producer.api.doors import Door
from services.producer.api.problems import responses_of
from services.producer.domain import submissions
from shared.errors import NotFound, UnknownUser
from shared.ledger import Accepted
from shared.ledger.views import BookmarkView, Page, TextView
from shared.values import BookmarkId, JobState

router = APIRouter(prefix="/v1/users/{user}/bookmarks", tags=["bookmarks"])

_LARGEST_ID = 2**63 - 1
_ONE = {
    "type": "object",
    "required": ["url"],
    "additionalProperties": False,
    "properties": {
        "url": {"type": "string", "format": "iri", "maxLength": submissions.LONGEST_URL},
        "title": {"type": "string", "maxLength": submissions.LONGEST_TITLE},
        "tags": {
            "type": "array",
            "maxItems": submissions.MOST_TAGS,
            "items": {"type": "string", "minLength": 1, "maxLength": submissions.LONGEST_TAG},
        },
        "excerpt": {"type": "string", "maxLength": submissions.LONGEST_EXCERPT},
        "created_at": {"type": "string", "format": "date-time"},
        "external_id": {"type": "string", "maxLength": submissions.LONGEST_EXTERNAL_ID},
    },
}
_URL_ALONE = {"type": "string", "format": "iri"}
_ONE_OR_MANY = {
    "requestBody": {
        "required": True,
        "content": {
            "application/json": {
                "schema": {
                    "oneOf": [
                        _ONE,
                        _URL_ALONE,
                        {
                            "type": "array",
                            "minItems": 1,
                            "maxItems": submissions.MOST_BOOKMARKS,
                            "items": {"oneOf": [_ONE, _URL_ALONE]},
                        },
                    ]
                }
            }
        },
    }
}

BookmarkState = Literal[JobState.QUEUED, JobState.DONE, JobState.FAILED, JobState.CANCELLED]
BookmarkPath = Annotated[int, Path(ge=1, le=_LARGEST_ID, description="The bookmark's id.")]


@router.post(
    "",
    status_code=HTTPStatus.ACCEPTED,
    openapi_extra=_ONE_OR_MANY,
    responses={200: {"description": "The user had them all.", "model": list[Accepted]}, **responses_of(409)},
)
async def submit(
    asked: Writing,
    door: Door,
    response: Response,
    data: Annotated[Any, Body()],
    idempotency_key: Annotated[
        str | None, Header(description="Names this request: sent again, it answers what it answered.")
    ] = None,
) -> list[Accepted]:
    """Hand in one bookmark or up to 1,000: all are accepted, or none.

    202 when at least one is new, 200 when the user had them all; one answer each, in order.
    """
    accepted = await door.submit(asked.user, data, source="http", idempotency_key=idempotency_key)
    if not any(bookmark.created for bookmark in accepted):
        response.status_code = HTTPStatus.OK
    return accepted


@router.get("", name="list")
async def list_bookmarks(
    asked: Reading,
    door: Door,
    state: Annotated[BookmarkState | None, Query()] = None,
    cursor: Annotated[int | None, Query(ge=0, le=_LARGEST_ID, description="`after` of the page before.")] = None,
    limit: Annotated[int, Query(ge=1, le=200)] = 50,
) -> Page:
    """A user's bookmarks in order of their ids, with contents' facts, analyses and errors."""
    after = None if cursor is None else BookmarkId(cursor)
    page = await door.reports.bookmarks(asked.user, state=state, after=after, limit=limit)
    if not page.bookmarks and not await door.reports.knows(asked.user):
        raise UnknownUser(asked.user)
    return page


@router.get("/{bookmark}")
async def show(asked: Reading, door: Door, bookmark: BookmarkPath) -> BookmarkView:
    """One bookmark."""
    return await door.reports.bookmark(asked.user, BookmarkId(bookmark))


@router.get("/{bookmark}/content")
async def read(asked: Reading, door: Door, bookmark: BookmarkPath) -> TextView:
    """What was read from its page: the text, and where its links lead; 404 while there is nothing yet."""
    return await door.reports.text(asked.user, BookmarkId(bookmark))


@router.delete("/{bookmark}", status_code=HTTPStatus.NO_CONTENT)
async def remove(asked: Writing, door: Door, bookmark: BookmarkPath) -> None:
    """Delete a bookmark with its content and analysis; what runs for it is dropped."""
    if not await door.ledger.remove(asked.user, ids=[BookmarkId(bookmark)]):
        raise NotFound("This user has no such bookmark.")
