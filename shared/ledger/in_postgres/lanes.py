"""Lanes: holding a user's while something changes, opening new ones, and deriving what state each is in.

Whoever changes jobs or bookmarks of a user holds all the user's lanes until the transaction ends, so a user's
changes come one after another and no wake-up can fall between two of them. Only a claim does without: it changes
neither what waits nor how much is out. After the change, in a statement of its own (under READ COMMITTED that is
a new look at the jobs), `settle` derives the lanes' states anew; nothing else writes them, except that sleepers wake.
"""

import json
from collections.abc import Iterable, Mapping, Sequence

from sqlalchemy import TextClause, text
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ledger import NO_CALLS, SHORT_WAKING, Pause
from shared.values import Stage, UserId

Windows = Mapping[Stage, int]
"""How many jobs of a lane may be out, by stage; a stage without a window is not served."""

Lane = tuple[UserId, Stage]


def _derived(some: str) -> str:
    """The one rule for the states of some lanes: from their jobs, their rest and their stage's window."""
    return f"""
        SELECT lanes.user_id, lanes.stage,
               CASE WHEN next.ready_at IS NULL THEN 'idle'
                    WHEN lanes.rest_until > statement_timestamp() THEN 'asleep'
                    WHEN out.jobs >= coalesce(CAST(CAST(:windows AS jsonb) ->> lanes.stage AS int), 0) THEN 'full'
                    WHEN next.ready_at > statement_timestamp() THEN 'asleep'
                    ELSE 'ready' END AS state,
               CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_reason
                    ELSE coalesce(next.reason, 'backoff') END AS reason,
               CASE WHEN lanes.rest_until > statement_timestamp() THEN lanes.rest_until
                    ELSE next.ready_at END AS wake_at
          FROM (SELECT * FROM lanes WHERE {some}) AS lanes
         CROSS JOIN LATERAL (
                   SELECT count(*) AS jobs FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id
                      AND jobs.state IN ('released', 'running')) AS out
          LEFT JOIN LATERAL (
                   SELECT jobs.ready_at, jobs.reason FROM jobs
                    WHERE jobs.stage = lanes.stage AND jobs.user_id = lanes.user_id AND jobs.state = 'queued'
                    ORDER BY jobs.ready_at, jobs.id LIMIT 1) AS next ON true
    """  # noqa: S608 - put together from constants


def _settling(some: str, *, served: str = "NULL::bigint") -> TextClause:
    """The statement that writes the derived states of some lanes, and for those served, when, in their order."""
    return text(f"""
        UPDATE lanes
           SET state = derived.state,
               reason = CASE WHEN derived.state = 'asleep' THEN derived.reason END,
               wake_at = CASE WHEN derived.state = 'asleep' THEN derived.wake_at END,
               last_served_at = coalesce(
                   statement_timestamp() + {served} * interval '1 microsecond', lanes.last_served_at)
          FROM ({_derived(some)}) AS derived
         WHERE lanes.user_id = derived.user_id AND lanes.stage = derived.stage
           AND ({served} IS NOT NULL
                OR lanes.state <> derived.state
                OR derived.state = 'asleep'
                   AND (lanes.reason, lanes.wake_at) IS DISTINCT FROM (derived.reason, derived.wake_at))
    """)  # noqa: S608 - put together from constants


_SETTLE = _settling("user_id = :user")
_SETTLE_MANY = _settling(
    "user_id = ANY(CAST(:users AS text[])) AND stage = ANY(CAST(:stages AS text[]))",
    served="array_position(CAST(:served AS text[]), lanes.user_id)",
)
_STANDING_STILL = text(f"""
    SELECT lanes.user_id
      FROM ({_derived("(user_id, stage) > (:user, :stage) ORDER BY user_id, stage LIMIT :at_once")}) AS derived
      JOIN lanes ON lanes.user_id = derived.user_id AND lanes.stage = derived.stage
     WHERE lanes.state <> 'ready' AND lanes.state <> derived.state
       AND (lanes.wake_at IS NULL OR lanes.wake_at > statement_timestamp())
""")  # noqa: S608 - put together from constants

_HOLD = text("""
    SELECT user_id, stage FROM lanes WHERE user_id = ANY(CAST(:users AS text[]))
     ORDER BY user_id, stage DESC FOR NO KEY UPDATE
""")
"""In the order in which a bookmark passes the stages and lanes are opened: two that see a lane more or less cannot then
each hold what the other waits for."""

_OPEN = text("""
    INSERT INTO lanes (user_id, stage, paused)
    SELECT :user, :stage, coalesce(bool_or(paused), false) FROM lanes WHERE user_id = :user
    ON CONFLICT DO NOTHING
""")

_REST = text("""
    UPDATE lanes SET rest_until = :until, rest_reason = :reason,
                     waits_since = CASE WHEN NOT :no_calls THEN NULL
                                        WHEN lanes.rest_until > statement_timestamp() - CAST(:short_waking AS interval)
                                        THEN coalesce(lanes.waits_since, statement_timestamp())
                                        ELSE statement_timestamp() END
      FROM (SELECT rest_until, rest_reason FROM lanes WHERE user_id = :user AND stage = :stage) AS before
     WHERE user_id = :user AND stage = :stage AND (lanes.rest_until IS NULL OR lanes.rest_until < :until)
    RETURNING before.rest_until > statement_timestamp() AND before.rest_reason = :reason AS rested_already
""")


_CALLS_GO = text("""
    UPDATE lanes SET waits_since = NULL
     WHERE user_id = :user AND stage = :stage AND waits_since IS NOT NULL AND rest_until <= statement_timestamp()
""")


async def hold(work: AsyncConnection, users: Iterable[UserId]) -> set[Lane]:
    """Keep everybody else from changing anything of these users until the transaction ends; the lanes they have."""
    rows = await work.execute(_HOLD, {"users": sorted(set(users))})
    return {(UserId(user), Stage(stage)) for user, stage in rows}


async def open_lane(work: AsyncConnection, user: UserId, stage: Stage) -> None:
    """Make a user's lane in a stage if there is none; it is paused if the user is."""
    await work.execute(_OPEN, {"user": user, "stage": stage})


async def rest(work: AsyncConnection, user: UserId, stage: Stage, pause: Pause) -> bool:
    """Let a lane, which is held, rest as a whole; a longer rest it already has stays. Whether a new wait begins."""
    asked = {"user": user, "stage": stage, "until": pause.until, "reason": pause.reason}
    asked |= {"no_calls": pause.reason in NO_CALLS, "short_waking": SHORT_WAKING}
    row = (await work.execute(_REST, asked)).one_or_none()
    return row is not None and not row.rested_already


async def calls_go(work: AsyncConnection, user: UserId, stage: Stage) -> None:
    """A call of this lane, which is held, was answered: what it waited for is there, unless it rests since."""
    await work.execute(_CALLS_GO, {"user": user, "stage": stage})


async def settle(work: AsyncConnection, windows: Windows, user: UserId) -> None:
    """Derive the states of a user's lanes, which are held, from their jobs as they now are."""
    await work.execute(_SETTLE, {"user": user, "windows": _as_json(windows)})


async def settle_many(
    work: AsyncConnection,
    windows: Windows,
    users: Iterable[UserId],
    *,
    stages: Iterable[Stage] = tuple(Stage),
    served: Sequence[UserId] = (),
) -> int:
    """As `settle`, for these users' lanes in these stages; `served` had a turn, in this order. How many changed."""
    which = {"users": list(users), "stages": list(stages), "served": list(served)}
    return (await work.execute(_SETTLE_MANY, {**which, "windows": _as_json(windows)})).rowcount


async def standing_still(
    work: AsyncConnection, windows: Windows, *, after: tuple[str, str], at_once: int
) -> list[UserId]:
    """Whose lanes, of the `at_once` that follow, are not what they should be so that nothing would ever wake them."""
    place = {"user": after[0], "stage": after[1], "at_once": at_once}
    return [
        UserId(user)
        for user in (await work.execute(_STANDING_STILL, {**place, "windows": _as_json(windows)})).scalars()
    ]


def _as_json(windows: Windows) -> str:
    return json.dumps(windows)
