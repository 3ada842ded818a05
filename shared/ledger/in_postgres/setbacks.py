"""What did not work out: jobs put back to wait, tried again after a back-off, or failed for good."""

from collections.abc import Callable, Sequence

from sqlalchemy import any_, bindparam, func, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, INTERVAL, TEXT, TIMESTAMP, insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bookmarks import Content
from shared.errors import FleetError
from shared.ledger import Job, Pause
from shared.ledger.in_postgres.jobs import BACK_IN_LINE, FAILED, NOW, ended, enqueue, move_on, to_fenced
from shared.ledger.in_postgres.lanes import Windows, hold, open_lane, rest, settle
from shared.ledger.in_postgres.rows import CONTENT, content_row, keepable
from shared.ledger.in_postgres.telling import FAILED as TELL_FAILED
from shared.ledger.in_postgres.telling import tell, tell_exhausted
from shared.ledger.policies import RetryPolicy
from shared.ledger.tables import bookmarks, contents, jobs
from shared.values import BookmarkId, Stage, Strategy, UserId, WaitReason

_WHY = {"error_code": bindparam("code", type_=TEXT), "error": bindparam("sentence", type_=TEXT)}
_ONE_MORE = {"attempts": jobs.c.attempts + 1}

_BACK = to_fenced(BACK_IN_LINE)
_BACK_ALONE = to_fenced(
    BACK_IN_LINE
    | {"ready_at": bindparam("until", type_=TIMESTAMP(timezone=True)), "reason": bindparam("because", type_=TEXT)}
)
_TRY_AGAIN = to_fenced(BACK_IN_LINE | _ONE_MORE | _WHY | {"reason": WaitReason.BACKOFF.value})
TO_FAIL = ended(FAILED) | _ONE_MORE | _WHY
"""What becomes of a job that fails, but for the error's `code` and `sentence`."""
_FAIL = to_fenced(TO_FAIL)

_wait = func.unnest(bindparam("ids", type_=ARRAY(BIGINT)), bindparam("waits", type_=ARRAY(INTERVAL)))
_waiting = _wait.table_valued("id", "time", name="waiting").render_derived()
_BACK_OFF = update(jobs).where(jobs.c.id == _waiting.c.id).values(ready_at=NOW + _waiting.c.time)

_SHOW_FAILURE = (
    update(bookmarks)
    .where(bookmarks.c.id == any_(bindparam("ids", type_=ARRAY(BIGINT))))
    .values(state=FAILED, updated_at=NOW, advice=bindparam("hint", type_=TEXT), **_WHY)
)

# A page that was once read stays: fallback content only stands where there was none, or fallback content.
_content = insert(contents)
_KEEP_FALLBACK = _content.on_conflict_do_update(
    index_elements=["bookmark_id", "user_id"],
    set_={**{name: _content.excluded[name] for name in CONTENT}, "fetched_at": NOW},
    where=contents.c.strategy == Strategy.FALLBACK.value,
).returning(contents.c.bookmark_id)


async def postpone(
    work: AsyncConnection, windows: Windows, claimed: Sequence[Job], pause: Pause, *, whole_lane: bool
) -> None:
    """See `Ledger.postpone`."""
    user, stage = claimed[0].user, claimed[0].stage
    await hold(work, [user])
    if not whole_lane:
        await put_back_alone(work, claimed, pause)
    elif await move_on(work, _BACK, claimed) and await rest(work, user, stage, pause):
        await tell_exhausted(work, user, pause)
    await settle(work, windows, user)


async def put_back_alone(work: AsyncConnection, claimed: Sequence[Job], pause: Pause) -> list[Job]:
    """Put jobs of a lane, which is held, back to wait by themselves; those that still had their claim."""
    return await move_on(work, _BACK_ALONE, claimed, until=pause.until, because=pause.reason)


async def retry(
    work: AsyncConnection,
    windows: Windows,
    claimed: Sequence[Job],
    error: FleetError,
    fallback: Content | None,
    *,
    retries: RetryPolicy,
    random: Callable[[], float],
) -> list[Job]:
    """See `Ledger.retry`."""
    user = claimed[0].user
    await hold(work, [user])
    again = [job for job in claimed if job.attempt <= retries.retries]
    held = await move_on(work, _TRY_AGAIN, again, **why(error))
    chance = random()  # one for all: what failed together comes back together, and costs one request again
    waits = [chance * retries.longest_wait(attempt=job.attempt) for job in held]
    await work.execute(_BACK_OFF, {"ids": [job.id for job in held], "waits": waits})
    if held and fallback is not None:
        await _fall_back(work, user, [job.bookmark.id for job in held if job.attempt == 1], fallback)
    failed = await _fail(work, [job for job in claimed if job not in again], error, fallback)
    await settle(work, windows, user)
    return failed


async def fail(
    work: AsyncConnection, windows: Windows, claimed: Sequence[Job], error: FleetError, fallback: Content | None
) -> None:
    """See `Ledger.fail`."""
    user = claimed[0].user
    await hold(work, [user])
    await _fail(work, claimed, error, fallback)
    await settle(work, windows, user)


def why(error: FleetError) -> dict[str, str]:
    """What a failed job keeps of its error."""
    return {"code": error.code, "sentence": keepable(error.sentence)}


async def show_failure(work: AsyncConnection, ids: Sequence[BookmarkId], error: FleetError) -> None:
    """Bookmarks whose jobs failed show why, and others are told."""
    await work.execute(_SHOW_FAILURE, {"ids": list(ids), "hint": error.advice, **why(error)})
    await tell(work, TELL_FAILED, ids, error=error)


async def _fail(
    work: AsyncConnection, claimed: Sequence[Job], error: FleetError, fallback: Content | None
) -> list[Job]:
    """End them, where we still hold them; those we did."""
    held = await move_on(work, _FAIL, claimed, **why(error))
    ids = [job.bookmark.id for job in held]
    if ids:
        await show_failure(work, ids, error)
    if ids and fallback is not None:
        await _fall_back(work, claimed[0].user, ids, fallback)
    return held


async def _fall_back(work: AsyncConnection, user: UserId, ids: Sequence[BookmarkId], fallback: Content) -> None:
    """Keep fallback content where no page was ever read, and queue its analysis."""
    if not ids:
        return
    kept = await work.execute(_KEEP_FALLBACK, [content_row(user, id_, fallback) for id_ in ids])
    await open_lane(work, user, Stage.ANALYZE)
    await enqueue(work, user, Stage.ANALYZE, [BookmarkId(id_) for id_ in kept.scalars()])
