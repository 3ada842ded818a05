"""The journal of provider calls in PostgreSQL: one row a call, dated by the database's clock."""

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from sqlalchemy import ColumnElement, and_, func, literal, select

from shared.bookmarks import Tokens
from shared.database import Database
from shared.errors import UserErased
from shared.ledger.tables import lanes, provider_calls
from shared.quota import Account
from shared.usage import ERASED, FREE, NOT_SENT, CallId, Prices, Usage
from shared.values import KeySource, UserId

_calls = provider_calls.c


class PostgresUsage:
    """Keeps the promises of `shared.usage.UsageJournal` in the table provider_calls."""

    def __init__(self, database: Database, *, prices: Prices = FREE) -> None:
        """Keep where; `prices` is what ended calls are counted at."""
        self._database, self._prices = database, prices

    async def begin(self, user: UserId, *, key_source: KeySource, model: str, items: int, weight: int = 1) -> CallId:
        """Record that a call is about to leave; it is kept when this returns.

        The user's lane is held meanwhile: an erasure takes the lanes first, so it finds the call or the call no lane.
        """
        lane = select(lanes.c.stage).where(lanes.c.user_id == user).limit(1).with_for_update(read=True, key_share=True)
        row = provider_calls.insert().values(
            user_id=user, key_source=key_source, model=model, items=items, weight=weight
        )
        async with self._database.begin(user) as connection:
            if (await connection.execute(lane)).first() is None:
                raise UserErased
            return CallId((await connection.execute(row.returning(_calls.id))).scalar_one())

    async def end(self, call: CallId, *, outcome: str, tokens: Tokens) -> None:
        """Record what came of a call; what was recorded first stays."""
        ended = (
            provider_calls.update()
            .where(_calls.id == call, _calls.ended_at.is_(None))
            .values(
                outcome=outcome,
                prompt_tokens=tokens.prompt,
                answer_tokens=tokens.answer,
                cost_micros=self._prices.cost_micros(tokens),
                ended_at=func.clock_timestamp(),
            )
        )
        async with self._database.begin() as connection:
            await connection.execute(ended)

    async def calls_since(self, account: Account, since: datetime) -> Sequence[tuple[datetime, int]]:
        """Every call that left since then, oldest first."""
        calls = (
            select(_calls.started_at, _calls.weight)
            .where(_sent_since(account, since))
            .order_by(_calls.started_at, _calls.id)
        )
        async with self._database.begin(account.user) as connection:
            return [(row.started_at, row.weight) for row in await connection.execute(calls)]

    async def usage_since(self, account: Account, since: datetime) -> Usage:
        """The sum of the calls that left since then."""
        sums = select(
            func.coalesce(func.sum(_calls.weight), 0).label("calls"),
            func.coalesce(func.sum(_calls.prompt_tokens), 0).label("prompt"),
            func.coalesce(func.sum(_calls.answer_tokens), 0).label("answer"),
            func.max(_calls.started_at).label("last_used"),
            func.coalesce(func.sum(_calls.cost_micros), 0).label("cost_micros"),
        ).where(_sent_since(account, since))
        async with self._database.begin(account.user) as connection:
            row = (await connection.execute(sums)).one()
        return Usage(row.calls, Tokens(row.prompt, row.answer), row.last_used, cost_micros=int(row.cost_micros))

    async def forget(self, user: UserId) -> None:
        """Drop a user's calls, and keep nameless copies of those on the default key, for its own account."""
        kept = [column for column in _calls if column.name not in {"id", "user_id"}]
        nameless = select(literal(ERASED), *kept).where(_calls.user_id == user, _calls.key_source == KeySource.DEFAULT)
        async with self._database.begin() as connection:
            await connection.execute(
                provider_calls.insert().from_select(["user_id", *(column.name for column in kept)], nameless)
            )
            await connection.execute(provider_calls.delete().where(_calls.user_id == user))


def _sent_since(account: Account, since: datetime) -> ColumnElement[bool]:
    asked: list[ColumnElement[Any]] = [_calls.started_at >= since, _calls.outcome != NOT_SENT]
    if account.user is not None:
        asked.append(_calls.user_id == account.user)
    if account.key_source is not None:
        asked.append(_calls.key_source == account.key_source)
    return and_(*asked)
