"""Removals: bookmarks with all that hangs on them, or everything of a user."""

from collections.abc import Sequence

from sqlalchemy import delete, or_
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Actor
from shared.audit.in_postgres import record_within
from shared.ledger.in_postgres.lanes import Windows, hold, settle
from shared.ledger.in_postgres.rows import url_digest
from shared.ledger.tables import (
    bookmarks,
    lanes,
    learned_limits,
    outbox,
    provider_calls,
    receipts,
    signals,
    user_limits,
)
from shared.values import BookmarkId, UserId


async def remove(
    work: AsyncConnection, windows: Windows, user: UserId, ids: Sequence[BookmarkId], urls: Sequence[str]
) -> int:
    """See `Ledger.remove`; contents, analyses and jobs go with their bookmark."""
    await hold(work, [user])
    named = or_(bookmarks.c.id.in_(ids), bookmarks.c.url_digest.in_([url_digest(url) for url in urls]))
    gone = await work.execute(delete(bookmarks).where(bookmarks.c.user_id == user, named))
    await settle(work, windows, user)
    return gone.rowcount


async def erase(work: AsyncConnection, user: UserId, by: Actor) -> int:
    """See `Ledger.erase`; keys have a registry of their own, and the audit stays."""
    await hold(work, [user])
    gone = await work.execute(delete(bookmarks).where(bookmarks.c.user_id == user))
    for table in (receipts, outbox, provider_calls, user_limits, learned_limits, signals, lanes):
        await work.execute(delete(table).where(table.c.user_id == user))
    await record_within(work, by, "user_erased", user, {"bookmarks": gone.rowcount})
    return gone.rowcount
