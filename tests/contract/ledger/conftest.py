"""Each story is told to the ledger in memory and to the one in a real PostgreSQL."""

from collections.abc import AsyncIterator

import pytest

from shared.database import Database
from tests.contract.ledger.kit import Fleet, InMemory, InPostgres


@pytest.fixture(params=["in_memory", "in_postgres"])
async def fleet(request: pytest.FixtureRequest) -> AsyncIterator[Fleet]:
    if request.param == "in_memory":
        yield InMemory()
        return
    url = request.getfixturevalue("database_url")
    database = Database(url)
    yield InPostgres(url, database)
    await database.close()
