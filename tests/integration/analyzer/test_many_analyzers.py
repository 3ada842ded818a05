"""Many analyzers at once on real PostgreSQL and Valkey, judged by the provider's own journal."""

import asyncio
import time
from collections.abc import AsyncIterator, Iterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from zoneinfo import ZoneInfo

import pytest
from pydantic import SecretStr
from sqlalchemy import select

from services.analyzer.adapters.gemini_clients import GeminiClients
from services.analyzer.adapters.in_google_genai import Gemini
from services.analyzer.domain.analysing import Analysing
from services.analyzer.domain.asking import Asking
from services.analyzer.domain.denials import Denials
from services.analyzer.domain.lessons import Lessons
from services.analyzer.domain.provider import Answer, Item
from services.analyzer.domain.usable_keys import UsableKeys
from shared.audit import here
from shared.bookmarks import Content, NewBookmark
from shared.database import Database
from shared.jobs import JobRunner, Work
from shared.keys import ApiKey
from shared.keys.in_memory import InMemoryKeys
from shared.keys.in_postgres import PostgresKeyRegistry
from shared.keys.plaintext import api_key
from shared.ledger import Released, StagePolicy
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import RetryPolicy
from shared.ledger.tables import analyses, api_keys, jobs, provider_calls
from shared.quota import MINUTE, LimitBook
from shared.quota.in_redis import RedisQuota, open_redis
from shared.signals.in_memory import InMemorySignals
from shared.usage.in_postgres import PostgresUsage
from shared.values import KeyStatus, Stage, Strategy, UserId
from tests.gemini_emulator import Fault, GeminiEmulator, most_in_any_window
from tests.quotas import limits_of

ADA, LINUS = UserId("ada"), UserId("linus")
KEYS = {ADA: "AIzaSyAda-0000000000000000000000000000ada", LINUS: "AIzaSyLinus-00000000000000000000000linus"}
LEASE = timedelta(seconds=60)


@pytest.fixture
def emulator() -> Iterator[GeminiEmulator]:
    with GeminiEmulator() as gemini:
        for key in KEYS.values():
            gemini.add_key(key, per_minute=100_000, per_day=100_000)  # ours is the limit that must hold
        yield gemini


@dataclass(frozen=True)
class Gate:
    """A provider that notes when each request left: how long it then travels is not ours to bound."""

    provider: Gemini
    left: list[tuple[str, float]]

    @property
    def model(self) -> str:
        return self.provider.model

    async def prepare(self, key: ApiKey) -> None:
        await self.provider.prepare(key)

    async def analyse(self, key: ApiKey, items: Sequence[Item]) -> Answer:
        self.left.append((key.get_secret_value(), time.time()))
        return await self.provider.analyse(key, items)

    async def close(self) -> None:
        await self.provider.close()


@dataclass(frozen=True)
class House:
    """What all analyzers of a test share, and what each has of its own."""

    database: Database
    redis_url: str
    gemini_url: str
    keys: InMemoryKeys
    limits: LimitBook
    window: int
    group: int
    minute: timedelta = MINUTE
    left: list[tuple[str, float]] = field(default_factory=list)

    @property
    def ledger(self) -> PostgresLedger:
        policies = {
            Stage.SCRAPE: StagePolicy(window=100, group=1, ready_buffer=1_000, release_lease=LEASE, run_lease=LEASE),
            Stage.ANALYZE: StagePolicy(
                window=self.window, group=self.group, ready_buffer=1_000, release_lease=LEASE, run_lease=LEASE
            ),
        }
        return PostgresLedger(self.database, policies=policies, retries=RetryPolicy(base=timedelta(seconds=0.1)))

    async def save(self, user: UserId, pages: int) -> None:
        """Bookmarks of a user with a key, their pages read."""
        version = await self.keys.put(user, api_key(KEYS[user]))
        registry = PostgresKeyRegistry(self.database)
        await registry.record(
            user,
            name="k",
            fingerprint="f",
            version=version,
            status=KeyStatus.ACTIVE,
            reason=None,
            by=here("process:test"),
        )
        urls = [f"https://example.com/{user}/{number}" for number in range(pages)]
        await self.ledger.submit(user, [NewBookmark(url, title=url) for url in urls])
        while released := await self.ledger.release(Stage.SCRAPE):
            for release in released:
                for job in await self.ledger.claim(Stage.SCRAPE, release.job_ids, release.token):
                    url = job.bookmark.url
                    content = Content(Strategy.STATIC, "ok", url, url, f"Python for {user}. " * 20)
                    await self.ledger.store_content(job, content)

    @asynccontextmanager
    async def analyzer(self) -> AsyncIterator[JobRunner]:
        """One analyzer with connections of its own to the quota and to the provider."""
        async with AsyncExitStack() as stack:
            redis = open_redis(SecretStr(self.redis_url))
            stack.push_async_callback(redis.aclose)
            clients = GeminiClients(self.gemini_url, "v1beta", timeout_s=5.0)
            provider = Gemini(clients, model="gemini-2.5-flash", chars=20_000, deadline_s=5.0)
            stack.push_async_callback(provider.close)
            await clients.warm_up()
            journal = PostgresUsage(self.database)
            quota = RedisQuota(redis, limits=self.limits, timezone=ZoneInfo("UTC"), journal=journal, minute=self.minute)
            analyse = Analysing(
                ledger=self.ledger,
                keys=UsableKeys(self.keys, PostgresKeyRegistry(self.database), here("process:analyzer")),
                asking=Asking(Gate(provider, self.left), quota, journal, Denials(InMemorySignals())),
                lessons=Lessons(quota, self.limits),
                batch_pause=timedelta(0),
            )
            yield JobRunner(Stage.ANALYZE, Work(self.ledger, analyse), hold=LEASE)

    async def analysed(self) -> int:
        async with self.database.begin() as work:
            return len((await work.execute(select(analyses.c.bookmark_id))).all())

    async def run(self, *, analyzers: int, until: int) -> None:
        """Let so many analyzers work until so many pages are analysed."""
        messages: asyncio.Queue[Released] = asyncio.Queue()

        async def work(run: JobRunner) -> None:
            while True:
                message = await messages.get()
                await run(message.job_ids, message.token)

        async with AsyncExitStack() as stack:
            runners = [await stack.enter_async_context(self.analyzer()) for _ in range(analyzers)]
            async with asyncio.timeout(60), asyncio.TaskGroup() as group:
                workers = [group.create_task(work(run)) for run in runners]
                while await self.analysed() < until:
                    for released in await self.ledger.release(Stage.ANALYZE):
                        messages.put_nowait(released)
                    await asyncio.sleep(0.02)
                for worker in workers:
                    worker.cancel()


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
        InMemoryKeys(),
        limits_of(minute=6),
        window=16,
        group=1,
        minute=timedelta(seconds=2),
    )
    await house.save(ADA, 24)
    await house.save(LINUS, 3)
    began = time.monotonic()

    await house.run(analyzers=16, until=27)

    assert most_in_any_window([at for key, at in house.left if key == KEYS[ADA]], 2.0) == 6
    assert len(emulator.requests_of(KEYS[ADA])) == 24  # none repeated, none in vain
    assert len(emulator.requests_of(KEYS[LINUS])) == 3
    assert time.monotonic() - began < 25
    for request in emulator.requests:
        owner = next(user for user, key in KEYS.items() if key == request.key)
        assert f"Python for {owner}." in request.prompt
        assert not any(f"Python for {other}." in request.prompt for other in KEYS if other != owner)


async def test_a_batch_travels_in_one_request_and_the_journal_knows_every_call(
    database: Database, redis_url: str, emulator: GeminiEmulator
) -> None:
    house = House(database, redis_url, emulator.url, InMemoryKeys(), limits_of(), window=5, group=5)
    await house.save(ADA, 20)

    await house.run(analyzers=2, until=20)

    assert [len(request.items) for request in emulator.requests] == [5, 5, 5, 5]
    async with database.begin() as work:
        calls = (await work.execute(select(provider_calls.c.outcome, provider_calls.c["items"]))).all()
        tokens = (await work.execute(select(analyses.c.prompt_tokens, analyses.c.model))).all()
    assert [tuple(call) for call in calls] == [("analysed", 5)] * 4
    assert all(row.prompt_tokens > 0 and row.model == "gemini-2.5-flash" for row in tokens)


async def test_a_provider_that_stumbles_is_asked_again_until_every_page_is_analysed_once(
    database: Database, redis_url: str, emulator: GeminiEmulator
) -> None:
    house = House(database, redis_url, emulator.url, InMemoryKeys(), limits_of(minute=1_000), window=5, group=5)
    await house.save(ADA, 20)
    emulator.plan(Fault.CUT, Fault.MISSING, Fault.MALFORMED, None, Fault.MISSING, Fault.BLOCKED_ANSWER)

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
    house = House(database, redis_url, emulator.url, InMemoryKeys(), limits_of(), window=5, group=5)
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
