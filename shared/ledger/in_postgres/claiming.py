"""Claims: a worker takes the jobs its message names, if the message's token is still the newest."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ledger import Job
from shared.ledger.in_postgres.rows import bookmark_of, content_of
from shared.values import JobId, Stage

# A job somebody else has locked is being claimed, taken back or removed this moment: it is passed over.
_CLAIM = text("""
    WITH mine AS (
        SELECT id FROM jobs
         WHERE id = ANY(CAST(:ids AS bigint[])) AND stage = :stage AND token = :token
           AND state = 'released' AND lease_until > statement_timestamp()
           FOR NO KEY UPDATE SKIP LOCKED),
    claimed AS (
        UPDATE jobs SET state = 'running', claimed_at = statement_timestamp(),
                        lease_until = statement_timestamp() + CAST(:lease AS interval)
          FROM mine WHERE jobs.id = mine.id
        RETURNING jobs.id, jobs.bookmark_id, jobs.user_id, jobs.stage, jobs.attempts, jobs.ready_at)
    SELECT claimed.id, claimed.bookmark_id, claimed.user_id, claimed.attempts,
           statement_timestamp() - greatest(claimed.ready_at, lanes.rest_until) AS waited,
           bookmarks.url, bookmarks.title, bookmarks.tags, bookmarks.excerpt,
           contents.strategy, contents.verdict, contents.final_url, contents.title AS content_title, contents.text,
           contents.description, contents.author, contents.site_name, contents.language, contents.published
      FROM claimed
      JOIN bookmarks ON bookmarks.id = claimed.bookmark_id
      LEFT JOIN lanes ON lanes.user_id = claimed.user_id AND lanes.stage = claimed.stage
      LEFT JOIN contents ON contents.bookmark_id = claimed.bookmark_id AND claimed.stage = 'analyze'
     ORDER BY claimed.id
""")


async def claim(
    work: AsyncConnection, stage: Stage, ids: Sequence[JobId], token: str, *, lease: timedelta
) -> list[Job]:
    """See `Ledger.claim`."""
    asked = datetime.now(UTC)  # by the clock that will read the deadline: clocks of two machines differ
    rows = await work.execute(_CLAIM, {"stage": stage, "ids": list(ids), "token": token, "lease": lease})
    return [
        Job(
            id=JobId(row.id),
            stage=stage,
            bookmark=bookmark_of(row),
            attempt=row.attempts + 1,
            token=token,
            deadline=asked + lease,
            waited=max(row.waited, timedelta(0)),
            content=content_of(row),
        )
        for row in rows
    ]
