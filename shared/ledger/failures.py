"""What failed: listed for operators, of one user or of all, and whose it is."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, any_, literal, literal_column, select, true
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT

from shared.database import Database
from shared.ledger.tables import bookmarks, jobs
from shared.ledger.views import ErrorView, FailurePage, FailureView
from shared.values import BookmarkId, JobId, Stage, UserId

_FAILED = jobs.c.state == literal_column("'failed'")
_SHOWN = (
    select(
        *(jobs.c[name] for name in ("id", "bookmark_id", "user_id", "stage", "attempts", "error_code", "error")),
        jobs.c.ended_at,
        bookmarks.c.url,
        bookmarks.c.advice,
    )
    .join(bookmarks, bookmarks.c.id == jobs.c.bookmark_id)
    .where(_FAILED)
    .order_by(jobs.c.id.desc())
)


class Failures:
    """Shows failed jobs; raises `LedgerUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, *, user: UserId | None = None, code: str | None = None, after: JobId | None = None, limit: int = 50
    ) -> FailurePage:
        """Failed jobs, newest first, of one user or of all, with one code or any; `after` the page before's last."""
        wanted = _SHOWN.where(_like(user, code), true() if after is None else jobs.c.id < after).limit(limit + 1)
        async with self._database.begin(user) as work:
            found = [
                FailureView(
                    job=JobId(row.id),
                    bookmark=BookmarkId(row.bookmark_id),
                    user=UserId(row.user_id),
                    url=row.url,
                    stage=Stage(row.stage),
                    attempts=row.attempts,
                    error=ErrorView(row.error_code, row.error, row.advice or ""),
                    failed_at=row.ended_at,
                )
                for row in await work.execute(wanted)
            ]
        return FailurePage(found[:limit], found[limit - 1].job if len(found) > limit else None)

    async def owners(
        self, *, of: Sequence[JobId] = (), user: UserId | None = None, code: str | None = None
    ) -> list[UserId]:
        """Whose failed jobs these are: those named, or all, of one user or of all, with one code or any."""
        named = jobs.c.id == any_(literal(list(of), ARRAY(BIGINT))) if of else true()
        owners = select(jobs.c.user_id).distinct().where(_FAILED, _like(user, code), named).order_by(jobs.c.user_id)
        async with self._database.begin(user) as work:
            return [UserId(owner) for owner in (await work.execute(owners)).scalars()]


def _like(user: UserId | None, code: str | None) -> ColumnElement[bool]:
    of_user = true() if user is None else jobs.c.user_id == user
    return of_user & (true() if code is None else jobs.c.error_code == code)
