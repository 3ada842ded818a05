"""One process of many callers that offer keys for one user; prints how many were let through.

`python key_triers.py DATABASE_URL PER_HOUR CALLERS`
"""

import asyncio
import sys

from shared.audit import Actor
from shared.database import Database
from shared.errors import TooManyTries
from shared.keys.tries_in_postgres import PostgresKeyTries
from shared.users import user_id


async def offered(tries: PostgresKeyTries) -> int:
    try:
        await tries.offer(user_id("ada"), fingerprint="f", by=Actor("user:ada", "192.0.2.7"))
    except TooManyTries:
        return 0
    return 1


async def main(url: str, per_hour: int, callers: int) -> None:
    database = Database(url)
    tries = PostgresKeyTries(database, per_hour=per_hour)
    print(sum(await asyncio.gather(*(offered(tries) for _ in range(callers)))))  # noqa: T201 - its answer
    await database.close()


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
