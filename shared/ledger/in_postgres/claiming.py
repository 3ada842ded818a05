"""Claims: of the jobs a message names, if its token is still the newest; and of jobs whose lane waits too long."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from secrets import token_hex
from typing import Any

from sqlalchemy import Row, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ledger import Job
from shared.ledger.in_postgres.lanes import Windows, hold, settle
from shared.ledger.in_postgres.rows import bookmark_of, content_of
from shared.tracing import Trace
from shared.values import JobId, Stage, UserId

_CLAIMED = """
    claimed AS (
        UPDATE jobs SET state = 'running', token = :token, claimed_at = statement_timestamp(),
                        lease_until = statement_timestamp() + CAST(:lease AS interval)
          FROM mine WHERE jobs.id = mine.id
        RETURNING jobs.id, jobs.bookmark_id, jobs.user_id, jobs.stage, jobs.attempts, jobs.ready_at,
                  jobs.trace)
    SELECT claimed.id, claimed.bookmark_id, claimed.user_id, claimed.attempts, claimed.trace,
           statement_timestamp() - greatest(claimed.ready_at, lanes.rest_until) AS waited,
           bookmarks.url, bookmarks.title, bookmarks.tags, bookmarks.excerpt,
           contents.strategy, contents.verdict, contents.final_url, contents.title AS content_title, contents.text,
           contents.description, contents.author, contents.site_name, contents.language, contents.published,
           contents.image, contents.pages, contents.links
      FROM claimed
      JOIN bookmarks ON bookmarks.id = claimed.bookmark_id
      LEFT JOIN lanes ON lanes.user_id = claimed.user_id AND lanes.stage = claimed.stage
      LEFT JOIN contents ON contents.bookmark_id = claimed.bookmark_id
                            AND (claimed.stage = 'analyze' OR contents.strategy = 'fallback')
     ORDER BY claimed.id
"""

# A job somebody else has locked is being claimed, taken back or removed this moment: it is passed over.
_CLAIM = text(f"""
    WITH mine AS (
        SELECT id FROM jobs
         WHERE id = ANY(CAST(:ids AS bigint[])) AND stage = :stage AND token = :token
           AND state = 'released' AND lease_until > statement_timestamp()
           FOR NO KEY UPDATE SKIP LOCKED),
    {_CLAIMED}
""")  # noqa: S608 - put together from constants

_WAITS_LONG = text("""
    SELECT user_id FROM lanes
     WHERE stage = 'analyze' AND waits_since <= statement_timestamp() - CAST(:longer_than AS interval)
       AND rest_until > statement_timestamp() AND NOT paused
       AND EXISTS (SELECT FROM jobs WHERE jobs.stage = 'analyze' AND jobs.user_id = lanes.user_id
                                      AND jobs.state = 'queued' AND NOT jobs.replaces)
     ORDER BY waits_since LIMIT 1
""")

_CLAIM_WAITING = text(f"""
    WITH mine AS (
        SELECT id FROM jobs
         WHERE stage = 'analyze' AND user_id = :user AND state = 'queued' AND NOT replaces
         ORDER BY ready_at, id LIMIT :limit),
    {_CLAIMED}
""")  # noqa: S608 - put together from constants


async def claim(
    work: AsyncConnection, stage: Stage, ids: Sequence[JobId], token: str, *, lease: timedelta
) -> list[Job]:
    """See `Ledger.claim`."""
    asked = datetime.now(UTC)  # by the clock that will read the deadline: clocks of two machines differ
    rows = await work.execute(_CLAIM, {"stage": stage, "ids": list(ids), "token": token, "lease": lease})
    return [_job(row, stage, token, deadline=asked + lease) for row in rows]


async def claim_waiting(
    work: AsyncConnection, windows: Windows, *, longer_than: timedelta, limit: int, lease: timedelta
) -> list[Job]:
    """See `Ledger.claim_waiting`."""
    asked, token = datetime.now(UTC), token_hex(16)
    user = (await work.execute(_WAITS_LONG, {"longer_than": longer_than})).scalar_one_or_none()
    if user is None:
        return []
    await hold(work, [UserId(user)])
    taken = {"user": user, "limit": limit, "token": token, "lease": lease}
    rows = (await work.execute(_CLAIM_WAITING, taken)).all()
    await settle(work, windows, UserId(user))
    return [_job(row, Stage.ANALYZE, token, deadline=asked + lease) for row in rows]


def _job(row: Row[Any], stage: Stage, token: str, *, deadline: datetime) -> Job:
    return Job(
        id=JobId(row.id),
        stage=stage,
        bookmark=bookmark_of(row),
        attempt=row.attempts + 1,
        token=token,
        deadline=deadline,
        waited=max(row.waited, timedelta(0)),
        content=content_of(row),
        trace=Trace.read(row.trace),
    )
