"""Tries at adding keys, counted in the audit trail: one at a time for each user, whichever process they come to."""

from collections.abc import Sequence
from datetime import datetime

from sqlalchemy import func, select
from sqlalchemy.ext.asyncio import AsyncConnection

from shared.audit import Actor
from shared.audit.in_postgres import record_within
from shared.database import Database
from shared.errors import TooManyTries
from shared.keys import TRIES_COUNT_FOR
from shared.ledger.tables import audit
from shared.values import UserId

_OFFERED = "key_offered"
_REFUSED = "key_refused"
_ONE_AT_A_TIME = 0x6B65_7974  # the advisory locks of tries: "keyt"


class PostgresKeyTries:
    """Keeps the promises of `shared.keys.KeyTries` in the table audit."""

    def __init__(self, database: Database, *, per_hour: int) -> None:
        """Keep how many keys may be offered for one user within an hour."""
        self._database = database
        self._per_hour = per_hour

    async def offer(self, user: UserId, *, fingerprint: str, by: Actor) -> None:
        """Count a key that is offered, if there is room for it."""
        async with self._database.begin() as connection:
            await connection.execute(select(func.pg_advisory_xact_lock(_ONE_AT_A_TIME, func.hashtext(user))))
            tries = await _newest(connection, user, _OFFERED, at_most=self._per_hour)
            if len(tries) == self._per_hour:
                raise TooManyTries(tries=len(tries), until=tries[-1] + TRIES_COUNT_FOR)
            await record_within(connection, by, _OFFERED, user, {"fingerprint": fingerprint})

    async def refused(self, user: UserId, *, fingerprint: str, code: str, by: Actor) -> int:
        """Record a refusal; how many there were within the hour."""
        async with self._database.begin() as connection:
            await record_within(connection, by, _REFUSED, user, {"fingerprint": fingerprint, "code": code})
            return len(await _newest(connection, user, _REFUSED, at_most=self._per_hour))


async def _newest(connection: AsyncConnection, user: UserId, action: str, *, at_most: int) -> Sequence[datetime]:
    """When a user's newest entries of this kind were made, the last of them first, none older than an hour."""
    entries = select(audit.c.at).where(
        audit.c.user_id == user, audit.c.action == action, audit.c.at > func.now() - TRIES_COUNT_FOR
    )
    return (await connection.scalars(entries.order_by(audit.c.at.desc()).limit(at_most))).all()
