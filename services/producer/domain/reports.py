"""What the front door asks the ledger to show; kept by `shared.ledger.reports`."""

from typing import Protocol

from shared.ledger.views import BookmarkView, LaneProgress, Overview, Page, Progress
from shared.values import BookmarkId, JobState, UserId


class Reports(Protocol):
    """Questions to the ledger; none changes anything, each raises `LedgerUnavailable` when nobody answers."""

    async def overview(self) -> Overview:
        """The whole fleet; may be a little old."""
        ...

    async def newest(self, limit: int = 20, *, user: UserId | None = None) -> list[BookmarkView]:
        """The bookmarks that were done or failed last, newest first, of one user or of all."""
        ...

    async def bookmarks(
        self, user: UserId, *, state: JobState | None = None, after: BookmarkId | None = None, limit: int = 50
    ) -> Page:
        """A page of a user's bookmarks by their ids, `after` the last of the page before."""
        ...

    async def bookmark(self, user: UserId, bookmark: BookmarkId) -> BookmarkView:
        """One of a user's bookmarks.

        Raises:
            NotFound: the user has none of this id.
        """
        ...

    async def progress(self, user: UserId) -> Progress:
        """How far a user's bookmarks are; all zero for an unknown user."""
        ...

    async def lanes(self, user: UserId) -> list[LaneProgress]:
        """What of a user waits and runs, stage by stage; none for an unknown user."""
        ...

    async def knows(self, user: UserId) -> bool:
        """Whether anything was ever submitted for this user and not erased."""
        ...
