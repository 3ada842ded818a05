"""Failed bookmarks begun anew: each at the stage where it first failed, as if nothing had come after."""

from collections.abc import Iterable, Sequence
from typing import Any

from sqlalchemy import BindParameter, all_, any_, case, literal, select, update
from sqlalchemy.dialects.postgresql import ARRAY, BIGINT, distinct_on
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Actor
from shared.audit.in_postgres import record_within
from shared.ledger.in_postgres.jobs import BACK_IN_LINE, CANCELLED, FAILED, NOW, QUEUED, RELEASED, RUNNING, ended
from shared.ledger.in_postgres.lanes import Windows, hold, settle
from shared.ledger.tables import bookmarks, jobs
from shared.values import JobId, Stage, UserId

_IN_ORDER = case({Stage.SCRAPE.value: 0, Stage.RENDER.value: 1}, value=jobs.c.stage, else_=2)
_NO_ERROR = {"error_code": None, "error": None}
_ANEW: dict[str, Any] = BACK_IN_LINE | _NO_ERROR | {"attempts": 0, "ready_at": NOW, "ended_at": None}


async def requeue_failed(
    work: AsyncConnection, windows: Windows, user: UserId, ids: Sequence[JobId], code: str | None, *, by: Actor
) -> int:
    """See `Ledger.requeue_failed`."""
    await hold(work, [user])
    first = await _first_failed(work, user, ids, code)
    if not first:
        return 0
    # Before the others are queued: a bookmark has one open job a stage at most.
    begun, its = _array(first), _array(first.values())
    others = update(jobs).where(jobs.c.bookmark_id == any_(begun), jobs.c.id != all_(its))
    unfinished = jobs.c.state.in_([QUEUED, RELEASED, RUNNING, FAILED])
    await work.execute(others.where(unfinished).values(ended(CANCELLED)))
    await work.execute(update(jobs).where(jobs.c.id == any_(its)).values(_ANEW))
    waiting_again = {"state": QUEUED, "advice": None, "updated_at": NOW, **_NO_ERROR}
    await work.execute(update(bookmarks).where(bookmarks.c.id == any_(begun)).values(waiting_again))
    await settle(work, windows, user)
    await record_within(work, by, "jobs_retried", user, {"bookmarks": len(first)} | ({"code": code} if code else {}))
    return len(first)


async def _first_failed(work: AsyncConnection, user: UserId, ids: Sequence[JobId], code: str | None) -> dict[int, int]:
    """By bookmark the failed job it has to begin with again."""
    failed = (jobs.c.user_id == user) & (jobs.c.state == FAILED)
    named = select(jobs.c.bookmark_id).join(bookmarks).where(failed, bookmarks.c.state == FAILED)
    if ids:
        named = named.where(jobs.c.id == any_(_array(ids)))
    if code is not None:
        named = named.where(jobs.c.error_code == code)
    first = (
        select(jobs.c.bookmark_id, jobs.c.id)
        .ext(distinct_on(jobs.c.bookmark_id))
        .where(failed, jobs.c.bookmark_id.in_(named))
        .order_by(jobs.c.bookmark_id, _IN_ORDER, jobs.c.id.desc())
    )
    return {row.bookmark_id: row.id for row in await work.execute(first)}


def _array(ids: Iterable[int]) -> BindParameter[list[int]]:
    """Ids as one value, however many: a statement takes 65,535 at most."""
    return literal(list(ids), ARRAY(BIGINT))
