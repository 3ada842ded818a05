"""The pool's connections: one that the server ended while nobody used it is not handed out."""

import psycopg
import pytest
from sqlalchemy import text

import shared.database
from shared.database import Database
from shared.errors import LedgerUnavailable

_PID = text("SELECT pg_backend_pid()")


async def _pid(database: Database) -> int:
    async with database.begin() as work:
        return int((await work.execute(_PID)).scalar_one())


def _end(database_url: str, pid: int) -> None:
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute("SELECT pg_terminate_backend(%s, 5000)", [pid])


async def test_a_connection_that_ended_at_rest_is_replaced(database_url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(shared.database, "_TRUSTED_FOR_S", 0.0)
    database = Database(database_url, pool=1)
    ended = await _pid(database)
    _end(database_url, ended)

    assert await _pid(database) != ended
    await database.close()


async def test_one_that_ended_a_moment_ago_fails_once_with_advice(database_url: str) -> None:
    database = Database(database_url, pool=1)
    ended = await _pid(database)
    _end(database_url, ended)

    with pytest.raises(LedgerUnavailable):
        await _pid(database)
    assert await _pid(database) != ended
    await database.close()


async def test_a_single_statement_is_kept_without_a_transaction(database_url: str) -> None:
    database = Database(database_url, pool=1)
    async with database.one_statement() as work:
        await work.execute(text("UPDATE lanes SET paused = false WHERE user_id = 'nobody'"))
        assert (await work.execute(text("SELECT now() = statement_timestamp()"))).scalar_one()
    async with database.begin() as work:
        await work.execute(_PID)
        assert not (await work.execute(text("SELECT now() = statement_timestamp()"))).scalar_one()
    await database.close()
