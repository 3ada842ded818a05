"""Jobs: queueing them, and moving claimed ones on behind their fence.

Statements that run for every job are made once, here and in the modules beside: building one costs more than
running it.
"""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, any_, bindparam, func, literal_column, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, INTERVAL, TEXT, insert
from sqlalchemy.ext.asyncio import AsyncConnection
from sqlalchemy.sql.dml import ReturningUpdate

from shared.ledger import Job
from shared.ledger.tables import jobs
from shared.tracing import traceparent
from shared.values import BookmarkId, JobId, Stage, UserId, WaitReason

NOW = func.statement_timestamp()

# Written out, not bound: the planner uses a partial index only where it sees the state.
QUEUED: ColumnElement[str] = literal_column("'queued'")
RELEASED: ColumnElement[str] = literal_column("'released'")
RUNNING: ColumnElement[str] = literal_column("'running'")
DONE: ColumnElement[str] = literal_column("'done'")
FAILED: ColumnElement[str] = literal_column("'failed'")
CANCELLED: ColumnElement[str] = literal_column("'cancelled'")
OUT = jobs.c.state.in_([RELEASED, RUNNING])

BACK_IN_LINE: dict[str, Any] = {
    "state": QUEUED,
    "token": None,
    "lease_until": None,
    "claimed_at": None,
    "reason": None,
}
"""What becomes of a job that was out and waits again."""


def ended(state: ColumnElement[str]) -> dict[str, Any]:
    """What becomes of a job that ends."""
    return {"state": state, "token": None, "lease_until": None, "ended_at": NOW, "reason": None}


def to_fenced(values: dict[str, Any]) -> ReturningUpdate[int]:
    """The statement that changes those of some claimed jobs that still have their claim, for `move_on`."""
    held = func.unnest(bindparam("held_ids", type_=ARRAY(BIGINT)), bindparam("held_tokens", type_=ARRAY(TEXT)))
    claims = held.table_valued("id", "token", name="held").render_derived()
    return (
        update(jobs)
        .where(jobs.c.id == claims.c.id, jobs.c.token == claims.c.token, jobs.c.state == RUNNING)
        .values(values)
        .returning(jobs.c.id)
    )


async def move_on(
    work: AsyncConnection, change: ReturningUpdate[int], claimed: Sequence[Job], **values: object
) -> list[Job]:
    """Make a change of `to_fenced`, with what it leaves open; the jobs that still had their claim."""
    fence = {"held_ids": [job.id for job in claimed], "held_tokens": [job.token for job in claimed]}
    still = {JobId(id_) for id_ in (await work.execute(change, {**fence, **values})).scalars()}
    return [job for job in claimed if job.id in still]


_ENQUEUE = (
    insert(jobs)
    .from_select(
        ["bookmark_id", "user_id", "stage", "ready_at", "reason", "trace"],
        select(
            func.unnest(bindparam("bookmarks", type_=ARRAY(BIGINT))),
            bindparam("user", type_=TEXT),
            bindparam("stage", type_=TEXT),
            NOW + bindparam("after", type_=INTERVAL),
            bindparam("reason", type_=TEXT),
            bindparam("trace", type_=TEXT),
        ),
    )
    .on_conflict_do_nothing()
)


_DROP_ANALYSES = (
    update(jobs)
    .where(
        jobs.c.bookmark_id == any_(bindparam("bookmarks", type_=ARRAY(BIGINT))),
        jobs.c.stage == Stage.ANALYZE.value,
        jobs.c.state.in_([QUEUED, RUNNING, FAILED]),
    )
    .values(ended(CANCELLED))
)


async def enqueue(
    work: AsyncConnection,
    user: UserId,
    stage: Stage,
    bookmarks: Sequence[BookmarkId],
    *,
    after: timedelta = timedelta(0),
    reason: WaitReason | None = None,
) -> None:
    """Queue a job for each bookmark in this stage, for now or later, unless it has one there that has not ended."""
    if bookmarks:
        of = {"user": user, "stage": stage, "bookmarks": list(bookmarks), "trace": traceparent()}
        await work.execute(_ENQUEUE, {**of, "after": after, "reason": reason})


async def analyse_anew(
    work: AsyncConnection, user: UserId, bookmarks: Sequence[BookmarkId], *, after: timedelta = timedelta(0)
) -> None:
    """Queue the analysis of content that has just been kept; what came of older content in that stage is dropped.

    What is let out and not claimed stays: it will find the new content. `after` is how long the page may yet come.
    """
    if bookmarks:
        await work.execute(_DROP_ANALYSES, {"bookmarks": list(bookmarks)})
        reason = WaitReason.PAGE_EXPECTED if after else None
        await enqueue(work, user, Stage.ANALYZE, bookmarks, after=after, reason=reason)
