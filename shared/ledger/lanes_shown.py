"""Lanes as people see them: how much waits and is out, and why it does not go on."""

from typing import Any

from sqlalchemy import Row, TextClause, text

from shared.database import Database
from shared.ledger.showing import waiting_of
from shared.ledger.views import LanePage, LaneProgress, LaneView
from shared.values import Stage, UserId, WaitReason


def _lanes(which: str) -> TextClause:
    return text(f"""
        SELECT lanes.user_id, lanes.stage, lanes.paused, lanes.rest_until, lanes.rest_reason,
               statement_timestamp() AS now, next.ready_at, next.reason, queued.jobs AS queued,
               out.released, out.running
          FROM (SELECT * FROM lanes WHERE {which}) AS lanes
         CROSS JOIN LATERAL (
                   SELECT count(*) AS jobs FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued') AS queued
         CROSS JOIN LATERAL (
                   SELECT count(*) FILTER (WHERE state = 'released') AS released,
                          count(*) FILTER (WHERE state = 'running') AS running FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                      AND jobs.state IN ('released', 'running')) AS out
          LEFT JOIN LATERAL (
                   SELECT ready_at, reason FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued'
                    ORDER BY ready_at, id LIMIT 1) AS next ON true
         ORDER BY lanes.user_id, lanes.stage DESC
    """)  # noqa: S608 - put together from constants


LANES_OF_USER = _lanes("user_id = :user")
"""All lanes of one user; rows for `lane_progress`."""

_PAGE = _lanes("""
    (state <> 'idle' OR paused)
    AND (user_id > :user OR user_id = :user AND stage < :stage)
    AND (CAST(:reason AS text) IS NULL OR CASE WHEN paused THEN 'paused' ELSE reason END = :reason)
    ORDER BY user_id, stage DESC LIMIT :limit
""")
_FIRST = (UserId(""), "")


class Lanes:
    """Shows lanes of all users; raises `LedgerUnavailable`."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(
        self, *, reason: WaitReason | None = None, after: tuple[UserId, str] | None = None, limit: int = 50
    ) -> LanePage:
        """Lanes that have work or are paused, by user; those that wait for this reason, if one is given.

        Args:
            reason: what they wait for; `paused` for an operator's pause.
            after: user and stage of the last lane of the page before.
            limit: so many at most.
        """
        user, stage = after or _FIRST
        place = {"user": user, "stage": stage, "reason": reason, "limit": limit + 1}
        async with self._database.begin() as work:
            found = [LaneView(UserId(row.user_id), lane_progress(row)) for row in await work.execute(_PAGE, place)]
        last = found[limit - 1] if len(found) > limit else None
        return LanePage(found[:limit], f"{last.user}/{last.lane.stage}" if last else None)


def lane_progress(row: Row[Any]) -> LaneProgress:
    """A lane's row as people see it."""
    blocked = waiting_of(
        paused=row.paused,
        rest=(row.rest_until, row.rest_reason),
        ready_at=row.ready_at,
        reason=row.reason,
        now=row.now,
    )
    return LaneProgress(
        stage=Stage(row.stage),
        waiting=row.queued,
        released=row.released,
        running=row.running,
        paused=row.paused,
        blocked=blocked if row.queued else None,
    )
