"""One bookmark's rows, and the view they make."""

from datetime import datetime
from typing import Any

from sqlalchemy import Row, Select, case, func, select, true

from shared.ledger.tables import analyses, bookmarks, contents, jobs, lanes
from shared.ledger.views import AnalysisView, BookmarkView, ContentView, ErrorView, Waiting
from shared.values import BookmarkId, JobState, Stage, UserId, WaitReason

# Where it is: the first stage it has not left, for what stands in for a page may be analysed while the page is still
# being tried; and once nothing is left to do, where it was last.
_IS_OPEN = jobs.c.state.in_([JobState.QUEUED, JobState.RELEASED, JobState.RUNNING])
_IN_ORDER = case({Stage.SCRAPE: 0, Stage.RENDER: 1, Stage.ANALYZE: 2}, value=jobs.c.stage)
_job = (
    select(jobs.c.stage, jobs.c.state, jobs.c.attempts, jobs.c.ready_at, jobs.c.reason)
    .where(jobs.c.bookmark_id == bookmarks.c.id)
    .order_by(_IS_OPEN.desc(), case((_IS_OPEN, _IN_ORDER)), jobs.c.id.desc())
    .limit(1)
    .lateral("job")
)

_CONTENT_FACTS = (
    "verdict", "final_url", "description", "author", "site_name", "language", "published", "image", "pages",
    "fetched_at",
)  # fmt: skip
_CONTENT_SUMS = ("strategy", "title", "chars", "words")
_ANALYSIS_FACTS = (
    "key_concepts", "content_type", "difficulty", "technologies", "learning_path", "project_applicability",
    "skill_development", "summary", "analysed_by", "model", "key_source", "prompt_version", "chars_left_out",
    "analysed_at",
)  # fmt: skip

SHOWN: Select[Any] = (
    select(
        *(bookmarks.c[name] for name in ("id", "user_id", "url", "external_id", "title", "tags", "state")),
        *(bookmarks.c[name] for name in ("error_code", "error", "advice", "submitted_at", "updated_at")),
        *(
            contents.c[name].label(f"content_{name}")
            for name in (*_CONTENT_FACTS, "strategy", "title", "chars", "words")
        ),
        *(analyses.c[name].label(f"analysis_{name}") for name in _ANALYSIS_FACTS),
        analyses.c.prompt_tokens,
        analyses.c.answer_tokens,
        *(_job.c[name].label(f"job_{name}") for name in ("stage", "state", "attempts", "ready_at", "reason")),
        lanes.c.paused,
        lanes.c.rest_until,
        lanes.c.rest_reason,
        func.statement_timestamp().label("now"),
    )
    .outerjoin_from(bookmarks, contents, contents.c.bookmark_id == bookmarks.c.id)
    .outerjoin(analyses, analyses.c.bookmark_id == bookmarks.c.id)
    .outerjoin(_job, true())
    .outerjoin(lanes, (lanes.c.user_id == bookmarks.c.user_id) & (lanes.c.stage == _job.c.stage))
)
"""Everything a bookmark's view is made of, without the text; to be narrowed and ordered."""


def bookmark_view(row: Row[Any]) -> BookmarkView:
    """A row of `SHOWN` as people see it."""
    return BookmarkView(
        id=BookmarkId(row.id),
        user=UserId(row.user_id),
        url=row.url,
        external_id=row.external_id,
        title=row.content_title or row.title,
        tags=row.tags,
        state=row.state,
        stage=row.job_stage,
        job_state=row.job_state,
        attempts=row.job_attempts or 0,
        waiting=_waiting(row),
        strategy=row.content_strategy,
        chars=row.content_chars or 0,
        words=row.content_words or 0,
        content=None if row.content_strategy is None else _content(row),
        analysis=None if row.analysis_analysed_by is None else _analysis(row),
        analysed_by=row.analysis_analysed_by,
        error=None if row.error_code is None else ErrorView(row.error_code, row.error, row.advice),
        submitted_at=row.submitted_at,
        updated_at=row.updated_at,
    )


def waiting_of(
    *,
    paused: bool,
    rest: tuple[datetime | None, str | None],
    ready_at: datetime | None,
    reason: str | None,
    now: datetime,
) -> Waiting | None:
    """Why queued work does not run, beyond waiting for its turn: a pause, its lane's rest, or its own wait."""
    rest_until, rest_reason = rest
    if paused:
        return Waiting.of(WaitReason.PAUSED, None)
    if rest_until is not None and rest_until > now and rest_reason is not None:
        return Waiting.of(WaitReason(rest_reason), rest_until)
    if ready_at is not None and ready_at > now:
        return Waiting.of(WaitReason(reason or WaitReason.BACKOFF), ready_at)
    return None


def _waiting(row: Row[Any]) -> Waiting | None:
    if row.job_state != JobState.QUEUED:
        return None
    return waiting_of(
        paused=row.paused,
        rest=(row.rest_until, row.rest_reason),
        ready_at=row.job_ready_at,
        reason=row.job_reason,
        now=row.now,
    )


def _content(row: Row[Any]) -> ContentView:
    return ContentView(**{name: row._mapping[f"content_{name}"] for name in _CONTENT_FACTS})  # noqa: SLF001 - a row's public mapping


def _analysis(row: Row[Any]) -> AnalysisView:
    facts = {name: row._mapping[f"analysis_{name}"] for name in _ANALYSIS_FACTS}  # noqa: SLF001 - as above
    return AnalysisView(**facts, tokens={"prompt": row.prompt_tokens, "answer": row.answer_tokens})
