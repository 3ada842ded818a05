"""The outbox: what others must be told is written in the transaction that makes it true."""

from collections.abc import Sequence

from sqlalchemy import func, insert, literal, select
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import FleetError
from shared.ledger.tables import bookmarks, outbox
from shared.values import BookmarkId

SCRAPED = "bookmark.scraped"
ANALYZED = "bookmark.analyzed"
FAILED = "bookmark.failed"


async def tell(
    work: AsyncConnection, type_: str, about: Sequence[BookmarkId], *, error: FleetError | None = None
) -> None:
    """Queue one event for each bookmark, with its id, URL, user and upstream's own id; a failure with its reasons."""
    if not about:
        return
    why = {} if error is None else {"code": error.code, "sentence": error.sentence, "advice": error.advice}
    data = func.jsonb_build_object(
        "bookmark_id", bookmarks.c.id,
        "url", bookmarks.c.url,
        "external_id", bookmarks.c.external_id,
        "user", bookmarks.c.user_id,
    )  # fmt: skip
    each = select(bookmarks.c.user_id, literal(type_), data.op("||")(literal(why, JSONB))).where(
        bookmarks.c.id.in_(about)
    )
    await work.execute(insert(outbox).from_select(["user_id", "type", "data"], each))
