"""What the ledger shows: the fleet, a user's progress, and bookmarks, as the views of `shared.ledger.views`."""

from collections.abc import Awaitable
from typing import Any, Protocol

from sqlalchemy import Result, Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import Database
from shared.errors import NotFound
from shared.ledger.views import (
    AnalysisView,
    BookmarkView,
    ContentView,
    ErrorView,
    LaneProgress,
    LanesWaiting,
    Overview,
    Page,
    Progress,
    StageSums,
    Waiting,
)
from shared.values import BookmarkId, Stage, UserId, WaitReason


class Reports(Protocol):
    """Questions to the ledger; none changes anything, each raises `LedgerUnavailable` when nobody answers."""

    async def ping(self) -> None:
        """Come back if the ledger answers."""
        ...

    async def overview(self) -> Overview:
        """The whole fleet as it stands."""
        ...

    async def newest(self, *, limit: int, user: UserId | None = None) -> list[BookmarkView]:
        """The bookmarks that ended last, newest first; one user's, or everybody's."""
        ...

    async def page(
        self, user: UserId, *, state: str | None = None, after: BookmarkId | None = None, limit: int = 50
    ) -> Page:
        """A user's bookmarks in order of their ids, from the one that follows `after`."""
        ...

    async def bookmark(self, user: UserId, bookmark: BookmarkId) -> BookmarkView:
        """One bookmark of a user.

        Raises:
            NotFound: the user has none with this id.
        """
        ...

    async def progress(self, user: UserId) -> Progress:
        """How far a user's bookmarks are; all zero for a user nobody knows."""
        ...


_BOOKMARK = """
    SELECT bookmarks.id, bookmarks.user_id, bookmarks.url, bookmarks.external_id, bookmarks.title, bookmarks.tags,
           bookmarks.state, bookmarks.error_code, bookmarks.error, bookmarks.advice,
           bookmarks.submitted_at, bookmarks.updated_at,
           job.stage, job.state AS job_state, coalesce(job.attempts, 0) AS attempts,
           CASE WHEN job.state <> 'queued' THEN NULL
                WHEN lanes.paused THEN 'paused'
                WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_reason
                WHEN job.ready_at > statement_timestamp() THEN coalesce(job.reason, 'backoff') END AS wait_reason,
           CASE WHEN job.state <> 'queued' OR lanes.paused THEN NULL
                WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_until
                WHEN job.ready_at > statement_timestamp() THEN job.ready_at END AS wait_until,
           contents.strategy, contents.verdict, contents.final_url, contents.title AS page_title,
           coalesce(contents.chars, 0) AS chars, coalesce(contents.words, 0) AS words, contents.description,
           contents.author, contents.site_name, contents.language, contents.published, contents.fetched_at,
           analyses.key_concepts, analyses.content_type, analyses.difficulty, analyses.technologies,
           analyses.learning_path, analyses.project_applicability, analyses.skill_development, analyses.summary,
           analyses.analysed_by, analyses.model, analyses.key_source, analyses.prompt_version,
           analyses.prompt_tokens, analyses.answer_tokens, analyses.analysed_at
      FROM ({chosen}) AS chosen
      JOIN bookmarks ON bookmarks.id = chosen.id
      LEFT JOIN contents ON contents.bookmark_id = bookmarks.id
      LEFT JOIN analyses ON analyses.bookmark_id = bookmarks.id
      LEFT JOIN LATERAL (
               SELECT jobs.stage, jobs.state, jobs.attempts, jobs.ready_at, jobs.reason FROM jobs
                WHERE jobs.bookmark_id = bookmarks.id ORDER BY jobs.id DESC LIMIT 1) AS job ON true
      LEFT JOIN lanes ON lanes.user_id = bookmarks.user_id AND lanes.stage = job.stage
     ORDER BY {order}
"""

_NEWEST = text(
    _BOOKMARK.format(
        chosen="SELECT id FROM bookmarks WHERE state IN ('done', 'failed') ORDER BY updated_at DESC LIMIT :limit",
        order="bookmarks.updated_at DESC, bookmarks.id DESC",
    )
)
_NEWEST_OF_USER = text(
    _BOOKMARK.format(
        chosen="SELECT id FROM bookmarks WHERE user_id = :user AND state IN ('done', 'failed')"
        " ORDER BY updated_at DESC LIMIT :limit",
        order="bookmarks.updated_at DESC, bookmarks.id DESC",
    )
)
_PAGE = text(
    _BOOKMARK.format(
        chosen="SELECT id FROM bookmarks WHERE user_id = :user AND id > :after ORDER BY id LIMIT :limit",
        order="bookmarks.id",
    )
)
_PAGE_OF_STATE = text(
    _BOOKMARK.format(
        chosen="SELECT id FROM bookmarks WHERE user_id = :user AND state = :state AND id > :after"
        " ORDER BY id LIMIT :limit",
        order="bookmarks.id",
    )
)
_ONE = text(
    _BOOKMARK.format(chosen="SELECT id FROM bookmarks WHERE user_id = :user AND id = :bookmark", order="bookmarks.id")
)

_JOBS = text("SELECT stage, state, count(*) AS jobs FROM jobs GROUP BY stage, state")
_OLDEST = text("""
    SELECT jobs.stage, extract(epoch FROM statement_timestamp() - min(jobs.ready_at)) AS seconds
      FROM lanes JOIN LATERAL (
               SELECT jobs.stage, jobs.ready_at FROM jobs
                WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued'
                ORDER BY jobs.ready_at LIMIT 1) AS jobs ON true
     WHERE lanes.state = 'ready' AND NOT lanes.paused GROUP BY jobs.stage
""")
_LANES = text("""
    SELECT stage, CASE WHEN paused THEN 'paused' ELSE reason END AS reason, count(*) AS lanes,
           CASE WHEN NOT paused THEN min(wake_at) END AS until
      FROM lanes WHERE state = 'asleep' OR paused AND state <> 'idle'
     GROUP BY stage, paused, CASE WHEN paused THEN 'paused' ELSE reason END ORDER BY 1, 2
""")
_TOTALS = text("""
    SELECT statement_timestamp() AS at, (SELECT count(*) FROM contents) AS contents,
           (SELECT count(DISTINCT user_id) FROM lanes) AS users, (SELECT count(*) FROM outbox) AS outbox_pending
""")
_BOOKMARKS = text("SELECT state AS name, count(*) AS number FROM bookmarks GROUP BY state")
_ANALYSES = text("SELECT analysed_by AS name, count(*) AS number FROM analyses GROUP BY analysed_by")

_BOOKMARKS_OF_USER = text(
    "SELECT state AS name, count(*) AS number FROM bookmarks WHERE user_id = :user GROUP BY state"
)
_ANALYSES_OF_USER = text(
    "SELECT analysed_by AS name, count(*) AS number FROM analyses WHERE user_id = :user GROUP BY analysed_by"
)
_LANES_OF_USER = text("""
    SELECT lanes.stage, lanes.paused, lanes.reason, lanes.wake_at, lanes.state,
           count(*) FILTER (WHERE jobs.state = 'queued') AS waiting,
           count(*) FILTER (WHERE jobs.state = 'released') AS released,
           count(*) FILTER (WHERE jobs.state = 'running') AS running
      FROM lanes LEFT JOIN jobs ON jobs.user_id = lanes.user_id AND jobs.stage = lanes.stage
           AND jobs.state IN ('queued', 'released', 'running')
     WHERE lanes.user_id = :user GROUP BY lanes.user_id, lanes.stage ORDER BY lanes.stage
""")


class PostgresReports:
    """`Reports` from PostgreSQL."""

    def __init__(self, database: Database) -> None:
        """Keep the database; the first question connects."""
        self._database = database

    async def ping(self) -> None:
        """See `Reports.ping`."""
        async with self._database.begin() as work:
            await work.execute(text("SELECT 1"))

    async def overview(self) -> Overview:
        """See `Reports.overview`."""
        async with self._database.begin() as work:
            totals = (await work.execute(_TOTALS)).one()
            return Overview(
                at=totals.at,
                stages=await _stages(work),
                lanes=[_lanes_waiting(row) for row in await work.execute(_LANES)],
                bookmarks=await _counts(work.execute(_BOOKMARKS)),
                contents=totals.contents,
                analyses=await _counts(work.execute(_ANALYSES)),
                users=totals.users,
                outbox_pending=totals.outbox_pending,
            )

    async def newest(self, *, limit: int, user: UserId | None = None) -> list[BookmarkView]:
        """See `Reports.newest`."""
        async with self._database.begin(user) as work:
            asked = (_NEWEST, {"limit": limit}) if user is None else (_NEWEST_OF_USER, {"limit": limit, "user": user})
            return [_bookmark(row) for row in await work.execute(*asked)]

    async def page(
        self, user: UserId, *, state: str | None = None, after: BookmarkId | None = None, limit: int = 50
    ) -> Page:
        """See `Reports.page`."""
        asked = {"user": user, "after": after or 0, "limit": limit + 1}
        async with self._database.begin(user) as work:
            if state is None:
                rows = (await work.execute(_PAGE, asked)).all()
            else:
                rows = (await work.execute(_PAGE_OF_STATE, {**asked, "state": state})).all()
        bookmarks = [_bookmark(row) for row in rows[:limit]]
        return Page(bookmarks, after=bookmarks[-1].id if len(rows) > limit else None)

    async def bookmark(self, user: UserId, bookmark: BookmarkId) -> BookmarkView:
        """See `Reports.bookmark`."""
        async with self._database.begin(user) as work:
            row = (await work.execute(_ONE, {"user": user, "bookmark": bookmark})).one_or_none()
        if row is None:
            raise NotFound(f"There is no bookmark {bookmark} of this user.")
        return _bookmark(row)

    async def progress(self, user: UserId) -> Progress:
        """See `Reports.progress`."""
        asked = {"user": user}
        async with self._database.begin(user) as work:
            bookmarks = await _counts(work.execute(_BOOKMARKS_OF_USER, asked))
            analysed = await _counts(work.execute(_ANALYSES_OF_USER, asked))
            lanes = [_lane(row) for row in await work.execute(_LANES_OF_USER, asked)]
        return Progress(
            user=user,
            total=sum(bookmarks.values()),
            bookmarks=bookmarks,
            analysed=analysed,
            unfinished=sum(lane.waiting + lane.released + lane.running for lane in lanes),
            lanes=lanes,
        )


async def _counts(asked: Awaitable[Result[Any]]) -> dict[str, int]:
    return {row.name: row.number for row in await asked}


async def _stages(work: AsyncConnection) -> list[StageSums]:
    """A line for every stage that ever had a job, in the order of a bookmark's way."""
    jobs = {(row.stage, row.state): row.jobs for row in await work.execute(_JOBS)}
    oldest = {row.stage: float(row.seconds) for row in await work.execute(_OLDEST)}
    return [
        StageSums(
            stage=stage,
            waiting=jobs.get((stage, "queued"), 0),
            released=jobs.get((stage, "released"), 0),
            running=jobs.get((stage, "running"), 0),
            done=jobs.get((stage, "done"), 0),
            failed=jobs.get((stage, "failed"), 0),
            oldest_wait_s=max(0.0, oldest.get(stage, 0.0)),
        )
        for stage in Stage
        if stage is not Stage.RENDER or any(has is Stage.RENDER for has, _ in jobs)
    ]


def _lanes_waiting(row: Row[Any]) -> LanesWaiting:
    return LanesWaiting(stage=Stage(row.stage), reason=WaitReason(row.reason), lanes=row.lanes, until=row.until)


def _lane(row: Row[Any]) -> LaneProgress:
    blocked = None
    if row.paused:
        blocked = Waiting(WaitReason.PAUSED, until=None)
    elif row.state == "asleep":
        blocked = Waiting(WaitReason(row.reason), until=row.wake_at)
    return LaneProgress(
        stage=Stage(row.stage),
        waiting=row.waiting,
        released=row.released,
        running=row.running,
        paused=row.paused,
        blocked=blocked,
    )


def _bookmark(row: Row[Any]) -> BookmarkView:
    return BookmarkView(
        id=BookmarkId(row.id),
        user=UserId(row.user_id),
        url=row.url,
        external_id=row.external_id,
        title=row.page_title or row.title,
        tags=list(row.tags),
        state=row.state,
        stage=row.stage,
        job_state=row.job_state,
        attempts=row.attempts,
        waiting=None if row.wait_reason is None else Waiting(WaitReason(row.wait_reason), until=row.wait_until),
        strategy=row.strategy,
        chars=row.chars,
        words=row.words,
        content=_content(row),
        analysis=_analysis(row),
        analysed_by=row.analysed_by,
        error=None if row.error_code is None else ErrorView(row.error_code, row.error, row.advice),
        submitted_at=row.submitted_at,
        updated_at=row.updated_at,
    )


def _content(row: Row[Any]) -> ContentView | None:
    if row.strategy is None:
        return None
    return ContentView(**{name: getattr(row, name) for name in ContentView.__dataclass_fields__})


def _analysis(row: Row[Any]) -> AnalysisView | None:
    if row.analysed_by is None:
        return None
    tokens = {"prompt": row.prompt_tokens, "answer": row.answer_tokens}
    facts = {name: getattr(row, name) for name in AnalysisView.__dataclass_fields__ if name != "tokens"}
    return AnalysisView(**facts, tokens=tokens)
