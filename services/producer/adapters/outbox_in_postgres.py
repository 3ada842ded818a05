"""The outbox in the ledger's PostgreSQL."""

from sqlalchemy import delete, select
from sqlalchemy.ext.asyncio import AsyncConnection

from services.producer.outbox import Told, cloud_event
from shared.broker import EventSink
from shared.database import Database, is_alone
from shared.ledger.tables import outbox
from shared.values import UserId

_ONE_AT_A_TIME = 0x666C_6F62  # the advisory lock of relays: "flob"


class PostgresOutbox:
    """Reads, publishes and deletes rows in one transaction, one relay at a time, so that events keep their order."""

    def __init__(self, database: Database) -> None:
        """Keep the pool; nothing connects yet."""
        self._database = database

    async def relay(self, sink: EventSink, *, at_most: int) -> list[Told]:
        """See `Outbox.relay`.

        The transaction is open while the broker confirms: a relay that dies leaves its rows to the next one.
        """
        async with self._database.begin() as work:
            told = await _oldest(work, at_most) if await is_alone(work, _ONE_AT_A_TIME) else []
            if told:
                await sink.publish([cloud_event(each) for each in told])
                await work.execute(delete(outbox).where(outbox.c.id.in_([each.id for each in told])))
        return told


async def _oldest(work: AsyncConnection, at_most: int) -> list[Told]:
    rows = await work.execute(select(outbox).order_by(outbox.c.id).limit(at_most))
    return [Told(row.id, UserId(row.user_id), row.type, row.data, row.created_at, row.trace) for row in rows]
