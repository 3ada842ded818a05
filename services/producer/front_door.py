"""The front door's wiring: settings → adapters → use cases, for the API, the Python functions and the command line."""

from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Self

from services.producer.adapters.in_gemini import GeminiKeyCheck
from services.producer.domain.adding_keys import AddKey, RemoveKey, Waiting
from services.producer.domain.bursts import Bursts
from services.producer.domain.erasing import EraseUser
from services.producer.domain.processing import ProcessContent
from services.producer.domain.reanalysing import Reanalyse
from services.producer.domain.retrying import RetryFailed
from services.producer.domain.setting_limits import SetLimits
from services.producer.domain.showing import Snapshots
from services.producer.domain.standing import Standing
from services.producer.domain.submitting import SubmitBookmarks
from services.producer.settings import SubmissionSettings
from shared.audit import Audit
from shared.audit.in_postgres import PostgresAudit
from shared.database import Database
from shared.in_redis import open_redis
from shared.keys import ApiKey, KeyRegistry
from shared.keys.in_postgres import PostgresKeyRegistry
from shared.keys.in_vault import VaultKeyWriter, pepper
from shared.keys.plaintext import fingerprint
from shared.keys.tries_in_postgres import PostgresKeyTries
from shared.keys.vault_session import VaultSession
from shared.ledger import Ledger
from shared.ledger.failures import Failures
from shared.ledger.lanes_shown import Lanes
from shared.ledger.opening import postgres_ledger
from shared.ledger.prompt_versions import PromptVersions
from shared.ledger.reports import Reports
from shared.preferences import Preferences
from shared.preferences.in_postgres import PostgresPreferences
from shared.quota import LimitBook
from shared.quota.calendar import Calendar
from shared.quota.journaled import JournaledStatus
from shared.quota.opening import open_quota
from shared.settings import (
    AnalysisSettings,
    DatabaseSettings,
    DefaultKeySettings,
    DispatchSettings,
    GeminiSettings,
    KeySettings,
    QuotaSettings,
    RedisSettings,
    VaultSettings,
)
from shared.signals import Signals
from shared.signals.in_postgres import PostgresSignals
from shared.usage.in_postgres import PostgresUsage
from shared.values import DefaultKeyPolicy


@dataclass(frozen=True, slots=True)
class FrontDoorSettings:
    """Everything the front door is told from outside."""

    database: DatabaseSettings
    redis: RedisSettings
    vault: VaultSettings
    keys: KeySettings
    quota: QuotaSettings
    default_key: DefaultKeySettings
    gemini: GeminiSettings
    dispatch: DispatchSettings
    analysis: AnalysisSettings
    submissions: SubmissionSettings

    @classmethod
    def read(cls) -> Self:
        """The settings from the environment.

        Raises:
            Misconfigured: one is missing or cannot be used.
        """
        return cls(
            database=DatabaseSettings.read(),
            redis=RedisSettings.read(),
            vault=VaultSettings.read(),
            keys=KeySettings.read(),
            quota=QuotaSettings.read(),
            default_key=DefaultKeySettings.read(),
            gemini=GeminiSettings.read(),
            dispatch=DispatchSettings.read(),
            analysis=AnalysisSettings.read(),
            submissions=SubmissionSettings.read(),
        )


@dataclass(frozen=True, slots=True)
class FrontDoor:
    """The use cases, ready to be called on the loop that opened them."""

    submit: SubmitBookmarks
    add_key: AddKey
    remove_key: RemoveKey
    erase: EraseUser
    process: ProcessContent
    retry: RetryFailed
    reanalyse: Reanalyse
    standing: Standing
    snapshots: Snapshots
    ledger: Ledger
    registry: KeyRegistry
    reports: Reports
    failures: Failures
    lanes: Lanes
    limits: LimitBook
    set_limits: SetLimits
    preferences: Preferences
    audit: Audit
    signals: Signals
    bursts: Bursts
    fingerprint: Callable[[ApiKey], Awaitable[str]]
    default_key_policy: DefaultKeyPolicy
    ping: Callable[[], Awaitable[bool]]


@asynccontextmanager
async def open_front_door(settings: FrontDoorSettings) -> AsyncIterator[FrontDoor]:
    """The front door while the block runs; connects when first asked for something."""
    async with AsyncExitStack() as closing:
        database = Database(settings.database.database_url.get_secret_value(), pool=settings.database.database_pool)
        closing.push_async_callback(database.close)
        redis = open_redis(settings.redis.redis_url)
        closing.push_async_callback(redis.aclose)
        vault = VaultSession(settings.vault)
        closing.push_async_callback(vault.close)

        ledger = postgres_ledger(database, settings.dispatch)
        registry = PostgresKeyRegistry(database)
        reports = Reports(database)
        failures = Failures(database)
        audit = PostgresAudit(database)
        signals = PostgresSignals(database)
        bursts = Bursts(handed_in=reports.handed_in_since, signals=signals, burst=settings.submissions.submission_burst)
        writer = VaultKeyWriter(vault)
        usage = PostgresUsage(database)
        calendar = Calendar(settings.quota.timezone())
        quota = open_quota(redis, database, settings=settings.quota, default_key=settings.default_key)
        waiting = Waiting(ledger=ledger, unlearn=quota.forget)

        standing = Standing(
            quota=quota.permits,
            journaled=JournaledStatus(usage, quota.limits, calendar, settings.quota.minute()),
            registry=registry,
            reports=reports,
            usage=usage,
            policy=settings.default_key.default_key_policy,
            month_began=lambda: calendar.month(datetime.now(UTC)).start,
        )

        async def fingerprint_of(key: ApiKey) -> str:
            return fingerprint(key, await pepper(vault))

        yield FrontDoor(
            submit=SubmitBookmarks(ledger, bursts),
            add_key=AddKey(
                check=GeminiKeyCheck(settings.gemini),
                tries=PostgresKeyTries(database, per_hour=settings.keys.key_tries_per_hour),
                writer=writer,
                registry=registry,
                ledger=ledger,
                waiting=waiting,
                signals=signals,
                fingerprint=fingerprint_of,
            ),
            remove_key=RemoveKey(writer=writer, registry=registry, waiting=waiting, audit=audit),
            erase=EraseUser(
                writer=writer,
                registry=registry,
                ledger=ledger,
                journal=usage,
                unlearn=quota.forget,
                audit=audit,
            ),
            process=ProcessContent(
                ledger=ledger,
                registry=registry,
                reports=reports,
                policy=settings.default_key.default_key_policy,
            ),
            retry=RetryFailed(ledger=ledger, failures=failures),
            reanalyse=Reanalyse(ledger=ledger, versions=PromptVersions(database)),
            standing=standing,
            snapshots=Snapshots(reports=reports, signals=signals, standing=standing),
            ledger=ledger,
            registry=registry,
            reports=reports,
            failures=failures,
            lanes=Lanes(database),
            limits=quota.limits,
            set_limits=SetLimits(limits=quota.limits, ledger=ledger),
            preferences=PostgresPreferences(database, default=settings.analysis.language()),
            audit=audit,
            signals=signals,
            bursts=bursts,
            fingerprint=fingerprint_of,
            default_key_policy=settings.default_key.default_key_policy,
            ping=database.answers,
        )
