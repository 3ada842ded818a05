"""Wires the analyzer: settings, the vault, the quota, the provider, the ledger and the pool that uses them."""

from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta
from functools import partial

from services.analyzer.actors import make_analyze_actor
from services.analyzer.adapters.gemini import Gemini
from services.analyzer.adapters.making import make_gemini
from services.analyzer.domain.analysing import Analysing
from services.analyzer.domain.asking import Asking
from services.analyzer.domain.denials import Denials
from services.analyzer.domain.lessons import Lessons
from services.analyzer.domain.reading_meanwhile import ReadMeanwhile
from services.analyzer.domain.usable_keys import UsableKeys
from services.analyzer.settings import AnalyzerSettings
from shared.audit import here
from shared.audit.in_postgres import PostgresAudit
from shared.breaker import Pace
from shared.breaker.in_redis import RedisBreaker
from shared.database import Database
from shared.in_redis import open_redis
from shared.jobs import Work
from shared.keys.cache import KeyCache
from shared.keys.in_postgres import PostgresKeyRegistry
from shared.keys.in_vault import VaultKeyReader
from shared.keys.vault_session import VaultSession
from shared.ledger.opening import postgres_ledger
from shared.ledger.policies import stage_policies
from shared.metrics import BREAKER_OPEN
from shared.preferences.in_postgres import PostgresPreferences
from shared.quota.opening import open_quota
from shared.regularly import regularly
from shared.settings import (
    AnalysisSettings,
    BrokerSettings,
    DatabaseSettings,
    DefaultKeySettings,
    DispatchSettings,
    GeminiSettings,
    ProcessSettings,
    QuotaSettings,
    RedisSettings,
    VaultSettings,
)
from shared.signals.in_postgres import PostgresSignals
from shared.usage.in_postgres import PostgresUsage
from shared.values import Stage
from shared.worker import Pool, run_pool

_LOOK_AFTER = timedelta(seconds=5)
_READ_MEANWHILE = timedelta(seconds=2)


def run_analyzer(partitions: Sequence[int] | None = None) -> int:
    """Run one analyzer process until it is told to stop; its exit code.

    Args:
        partitions: of the analyze queues, those to consume; all when None.

    Raises:
        Misconfigured: a setting is missing or cannot be used.
    """
    analyzer, gemini = AnalyzerSettings.read(), GeminiSettings.read()
    database, redis, vault = DatabaseSettings.read(), RedisSettings.read(), VaultSettings.read()
    quota, default_key, dispatch = QuotaSettings.read(), DefaultKeySettings.read(), DispatchSettings.read()
    provider, analysing = make_gemini(gemini, analyzer), stage_policies(dispatch)[Stage.ANALYZE]

    @asynccontextmanager
    async def open_work() -> AsyncIterator[Work]:
        async with AsyncExitStack() as stack:
            store = Database(database.database_url.get_secret_value(), pool=database.database_pool)
            stack.push_async_callback(store.close)
            session = VaultSession(vault)
            stack.push_async_callback(session.close)
            counters = open_redis(redis.redis_url)
            stack.push_async_callback(counters.aclose)
            stack.push_async_callback(provider.close)
            await provider.sdk.clients.warm_up()

            ledger = postgres_ledger(store, dispatch)
            journal = PostgresUsage(store, prices=gemini.prices())
            opened = open_quota(counters, store, settings=quota, default_key=default_key)
            pace = Pace(
                timedelta(seconds=analyzer.provider_probe_s), call=timedelta(seconds=analyzer.provider_timeout_s)
            )
            breaker = RedisBreaker(counters, f"gemini:{gemini.gemini_model}", pace=pace)
            await stack.enter_async_context(regularly(partial(_look_after, provider, breaker), every=_LOOK_AFTER))
            remembered = KeyCache(max_age=timedelta(seconds=vault.vault_cache_s))
            actor = here("process:analyzer")
            keys = UsableKeys(
                VaultKeyReader(session, remembered, audit=PostgresAudit(store), actor=actor),
                PostgresKeyRegistry(store),
                actor,
                default_key.default_key_policy,
            )
            analyse = Analysing(
                ledger=ledger,
                keys=keys,
                asking=Asking(
                    provider,
                    breaker,
                    opened.permits,
                    journal,
                    Denials(ledger, opened.permits, PostgresSignals(store), pages_per_call=analysing.group),
                    PostgresPreferences(store, default=AnalysisSettings.read().language()),
                    text_tokens=analyzer.provider_text_tokens,
                ),
                lessons=Lessons(opened.permits, opened.limits),
                batch_pause=timedelta(seconds=dispatch.batch_pause_s),
            )
            meanwhile = ReadMeanwhile(ledger, after=timedelta(seconds=analyzer.heuristic_after_s))
            await stack.enter_async_context(regularly(meanwhile, every=_READ_MEANWHILE))
            yield Work(ledger, analyse, needs={"ledger": store.answers})

    pool = Pool(
        stage=Stage.ANALYZE,
        make_actor=make_analyze_actor,
        open_work=open_work,
        threads=analyzer.analyze_threads,
        hold=timedelta(seconds=dispatch.release_lease_s),
    )
    return run_pool(pool, broker=BrokerSettings.read(), process=ProcessSettings.read(), partitions=partitions)


async def _look_after(provider: Gemini, breaker: RedisBreaker) -> None:
    """Close the clients of keys that nobody uses, and show whether calls are held."""
    await provider.sdk.clients.tidy()
    BREAKER_OPEN.labels("gemini").set(await breaker.is_open())
