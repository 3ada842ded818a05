"""The sweeper: jobs whose lease has ended go back to their lanes, and lanes that stand still are set going."""

from collections import Counter
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from sqlalchemy import ColumnElement, Row, and_, select, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.database import is_alone
from shared.errors import LeaseExpired
from shared.ledger import Outage, Reaped
from shared.ledger.in_postgres.jobs import BACK_IN_LINE, NOW, OUT, RELEASED, RUNNING
from shared.ledger.in_postgres.lanes import Windows, hold, settle_many, standing_still
from shared.ledger.in_postgres.setbacks import TO_FAIL, show_failure, why
from shared.ledger.policies import RetryPolicy
from shared.ledger.tables import jobs
from shared.values import BookmarkId, Stage, UserId

_ONE_AT_A_TIME = 0x666C_7270  # the advisory lock of sweepers: "flrp"
_AT_ONCE = 1_000  # jobs, and lanes, one sweep looks at

_SLICE_END = text("""
    SELECT user_id, stage FROM lanes WHERE (user_id, stage) > (:user, :stage)
     ORDER BY user_id, stage OFFSET :skipped LIMIT 1
""")

START = ("", "")
"""Where the first sweep over the lanes begins."""


async def reap(
    work: AsyncConnection, windows: Windows, retries: RetryPolicy, *, outage: Outage | None, after: tuple[str, str]
) -> tuple[Reaped, tuple[str, str]]:
    """See `Ledger.reap`; looks at the lanes that follow `after`, and says where the next sweep goes on."""
    if not await is_alone(work, _ONE_AT_A_TIME):
        return Reaped(), after
    reaped = await _take_back_expired(work, windows, retries, outage)
    lanes_woken, reached = await _set_going(work, windows, after)
    return replace(reaped, lanes=lanes_woken), reached


async def _take_back_expired(
    work: AsyncConnection, windows: Windows, retries: RetryPolicy, outage: Outage | None
) -> Reaped:
    users = await _users_with_expired_jobs(work)
    if not users:
        return Reaped()
    await hold(work, users)
    mine = and_(jobs.c.user_id.in_(users), jobs.c.lease_until <= NOW)
    last_try = jobs.c.attempts >= retries.retries
    unclaimed = await _change(work, and_(mine, jobs.c.state == RELEASED), BACK_IN_LINE)
    excused = await _change(work, and_(mine, _ended_in(outage)), BACK_IN_LINE) if outage else []
    error = LeaseExpired(tries=retries.retries + 1)
    worn_out = await _change(work, and_(mine, jobs.c.state == RUNNING, last_try), TO_FAIL, **why(error))
    again = {**BACK_IN_LINE, "attempts": jobs.c.attempts + 1}
    unfinished = await _change(work, and_(mine, jobs.c.state == RUNNING), again)
    for stage in _by_stage(worn_out):
        ids = [BookmarkId(row.bookmark_id) for row in worn_out if row.stage == stage]
        await show_failure(work, stage, ids, error)
    await settle_many(work, windows, users)
    return Reaped(
        released=len(unclaimed),
        running=len(excused) + len(worn_out) + len(unfinished),
        by_stage=_by_stage([*unclaimed, *excused, *worn_out, *unfinished]),
        failed=_by_stage(worn_out),
    )


def _ended_in(outage: Outage) -> ColumnElement[bool]:
    return jobs.c.lease_until.between(NOW - outage.began, NOW - outage.ended)


async def _set_going(work: AsyncConnection, windows: Windows, after: tuple[str, str]) -> tuple[int, tuple[str, str]]:
    """Settle the lanes of the next slice that stand still; how many did, and where the slice ended."""
    reached = (await work.execute(_SLICE_END, {"user": after[0], "stage": after[1], "skipped": _AT_ONCE - 1})).first()
    users = await standing_still(work, windows, after=after, at_once=_AT_ONCE)
    await hold(work, users)
    woken = await settle_many(work, windows, users) if users else 0
    return woken, (reached.user_id, reached.stage) if reached else START


async def _users_with_expired_jobs(work: AsyncConnection) -> list[UserId]:
    expired = select(jobs.c.user_id).where(OUT, jobs.c.lease_until <= NOW).order_by(jobs.c.lease_until).limit(_AT_ONCE)
    return [UserId(user) for user in sorted(set((await work.execute(expired)).scalars()))]


async def _change(
    work: AsyncConnection, which: ColumnElement[bool], values: dict[str, Any], **open_: str
) -> Sequence[Row[Any, Any]]:
    changed = update(jobs).where(which).values(values).returning(jobs.c.user_id, jobs.c.stage, jobs.c.bookmark_id)
    return (await work.execute(changed, open_)).all()


def _by_stage(rows: Sequence[Row[Any, Any]]) -> Counter[Stage]:
    return Counter(Stage(row.stage) for row in rows)
