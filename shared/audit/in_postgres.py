"""The audit trail in PostgreSQL."""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import Row, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Actor, Entry
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

    async def newest(
        self, limit: int = 50, *, user: UserId | None = None, before: int | None = None
    ) -> Sequence[Entry]:
        """Entries, newest first."""
        wanted = select(audit).order_by(audit.c.id.desc()).limit(limit)
        if user is not None:
            wanted = wanted.where(audit.c.user_id == user)
        if before is not None:
            wanted = wanted.where(audit.c.id < before)
        async with self._database.begin() as connection:
            return [_entry(row) for row in await connection.execute(wanted)]


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


def _entry(row: Row[Any]) -> Entry:
    user = None if row.user_id is None else UserId(row.user_id)
    return Entry(row.id, row.at, Actor(row.actor, row.origin or "unknown"), row.action, user, row.details)
