"""Many analyzers at once on real PostgreSQL and Valkey, and what each request that left them carried."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol
from zoneinfo import ZoneInfo

from pydantic import SecretStr
from sqlalchemy import select

from services.analyzer.adapters.gemini import Endpoint, Gemini
from services.analyzer.adapters.in_google_genai import GoogleGenai
from services.analyzer.domain.analysing import Analysing
from services.analyzer.domain.asking import Asking
from services.analyzer.domain.denials import Denials
from services.analyzer.domain.lessons import Lessons
from services.analyzer.domain.provider import Answer, Item
from services.analyzer.domain.usable_keys import UsableKeys
from shared.audit import here
from shared.audit.in_postgres import PostgresAudit
from shared.bookmarks import Content, NewBookmark
from shared.breaker import Pace
from shared.breaker.in_redis import RedisBreaker
from shared.database import Database
from shared.in_redis import open_redis
from shared.jobs import JobRunner, Work
from shared.keys import DEPLOYMENT, ApiKey, KeyReader
from shared.keys.cache import KeyCache
from shared.keys.in_memory import InMemoryKeys
from shared.keys.in_postgres import PostgresKeyRegistry
from shared.keys.in_vault import VaultKeyReader, VaultKeyWriter
from shared.keys.plaintext import api_key
from shared.keys.vault_session import VaultSession
from shared.ledger import Released, StagePolicy
from shared.ledger.in_postgres import PostgresLedger
from shared.ledger.policies import RetryPolicy
from shared.ledger.tables import analyses
from shared.preferences.in_memory import InMemoryPreferences
from shared.quota import MINUTE, LimitBook
from shared.quota.in_redis import RedisQuota
from shared.signals.in_memory import InMemorySignals
from shared.usage.in_postgres import PostgresUsage
from shared.values import DefaultKeyPolicy, KeyStatus, Stage, Strategy, UserId
from tests.conftest import Vault
from tests.vaults import settings_for

ADA, LINUS = UserId("ada"), UserId("linus")
KEYS = {
    ADA: "AIzaSyAda-0000000000000000000000000000ada",
    LINUS: "AIzaSyLinus-00000000000000000000000linus",
    DEPLOYMENT: "AIzaSyDefault-00000000000000000000default",
}
TEST = here("process:test")
LEASE = timedelta(seconds=60)


class Keys(Protocol):
    """Where a test's keys are."""

    async def put(self, user: UserId, key: ApiKey) -> int: ...
    async def remove(self, user: UserId) -> None: ...
    async def reader(self, stack: AsyncExitStack) -> KeyReader: ...


class KeysInMemory(InMemoryKeys):
    """Keys that every analyzer reads as they are."""

    async def reader(self, _: AsyncExitStack) -> KeyReader:
        return self


@dataclass(frozen=True)
class KeysInVault:
    """Keys in a real vault: written as the front door, read by each analyzer with a cache of its own."""

    vault: Vault
    database: Database
    max_age: timedelta

    async def put(self, user: UserId, key: ApiKey) -> int:
        async with self._front_door() as writer:
            return await writer.put(user, key)

    async def remove(self, user: UserId) -> None:
        async with self._front_door() as writer:
            await writer.remove(user)

    async def reader(self, stack: AsyncExitStack) -> KeyReader:
        session = VaultSession(settings_for(self.vault, self.vault.analyzer))
        stack.push_async_callback(session.close)
        cache = KeyCache(max_age=self.max_age)
        return VaultKeyReader(session, cache, audit=PostgresAudit(self.database), actor=here("process:analyzer"))

    @asynccontextmanager
    async def _front_door(self) -> AsyncIterator[VaultKeyWriter]:
        session = VaultSession(settings_for(self.vault, self.vault.front_door))
        yield VaultKeyWriter(session)
        await session.close()


@dataclass(frozen=True)
class Left:
    """A request as it left: on which key, about whose pages, when."""

    key: str
    user: str
    at: float


@dataclass(frozen=True)
class Gate:
    """A provider that notes when each request left: how long it then travels is not ours to bound."""

    provider: Gemini
    left: list[Left]

    @property
    def model(self) -> str:
        return self.provider.model

    async def prepare(self, key: ApiKey) -> None:
        await self.provider.prepare(key)

    async def analyse(self, key: ApiKey, items: Sequence[Item]) -> Answer:
        self.left.append(Left(key.get_secret_value(), items[0].url.split("/")[3], time.time()))
        return await self.provider.analyse(key, items)

    async def close(self) -> None:
        await self.provider.close()


@dataclass(frozen=True)
class House:
    """What all analyzers of a test share, and what each has of its own."""

    database: Database
    redis_url: str
    gemini_url: str
    keys: Keys
    limits: LimitBook
    window: int
    group: int
    minute: timedelta = MINUTE
    probe: timedelta = timedelta(seconds=0.2)
    policy: DefaultKeyPolicy = DefaultKeyPolicy.OFF
    left: list[Left] = field(default_factory=list)

    @property
    def ledger(self) -> PostgresLedger:
        policies = {
            Stage.SCRAPE: StagePolicy(window=100, group=1, ready_buffer=1_000, release_lease=LEASE, run_lease=LEASE),
            Stage.ANALYZE: StagePolicy(
                window=self.window, group=self.group, ready_buffer=1_000, release_lease=LEASE, run_lease=LEASE
            ),
        }
        return PostgresLedger(self.database, policies=policies, retries=RetryPolicy(base=timedelta(seconds=0.1)))

    @property
    def registry(self) -> PostgresKeyRegistry:
        return PostgresKeyRegistry(self.database)

    async def add_key(self, owner: UserId, key: str | None = None) -> None:
        """Put a key into the vault and tell the registry, as the front door does."""
        version = await self.keys.put(owner, api_key(key or KEYS[owner]))
        await self.registry.record(
            owner, name="k", fingerprint="f", version=version, status=KeyStatus.ACTIVE, reason=None, by=TEST
        )

    async def save(self, user: UserId, pages: int, *, with_key: bool = True) -> None:
        """Bookmarks of a user, their pages read."""
        if with_key:
            await self.add_key(user)
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
            sdk = GoogleGenai(Endpoint(self.gemini_url, "v1beta", "gemini-2.5-flash", timeout_s=5.0))
            provider = Gemini(sdk, model="gemini-2.5-flash", deadline_s=5.0)
            stack.push_async_callback(provider.close)
            await sdk.clients.warm_up()
            breaker = RedisBreaker(redis, "gemini", pace=Pace(self.probe, call=timedelta(seconds=5)))
            journal = PostgresUsage(self.database)
            quota = RedisQuota(redis, limits=self.limits, timezone=ZoneInfo("UTC"), journal=journal, minute=self.minute)
            reader = await self.keys.reader(stack)
            analyse = Analysing(
                ledger=self.ledger,
                keys=UsableKeys(reader, self.registry, here("process:analyzer"), self.policy),
                asking=Asking(
                    Gate(provider, self.left),
                    breaker,
                    quota,
                    journal,
                    Denials(self.ledger, quota, InMemorySignals(), pages_per_call=5),
                    InMemoryPreferences(),
                    15_000,
                ),
                lessons=Lessons(quota, self.limits),
                batch_pause=timedelta(0),
            )
            yield JobRunner(Stage.ANALYZE, Work(self.ledger, analyse), hold=LEASE)

    async def analysed(self) -> int:
        return sum((await self.sources()).values())

    async def sources(self) -> Counter[tuple[str, str]]:
        """How many analyses there are by user and by whose key paid."""
        async with self.database.begin() as work:
            rows = await work.execute(select(analyses.c.user_id, analyses.c.key_source))
            return Counter((row.user_id, row.key_source) for row in rows)

    async def run(self, *, analyzers: int, until: int, patience_s: float = 60) -> None:
        """Let so many analyzers work until so many pages are analysed."""
        messages: asyncio.Queue[Released] = asyncio.Queue()

        async def work(run: JobRunner) -> None:
            while True:
                message = await messages.get()
                await run(message.job_ids, message.token)

        async with AsyncExitStack() as stack:
            runners = [await stack.enter_async_context(self.analyzer()) for _ in range(analyzers)]
            async with asyncio.timeout(patience_s), asyncio.TaskGroup() as group:
                workers = [group.create_task(work(run)) for run in runners]
                while await self.analysed() < until:
                    for released in await self.ledger.release(Stage.ANALYZE):
                        messages.put_nowait(released)
                    await asyncio.sleep(0.02)
                for worker in workers:
                    worker.cancel()
