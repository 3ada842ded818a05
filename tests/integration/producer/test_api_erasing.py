"""Erasure on real servers: a look into every table, the vault and Redis finds nothing of the user afterwards."""

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial
from typing import Any

import psycopg
import pytest
from click.testing import CliRunner

from services.cli.main import main
from services.producer.domain.cloudevents import Event, EventType
from services.producer.domain.taking_events import TakeEvent
from services.producer.front_door import FrontDoorSettings, open_front_door
from shared.audit import here
from shared.bookmarks import Content, Tokens
from shared.database import Database
from shared.errors import LeaseLost, UserErased
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import RetryPolicy, stage_policies
from shared.settings import DispatchSettings
from shared.usage.in_postgres import PostgresUsage
from shared.values import KeySource, Stage, Strategy
from tests.conftest import Vault
from tests.integration.producer.conftest import Api
from tests.integration.producer.problems import problem
from tests.integration.producer.traces import (
    ADA,
    HERE,
    LINUS,
    lived,
    mark,
    redis_with,
    rows_with,
    tables,
    vault_of,
)
from tests.integration.waiting import until

__all__ = ["lived"]


def by_http(api: Api) -> None:
    assert api.ask("DELETE", f"/v1/users/{ADA}", whose=ADA).json() == {"bookmarks": 3}


def by_command(_: Api) -> None:
    erased = CliRunner().invoke(main, ["erase", "--user", ADA, "--json"])
    assert erased.exit_code == 0, erased.output


def by_event(_: Api) -> None:
    async def deliver() -> None:
        async with open_front_door(FrontDoorSettings.read()) as door:
            take = TakeEvent(door.ledger, door.bursts, partial(door.erase, by=here("process:intake")))
            for _ in range(2):  # events come at least once
                await take(Event("e-1", "upstream", EventType.USER_DELETED, ADA, None))

    asyncio.run(deliver())


@pytest.mark.parametrize("erase", [by_http, by_command, by_event])
def test_nothing_of_an_erased_user_is_left_anywhere_and_everything_of_others(
    lived: Api, vault: Vault, environment: dict[str, str], monkeypatch: pytest.MonkeyPatch, erase: Callable[[Api], None]
) -> None:
    monkeypatch.setattr("services.cli.command.configure_logs", lambda *_, **__: None)
    known = {table for table in tables(lived) if table not in {"alembic_version", "audit"}}
    before = {user: rows_with(lived, user) + rows_with(lived, mark(user)) for user in (ADA, LINUS)}
    assert set(before[ADA]) - {"audit"} == known  # whoever adds a table with users in it adds a trace of them here
    assert redis_with(environment["FLEET_REDIS_URL"], ADA)
    assert vault_of(vault, ADA)

    erase(lived)

    assert rows_with(lived, mark(ADA)) == {}
    assert set(rows_with(lived, ADA)) == {"audit"}
    assert redis_with(environment["FLEET_REDIS_URL"], ADA) == []
    assert vault_of(vault, ADA) is None
    assert lived.rows("SELECT action FROM audit WHERE action LIKE 'user_erased' AND user_id LIKE 'ada%'")
    assert lived.rows("SELECT count(*) FROM provider_calls WHERE user_id = '_erased' AND key_source = 'default'") == [
        (1,)
    ]
    assert rows_with(lived, LINUS) + rows_with(lived, mark(LINUS)) == before[LINUS]
    assert redis_with(environment["FLEET_REDIS_URL"], LINUS)
    assert vault_of(vault, LINUS)


def test_an_erased_user_may_begin_anew_and_finds_nothing_of_old(lived: Api) -> None:
    by_http(lived)

    problem(lived.ask("DELETE", f"/v1/users/{ADA}", whose=ADA), 404, "unknown_user")
    problem(lived.ask("GET", f"/v1/users/{ADA}/bookmarks", whose=ADA), 404, "unknown_user")
    problem(lived.ask("GET", f"/v1/users/{ADA}/api-key", whose=ADA), 404, "no_api_key")
    again = lived.ask(
        "POST",
        f"/v1/users/{ADA}/bookmarks",
        whose=ADA,
        json="https://example.org/anew",
        headers={"Idempotency-Key": mark(ADA)},
    )
    assert [one["created"] for one in again.json()] == [True]
    stats = lived.ask("GET", f"/v1/users/{ADA}/stats", whose=ADA).json()
    assert (stats["has_api_key"], stats["requests_today"], stats["minute_limit"]) == (False, 0, 15)


async def while_running(api: Api, run: Callable[[PostgresLedger, PostgresUsage, list[Any]], Awaitable[None]]) -> None:
    database = Database(api.database_url, pool=8)
    ledger = PostgresLedger(database, policies=stage_policies(DispatchSettings()), retries=RetryPolicy())
    jobs = []
    for release in await ledger.release(Stage.SCRAPE):
        jobs += await ledger.claim(Stage.SCRAPE, release.job_ids, release.token)
    await run(ledger, PostgresUsage(database), jobs)
    await database.close()


def test_what_runs_while_its_user_is_erased_stores_nothing(api: Api) -> None:
    api.ask("POST", f"/v1/users/{ADA}/bookmarks", whose=ADA, json=f"https://example.org/{mark(ADA)}")

    async def run(ledger: PostgresLedger, journal: PostgresUsage, jobs: list[Any]) -> None:
        call = await journal.begin(ADA, key_source=KeySource.USER, model="m", items=1)
        await ledger.erase(ADA, by=HERE)
        await journal.forget(ADA)
        with pytest.raises(LeaseLost):
            await ledger.store_content(jobs[0], Content(Strategy.STATIC, "ok", "u", mark(ADA), mark(ADA)))
        await ledger.fail(jobs, UserErased())
        with pytest.raises(UserErased):
            await journal.begin(ADA, key_source=KeySource.USER, model="m", items=1)
        await journal.end(call, outcome="analysed", tokens=Tokens(5, 1))

    asyncio.run(while_running(api, run))

    assert rows_with(api, mark(ADA)) == {}
    assert set(rows_with(api, ADA)) == {"audit"}


def test_a_call_that_begins_at_the_moment_of_the_erasure_leaves_no_trace(api: Api) -> None:
    api.ask("POST", f"/v1/users/{ADA}/bookmarks", whose=ADA, json="https://example.org/")

    async def race(ledger: PostgresLedger, journal: PostgresUsage, _: list[Any]) -> None:
        async with await psycopg.AsyncConnection.connect(api.database_url) as slow:
            await slow.execute("LOCK TABLE provider_calls IN SHARE MODE")  # the call stops right before its row
            call = asyncio.create_task(journal.begin(ADA, key_source=KeySource.USER, model="m", items=1))
            waiting = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND query LIKE 'INSERT%'"
            await until(lambda: api.rows(waiting) == [(1,)], what="the call waits")
            erasing = asyncio.create_task(ledger.erase(ADA, by=HERE))
            await asyncio.wait([erasing], timeout=0.5)
            assert not erasing.done()  # it waits for the call, so that it can take it along
        await asyncio.gather(call, erasing)
        await journal.forget(ADA)

    asyncio.run(while_running(api, race))

    assert set(rows_with(api, ADA)) == {"audit"}
