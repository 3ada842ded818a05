"""The outbox: what others must be told is written in the transaction that makes it true."""

from collections.abc import Sequence

from sqlalchemy import any_, bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, JSONB, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import FleetError
from shared.ledger.tables import bookmarks, outbox
from shared.values import BookmarkId

SCRAPED = "bookmark.scraped"
ANALYZED = "bookmark.analyzed"
FAILED = "bookmark.failed"

_BOOKMARK = func.jsonb_build_object(
    "bookmark_id", bookmarks.c.id,
    "url", bookmarks.c.url,
    "external_id", bookmarks.c.external_id,
    "user", bookmarks.c.user_id,
)  # fmt: skip
_TELL = insert(outbox).from_select(
    ["user_id", "type", "data"],
    select(
        bookmarks.c.user_id,
        bindparam("type", type_=TEXT),
        _BOOKMARK.op("||")(bindparam("why", type_=JSONB)),
    ).where(bookmarks.c.id == any_(bindparam("about", type_=ARRAY(BIGINT)))),
)


async def tell(
    work: AsyncConnection, type_: str, about: Sequence[BookmarkId], *, error: FleetError | None = None
) -> None:
    """Queue one event for each bookmark, with its id, URL, user and upstream's own id; a failure with its reasons."""
    why = {} if error is None else {"code": error.code, "sentence": error.sentence, "advice": error.advice}
    if about:
        await work.execute(_TELL, {"type": type_, "why": why, "about": list(about)})
