"""Many analyzers at once on real PostgreSQL and Valkey, judged by the provider's own journal."""

from collections.abc import AsyncIterator, Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select

from shared.database import Database
from shared.ledger.tables import analyses, api_keys, jobs, provider_calls
from shared.usage import NOT_SENT
from shared.values import Stage
from tests.gemini_emulator import Fault, GeminiEmulator, most_in_any_window
from tests.integration.analyzer.house import ADA, KEYS, LINUS, House, KeysInMemory
from tests.quotas import limits_of


@pytest.fixture
def emulator() -> Iterator[GeminiEmulator]:
    with GeminiEmulator() as gemini:
        for key in KEYS.values():
            gemini.add_key(key, per_minute=100_000, per_day=100_000)  # ours is the limit that must hold
        yield gemini


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    database = Database(database_url, pool=20)
    yield database
    await database.close()


async def test_sixteen_analyzers_never_make_more_calls_for_a_user_than_the_limit_in_any_window(
    database: Database, redis_url: str, emulator: GeminiEmulator
) -> None:
    house = House(
        database,
        redis_url,
        emulator.url,
        KeysInMemory(),
        limits_of(minute=6),
        window=16,
        group=1,
        minute=timedelta(seconds=2),
    )
    await house.save(ADA, 24)
    await house.save(LINUS, 3)

    await house.run(analyzers=16, until=27)

    assert most_in_any_window([left.at for left in house.left if left.user == ADA], 2.0) <= 6
    assert len(emulator.requests_of(KEYS[ADA])) == 24  # none repeated, none in vain
    assert len(emulator.requests_of(KEYS[LINUS])) == 3
    for request in emulator.requests:
        owner = next(user for user, key in KEYS.items() if key == request.key)
        assert f"Python for {owner}." in request.prompt
        assert not any(f"Python for {other}." in request.prompt for other in KEYS if other != owner)


async def test_a_batch_travels_in_one_request_and_the_journal_knows_every_call(
    database: Database, redis_url: str, emulator: GeminiEmulator
) -> None:
    house = House(database, redis_url, emulator.url, KeysInMemory(), limits_of(), window=5, group=5)
    await house.save(ADA, 20)

    await house.run(analyzers=2, until=20)

    assert [len(request.items) for request in emulator.requests] == [5, 5, 5, 5]
    async with database.begin() as work:
        left = provider_calls.c.outcome != NOT_SENT  # on a crowded machine a permit may lapse before its call leaves
        calls = (await work.execute(select(provider_calls.c.outcome, provider_calls.c["items"]).where(left))).all()
        tokens = (await work.execute(select(analyses.c.prompt_tokens, analyses.c.model))).all()
    assert [tuple(call) for call in calls] == [("analysed", 5)] * 4
    assert all(row.prompt_tokens > 0 and row.model == "gemini-2.5-flash" for row in tokens)


async def test_a_provider_that_stumbles_is_asked_again_until_every_page_is_analysed_once(
    database: Database, redis_url: str, emulator: GeminiEmulator
) -> None:
    house = House(database, redis_url, emulator.url, KeysInMemory(), limits_of(minute=1_000), window=5, group=5)
    await house.save(ADA, 20)
    emulator.plan(Fault.BLOCKED_ANSWER, Fault.MISSING, None, Fault.CUT, Fault.MALFORMED, Fault.MISSING)

    await house.run(analyzers=4, until=20)

    async with database.begin() as work:
        tries = (await work.execute(select(jobs.c.attempts).where(jobs.c.stage == Stage.ANALYZE))).scalars().all()
        by = (await work.execute(select(analyses.c.analysed_by))).scalars().all()
    assert by == ["gemini"] * 20
    assert sum(tries) > 0
    assert max(tries) <= 3
    assert [request.outcome for request in emulator.requests][:6].count("200") == 1


async def test_a_key_revoked_meanwhile_is_marked_and_asked_with_no_more(
    database: Database, redis_url: str, emulator: GeminiEmulator
) -> None:
    house = House(database, redis_url, emulator.url, KeysInMemory(), limits_of(), window=5, group=5)
    await house.save(ADA, 15)
    await house.save(LINUS, 5)
    emulator.refuse_key(KEYS[ADA])

    await house.run(analyzers=4, until=20)

    assert len(emulator.requests_of(KEYS[ADA])) == 1
    assert len(emulator.requests_of(KEYS[LINUS])) == 1
    async with database.begin() as work:
        statuses = (await work.execute(select(api_keys.c.user_id, api_keys.c.status))).all()
        by = (await work.execute(select(analyses.c.user_id, analyses.c.analysed_by).distinct())).all()
    assert {tuple(row) for row in statuses} == {("ada", "invalid"), ("linus", "active")}
    assert {tuple(row) for row in by} == {("ada", "heuristic"), ("linus", "gemini")}
