"""One process of visitors to a site; prints as JSON when each asked, began and ended.

`python -m tests.integration.visitors REDIS_URL VISITS CONCURRENCY INTERVAL_S`
"""

import asyncio
import json
import sys
import time
from datetime import timedelta

from pydantic import SecretStr

from services.scraper.adapters.turns.in_redis import RedisTurns
from services.scraper.domain.politeness import Ending, Manners, Site, Turn
from shared.in_redis import open_redis

SITE = Site("example.org", "www.example.org")


async def main(url: str, visits: int, manners: Manners) -> None:
    redis = open_redis(SecretStr(url))
    turns = RedisTurns(redis, manners)

    async def visit(number: int) -> tuple[float, float, float]:
        asked = time.monotonic()
        while True:
            answer = await turns.take(SITE, ticket=f"{number}")
            await asyncio.sleep(answer.wait.total_seconds())
            if isinstance(answer, Turn):
                break
        began = time.monotonic()
        await asyncio.sleep(0.02)
        ended = time.monotonic()
        await turns.give_back(answer, Ending.ANSWERED, took=timedelta(seconds=ended - began))
        return asked, began, ended

    sys.stdout.write(json.dumps(await asyncio.gather(*(visit(number) for number in range(visits)))))
    await redis.aclose()


if __name__ == "__main__":
    _, url, visits, concurrency, interval_s = sys.argv
    manners = Manners(concurrency=int(concurrency), interval=timedelta(seconds=float(interval_s)))
    asyncio.run(main(url, int(visits), manners))
