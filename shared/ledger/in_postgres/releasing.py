"""Releases: lanes in turn, least recently served first; and releases that could not be sent taken back."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from secrets import token_hex
from typing import Any

from sqlalchemy import Row, text, update
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.ledger import Released, StagePolicy
from shared.ledger.in_postgres.jobs import BACK_IN_LINE, RELEASED
from shared.ledger.in_postgres.lanes import Windows, hold, settle_many
from shared.ledger.tables import jobs
from shared.tracing import Trace
from shared.values import JobId, Stage, UserId

_RELEASES = 0x666C_7265  # the class of advisory locks held while a stage releases: "flre"
_WOKEN_AT_ONCE = 1_000  # at midnight a hundred thousand lanes may be due: they wake over many ticks

_ALONE = text("SELECT pg_try_advisory_xact_lock(:class, :stage)")

_WAKE = text("""
    UPDATE lanes SET state = 'ready', reason = NULL, wake_at = NULL
     WHERE (user_id, stage) IN (
           SELECT user_id, stage FROM lanes
            WHERE stage = :stage AND state = 'asleep' AND wake_at <= statement_timestamp()
            ORDER BY wake_at LIMIT :at_once FOR NO KEY UPDATE SKIP LOCKED)
""")

_UNCLAIMED = text("SELECT count(*) FROM jobs WHERE stage = :stage AND state = 'released'")

_IN_TURN = text("""
    SELECT user_id FROM lanes WHERE stage = :stage AND state = 'ready' AND NOT paused
     ORDER BY last_served_at LIMIT :room FOR NO KEY UPDATE SKIP LOCKED
""")

# A lane's group goes whole or waits: in two messages it would be two requests to the provider.
_RELEASE = text("""
    WITH next AS (
        SELECT job.id, turn.token, count(*) OVER (ORDER BY turn.place) AS with_its_group
          FROM unnest(CAST(:users AS text[]), CAST(:tokens AS text[])) WITH ORDINALITY AS turn (user_id, token, place)
         CROSS JOIN LATERAL (
               SELECT count(*) AS jobs FROM jobs
                WHERE jobs.stage = :stage AND jobs.user_id = turn.user_id
                  AND jobs.state IN ('released', 'running')) AS out
         CROSS JOIN LATERAL (
               SELECT jobs.id FROM jobs
                WHERE jobs.stage = :stage AND jobs.user_id = turn.user_id AND jobs.state = 'queued'
                  AND jobs.ready_at <= statement_timestamp()
                ORDER BY jobs.replaces, jobs.ready_at, jobs.id
                LIMIT greatest(0, least(:group, :window - out.jobs))) AS job)
    UPDATE jobs SET state = 'released', token = next.token, reason = NULL,
                    lease_until = statement_timestamp() + CAST(:lease AS interval)
      FROM next WHERE jobs.id = next.id AND next.with_its_group <= :room
    RETURNING jobs.user_id, jobs.id, jobs.trace
""")


async def release(work: AsyncConnection, windows: Windows, stage: Stage, policy: StagePolicy) -> list[Released]:
    """See `Ledger.release`."""
    if not await _is_alone(work, stage):
        return []  # another dispatcher is at it: two counts of what is unclaimed would let out too much
    await work.execute(_WAKE, {"stage": stage, "at_once": _WOKEN_AT_ONCE})
    room = policy.ready_buffer - await _unclaimed(work, stage)
    users = await _next_users(work, stage, room) if room > 0 else []
    if not users:
        return []
    tokens = {user: token_hex(16) for user in users}
    released = await _let_out(work, stage, policy, tokens, room)
    served = [user for user in users if user in released]
    await settle_many(work, windows, users, stages=[stage], served=served)
    return [_released(stage, user, released[user], tokens[user], policy) for user in served]


async def take_back(work: AsyncConnection, windows: Windows, releases: Sequence[Released]) -> None:
    """See `Ledger.take_back`."""
    await hold(work, [release.user for release in releases])
    for each in releases:
        await work.execute(
            update(jobs)
            .where(jobs.c.id.in_(each.job_ids), jobs.c.token == each.token, jobs.c.state == RELEASED)
            .values(BACK_IN_LINE)
        )
    await settle_many(work, windows, {each.user for each in releases})


async def _is_alone(work: AsyncConnection, stage: Stage) -> bool:
    answer = await work.execute(_ALONE, {"class": _RELEASES, "stage": list(Stage).index(stage)})
    return bool(answer.scalar_one())


async def _unclaimed(work: AsyncConnection, stage: Stage) -> int:
    return int((await work.execute(_UNCLAIMED, {"stage": stage})).scalar_one())


async def _next_users(work: AsyncConnection, stage: Stage, room: int) -> list[UserId]:
    """Hold the lanes whose turn it is; one that somebody else holds is passed over and comes next time."""
    return [UserId(user) for user in (await work.execute(_IN_TURN, {"stage": stage, "room": room})).scalars()]


async def _let_out(
    work: AsyncConnection, stage: Stage, policy: StagePolicy, tokens: Mapping[UserId, str], room: int
) -> dict[UserId, list[Row[Any]]]:
    rows = await work.execute(
        _RELEASE,
        {
            "stage": stage,
            "users": list(tokens),
            "tokens": list(tokens.values()),
            "group": min(policy.group, policy.ready_buffer),
            "window": policy.window,
            "room": room,
            "lease": policy.release_lease,
        },
    )
    released: dict[UserId, list[Row[Any]]] = defaultdict(list)
    for row in rows:
        released[UserId(row.user_id)].append(row)
    return released


def _released(stage: Stage, user: UserId, jobs: Sequence[Row[Any]], token: str, policy: StagePolicy) -> Released:
    ids = tuple(sorted(JobId(job.id) for job in jobs))
    traces = tuple(trace for job in jobs if (trace := Trace.read(job.trace)))
    return Released(stage, user, ids, token, policy.release_lease, traces)
