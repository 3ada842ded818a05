"""Sums over the whole ledger: they look at every row there is, so they are asked no more often than they can bear."""

import asyncio
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Generic, TypeVar

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ledger.health import health
from shared.ledger.views import LanesWaiting, Overview, StageSums
from shared.values import Stage, UserId, WaitReason
from shared.waiting import words_of

T = TypeVar("T")

_SCAN = text("SELECT set_config('enable_seqscan', 'on', true), set_config('enable_bitmapscan', 'on', true)")
_JOBS = text("SELECT stage, state, count(*) FROM jobs GROUP BY stage, state")
_BOOKMARKS = text("SELECT state, count(*) FROM bookmarks GROUP BY state")
_ANALYSES = text("SELECT analysed_by, count(*) FROM analyses GROUP BY analysed_by")
_TOTALS = text("""
    SELECT (SELECT count(*) FROM contents) AS contents,
           (SELECT count(*) FROM outbox) AS outbox,
           (SELECT count(DISTINCT user_id) FROM lanes) AS users
""")
LANES = text("""
    SELECT stage, CASE WHEN paused THEN 'paused' ELSE reason END AS reason, count(*) AS lanes,
           min(wake_at) FILTER (WHERE NOT paused) AS until
      FROM lanes WHERE state <> 'idle' AND (paused OR state = 'asleep')
     GROUP BY 1, 2 ORDER BY 1, 2
""")
_PAUSED = text("SELECT DISTINCT user_id FROM lanes WHERE paused ORDER BY user_id LIMIT 100")
OLDEST_WAIT = text("""
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
"""How long the oldest job that could run has waited, by stage, among the users of whom nothing runs there: whoever is
being served waits for their own backlog. The lanes that are served next are the ones that waited longest; looking at
some of them bounds the cost."""


class Paced(Generic[T]):
    """Remembers an answer for a while that grows with what it cost, so that asking never takes over the server."""

    _SHARE = 20  # one part of working in so many of resting: at most 5 % of one core of the server

    def __init__(self, ask: Callable[[], Awaitable[T]], *, clock: Callable[[], float] = time.monotonic) -> None:
        self._ask, self._clock = ask, clock
        self._answer: T | None = None
        self._good_until = -1.0
        self._one_at_a_time = asyncio.Lock()

    async def __call__(self) -> T:
        """The answer, fresh or remembered."""
        async with self._one_at_a_time:
            begun = self._clock()
            if self._answer is None or begun >= self._good_until:
                self._answer = await self._ask()
                ended = self._clock()
                self._good_until = ended + (ended - begun) * self._SHARE
            return self._answer


async def overview(work: AsyncConnection) -> Overview:
    """The whole fleet at this moment."""
    await work.execute(_SCAN)
    totals = (await work.execute(_TOTALS)).one()
    return Overview(
        at=datetime.now(UTC),
        stages=await _stages(work),
        lanes=[
            LanesWaiting(
                Stage(row.stage), reason := WaitReason(row.reason), row.lanes, row.until, words_of(reason).because
            )
            for row in await work.execute(LANES)
        ],
        bookmarks=await counts(work, _BOOKMARKS),
        contents=totals.contents,
        analyses=await counts(work, _ANALYSES),
        users=totals.users,
        outbox_pending=totals.outbox,
        paused=[UserId(user) for user in (await work.execute(_PAUSED)).scalars()],
        health=await health(work),
    )


async def _stages(work: AsyncConnection) -> list[StageSums]:
    jobs: defaultdict[str, dict[str, int]] = defaultdict(dict)
    for stage, state, count in await work.execute(_JOBS):
        jobs[stage][state] = count
    oldest = {stage: float(seconds) for stage, seconds in await work.execute(OLDEST_WAIT)}
    return [
        StageSums(
            stage=stage,
            waiting=jobs[stage].get("queued", 0),
            released=jobs[stage].get("released", 0),
            running=jobs[stage].get("running", 0),
            done=jobs[stage].get("done", 0),
            failed=jobs[stage].get("failed", 0),
            oldest_wait_s=max(oldest.get(stage, 0.0), 0.0),
        )
        for stage in Stage
    ]


async def counts(work: AsyncConnection, statement: TextClause, **asked: object) -> dict[str, int]:
    """The answer of a statement that counts by name."""
    return {row[0]: row[1] for row in await work.execute(statement, asked)}
