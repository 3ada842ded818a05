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
# The lanes that are served next are the ones that waited longest; looking at some of them bounds the cost.
_OLDEST = text("""
    SELECT stages.stage, max(extract(epoch FROM now() - next.ready_at)) AS seconds
      FROM (SELECT DISTINCT stage FROM lanes) AS stages
     CROSS JOIN LATERAL (
               SELECT user_id FROM lanes WHERE lanes.stage = stages.stage AND state = 'ready' AND NOT paused
                ORDER BY last_served_at LIMIT 1000) AS lane
     CROSS JOIN LATERAL (
               SELECT ready_at FROM jobs
                WHERE jobs.stage = stages.stage AND jobs.user_id = lane.user_id AND state = 'queued'
                ORDER BY ready_at, id LIMIT 1) AS next
     WHERE next.ready_at <= now()
     GROUP BY stages.stage
""")
_KEYS = text("SELECT status, count(*) AS keys FROM api_keys GROUP BY status")
_OUTBOX = text("SELECT count(*) FROM outbox")


class PostgresCounting:
    """Counts by the partial indexes of waiting rows."""

    def __init__(self, database: Database) -> None:
        """Keep the pool; nothing connects yet."""
        self._database = database

    async def standing(self) -> Standing:
        """See `Counting.standing`."""
        async with self._database.begin() as work:
            return Standing(
                jobs={(row.stage, row.state): row.jobs for row in await _rows(work, _JOBS)},
                lanes={(row.stage, row.reason): row.lanes for row in await _rows(work, _LANES)},
                oldest_wait_s={row.stage: float(row.seconds) for row in await _rows(work, _OLDEST)},
                keys={row.status: row.keys for row in await _rows(work, _KEYS)},
                outbox=int((await work.execute(_OUTBOX)).scalar_one()),
            )


async def _rows(work: AsyncConnection, question: TextClause) -> Iterable[Row[tuple[str, str, int]]]:
    return (await work.execute(question)).all()
