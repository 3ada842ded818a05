"""A site that is busy: its jobs of one lane come one after another, as often as the site has a turn for them."""

from datetime import datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ledger import Job, Pause
from shared.ledger.in_postgres.lanes import Windows, hold, settle
from shared.ledger.in_postgres.setbacks import put_back_alone
from shared.values import WaitReason

_AT_MOST = 1_000  # jobs of a lane that are looked at; those further behind meet the site when their time comes

_FALL_IN_BEHIND = text("""
    WITH mine AS (
        SELECT id, bookmark_id, ready_at FROM jobs
         WHERE stage = :stage AND user_id = :user AND state = 'queued' ORDER BY ready_at, id LIMIT :at_most),
    behind AS (
        SELECT mine.id, CAST(:until AS timestamptz)
                        + CAST(:every AS interval) * row_number() OVER (ORDER BY mine.ready_at, mine.id) AS turn
          FROM mine JOIN bookmarks ON bookmarks.id = mine.bookmark_id
         WHERE mine.id <> :first AND split_part(bookmarks.url, '/', 3) = split_part(:url, '/', 3))
    UPDATE jobs SET ready_at = behind.turn, reason = 'host_busy'
      FROM behind WHERE jobs.id = behind.id AND jobs.ready_at < behind.turn
""")


async def space_out(work: AsyncConnection, windows: Windows, job: Job, *, until: datetime, every: timedelta) -> None:
    """See `Ledger.space_out`."""
    await hold(work, [job.user])
    if await put_back_alone(work, [job], Pause(WaitReason.HOST_BUSY, until)):
        await work.execute(
            _FALL_IN_BEHIND,
            {
                "stage": job.stage,
                "user": job.user,
                "first": job.id,
                "url": job.bookmark.url,
                "until": until,
                "every": every,
                "at_most": _AT_MOST,
            },
        )
        await settle(work, windows, job.user)
