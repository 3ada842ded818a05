"""What did not work out: jobs put back to wait, tried again after a back-off, or failed for good."""

from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import func, literal, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, INTERVAL, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bookmarks import Content
from shared.errors import FleetError
from shared.ledger import Job, Pause
from shared.ledger.in_postgres.jobs import BACK_IN_LINE, NOW, ended, enqueue, move_on
from shared.ledger.in_postgres.lanes import Windows, hold, open_lane, rest, settle
from shared.ledger.in_postgres.rows import content_row, error_row
from shared.ledger.in_postgres.telling import FAILED, tell
from shared.ledger.policies import RetryPolicy
from shared.ledger.tables import bookmarks, contents, jobs
from shared.values import BookmarkId, JobState, Stage, Strategy, UserId, WaitReason


async def postpone(
    work: AsyncConnection, windows: Windows, claimed: Sequence[Job], pause: Pause, *, whole_lane: bool
) -> None:
    """See `Ledger.postpone`."""
    lane = (claimed[0].user, claimed[0].stage)
    await hold(work, [claimed[0].user])
    alone = {"ready_at": pause.until, "reason": pause.reason}
    held = await move_on(work, claimed, BACK_IN_LINE if whole_lane else {**BACK_IN_LINE, **alone})
    if held and whole_lane:
        await rest(work, *lane, pause)
    await settle(work, windows, [lane])


async def retry(
    work: AsyncConnection,
    windows: Windows,
    claimed: Sequence[Job],
    error: FleetError,
    fallback: Content | None,
    *,
    retries: RetryPolicy,
    random: Callable[[], float],
) -> None:
    """See `Ledger.retry`."""
    await hold(work, [claimed[0].user])
    again = [job for job in claimed if job.attempt <= retries.retries]
    held = await move_on(
        work,
        again,
        {
            **BACK_IN_LINE,
            "attempts": jobs.c.attempts + 1,
            "reason": WaitReason.BACKOFF,
            "error_code": error.code,
            "error": error_row(error)["error"],
        },
    )
    await _back_off(work, {job: random() * retries.longest_wait(attempt=job.attempt) for job in held})
    await _fail(work, windows, [job for job in claimed if job not in again], error, fallback)
    await settle(work, windows, [(claimed[0].user, claimed[0].stage)])


async def fail(
    work: AsyncConnection, windows: Windows, claimed: Sequence[Job], error: FleetError, fallback: Content | None
) -> None:
    """See `Ledger.fail`."""
    await hold(work, [claimed[0].user])
    await _fail(work, windows, claimed, error, fallback)
    await settle(work, windows, [(claimed[0].user, claimed[0].stage)])


async def show_failure(work: AsyncConnection, ids: Sequence[BookmarkId], error: FleetError) -> None:
    """Bookmarks whose jobs failed show why, and others are told."""
    await work.execute(
        update(bookmarks)
        .where(bookmarks.c.id.in_(ids))
        .values(state=JobState.FAILED, updated_at=NOW, **error_row(error))
    )
    await tell(work, FAILED, ids, error=error)


def failed(error: FleetError) -> dict[str, Any]:
    """What becomes of a job that fails."""
    row = error_row(error)
    return ended(JobState.FAILED, attempts=jobs.c.attempts + 1, error_code=row["error_code"], error=row["error"])


async def _fail(
    work: AsyncConnection, windows: Windows, claimed: Sequence[Job], error: FleetError, fallback: Content | None
) -> None:
    held = [job.bookmark.id for job in await move_on(work, claimed, failed(error))]
    await show_failure(work, held, error)
    if held and fallback is not None:
        await _fall_back(work, windows, claimed[0].user, held, fallback)


async def _fall_back(
    work: AsyncConnection, windows: Windows, user: UserId, ids: Sequence[BookmarkId], fallback: Content
) -> None:
    """Keep fallback content where no page was ever read, and queue its analysis."""
    new = insert(contents)
    columns = [column.name for column in contents.c if column.name not in {"bookmark_id", "user_id", "fetched_at"}]
    statement = new.on_conflict_do_update(
        index_elements=["bookmark_id"],
        set_={**{name: new.excluded[name] for name in columns}, "fetched_at": NOW},
        where=contents.c.strategy == Strategy.FALLBACK,
    ).returning(contents.c.bookmark_id)
    kept = await work.execute(statement, [content_row(user, id_, fallback) for id_ in ids])
    await open_lane(work, user, Stage.ANALYZE)
    await enqueue(work, user, Stage.ANALYZE, [BookmarkId(id_) for id_ in kept.scalars()])
    await settle(work, windows, [(user, Stage.ANALYZE)])


async def _back_off(work: AsyncConnection, waits: dict[Job, timedelta]) -> None:
    """Let each job wait its own time."""
    ids = literal([job.id for job in waits], ARRAY(BIGINT))
    times = literal(list(waits.values()), ARRAY(INTERVAL))
    wait = func.unnest(ids, times).table_valued("id", "time", name="wait").render_derived()
    await work.execute(update(jobs).where(jobs.c.id == wait.c.id).values(ready_at=NOW + wait.c.time))
