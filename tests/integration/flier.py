"""A process that flies for a page which never comes; prints a line once it is under way, and is there to be killed.

`python -m tests.integration.flier REDIS_URL ENDS_AFTER_S`
"""

import asyncio
import sys
from datetime import timedelta

from pydantic import SecretStr

from services.scraper.adapters.looks import in_redis
from services.scraper.domain import sharing
from services.scraper.domain.limits import LookLimits
from services.scraper.domain.looking import Look
from shared.in_redis import open_redis
from tests.looks import PATIENCE_S, URL


class Endless:
    """A `Looker` that says when it is asked, and never answers."""

    async def look(self, _: str, *, seen: Look | None = None) -> Look:  # noqa: ARG002 - a port's word
        sys.stdout.write("flies\n")
        sys.stdout.flush()
        return await asyncio.get_running_loop().create_future()


async def main(url: str, ends_after: timedelta) -> None:
    in_redis.FLIGHT_ENDS_AFTER, sharing.PROLONG_EVERY, in_redis._PATIENCE_S = ends_after, ends_after / 10, PATIENCE_S
    async with open_redis(SecretStr(url)) as redis:
        looks = in_redis.RedisLooks(redis, way="static", limits=LookLimits())
        await sharing.SharedLook(Endless(), looks, fresh=timedelta(days=1)).look(URL)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], timedelta(seconds=float(sys.argv[2]))))
