"""One process of many callers that share a user's quota; prints as JSON the moments at which their calls left.

A caller that is told to wait does so and asks again, unless that would be after the end; the seconds count from when
the process is up.

`python -m tests.integration.quota_callers REDIS_URL LIMIT CALLERS WINDOW_S SECONDS`
"""

import asyncio
import json
import sys
import time
from datetime import UTC, datetime, timedelta
from itertools import chain

from pydantic import SecretStr

from shared.in_redis import open_redis
from shared.quota import Wait, account_of
from shared.quota.in_redis import RedisQuota
from shared.usage.in_memory import InMemoryUsage
from shared.users import user_id
from tests.quotas import limits_of

ADA = account_of(user_id("ada"))


async def caller(quota: RedisQuota, end: float) -> list[float]:
    left: list[float] = []
    while True:
        answer = await quota.take(ADA)
        if isinstance(answer, Wait):
            pause = max(0.0, (answer.until - datetime.now(UTC)).total_seconds())
            if time.monotonic() + pause > end:
                return left
            await asyncio.sleep(pause)
        elif answer.lapsed:
            await quota.refund(answer)
        else:
            left.append(time.monotonic())


async def main(url: str, limit: int, callers: int, window: timedelta, seconds: float) -> None:
    end = time.monotonic() + seconds
    async with open_redis(SecretStr(url)) as redis:
        limits = limits_of(minute=limit, day=1_000_000, month=1_000_000)
        quota = RedisQuota(redis, limits=limits, timezone=UTC, journal=InMemoryUsage(), minute=window)
        left = await asyncio.gather(*(caller(quota, end) for _ in range(callers)))
        print(json.dumps(sorted(chain(*left))))  # noqa: T201 - its answer


if __name__ == "__main__":
    _, url, limit, callers, window_s, seconds = sys.argv
    asyncio.run(main(url, int(limit), int(callers), timedelta(seconds=float(window_s)), float(seconds)))
