"""How well the fleet does: what ended within the last hour, how long it took, why it failed, and whom quotas hold."""

from collections import defaultdict
from datetime import UTC, datetime, timedelta

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ledger.views import FailureKind, Health, StageHealth
from shared.values import Stage

LOOKS_BACK = timedelta(hours=1)

_ENDED = text("""
    SELECT stage, count(*) FILTER (WHERE state = 'done') AS done, count(*) FILTER (WHERE state = 'failed') AS failed,
           percentile_cont(0.5) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - claimed_at)) AS usual_s,
           percentile_cont(0.95) WITHIN GROUP (ORDER BY extract(epoch FROM ended_at - claimed_at)) AS slow_s
      FROM jobs WHERE state IN ('done', 'failed') AND ended_at > :since
     GROUP BY stage
""")
_KINDS = text("""
    SELECT stage, error_code AS code, count(*) AS jobs
      FROM jobs WHERE state = 'failed' AND ended_at > :since
     GROUP BY stage, error_code ORDER BY jobs DESC, code
""")
KEYS = text("SELECT status AS name, count(*) AS number FROM api_keys GROUP BY status")
_HELD_BACK = text("""
    SELECT substr(reason, 7) AS name, count(DISTINCT user_id) AS number
      FROM lanes WHERE state = 'asleep' AND reason IN ('quota_minute', 'quota_day', 'quota_month') AND NOT paused
     GROUP BY reason
""")


async def health(work: AsyncConnection) -> Health:
    """The figures of the last hour, and keys and quotas as they are now."""
    since = datetime.now(UTC) - LOOKS_BACK
    kinds: defaultdict[str, list[FailureKind]] = defaultdict(list)
    for stage, code, jobs in await work.execute(_KINDS, {"since": since}):
        kinds[stage].append(FailureKind(code, jobs))
    ended = {row.stage: row for row in await work.execute(_ENDED, {"since": since})}
    return Health(
        since=since,
        stages=[
            StageHealth(
                stage=stage,
                done=row.done,
                failed=row.failed,
                success=row.done / (row.done + row.failed),
                usual_s=_seconds(row.usual_s),
                slow_s=_seconds(row.slow_s),
                failures=kinds[stage],
            )
            for stage in Stage
            if (row := ended.get(stage)) is not None
        ],
        keys=await _numbers(work, KEYS),
        held_back=await _numbers(work, _HELD_BACK),
    )


def _seconds(interval: float | None) -> float | None:
    return None if interval is None else round(float(interval), 3)


async def _numbers(work: AsyncConnection, question: TextClause) -> dict[str, int]:
    return {row.name: row.number for row in await work.execute(question)}
