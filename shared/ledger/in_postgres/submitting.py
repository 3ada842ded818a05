"""Submissions: new bookmarks are kept and queued, known ones brought up to date, replays answered as before."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bookmarks import NewBookmark
from shared.errors import IdempotencyConflict
from shared.ledger import Accepted, Receipt
from shared.ledger.in_postgres.jobs import enqueue
from shared.ledger.in_postgres.lanes import Windows, hold, open_lane, settle
from shared.ledger.in_postgres.rows import bookmark_row, url_digest
from shared.ledger.submissions import answers, details, merged
from shared.ledger.tables import bookmarks, receipts
from shared.values import BookmarkId, Stage, UserId


async def submit(
    work: AsyncConnection,
    windows: Windows,
    user: UserId,
    submitted: Sequence[NewBookmark],
    receipt: Receipt | None,
) -> list[Accepted]:
    """See `Ledger.submit`."""
    while (user, Stage.SCRAPE) not in await hold(work, [user]):  # again, should an erasure come between
        await open_lane(work, user, Stage.SCRAPE)
    if receipt is not None and (answer := await _answered(work, user, receipt)) is not None:
        return answer

    each = merged(submitted)
    known = await _known(work, user, list(each))
    fresh = await _write(work, user, [new for url, new in each.items() if url not in known])
    await _write(work, user, [new for url, new in each.items() if url in known and details(new)])
    await enqueue(work, user, Stage.SCRAPE, list(fresh.values()))
    await settle(work, windows, user)

    answer = answers(submitted, known | fresh, known=known)
    if receipt is not None:
        await _remember(work, user, receipt, answer)
    return answer


async def _known(work: AsyncConnection, user: UserId, urls: Sequence[str]) -> dict[str, BookmarkId]:
    """The ids of those URLs the user has."""
    by_digest = {url_digest(url): url for url in urls}
    mine = select(bookmarks.c.url_digest, bookmarks.c.id).where(
        bookmarks.c.user_id == user, bookmarks.c.url_digest.in_(by_digest)
    )
    return {by_digest[digest]: BookmarkId(id_) for digest, id_ in await work.execute(mine)}


async def _write(work: AsyncConnection, user: UserId, each: Sequence[NewBookmark]) -> dict[str, BookmarkId]:
    """Insert bookmarks or bring them up to date with what is given; their ids by URL."""
    if not each:
        return {}
    new = insert(bookmarks)
    said = new.excluded
    statement = new.on_conflict_do_update(
        index_elements=["user_id", "url_digest"],
        set_={
            "title": func.coalesce(func.nullif(said.title, ""), bookmarks.c.title),
            "tags": func.coalesce(func.nullif(said.tags, []), bookmarks.c.tags),
            "excerpt": func.coalesce(func.nullif(said.excerpt, ""), bookmarks.c.excerpt),
            "created_at": func.coalesce(said.created_at, bookmarks.c.created_at),
            "external_id": func.coalesce(said.external_id, bookmarks.c.external_id),
            "updated_at": func.now(),
        },
    ).returning(bookmarks.c.url_digest, bookmarks.c.id)
    by_digest = {url_digest(bookmark.url): bookmark.url for bookmark in each}
    rows = [bookmark_row(user, bookmark) for bookmark in each]
    return {by_digest[digest]: BookmarkId(id_) for digest, id_ in await work.execute(statement, rows)}


async def _answered(work: AsyncConnection, user: UserId, receipt: Receipt) -> list[Accepted] | None:
    row = (
        await work.execute(
            select(receipts.c.digest, receipts.c.answer).where(
                receipts.c.user_id == user, receipts.c.source == receipt.source, receipts.c.key == receipt.key
            )
        )
    ).one_or_none()
    if row is None:
        return None
    if row.digest != receipt.digest:
        raise IdempotencyConflict
    return [Accepted(id=BookmarkId(id_), url=url, created=created) for id_, url, created in row.answer]


async def _remember(work: AsyncConnection, user: UserId, receipt: Receipt, answer: list[Accepted]) -> None:
    await work.execute(
        insert(receipts).values(
            user_id=user,
            source=receipt.source,
            key=receipt.key,
            digest=receipt.digest,
            answer=[(each.id, each.url, each.created) for each in answer],
        )
    )
