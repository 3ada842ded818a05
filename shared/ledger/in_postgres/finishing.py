"""The good ends of claimed jobs: content kept, analyses kept, or on to another stage."""

from collections.abc import Sequence

from sqlalchemy import BOOLEAN, and_, any_, bindparam, literal_column, not_, select, true, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bookmarks import Analysis, Content
from shared.errors import LeaseLost
from shared.ledger import EXPECTED_WITHIN, Job, Pause
from shared.ledger.in_postgres.jobs import (
    BACK_IN_LINE,
    DONE,
    NOW,
    QUEUED,
    analyse_anew,
    ended,
    enqueue,
    move_on,
    to_fenced,
)
from shared.ledger.in_postgres.lanes import Windows, calls_go, hold, open_lane, rest, settle
from shared.ledger.in_postgres.rows import ANALYSIS, CONTENT, analysis_row, content_row
from shared.ledger.in_postgres.standing_in import stand_in
from shared.ledger.in_postgres.telling import ANALYZED, SCRAPED, tell
from shared.ledger.tables import analyses, bookmarks, contents
from shared.values import AnalysedBy, BookmarkId, Stage, Strategy

_END = to_fenced(ended(DONE))
_BACK_BEHIND = to_fenced(BACK_IN_LINE | {"replaces": true()})

_content = insert(contents)
_KEEP_CONTENT = _content.on_conflict_do_update(
    index_elements=["bookmark_id", "user_id"],
    set_={**{name: _content.excluded[name] for name in CONTENT}, "fetched_at": NOW},
).returning(literal_column("contents.xmax = 0", BOOLEAN))
"""Whether it is a bookmark's first: PostgreSQL has not locked a row that it inserts."""

_analysis = insert(analyses)
_IS_WORSE = and_(
    analyses.c.analysed_by == AnalysedBy.GEMINI.value,
    _analysis.excluded.analysed_by == AnalysedBy.HEURISTIC.value,
)
_KEEP_ANALYSIS = _analysis.on_conflict_do_update(
    index_elements=["bookmark_id", "user_id"],
    set_={**{name: _analysis.excluded[name] for name in ANALYSIS}, "analysed_at": NOW},
    where=not_(_IS_WORSE),
).returning(analyses.c.bookmark_id)

# One that failed for its page stays failed, and one that is still being tried stays queued, although its fallback
# content was analysed.
_IS_READ = (
    select(contents.c.bookmark_id)
    .where(
        contents.c.bookmark_id == bookmarks.c.id,
        contents.c.user_id == bookmarks.c.user_id,
        contents.c.strategy != Strategy.FALLBACK.value,
    )
    .exists()
)
_MARK_DONE = (
    update(bookmarks)
    .where(bookmarks.c.id == any_(bindparam("ids", type_=ARRAY(BIGINT))), bookmarks.c.state == QUEUED, _IS_READ)
    .values(state=DONE, updated_at=NOW)
)


async def store_content(work: AsyncConnection, windows: Windows, job: Job, content: Content) -> None:
    """See `Ledger.store_content`."""
    await _end(work, job, to=Stage.ANALYZE)
    is_first = (await work.execute(_KEEP_CONTENT, content_row(job.user, job.bookmark.id, content))).scalar_one()
    if is_first:
        await enqueue(work, job.user, Stage.ANALYZE, [job.bookmark.id])
    else:
        await analyse_anew(work, job.user, [job.bookmark.id])
    await settle(work, windows, job.user)
    await tell(work, SCRAPED, [job.bookmark.id])


async def advance(work: AsyncConnection, windows: Windows, job: Job, to: Stage, fallback: Content | None) -> None:
    """See `Ledger.advance`."""
    await _end(work, job, to=to)
    await enqueue(work, job.user, to, [job.bookmark.id])
    if fallback is not None:
        await stand_in(work, [job], fallback, page_expected_for=EXPECTED_WITHIN)
    await settle(work, windows, job.user)


async def _end(work: AsyncConnection, job: Job, *, to: Stage) -> None:
    """End a job as done, with its user's lanes held and the one there that its bookmark goes on to."""
    lanes = await hold(work, [job.user])
    if not await move_on(work, _END, [job]):
        raise LeaseLost((job.id,))
    if (job.user, to) not in lanes:
        await open_lane(work, job.user, to)


async def store_analyses(
    work: AsyncConnection, windows: Windows, results: Sequence[tuple[Job, Analysis]], pause: Pause | None
) -> None:
    """See `Ledger.store_analyses`."""
    claimed = [job for job, _ in results]
    user, stage = claimed[0].user, claimed[0].stage
    await hold(work, [user])
    held = await move_on(work, _END, claimed)
    if not held:
        raise LeaseLost(tuple(job.id for job in claimed))
    kept = await _keep(work, [(job, analysis) for job, analysis in results if job in held])
    await work.execute(_MARK_DONE, {"ids": [job.bookmark.id for job in held]})
    await tell(work, ANALYZED, kept)
    if any(analysis.analysed_by is AnalysedBy.GEMINI for _, analysis in results):
        await calls_go(work, user, stage)
    if pause is not None:
        await rest(work, user, stage, pause)
    await settle(work, windows, user)


async def show_meanwhile(work: AsyncConnection, windows: Windows, results: Sequence[tuple[Job, Analysis]]) -> None:
    """See `Ledger.show_meanwhile`."""
    user = results[0][0].user
    await hold(work, [user])
    held = await move_on(work, _BACK_BEHIND, [job for job, _ in results])
    if held:
        kept = await _keep(work, [(job, analysis) for job, analysis in results if job in held])
        await work.execute(_MARK_DONE, {"ids": [job.bookmark.id for job in held]})
        await tell(work, ANALYZED, kept)
    await settle(work, windows, user)


async def _keep(work: AsyncConnection, results: Sequence[tuple[Job, Analysis]]) -> list[BookmarkId]:
    """Keep analyses, but never a heuristic one in place of the provider's; the bookmarks whose were kept."""
    rows = [analysis_row(job.user, job.bookmark.id, analysis) for job, analysis in results]
    return [BookmarkId(id_) for id_ in (await work.execute(_KEEP_ANALYSIS, rows)).scalars()]
