"""Permits a second from the quota's script, against a bare INCR, which counts one window and forgets nothing."""

from pydantic import SecretStr

from shared.in_redis import open_redis
from shared.quota import Taken, account_of
from shared.quota.in_redis import RedisQuota
from shared.quota.remembered import RememberedLimits
from shared.settings import QuotaSettings
from shared.usage.in_memory import InMemoryUsage
from shared.users import user_id
from tests.bench.corners import Servers
from tests.bench.measuring import Measure, Result, in_turn
from tests.quotas import limits_of

PLENTY = 1_000_000


async def _quota(servers: Servers, *, small: bool) -> Result:
    calls, users = (500 if small else 5_000), [account_of(user_id(number)) for number in range(100)]
    redis = open_redis(SecretStr(await servers.redis()))
    limits = RememberedLimits(limits_of(minute=PLENTY, day=PLENTY, month=PLENTY))
    quota = RedisQuota(redis, limits=limits, timezone=QuotaSettings.read().timezone(), journal=InMemoryUsage())
    for user in users:
        await quota.take(user)  # the first one finds no counters and rebuilds them

    async def taken() -> None:
        for number in range(calls):
            assert isinstance(await quota.take(users[number % len(users)]), Taken)

    async def counted() -> None:
        for number in range(calls):
            await redis.incr(f"bench:{users[number % len(users)]}")

    mine, baseline = await in_turn(calls, taken, counted)
    await redis.aclose()
    return Result("quota", mine, baseline, "permits/s", "a bare INCR a call")


quota = Measure("quota", _quota)
