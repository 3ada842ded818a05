"""The good ends of claimed jobs: content kept, analyses kept, or on to another stage."""

from collections.abc import Sequence

from sqlalchemy import and_, not_, update
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bookmarks import Analysis, Content
from shared.errors import LeaseLost
from shared.ledger import Job, Pause
from shared.ledger.in_postgres.jobs import NOW, ended, enqueue, move_on
from shared.ledger.in_postgres.lanes import Windows, hold, open_lane, rest, settle
from shared.ledger.in_postgres.rows import analysis_row, content_row
from shared.ledger.in_postgres.telling import ANALYZED, SCRAPED, tell
from shared.ledger.tables import analyses, bookmarks, contents
from shared.values import AnalysedBy, BookmarkId, JobState, Stage


async def store_content(work: AsyncConnection, windows: Windows, job: Job, content: Content) -> None:
    """See `Ledger.store_content`."""
    await _advance(work, windows, job, to=Stage.ANALYZE)
    row = content_row(job.user, job.bookmark.id, content)
    new = insert(contents).values(row)
    await work.execute(new.on_conflict_do_update(index_elements=["bookmark_id"], set_={**row, "fetched_at": NOW}))
    await tell(work, SCRAPED, [job.bookmark.id])


async def advance(work: AsyncConnection, windows: Windows, job: Job, to: Stage) -> None:
    """See `Ledger.advance`."""
    await _advance(work, windows, job, to=to)


async def _advance(work: AsyncConnection, windows: Windows, job: Job, *, to: Stage) -> None:
    await hold(work, [job.user])
    if not await move_on(work, [job], ended(JobState.DONE)):
        raise LeaseLost((job.id,))
    await open_lane(work, job.user, to)
    await enqueue(work, job.user, to, [job.bookmark.id])
    await settle(work, windows, [(job.user, job.stage), (job.user, to)])


async def store_analyses(
    work: AsyncConnection, windows: Windows, results: Sequence[tuple[Job, Analysis]], pause: Pause | None
) -> None:
    """See `Ledger.store_analyses`."""
    claimed = [job for job, _ in results]
    lane = (claimed[0].user, claimed[0].stage)
    await hold(work, [claimed[0].user])
    held = await move_on(work, claimed, ended(JobState.DONE))
    if not held:
        raise LeaseLost(tuple(job.id for job in claimed))
    kept = await _keep(work, [(job, analysis) for job, analysis in results if job in held])
    await _mark_done(work, [job.bookmark.id for job in held])
    await tell(work, ANALYZED, kept)
    if pause is not None:
        await rest(work, *lane, pause)
    await settle(work, windows, [lane])


async def _keep(work: AsyncConnection, results: Sequence[tuple[Job, Analysis]]) -> list[BookmarkId]:
    """Keep analyses, but never a heuristic one in place of the provider's; the bookmarks whose were kept."""
    new = insert(analyses)
    columns = [column.name for column in analyses.c if column.name not in {"bookmark_id", "user_id", "analysed_at"}]
    worse = and_(analyses.c.analysed_by == AnalysedBy.GEMINI, new.excluded.analysed_by == AnalysedBy.HEURISTIC)
    statement = new.on_conflict_do_update(
        index_elements=["bookmark_id"],
        set_={**{name: new.excluded[name] for name in columns}, "analysed_at": NOW},
        where=not_(worse),
    ).returning(analyses.c.bookmark_id)
    rows = [analysis_row(job.user, job.bookmark.id, analysis) for job, analysis in results]
    return [BookmarkId(id_) for id_ in (await work.execute(statement, rows)).scalars()]


async def _mark_done(work: AsyncConnection, ids: Sequence[BookmarkId]) -> None:
    """Show bookmarks as done; one that failed for its page stays failed, although its fallback was analysed."""
    await work.execute(
        update(bookmarks)
        .where(bookmarks.c.id.in_(ids), bookmarks.c.state == JobState.QUEUED)
        .values(state=JobState.DONE, updated_at=NOW)
    )
