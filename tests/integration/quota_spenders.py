"""One process that spends a user's day as analyzers do: permit, journal, a last look at the permit, and off.

Ends when the day is spent.
`python -m tests.integration.quota_spenders DATABASE_URL REDIS_URL MINUTE DAY WINDOW_S ZONE_S`
"""

import asyncio
import random
import sys
from contextlib import suppress
from datetime import UTC, datetime, timedelta, timezone

from pydantic import SecretStr

from shared.bookmarks import Tokens
from shared.database import Database
from shared.errors import LedgerUnavailable, QuotaUnavailable
from shared.in_redis import open_redis
from shared.quota import LimitBook, Wait, account_of
from shared.quota.in_redis import RedisQuota
from shared.usage import NOT_SENT
from shared.usage.in_postgres import PostgresUsage
from shared.users import user_id
from shared.values import KeySource, WaitReason
from tests.quotas import limits_of

ADA = user_id("ada")
CALLERS = 8


async def spender(quota: RedisQuota, journal: PostgresUsage) -> None:
    while True:
        await asyncio.sleep(random.uniform(0, 0.1))
        try:
            permit = await quota.take(account_of(ADA))
        except (QuotaUnavailable, LedgerUnavailable):
            continue
        if isinstance(permit, Wait):
            if permit.reason is WaitReason.QUOTA_DAY:
                return
            await asyncio.sleep(max(0.0, (permit.until - datetime.now(UTC)).total_seconds()))
            continue
        await asyncio.sleep(random.choice((0, 0.05, 0.2, 0.35)))  # it is slow, or far too slow
        call = await journal.begin(ADA, key_source=KeySource.USER, model="m", items=1)
        if permit.lapsed:
            await journal.end(call, outcome=NOT_SENT, tokens=Tokens())
            with suppress(QuotaUnavailable):  # then it stays used
                await quota.refund(permit)


async def main(database_url: str, redis_url: str, limits: LimitBook, window: timedelta, zone: timezone) -> None:
    database = Database(database_url)
    async with open_redis(SecretStr(redis_url)) as redis:
        journal = PostgresUsage(database)
        quota = RedisQuota(redis, limits=limits, timezone=zone, journal=journal, minute=window)
        await asyncio.gather(*(spender(quota, journal) for _ in range(CALLERS)))
    await database.close()


if __name__ == "__main__":
    _, database_url, redis_url, minute, day, window_s, zone_s = sys.argv
    limits = limits_of(minute=int(minute), day=int(day))
    window, zone = timedelta(seconds=float(window_s)), timezone(timedelta(seconds=float(zone_s)))
    asyncio.run(main(database_url, redis_url, limits, window, zone))
