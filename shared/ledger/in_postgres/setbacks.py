"""What did not work out: jobs put back to wait, tried again after a back-off, or failed for good."""

from collections.abc import Callable, Sequence

from sqlalchemy import any_, bindparam, func, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, INTERVAL, TEXT, TIMESTAMP
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.bookmarks import Content
from shared.errors import FleetError
from shared.ledger import Job, Pause
from shared.ledger.in_postgres.jobs import BACK_IN_LINE, FAILED, NOW, ended, move_on, to_fenced
from shared.ledger.in_postgres.lanes import Windows, hold, rest, settle
from shared.ledger.in_postgres.rows import keepable
from shared.ledger.in_postgres.standing_in import stand_in
from shared.ledger.in_postgres.telling import FAILED as TELL_FAILED
from shared.ledger.in_postgres.telling import tell, tell_exhausted
from shared.ledger.policies import RetryPolicy
from shared.ledger.tables import bookmarks, contents, jobs
from shared.values import BookmarkId, Stage, Strategy, WaitReason

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
    .returning(bookmarks.c.id)
)

_STANDS_IN = (
    select(contents.c.bookmark_id)
    .where(contents.c.bookmark_id == bookmarks.c.id, contents.c.strategy == Strategy.FALLBACK.value)
    .exists()
)
_SHOW_FAILED_ANALYSIS = _SHOW_FAILURE.where(~_STANDS_IN)
"""Not of what stands in for a page: that page is still being tried, or the bookmark shows why it could not be read."""


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
    waits = [error.rest + chance * retries.longest_wait(attempt=job.attempt) for job in held]
    await work.execute(_BACK_OFF, {"ids": [job.id for job in held], "waits": waits})
    if fallback is not None:
        await stand_in(work, held, fallback)
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


async def show_failure(work: AsyncConnection, stage: Stage, ids: Sequence[BookmarkId], error: FleetError) -> None:
    """Bookmarks whose jobs of this stage failed show why, and others are told."""
    show = _SHOW_FAILED_ANALYSIS if stage is Stage.ANALYZE else _SHOW_FAILURE
    shown = await work.scalars(show, {"ids": list(ids), "hint": error.advice, **why(error)})
    await tell(work, TELL_FAILED, [BookmarkId(id_) for id_ in shown], error=error)


async def _fail(
    work: AsyncConnection, claimed: Sequence[Job], error: FleetError, fallback: Content | None
) -> list[Job]:
    """End them, where we still hold them; those we did."""
    held = await move_on(work, _FAIL, claimed, **why(error))
    if held:
        await show_failure(work, held[0].stage, [job.bookmark.id for job in held], error)
    if fallback is not None:
        await stand_in(work, held, fallback)
    return held
