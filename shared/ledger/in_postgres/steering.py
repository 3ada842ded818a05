"""Steering from outside: waking a lane, what waits in it, pausing and resuming a user, asking for better analyses."""

from collections.abc import Sequence

from sqlalchemy import ColumnElement, Text, exists, func, literal, select, true, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Actor
from shared.audit.in_postgres import record_within
from shared.ledger.in_postgres.jobs import NOW, QUEUED, RELEASED, RUNNING
from shared.ledger.in_postgres.lanes import Windows, hold, open_lane, settle
from shared.ledger.tables import analyses, contents, jobs, lanes
from shared.tracing import traceparent
from shared.values import AnalysedBy, Stage, Strategy, UserId, WaitReason


async def wake(
    work: AsyncConnection, windows: Windows, user: UserId, stage: Stage, reasons: Sequence[WaitReason]
) -> bool:
    """See `Ledger.wake`."""
    await hold(work, [user])
    resting = update(lanes).where(
        lanes.c.user_id == user,
        lanes.c.stage == stage,
        lanes.c.rest_until > NOW,
        lanes.c.rest_reason.in_(reasons),
    )
    rested = await work.execute(resting.values(rest_until=NOW, rest_reason=None))
    waiting = update(jobs).where(
        jobs.c.stage == stage,
        jobs.c.user_id == user,
        jobs.c.state == QUEUED,
        jobs.c.ready_at > NOW,
        jobs.c.reason.in_(reasons),
    )
    woken = await work.execute(waiting.values(ready_at=NOW, reason=None))
    await settle(work, windows, user)
    return bool(rested.rowcount or woken.rowcount)


async def resting(work: AsyncConnection, stage: Stage, reasons: Sequence[WaitReason]) -> list[UserId]:
    """Whose lanes of this stage rest for one of these reasons."""
    found = select(lanes.c.user_id).where(
        lanes.c.stage == stage, lanes.c.rest_until > NOW, lanes.c.rest_reason.in_(reasons)
    )
    return [UserId(user) for user in await work.scalars(found.order_by(lanes.c.user_id))]


async def waiting(work: AsyncConnection, user: UserId, stage: Stage, at_most: int) -> int:
    """See `Ledger.waiting`."""
    mine = select(jobs.c.id).where(jobs.c.stage == stage, jobs.c.user_id == user, jobs.c.state == QUEUED)
    return await work.scalar(select(func.count()).select_from(mine.limit(at_most).subquery())) or 0


async def set_paused(work: AsyncConnection, user: UserId, *, paused: bool, by: Actor) -> bool:
    """See `Ledger.pause` and `Ledger.resume`."""
    await hold(work, [user])
    changed = await work.execute(update(lanes).where(lanes.c.user_id == user).values(paused=paused))
    if not changed.rowcount:
        return False
    await record_within(work, by, "user_paused" if paused else "user_resumed", user)
    return True


async def requeue_heuristic(work: AsyncConnection, windows: Windows, user: UserId, limit: int | None) -> int:
    """See `Ledger.requeue_heuristic`."""
    return await _requeue(work, windows, user, analyses.c.analysed_by == AnalysedBy.HEURISTIC, limit=limit)


async def requeue_outdated(
    work: AsyncConnection, windows: Windows, user: UserId, prompt_versions: Sequence[str], *, by: Actor
) -> int:
    """See `Ledger.requeue_outdated`."""
    outdated = (analyses.c.analysed_by == AnalysedBy.GEMINI) & analyses.c.prompt_version.in_(prompt_versions)
    requeued = await _requeue(work, windows, user, outdated)
    if requeued:
        await record_within(work, by, "analyses_requeued", user, {"bookmarks": requeued})
    return requeued


async def _requeue(
    work: AsyncConnection, windows: Windows, user: UserId, stale: ColumnElement[bool], *, limit: int | None = None
) -> int:
    """Queue the analysis again where it is stale, its page was read, and none is underway."""
    await hold(work, [user])
    underway = (
        exists()
        .where(jobs.c.bookmark_id == analyses.c.bookmark_id, jobs.c.stage == Stage.ANALYZE)
        .where(jobs.c.state.in_([QUEUED, RELEASED, RUNNING]))
    )
    chosen = (
        select(
            analyses.c.bookmark_id, literal(user), literal(Stage.ANALYZE.value), true(), literal(traceparent(), Text)
        )
        .join(contents, contents.c.bookmark_id == analyses.c.bookmark_id)
        .where(analyses.c.user_id == user, stale, contents.c.strategy != Strategy.FALLBACK, ~underway)
        .order_by(analyses.c.bookmark_id)
        .limit(limit)
    )
    columns = ["bookmark_id", "user_id", "stage", "replaces", "trace"]
    each = insert(jobs).from_select(columns, chosen).on_conflict_do_nothing()
    queued = await work.execute(each, execution_options={"preserve_rowcount": True})
    if queued.rowcount:
        await open_lane(work, user, Stage.ANALYZE)
        await settle(work, windows, user)
    return queued.rowcount
