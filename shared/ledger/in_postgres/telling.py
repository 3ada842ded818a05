"""The outbox: what others must be told is written in the transaction that makes it true."""

from collections.abc import Sequence

from sqlalchemy import any_, bindparam, func, insert, select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, JSONB, TEXT
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.errors import FleetError
from shared.ledger import Pause
from shared.ledger.tables import bookmarks, outbox
from shared.tracing import traceparent
from shared.values import BookmarkId, UserId
from shared.waiting import words_of

SCRAPED = "bookmark.scraped"
ANALYZED = "bookmark.analyzed"
FAILED = "bookmark.failed"
EXHAUSTED = "quota.exhausted"

_BOOKMARK = func.jsonb_build_object(
    "bookmark_id", bookmarks.c.id,
    "url", bookmarks.c.url,
    "external_id", bookmarks.c.external_id,
    "user", bookmarks.c.user_id,
)  # fmt: skip
_TELL = insert(outbox).from_select(
    ["user_id", "type", "data", "trace"],
    select(
        bookmarks.c.user_id,
        bindparam("type", type_=TEXT),
        _BOOKMARK.op("||")(bindparam("why", type_=JSONB)),
        bindparam("trace", type_=TEXT),
    ).where(bookmarks.c.id == any_(bindparam("about", type_=ARRAY(BIGINT)))),
)


async def tell(
    work: AsyncConnection, type_: str, about: Sequence[BookmarkId], *, error: FleetError | None = None
) -> None:
    """Queue one event for each bookmark, with its id, URL, user and upstream's own id; a failure with its reasons."""
    why = {} if error is None else {"code": error.code, "sentence": error.sentence, "advice": error.advice}
    if about:
        await work.execute(_TELL, {"type": type_, "why": why, "about": list(about), "trace": traceparent()})


async def tell_exhausted(work: AsyncConnection, user: UserId, pause: Pause) -> None:
    """Queue the event that a user's quota is used up, if that is what the pause is for."""
    if pause.spent_window is None:
        return
    words = words_of(pause.reason)
    data = {
        "user": user,
        "window": pause.spent_window,
        "until": pause.until.isoformat(),
        "sentence": f"{words.because[0].upper()}{words.because[1:]}.",
        "advice": words.advice,
    }
    await work.execute(outbox.insert().values(user_id=user, type=EXHAUSTED, data=data, trace=traceparent()))
