"""Fallback content: it stands in for a page while it cannot be read, and is analysed where the page is not near."""

from collections.abc import Sequence
from datetime import timedelta

from sqlalchemy import any_, bindparam, or_, select
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bookmarks import Content
from shared.ledger import Job
from shared.ledger.in_postgres.jobs import NOW, analyse_anew
from shared.ledger.in_postgres.lanes import open_lane
from shared.ledger.in_postgres.rows import CONTENT, content_row, keepable
from shared.ledger.tables import analyses, bookmarks, contents
from shared.values import BookmarkId, Stage, Strategy

# A page that was once read stays: fallback content only stands where there was none, or fallback content.
_content = insert(contents)
_KEEP = _content.on_conflict_do_update(
    index_elements=["bookmark_id", "user_id"],
    set_={**{name: _content.excluded[name] for name in CONTENT}, "fetched_at": NOW},
    where=contents.c.strategy == Strategy.FALLBACK.value,
).returning(contents.c.bookmark_id)

_IS_ANALYSED = select(analyses.c.bookmark_id).where(analyses.c.bookmark_id == bookmarks.c.id).exists()
_TO_ANALYSE = select(bookmarks.c.id).where(
    bookmarks.c.id == any_(bindparam("kept", type_=ARRAY(BIGINT))),
    or_(bookmarks.c.id == any_(bindparam("changed", type_=ARRAY(BIGINT))), ~_IS_ANALYSED),
)


_WHAT_IT_SAYS = ("title", "text", "description")


async def stand_in(
    work: AsyncConnection, jobs: Sequence[Job], fallback: Content, *, page_expected_for: timedelta = timedelta(0)
) -> None:
    """Keep fallback content where no page was ever read, and queue its analysis unless it is analysed as it is.

    Args:
        work: a transaction that holds the lanes of these jobs' user.
        jobs: of one user; what they were claimed with is what their bookmarks show so far.
        fallback: what they show from now on.
        page_expected_for: so long the analysis waits for the page itself.
    """
    if not jobs:
        return
    user = jobs[0].user
    rows = [content_row(user, job.bookmark.id, fallback) for job in jobs]
    kept = (await work.execute(_KEEP, rows)).scalars().all()
    changed = [job.bookmark.id for job in jobs if _says_something_new(fallback, after=job.content)]
    due = [BookmarkId(id_) for id_ in await work.scalars(_TO_ANALYSE, {"kept": kept, "changed": changed})]
    await open_lane(work, user, Stage.ANALYZE)
    await analyse_anew(work, user, due, after=page_expected_for)


def _says_something_new(fallback: Content, *, after: Content | None) -> bool:
    """Whether an analysis could tell it from what was there; after a try that saw no more there is nothing new."""
    return after is None or any(getattr(after, part) != keepable(getattr(fallback, part)) for part in _WHAT_IT_SAYS)
