"""Jobs: queueing them, and moving claimed ones on behind their fence."""

from collections.abc import Sequence
from typing import Any

from sqlalchemy import ColumnElement, TableValuedAlias, func, literal, literal_column, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, TEXT, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ledger import Job
from shared.ledger.tables import jobs
from shared.values import BookmarkId, JobId, JobState, Stage, UserId

NOW = func.statement_timestamp()

# Written out, not bound: the planner uses a partial index only where it sees the state.
QUEUED: ColumnElement[str] = literal_column("'queued'")
RELEASED: ColumnElement[str] = literal_column("'released'")
RUNNING: ColumnElement[str] = literal_column("'running'")
OUT = jobs.c.state.in_([RELEASED, RUNNING])

BACK_IN_LINE: dict[str, Any] = {
    "state": JobState.QUEUED,
    "token": None,
    "lease_until": None,
    "claimed_at": None,
    "reason": None,
}
"""What becomes of a job that was out and waits again."""


def ended(state: JobState, **also: Any) -> dict[str, Any]:
    """What becomes of a job that ends."""
    return {"state": state, "token": None, "lease_until": None, "ended_at": NOW, "reason": None, **also}


async def enqueue(work: AsyncConnection, user: UserId, stage: Stage, bookmarks: Sequence[BookmarkId]) -> None:
    """Queue a job for each bookmark in this stage, unless it has one there that has not ended."""
    if not bookmarks:
        return
    each = select(func.unnest(literal(list(bookmarks), ARRAY(BIGINT))), literal(user), literal(stage.value))
    await work.execute(insert(jobs).from_select(["bookmark_id", "user_id", "stage"], each).on_conflict_do_nothing())


async def move_on(work: AsyncConnection, claimed: Sequence[Job], values: dict[str, Any]) -> list[Job]:
    """Change claimed jobs that still have their claim; those that were."""
    held = tokens_of(claimed)
    moved = await work.execute(
        update(jobs)
        .where(jobs.c.id == held.c.id, jobs.c.token == held.c.token, jobs.c.state == RUNNING)
        .values(values)
        .returning(jobs.c.id)
    )
    still = {JobId(id_) for id_ in moved.scalars()}
    return [job for job in claimed if job.id in still]


def tokens_of(claimed: Sequence[Job]) -> TableValuedAlias:
    """The jobs as rows of (id, token), to be matched with the ledger's."""
    ids = literal([job.id for job in claimed], ARRAY(BIGINT))
    tokens = literal([job.token for job in claimed], ARRAY(TEXT))
    return func.unnest(ids, tokens).table_valued("id", "token", name="held").render_derived()
