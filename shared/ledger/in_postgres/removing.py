"""Removals: bookmarks with all that hangs on them, or everything of a user."""

from collections.abc import Sequence

from sqlalchemy import delete, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Actor
from shared.audit.in_postgres import record_within
from shared.ledger import Erased
from shared.ledger.in_postgres.lanes import Windows, hold, settle
from shared.ledger.in_postgres.rows import url_digest
from shared.ledger.tables import audit, bookmarks, lanes, metadata, provider_calls
from shared.values import BookmarkId, UserId

_KEPT_BY_OTHERS = {audit, provider_calls}  # the trail, and the journal (shared.usage), which forgets by itself
_OF_USERS = [
    lanes,
    *(
        table
        for table in metadata.sorted_tables
        if "user_id" in table.c
        and table not in {lanes, bookmarks, *_KEPT_BY_OTHERS}
        and not table.foreign_keys  # what hangs on bookmarks goes with them
    ),
]
"""Every table with a user in it, new ones too, the lanes first."""


async def remove(
    work: AsyncConnection, windows: Windows, user: UserId, ids: Sequence[BookmarkId], urls: Sequence[str]
) -> int:
    """See `Ledger.remove`; contents, analyses and jobs go with their bookmark."""
    await hold(work, [user])
    named = or_(bookmarks.c.id.in_(ids), bookmarks.c.url_digest.in_([url_digest(url) for url in urls]))
    gone = await work.execute(delete(bookmarks).where(bookmarks.c.user_id == user, named))
    await settle(work, windows, user)
    return gone.rowcount


async def erase(work: AsyncConnection, user: UserId, by: Actor) -> Erased:
    """See `Ledger.erase`.

    The lanes go first: whoever records a provider call holds one, so what is begun later finds none and stops.
    """
    await hold(work, [user])
    rows = [await work.execute(delete(table).where(table.c.user_id == user)) for table in _OF_USERS]
    gone = await work.execute(delete(bookmarks).where(bookmarks.c.user_id == user))
    await record_within(work, by, "user_erased", user, {"bookmarks": gone.rowcount})
    return Erased(bookmarks=gone.rowcount, anything=any(each.rowcount for each in (*rows, gone)))
