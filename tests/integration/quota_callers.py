"""One process of many callers that share a user's quota: takes until it is denied, prints how often it was not.

`python -m tests.integration.quota_callers REDIS_URL LIMIT CALLERS`
"""

import asyncio
import sys
from zoneinfo import ZoneInfo

from pydantic import SecretStr

from shared.quota import Taken, account_of
from shared.quota.in_redis import RedisQuota, open_redis
from shared.usage.in_memory import InMemoryUsage
from shared.users import user_id
from tests.quotas import limits_of


async def caller(quota: RedisQuota) -> int:
    granted = 0
    while isinstance(await quota.take(account_of(user_id("ada"))), Taken):
        granted += 1
    return granted


async def main(url: str, limit: int, callers: int) -> None:
    redis = open_redis(SecretStr(url))
    quota = RedisQuota(redis, limits=limits_of(minute=limit), timezone=ZoneInfo("UTC"), journal=InMemoryUsage())
    print(sum(await asyncio.gather(*(caller(quota) for _ in range(callers)))))  # noqa: T201 - its answer
    await redis.aclose()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
