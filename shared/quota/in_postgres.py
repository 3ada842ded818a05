"""The book of limits in PostgreSQL: what operators set, what the provider taught."""

from dataclasses import asdict

from sqlalchemy import func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Actor
from shared.audit.in_postgres import record_within
from shared.database import Database
from shared.ledger.tables import learned_limits, user_limits
from shared.quota import Account, Learned, LimitsInForce, UserLimits, WindowName
from shared.quota.limits import LESSON_LIFE, MOST_CALLS, DeploymentLimits, Lesson, check, in_force, owner_of
from shared.values import UserId

_own, _lessons = user_limits.c, learned_limits.c


class PostgresLimits:
    """Keeps the promises of `shared.quota.LimitBook` in the tables user_limits and learned_limits."""

    def __init__(self, database: Database, deployment: DeploymentLimits) -> None:
        self._database = database
        self._deployment = deployment

    async def in_force(self, account: Account, *, anew: bool = False) -> LimitsInForce:  # noqa: ARG002 - it always is
        """The account's limits now, on the database's clock."""
        async with self._database.begin(account.user) as connection:
            now = (await connection.execute(select(func.now()))).scalar_one()
            own = await _set_for(connection, owner) if (owner := owner_of(account)) else UserLimits()
            lessons = await _learned_of(connection, account)
        return in_force(self._deployment.of(account), own, lessons, now)

    async def learn(self, account: Account, learned: Learned) -> None:
        """Keep what the provider's refusal said, dated by the database."""
        if learned.calls < 0:
            return
        lesson = {
            "calls": min(learned.calls, MOST_CALLS),
            "source": learned.source,
            "learned_at": func.now(),
            "until": func.now() + LESSON_LIFE,
        }
        row = insert(learned_limits).values(account=account.name, window=learned.window, user_id=account.user, **lesson)
        async with self._database.begin() as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=["account", "window"], set_=lesson))

    async def forget(self, account: Account) -> None:
        """Drop what was learned of an account."""
        async with self._database.begin() as connection:
            await connection.execute(learned_limits.delete().where(_lessons.account == account.name))

    async def set(self, user: UserId, limits: UserLimits, *, by: Actor) -> None:
        """Set a user's own limits and record it, both or neither."""
        check(limits)
        own = {**asdict(limits), "set_by": by.name, "set_at": func.now()}
        row = insert(user_limits).values(user_id=user, **own)
        async with self._database.begin() as connection:
            await connection.execute(row.on_conflict_do_update(index_elements=["user_id"], set_=own))
            await record_within(connection, by, "limits_set", user, limits.given())

    async def set_for(self, user: UserId) -> UserLimits:
        """What was set for a user."""
        async with self._database.begin(user) as connection:
            return await _set_for(connection, user)


async def _set_for(connection: AsyncConnection, user: UserId) -> UserLimits:
    own = select(_own.minute, _own.day, _own.month).where(_own.user_id == user)
    row = (await connection.execute(own)).one_or_none()
    return UserLimits(row.minute, row.day, row.month) if row else UserLimits()


async def _learned_of(connection: AsyncConnection, account: Account) -> dict[WindowName, Lesson]:
    lessons = select(_lessons.window, _lessons.calls, _lessons.source, _lessons.learned_at, _lessons.until)
    rows = await connection.execute(lessons.where(_lessons.account == account.name))
    return {WindowName(row.window): Lesson(row.calls, row.source, row.learned_at, row.until) for row in rows}
