"""What is known of users' keys, in PostgreSQL; each change writes its event and its audit entry with it."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import RowMapping, func, select
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Actor
from shared.audit.in_postgres import record_within
from shared.database import Database
from shared.keys import RENEWED, KeyRecord
from shared.ledger.tables import api_keys, outbox
from shared.tracing import traceparent
from shared.values import KeyStatus, UserId

_keys = api_keys.c
_EVENT = "key.status_changed"
_AT_ONCE = 200  # keys renewed in one transaction
_REMOVED = "removed"  # in events: the key is gone, and its status with it


class PostgresKeyRegistry:
    """Keeps the promises of `shared.keys.KeyRegistry` in the table api_keys."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def record(
        self,
        user: UserId,
        *,
        name: str,
        fingerprint: str,
        version: int,
        status: KeyStatus,
        reason: str | None,
        by: Actor,
    ) -> None:
        """Keep what is known of a freshly stored key; its times start anew."""
        key = insert(api_keys).values(
            user_id=user,
            name=name,
            status=status,
            reason=reason,
            fingerprint=fingerprint,
            version=version,
            created_at=func.now(),
            checked_at=None if status is KeyStatus.UNCHECKED else func.now(),
            last_used_at=None,
        )
        replaced = {column.name: column for column in key.excluded if column.name != "user_id"}
        async with self._database.begin(user) as connection:
            await connection.execute(key.on_conflict_do_update(index_elements=["user_id"], set_=replaced))
            await self._tell(connection, user, "key_added", by=by, status=status, reason=reason, version=version)

    async def find(self, user: UserId) -> KeyRecord | None:
        """What is known of a user's key."""
        async with self._database.begin(user) as connection:
            rows = await connection.execute(select(api_keys).where(_keys.user_id == user))
            row = rows.mappings().one_or_none()
        return None if row is None else _record(row)

    async def holders(self, fingerprint: str) -> Sequence[UserId]:
        """Whose keys have this fingerprint."""
        same = select(_keys.user_id).where(_keys.fingerprint == fingerprint).order_by(_keys.user_id)
        async with self._database.begin() as connection:
            return [UserId(user) for user in await connection.scalars(same)]

    async def mark(
        self,
        user: UserId,
        *,
        version: int,
        status: KeyStatus,
        reason: str,
        by: Actor,
        exhausted_until: datetime | None = None,
    ) -> bool:
        """Change the status of this version; the same status again is only checked anew, and told to nobody."""
        this_version = (_keys.user_id == user) & (_keys.version == version)
        async with self._database.begin(user) as connection:
            before = await connection.scalar(select(_keys.status).where(this_version).with_for_update())
            if before is None:
                return False
            marked = api_keys.update().where(this_version)
            marks = {"status": status, "reason": reason, "exhausted_until": exhausted_until}
            await connection.execute(marked.values(**marks, checked_at=func.now()))
            if before != status:
                await self._tell(
                    connection, user, "key_status_changed", by=by, status=status, reason=reason, version=version
                )
        return True

    async def renew(self, *, by: Actor) -> int:
        """Mark the exhausted keys whose time has come as active again; those that another renews are left to it."""
        open_again = select(_keys.user_id).where(_keys.exhausted_until <= func.now())
        mine = open_again.limit(_AT_ONCE).with_for_update(skip_locked=True)
        renewed = api_keys.update().where(_keys.user_id.in_(mine))
        marks = {"status": KeyStatus.ACTIVE, "reason": RENEWED, "exhausted_until": None}
        async with self._database.begin() as connection:
            keys = (await connection.execute(renewed.values(**marks).returning(_keys.user_id, _keys.version))).all()
            for key in keys:
                await self._tell(
                    connection,
                    UserId(key.user_id),
                    "key_status_changed",
                    by=by,
                    status=KeyStatus.ACTIVE,
                    reason=RENEWED,
                    version=key.version,
                )
        return len(keys)

    async def touch(self, user: UserId) -> None:
        """Note that the key was just used."""
        async with self._database.begin(user) as connection:
            await connection.execute(api_keys.update().where(_keys.user_id == user).values(last_used_at=func.now()))

    async def remove(self, user: UserId, *, by: Actor) -> bool:
        """Forget a user's key."""
        forgotten = api_keys.delete().where(_keys.user_id == user).returning(_keys.version)
        async with self._database.begin(user) as connection:
            version = await connection.scalar(forgotten)
            if version is None:
                return False
            await self._tell(connection, user, "key_removed", by=by, status=_REMOVED, reason=None, version=version)
        return True

    async def _tell(
        self,
        connection: AsyncConnection,
        user: UserId,
        action: str,
        *,
        by: Actor,
        status: str,
        reason: str | None,
        version: int,
    ) -> None:
        """Write the event and the audit entry of a change into the change's own transaction."""
        data = {"status": str(status), "reason": reason}
        await connection.execute(outbox.insert().values(user_id=user, type=_EVENT, data=data, trace=traceparent()))
        await record_within(connection, by, action, user, {"status": str(status), "version": version})


def _record(row: RowMapping) -> KeyRecord:
    return KeyRecord(
        user=UserId(row["user_id"]),
        name=row["name"],
        status=KeyStatus(row["status"]),
        reason=row["reason"],
        fingerprint=row["fingerprint"],
        version=row["version"],
        created_at=row["created_at"],
        checked_at=row["checked_at"],
        last_used_at=row["last_used_at"],
    )
