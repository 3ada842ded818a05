"""What waits, counted in the ledger's PostgreSQL; never by looking at what has ended."""

from collections.abc import Iterable

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.producer.gauges import Standing
from shared.database import Database

_JOBS = text("""
    SELECT stage, state, count(*) AS jobs FROM jobs WHERE state = 'queued' GROUP BY stage, state
    UNION ALL
    SELECT stage, state, count(*) FROM jobs WHERE state IN ('released', 'running') GROUP BY stage, state
""")
_LANES = text("""
    SELECT stage, CASE WHEN paused THEN 'paused' ELSE reason END AS reason, count(*) AS lanes FROM lanes
     WHERE state = 'asleep' OR paused AND state <> 'idle' GROUP BY 1, 2
""")
# Among the users of whom nothing runs: whoever is being served waits for their own backlog. The lanes that are served
# next are the ones that waited longest; looking at some of them bounds the cost.
_OLDEST = text("""
    WITH due AS (
        SELECT lane.stage, lane.user_id, next.ready_at, lane.rest_until
          FROM (SELECT DISTINCT stage FROM lanes) AS stages
         CROSS JOIN LATERAL (
                   SELECT stage, user_id, rest_until FROM lanes
                    WHERE lanes.stage = stages.stage AND state = 'ready' AND NOT paused
                    ORDER BY last_served_at LIMIT 1000) AS lane
         CROSS JOIN LATERAL (
                   SELECT ready_at FROM jobs
                    WHERE jobs.stage = lane.stage AND jobs.user_id = lane.user_id AND state = 'queued'
                    ORDER BY ready_at, id LIMIT 1) AS next
        UNION ALL
        SELECT stage, user_id, jobs.ready_at, lanes.rest_until
          FROM jobs JOIN lanes USING (stage, user_id) WHERE jobs.state = 'released')
    SELECT stage, extract(epoch FROM max(now() - greatest(ready_at, rest_until))) AS seconds
      FROM due
     WHERE ready_at <= now() AND NOT EXISTS (
           SELECT FROM jobs WHERE stage = due.stage AND user_id = due.user_id AND state = 'running')
     GROUP BY stage
""")
_KEYS = text("SELECT status, count(*) AS keys FROM api_keys GROUP BY status")
_OUTBOX = text("""
    SELECT count(*) AS events, coalesce(extract(epoch FROM now() - min(created_at)), 0) AS oldest_s FROM outbox
""")


class PostgresCounting:
    """Counts by the partial indexes of waiting rows."""

    def __init__(self, database: Database) -> None:
        """Keep the pool; nothing connects yet."""
        self._database = database

    async def standing(self) -> Standing:
        """See `Counting.standing`."""
        async with self._database.begin() as work:
            outbox = (await work.execute(_OUTBOX)).one()
            return Standing(
                jobs={(row.stage, row.state): row.jobs for row in await _rows(work, _JOBS)},
                lanes={(row.stage, row.reason): row.lanes for row in await _rows(work, _LANES)},
                oldest_wait_s={row.stage: float(row.seconds) for row in await _rows(work, _OLDEST)},
                keys={row.status: row.keys for row in await _rows(work, _KEYS)},
                outbox=outbox.events,
                outbox_oldest_s=float(outbox.oldest_s),
            )


async def _rows(work: AsyncConnection, question: TextClause) -> Iterable[Row[tuple[str, str, int]]]:
    return (await work.execute(question)).all()
