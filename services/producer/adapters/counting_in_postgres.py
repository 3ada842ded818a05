"""What waits, counted in the ledger's PostgreSQL; never by looking at what has ended."""

from collections.abc import Iterable

from sqlalchemy import Row, TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from services.producer.gauges import Standing
from shared.database import Database
from shared.ledger.health import KEYS
from shared.ledger.summing import LANES, OLDEST_WAIT

_JOBS = text("""
    SELECT stage, state, count(*) AS jobs FROM jobs WHERE state = 'queued' GROUP BY stage, state
    UNION ALL
    SELECT stage, state, count(*) FROM jobs WHERE state IN ('released', 'running') GROUP BY stage, state
""")
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
                lanes={(row.stage, row.reason): row.lanes for row in await _rows(work, LANES)},
                oldest_wait_s={row.stage: float(row.seconds) for row in await _rows(work, OLDEST_WAIT)},
                keys={row.name: row.number for row in await _rows(work, KEYS)},
                outbox=outbox.events,
                outbox_oldest_s=float(outbox.oldest_s),
            )


async def _rows(work: AsyncConnection, question: TextClause) -> Iterable[Row[tuple[str, str, int]]]:
    return (await work.execute(question)).all()
