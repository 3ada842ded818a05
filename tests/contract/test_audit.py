"""What every `Audit` promises: in memory, and in a real PostgreSQL."""

from collections.abc import AsyncIterator, Awaitable, Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import select

from shared.audit import Actor, Audit, here
from shared.audit.in_memory import InMemoryAudit
from shared.audit.in_postgres import PostgresAudit
from shared.database import Database
from shared.errors import LedgerUnavailable
from shared.ledger.tables import audit as table
from shared.users import user_id

ADA, BOB = user_id("ada"), user_id("bob")
BY = Actor("process:analyzer", "node-7")
Trail = tuple[Audit, Callable[[], Awaitable[list[tuple[object, ...]]]]]


@pytest.fixture(params=["memory", "postgres"])
async def trail(request: pytest.FixtureRequest) -> AsyncIterator[Trail]:
    """An audit trail, and a way to read what it holds."""
    if request.param == "memory":
        memory = InMemoryAudit()

        async def remembered() -> list[tuple[object, ...]]:
            return [
                (entry.actor.name, entry.actor.origin, entry.action, entry.user, dict(entry.details))
                for entry in memory.entries
            ]

        yield memory, remembered
        return
    database = Database(request.getfixturevalue("database_url"))

    async def stored() -> list[tuple[object, ...]]:
        columns = (table.c.actor, table.c.origin, table.c.action, table.c.user_id, table.c.details)
        entries = select(*columns).order_by(table.c.id)
        async with database.begin() as connection:
            return [tuple(row) for row in await connection.execute(entries)]

    yield PostgresAudit(database), stored
    await database.close()


async def test_entries_keep_who_did_what_with_whose_data_and_from_where(trail: Trail) -> None:
    audit, entries = trail

    await audit.record(Actor("process:analyzer", "node-7"), "key_read", ADA, {"version": 3})
    await audit.record(actor=Actor("user:ada", "2001:db8::7"), action="key_added", user=ADA)
    await audit.record(Actor("service:ops", "192.0.2.7"), "dispatch_paused", None, {"why": "maintenance"})

    assert await entries() == [
        ("process:analyzer", "node-7", "key_read", ADA, {"version": 3}),
        ("user:ada", "2001:db8::7", "key_added", ADA, {}),
        ("service:ops", "192.0.2.7", "dispatch_paused", None, {"why": "maintenance"}),
    ]


async def test_entries_are_read_newest_first_of_one_user_or_of_all_page_by_page(trail: Trail) -> None:
    audit, _ = trail
    for number in range(3):
        await audit.record(BY, "key_read", ADA, {"version": number})
        await audit.record(BY, "key_read", BOB, {"version": number})

    everybodys = await audit.newest()
    adas = await audit.newest(2, user=ADA)
    older = await audit.newest(2, user=ADA, before=adas[-1].id)

    assert [(entry.user, entry.details["version"]) for entry in everybodys] == [
        (user, number) for number in (2, 1, 0) for user in (BOB, ADA)
    ]
    assert [entry.details["version"] for entry in (*adas, *older)] == [2, 1, 0]
    assert {(entry.actor, entry.action, entry.user) for entry in (*adas, *older)} == {(BY, "key_read", ADA)}
    assert datetime.now(UTC) - adas[0].at < timedelta(minutes=1)
    assert await audit.newest(user=user_id("nobody")) == []


async def test_what_cannot_be_recorded_is_not_silent() -> None:
    database = Database("postgresql://fleet@127.0.0.1:1/none")

    with pytest.raises(LedgerUnavailable):
        await PostgresAudit(database).record(here("user:ada"), "key_added", ADA)
    await database.close()
