"""The audit trail in PostgreSQL."""

from collections.abc import Mapping

from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Actor
from shared.database import Database
from shared.ledger.tables import audit
from shared.values import UserId


class PostgresAudit:
    """Keeps the promises of `shared.audit.Audit` in the table audit."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self, actor: Actor, action: str, user: UserId | None, details: Mapping[str, str | int] | None = None
    ) -> None:
        """Keep one entry in a transaction of its own."""
        async with self._database.begin(user) as connection:
            await record_within(connection, actor, action, user, details)


async def record_within(
    connection: AsyncConnection,
    actor: Actor,
    action: str,
    user: UserId | None,
    details: Mapping[str, str | int] | None = None,
) -> None:
    """Keep one entry in the transaction of the act itself: both are kept, or neither."""
    entry = audit.insert().values(
        actor=actor.name, origin=actor.origin, action=action, user_id=user, details=dict(details or {})
    )
    await connection.execute(entry)
