"""Signs of abuse in PostgreSQL: one row a user and kind."""

from collections.abc import Mapping, Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import Row, func, select
from sqlalchemy.dialects.postgresql import insert

from shared.database import Database
from shared.ledger.tables import signals
from shared.metrics import ABUSE_SIGNALS
from shared.signals import Signal, SignalKind
from shared.values import UserId

for _kind in SignalKind:
    ABUSE_SIGNALS.labels(_kind)  # there before the first of its kind, so that a rate sees that one too


class PostgresSignals:
    """Keeps the promises of `shared.signals.Signals` in the table signals, which is no tenant's business."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def note(
        self,
        user: UserId,
        kind: SignalKind,
        details: Mapping[str, str | int] | None = None,
        *,
        quiet: timedelta = timedelta(0),
    ) -> None:
        """Count one more sign of this kind."""
        sign = insert(signals).values(user_id=user, kind=kind, details=dict(details or {}))
        counted = sign.on_conflict_do_update(
            index_elements=["user_id", "kind"],
            set_={"times": signals.c.times + 1, "last_at": func.now(), "details": sign.excluded.details},
            where=signals.c.last_at <= func.now() - quiet,
        ).returning(signals.c.times)
        async with self._database.begin() as connection:
            is_new = await connection.scalar(counted) is not None
        if is_new:
            ABUSE_SIGNALS.labels(kind).inc()

    async def newest(self, limit: int = 100, *, user: UserId | None = None) -> Sequence[Signal]:
        """The signs of one user or of all, newest first."""
        wanted = select(signals).order_by(signals.c.last_at.desc(), signals.c.user_id, signals.c.kind).limit(limit)
        if user is not None:
            wanted = wanted.where(signals.c.user_id == user)
        async with self._database.begin() as connection:
            return [_signal(row) for row in await connection.execute(wanted)]


def _signal(row: Row[Any]) -> Signal:
    return Signal(
        user=UserId(row.user_id),
        kind=SignalKind(row.kind),
        times=row.times,
        first_at=row.first_at,
        last_at=row.last_at,
        details=row.details,
    )
