"""The ledger's read side: what the front door, the command line and the live page show."""

from collections.abc import AsyncIterator, Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import literal_column, select, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bookmarks import Link
from shared.database import Database
from shared.errors import NotFound
from shared.ledger.lanes_shown import LANES_OF_USER, lane_progress
from shared.ledger.showing import SHOWN, bookmark_view
from shared.ledger.summing import Paced, counts, overview
from shared.ledger.tables import bookmarks, contents, lanes
from shared.ledger.views import BookmarkView, LaneProgress, Overview, Page, Progress, TextView
from shared.values import BookmarkId, JobState, UserId

_BOOKMARKS = text("SELECT state, count(*) FROM bookmarks WHERE user_id = :user GROUP BY state")
_ANALYSED = text("SELECT analysed_by, count(*) FROM analyses WHERE user_id = :user GROUP BY analysed_by")
_HANDED_IN = text("""
    SELECT count(*) FILTER (WHERE submitted_at >= :since)
      FROM (SELECT submitted_at FROM bookmarks WHERE user_id = :user ORDER BY id DESC LIMIT :at_most) AS newest
""")
_TEXT = select(*(contents.c[name] for name in ("title", "final_url", "strategy", "text", "links", "fetched_at")))
_EXPORTED_AT_ONCE = 50  # each with its text
_UNFINISHED = text("SELECT count(*) FROM jobs WHERE state IN ('queued', 'released', 'running')")


class Reports:
    """Answers questions about the ledger and changes nothing; raises `LedgerUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self._overview = Paced(self._look_over)

    async def overview(self) -> Overview:
        """The whole fleet; may be remembered for some twenty times as long as it took to look."""
        return await self._overview()

    async def _look_over(self) -> Overview:
        async with self._database.begin() as work:
            return await overview(work)

    async def newest(self, limit: int = 20, *, user: UserId | None = None) -> list[BookmarkView]:
        """The bookmarks that were done or failed last, newest first, of one user or of all."""
        ended = SHOWN.where(bookmarks.c.state.in_([literal_column("'done'"), literal_column("'failed'")]))
        chosen = ended if user is None else ended.where(bookmarks.c.user_id == user)
        async with self._database.begin(user) as work:
            rows = await work.execute(chosen.order_by(bookmarks.c.updated_at.desc()).limit(limit))
            return [bookmark_view(row) for row in rows]

    async def bookmarks(
        self, user: UserId, *, state: JobState | None = None, after: BookmarkId | None = None, limit: int = 50
    ) -> Page:
        """A page of a user's bookmarks by their ids, `after` the last of the page before; of one state, if given."""
        mine = SHOWN.where(bookmarks.c.user_id == user).order_by(bookmarks.c.id).limit(limit + 1)
        if state is not None:
            mine = mine.where(bookmarks.c.state == state)
        if after is not None:
            mine = mine.where(bookmarks.c.id > after)
        async with self._database.begin(user) as work:
            found = [bookmark_view(row) for row in await work.execute(mine)]
        return Page(found[:limit], found[limit - 1].id if len(found) > limit else None)

    async def bookmark(self, user: UserId, bookmark: BookmarkId) -> BookmarkView:
        """One of a user's bookmarks.

        Raises:
            NotFound: the user has none of this id.
        """
        async with self._database.begin(user) as work:
            mine = SHOWN.where(bookmarks.c.user_id == user, bookmarks.c.id == bookmark)
            row = (await work.execute(mine)).one_or_none()
        if row is None:
            raise NotFound(f"There is no bookmark {bookmark} of this user.")
        return bookmark_view(row)

    async def text(self, user: UserId, bookmark: BookmarkId) -> TextView:
        """What was read from the page of one of a user's bookmarks, or stands in for it.

        Raises:
            NotFound: the user has no bookmark of this id, or nothing was read of its page yet.
        """
        async with self._database.begin(user) as work:
            mine = _TEXT.where(contents.c.user_id == user, contents.c.bookmark_id == bookmark)
            row = (await work.execute(mine)).one_or_none()
        if row is None:
            raise NotFound(f"There is no content of a bookmark {bookmark} of this user.")
        return TextView(
            title=row.title,
            final_url=row.final_url,
            strategy=row.strategy,
            text=row.text,
            links=[Link(**link) for link in row.links],
            fetched_at=row.fetched_at,
        )

    async def export(self, user: UserId) -> AsyncIterator[dict[str, Any]]:
        """Everything that is kept of a user's bookmarks, in order of their ids: as shown, and with the page's text."""
        after: BookmarkId | None = None
        while True:
            page = await self.bookmarks(user, after=after, limit=_EXPORTED_AT_ONCE)
            texts = await self._texts(user, page.bookmarks)
            for bookmark in page.bookmarks:
                yield bookmark.as_json() | {"text": texts.get(bookmark.id)}
            if page.after is None:
                return
            after = page.after

    async def _texts(self, user: UserId, of: Sequence[BookmarkView]) -> dict[BookmarkId, str]:
        wanted = select(contents.c.bookmark_id, contents.c.text).where(
            contents.c.user_id == user, contents.c.bookmark_id.in_([bookmark.id for bookmark in of])
        )
        async with self._database.begin(user) as work:
            return {BookmarkId(row.bookmark_id): row.text for row in await work.execute(wanted)}

    async def progress(self, user: UserId) -> Progress:
        """How far a user's bookmarks are, and what they wait for; all zero for an unknown user."""
        async with self._database.begin(user) as work:
            states = await counts(work, _BOOKMARKS, user=user)
            analysed = await counts(work, _ANALYSED, user=user)
            mine = await _lanes_of(work, user)
        return Progress(
            user=user,
            total=sum(states.values()),
            bookmarks=states,
            analysed=analysed,
            unfinished=sum(lane.waiting + lane.released + lane.running for lane in mine),
            lanes=mine,
        )

    async def lanes(self, user: UserId) -> list[LaneProgress]:
        """What of a user waits and runs, stage by stage; none for an unknown user."""
        async with self._database.begin(user) as work:
            return await _lanes_of(work, user)

    async def unfinished(self, user: UserId | None = None) -> int:
        """How many jobs have not ended, of one user or of all."""
        if user is not None:
            return (await self.progress(user)).unfinished
        async with self._database.begin() as work:
            return int((await work.execute(_UNFINISHED)).scalar_one())

    async def handed_in_since(self, user: UserId, since: datetime, *, at_most: int) -> int:
        """How many of a user's newest bookmarks, `at_most` of them, were handed in since then."""
        async with self._database.begin(user) as work:
            lately = await work.execute(_HANDED_IN, {"user": user, "since": since, "at_most": at_most})
            return int(lately.scalar_one())

    async def knows(self, user: UserId) -> bool:
        """Whether anything was ever submitted for this user and not erased."""
        async with self._database.begin(user) as work:
            return (
                await work.execute(select(lanes.c.user_id).where(lanes.c.user_id == user).limit(1))
            ).first() is not None


async def _lanes_of(work: AsyncConnection, user: UserId) -> list[LaneProgress]:
    return [lane_progress(row) for row in await work.execute(LANES_OF_USER, {"user": user})]
