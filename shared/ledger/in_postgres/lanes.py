"""Lanes: holding a user's while something changes, opening new ones, and deriving what state each is in.

Whoever changes jobs or bookmarks of a user holds all the user's lanes until the transaction ends, so a user's
changes come one after another and no wake-up can fall between two of them. Only a claim does without: it changes
neither what waits nor how much is out. After the change, in a statement of its own (under READ COMMITTED that is
a new look at the jobs), `settle` derives the lanes' states anew; nothing else writes them, except that sleepers wake.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from sqlalchemy import func, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ledger import Pause
from shared.ledger.tables import lanes
from shared.values import Stage, UserId

Windows = Mapping[Stage, int]
"""How many jobs of a lane may be out, by stage; a stage without a window is not served."""

Lane = tuple[UserId, Stage]

_NOW = func.statement_timestamp()

# The one rule for a lane's state, from its jobs, its rest and its window.
_DERIVED = """
    SELECT lane.user_id, lane.stage, lane.turn,
           CASE WHEN next.ready_at IS NULL THEN 'idle'
                WHEN lanes.rest_until > statement_timestamp() THEN 'asleep'
                WHEN out.jobs >= lane.room THEN 'full'
                WHEN next.ready_at > statement_timestamp() THEN 'asleep'
                ELSE 'ready' END AS state,
           CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_reason
                ELSE coalesce(next.reason, 'backoff') END AS reason,
           CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_until
                ELSE next.ready_at END AS wake_at
      FROM unnest(CAST(:users AS text[]), CAST(:stages AS text[]), CAST(:rooms AS int[]), CAST(:turns AS int[]))
               AS lane (user_id, stage, room, turn)
      JOIN lanes ON lanes.user_id = lane.user_id AND lanes.stage = lane.stage
     CROSS JOIN LATERAL (
               SELECT count(*) AS jobs FROM jobs
                WHERE jobs.stage = lane.stage AND jobs.user_id = lane.user_id
                  AND jobs.state IN ('released', 'running')) AS out
      LEFT JOIN LATERAL (
               SELECT jobs.ready_at, jobs.reason FROM jobs
                WHERE jobs.stage = lane.stage AND jobs.user_id = lane.user_id AND jobs.state = 'queued'
                ORDER BY jobs.ready_at, jobs.id LIMIT 1) AS next ON true
"""

_SETTLE = text(f"""
    UPDATE lanes
       SET state = derived.state,
           reason = CASE WHEN derived.state = 'asleep' THEN derived.reason END,
           wake_at = CASE WHEN derived.state = 'asleep' THEN derived.wake_at END,
           last_served_at = coalesce(
               statement_timestamp() + derived.turn * interval '1 microsecond', lanes.last_served_at)
      FROM ({_DERIVED}) AS derived
     WHERE lanes.user_id = derived.user_id AND lanes.stage = derived.stage
       AND (derived.turn IS NOT NULL
            OR lanes.state <> derived.state
            OR derived.state = 'asleep'
               AND (lanes.reason, lanes.wake_at) IS DISTINCT FROM (derived.reason, derived.wake_at))
""")  # noqa: S608 - put together from constants

_STANDING_STILL = text(f"""
    SELECT lanes.user_id, lanes.stage
      FROM ({_DERIVED}) AS derived
      JOIN lanes ON lanes.user_id = derived.user_id AND lanes.stage = derived.stage
     WHERE lanes.state <> 'ready' AND lanes.state <> derived.state
       AND (lanes.wake_at IS NULL OR lanes.wake_at > statement_timestamp())
""")  # noqa: S608 - put together from constants


_HOLD = text("""
    SELECT user_id, stage FROM lanes WHERE user_id = ANY(CAST(:users AS text[]))
     ORDER BY user_id, stage FOR NO KEY UPDATE
""")

_OPEN = text("""
    INSERT INTO lanes (user_id, stage, paused)
    SELECT :user, :stage, coalesce(bool_or(paused), false) FROM lanes WHERE user_id = :user
    ON CONFLICT DO NOTHING
""")

_REST = text("""
    UPDATE lanes SET rest_until = :until, rest_reason = :reason
     WHERE user_id = :user AND stage = :stage AND (rest_until IS NULL OR rest_until < :until)
""")


async def hold(work: AsyncConnection, users: Iterable[UserId]) -> set[Lane]:
    """Keep everybody else from changing anything of these users until the transaction ends; the lanes they have."""
    rows = await work.execute(_HOLD, {"users": sorted(set(users))})
    return {(UserId(user), Stage(stage)) for user, stage in rows}


async def open_lane(work: AsyncConnection, user: UserId, stage: Stage) -> None:
    """Make a user's lane in a stage if there is none; it is paused if the user is."""
    await work.execute(_OPEN, {"user": user, "stage": stage})


async def rest(work: AsyncConnection, user: UserId, stage: Stage, pause: Pause) -> None:
    """Let a lane rest as a whole; a longer rest it already has stays."""
    await work.execute(_REST, {"user": user, "stage": stage, "until": pause.until, "reason": pause.reason})


async def settle(
    work: AsyncConnection,
    windows: Windows,
    changed: Sequence[Lane],
    *,
    turns: Sequence[int | None] | None = None,
) -> int:
    """Derive the states of lanes that are held, from their jobs as they now are; how many changed.

    `turns` gives for each lane its place among those just served, or None if it was not.
    """
    settled = await work.execute(_SETTLE, _derivable(windows, changed, turns or [None] * len(changed)))
    return settled.rowcount


async def standing_still(work: AsyncConnection, windows: Windows, some: Sequence[Lane]) -> list[Lane]:
    """Which of these lanes are not what they should be, and nothing would ever wake them."""
    rows = await work.execute(_STANDING_STILL, _derivable(windows, some, [None] * len(some)))
    return [(UserId(user), Stage(stage)) for user, stage in rows]


def _derivable(windows: Windows, some: Sequence[Lane], turns: Sequence[int | None]) -> dict[str, Any]:
    return {
        "users": [user for user, _ in some],
        "stages": [stage.value for _, stage in some],
        "rooms": [windows.get(stage, 0) for _, stage in some],
        "turns": list(turns),
    }


async def end_rest(work: AsyncConnection, user: UserId, stage: Stage, reasons: Sequence[str]) -> bool:
    """End a lane's rest if it has one of these reasons; whether it had."""
    ended = await work.execute(
        update(lanes)
        .where(lanes.c.user_id == user, lanes.c.stage == stage)
        .where(lanes.c.rest_until > _NOW, lanes.c.rest_reason.in_(reasons))
        .values(rest_until=_NOW, rest_reason=None)
    )
    return bool(ended.rowcount)
