"""Wires the quota of a process: counters in Redis, limits and journal in PostgreSQL, as the settings say."""

from dataclasses import dataclass

from redis.asyncio import Redis

from shared.database import Database
from shared.quota import Account, LimitBook, Quota
from shared.quota.in_postgres import PostgresLimits
from shared.quota.in_redis import RedisQuota
from shared.quota.limits import DeploymentLimits
from shared.quota.remembered import RememberedLimits
from shared.settings import DefaultKeySettings, QuotaSettings
from shared.usage.in_postgres import PostgresUsage


@dataclass(frozen=True, slots=True)
class OpenQuota:
    """A process's quota, and the book of its limits; what is learned or set there holds here at once."""

    permits: Quota
    limits: LimitBook

    async def forget(self, account: Account) -> None:
        """Drop what was counted and learned of an account: its key is another one now.

        Raises:
            QuotaUnavailable, LedgerUnavailable: a store cannot be told; forget again.
        """
        await self.limits.forget(account)
        await self.permits.forget(account)


def open_quota(
    redis: Redis, database: Database, *, settings: QuotaSettings, default_key: DefaultKeySettings
) -> OpenQuota:
    """The quota on these servers; nothing is asked yet."""
    limits = RememberedLimits(PostgresLimits(database, deployment_limits(settings, default_key)))
    permits = RedisQuota(
        redis,
        limits=limits,
        timezone=settings.timezone(),
        journal=PostgresUsage(database),
        minute=settings.minute(),
    )
    return OpenQuota(permits, limits)


def deployment_limits(settings: QuotaSettings, default_key: DefaultKeySettings) -> DeploymentLimits:
    """What the settings allow where nobody says otherwise."""
    return DeploymentLimits(user=settings.limits(), share=default_key.share_limits(), default_key=default_key.limits())
